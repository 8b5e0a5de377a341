"""What SQLite's errors mean to a caller."""

import sqlite3

from chatcore.errors import ChatError, Duplicate, NotFound, StorageFull, Unavailable, ValidationFailed

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_ILL = (
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_INTERRUPT,
)
_TAKEN = (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID)


def translate(error: sqlite3.Error) -> ChatError | None:
    """The error that a caller is given, or None when it is a fault of this program."""
    extended = getattr(error, "sqlite_errorcode", 0)
    primary = extended & 0xFF
    if primary == sqlite3.SQLITE_FULL:
        return StorageFull("The disk of the database is full. Free some space; nothing was changed.")
    if primary in _BUSY:
        return Unavailable("Another process holds the database. Try again.")
    if primary in _ILL:
        return Unavailable(f"The database cannot be used now ({error}). Try again.")
    if extended in _TAKEN:
        return Duplicate("Something with this key or name is there already.", {"column": _column(error)})
    if extended == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
        return NotFound("Something that this refers to does not exist, or something refers to this.")
    if primary == sqlite3.SQLITE_CONSTRAINT:
        return ValidationFailed(f"A value is not allowed here: {error}.")
    return None


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another process is in the way."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _BUSY


def is_fatal(error: BaseException) -> bool:
    """Whether nothing else in this transaction can succeed: SQLite itself said that the storage is away."""
    return isinstance(error, Unavailable) and isinstance(error.__cause__, sqlite3.Error)


def again(error: BaseException) -> BaseException:
    """The same error for one more caller: an exception that is raised in two tasks mixes up their tracebacks."""
    return type(error)(error.message, error.details) if isinstance(error, Unavailable) else error


def _column(error: sqlite3.Error) -> str:
    return str(error).rpartition(": ")[2]
