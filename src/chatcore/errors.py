"""The errors of chat, each with a stable code and the HTTP status that a server answers with.

    ChatError
    ├── ValidationFailed         400 VALIDATION_FAILED        the input is wrong; details: path -> message
    │   └── PayloadTooLarge      413 VALIDATION_FAILED
    ├── Unauthorized             401 UNAUTHORIZED             nobody is signed in
    │   ├── InvalidCredentials   401 INVALID_CREDENTIALS
    │   └── TokenExpired         401 TOKEN_EXPIRED
    ├── Forbidden                403 INSUFFICIENT_PERMISSIONS may see it, may not do it
    │   ├── WorkspaceDenied      403 WORKSPACE_ACCESS_DENIED
    │   └── MissingScope         403 MISSING_SCOPE            the token may not; details: scope, granted
    ├── NotFound                 404 RESOURCE_NOT_FOUND       does not exist, or may not be seen: the same answer
    ├── Duplicate                409 DUPLICATE_RESOURCE
    ├── PositionLost             410 RESOURCE_NOT_FOUND       a cursor whose events are gone: read afresh
    ├── Rejected                 422 REJECTED                 a plugin said no; details: code, text, plugin
    ├── RateLimited              429 RATE_LIMIT_EXCEEDED      details: retryAfter, in seconds
    ├── Internal                 500 INTERNAL_ERROR
    └── Unavailable              503 SERVICE_UNAVAILABLE      try again: storage is away, busy or full
        ├── StorageFull          507 SERVICE_UNAVAILABLE
        └── VoiceFull            503 SERVICE_UNAVAILABLE    this node carries as many people in huddles as it may
    ConfigError                  the start is refused: one line that names the key

Every message is written for the person who reads it, and says what to do.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar


class ChatError(Exception):
    """The root of everything that a caller may be told."""

    code: ClassVar[str] = "INTERNAL_ERROR"
    status: ClassVar[int] = 500

    def __init__(self, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details: dict[str, Any] = dict(details or {})


class ValidationFailed(ChatError):
    """The input is wrong. `details` maps the path of each bad field to what is wrong with it."""

    code = "VALIDATION_FAILED"
    status = 400

    @classmethod
    def of(cls, field: str, problem: str) -> "ValidationFailed":
        """One bad field."""
        return cls(f"{field}: {problem}", {field: problem})


class PayloadTooLarge(ValidationFailed):
    status = 413


class UnsupportedMedia(ValidationFailed):
    status = 415


class Unauthorized(ChatError):
    code = "UNAUTHORIZED"
    status = 401


class InvalidCredentials(Unauthorized):
    code = "INVALID_CREDENTIALS"


class TokenExpired(Unauthorized):
    code = "TOKEN_EXPIRED"


class Forbidden(ChatError):
    code = "INSUFFICIENT_PERMISSIONS"
    status = 403


class WorkspaceDenied(Forbidden):
    code = "WORKSPACE_ACCESS_DENIED"


class MissingScope(Forbidden):
    """The token was made for less than this, whatever its bot may do. `details`: the scope it lacks, those it has."""

    code = "MISSING_SCOPE"


class NotFound(ChatError):
    code = "RESOURCE_NOT_FOUND"
    status = 404

    @classmethod
    def of(cls, noun: str) -> "NotFound":
        """The one answer for a `noun` that does not exist and for one that the caller may not see."""
        return cls(f"There is no such {noun}, or you may not see it.")


class Duplicate(ChatError):
    code = "DUPLICATE_RESOURCE"
    status = 409


class PositionLost(ChatError):
    """What came after a position in the event log can no longer be given completely."""

    code = "RESOURCE_NOT_FOUND"
    status = 410


class Rejected(ChatError):
    """A plugin said no."""

    code = "REJECTED"
    status = 422


class RateLimited(ChatError):
    """Too many requests; try again after `retry_after` seconds."""

    code = "RATE_LIMIT_EXCEEDED"
    status = 429

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message, {"retryAfter": retry_after})
        self.retry_after = retry_after


class Internal(ChatError):
    """Something broke on our side; the log says what, under the request's id."""


class Unavailable(ChatError):
    code = "SERVICE_UNAVAILABLE"
    status = 503


class StorageFull(Unavailable):
    status = 507


class VoiceFull(Unavailable):
    """There is no room for another connection in the huddles of this node."""


class ConfigError(Exception):
    """A setting is unknown or wrong: the start is refused with one line that names it."""


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors in a group of any depth, first things first; a single error is its own leaf."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from leaves(each)
    else:
        yield error
