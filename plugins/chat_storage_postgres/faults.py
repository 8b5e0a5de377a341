"""What PostgreSQL's errors mean: to a caller, and to the lane that has to go on."""

import asyncpg

from chatcore.errors import ChatError, Duplicate, NotFound, StorageFull, Unavailable, ValidationFailed

LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.DatabaseDroppedError,
    asyncpg.TooManyConnectionsError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""The connection is gone, or there is none to be had."""

AGAIN = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError, asyncpg.LockNotAvailableError)
"""Others were in the way: the same transaction may well succeed now."""

READ_ONLY = (asyncpg.ReadOnlySQLTransactionError,)
"""The server has become a standby, or was told to write no more."""

_FULL = (asyncpg.DiskFullError,)
_SLOW = (asyncpg.QueryCanceledError,)
_ILL = (asyncpg.InsufficientResourcesError, asyncpg.PostgresIOError, asyncpg.OperatorInterventionError)
_ABSENT = (asyncpg.ForeignKeyViolationError, asyncpg.RestrictViolationError)
_BAD = (asyncpg.IntegrityConstraintViolationError, asyncpg.exceptions.DataError, asyncpg.exceptions._base.DataError)
_NOT_ENCODABLE = (UnicodeEncodeError,)


class Lost(Exception):
    """The connection broke: whatever was under way on it has not been committed, unless it was being committed."""


def is_lost(error: BaseException) -> bool:
    """Whether the connection, or the server, is gone."""
    return isinstance(error, LOST) or (isinstance(error, asyncpg.InterfaceError) and "closed" in str(error))


def translate(error: BaseException) -> ChatError | None:
    """The error that a caller is given, or None when it is a fault of this program."""
    if isinstance(error, _FULL):
        return StorageFull("The disk of the database is full. Free some space; nothing was changed.")
    if isinstance(error, _SLOW):
        return Unavailable("The database took too long. Try again in a moment.")
    if isinstance(error, AGAIN):
        return Unavailable("Others are changing the same thing. Try again.")
    if isinstance(error, _ILL):
        return Unavailable(f"The database cannot be used now ({error}). Try again.")
    if isinstance(error, asyncpg.UniqueViolationError):
        name = getattr(error, "constraint_name", None) or ""
        return Duplicate("Something with this key or name is there already.", {"column": name})
    if isinstance(error, _ABSENT):
        return NotFound("Something that this refers to does not exist, or something refers to this.")
    if isinstance(error, _BAD):
        return ValidationFailed(f"A value is not allowed here: {_first_line(error)}.")
    if isinstance(error, _NOT_ENCODABLE):
        return ValidationFailed("A value is not allowed here: it holds half of a character.")
    return None


def again(error: BaseException) -> BaseException:
    """The same error for one more caller: an exception that is raised in two tasks mixes up their tracebacks."""
    return type(error)(error.message, error.details) if isinstance(error, Unavailable) else error


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0].rstrip(".")
