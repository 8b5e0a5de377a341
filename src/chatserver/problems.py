"""Errors on their way out: every failure becomes the specification's body (§10, Error Response Format).

{"error": {"code": "VALIDATION_FAILED", "message": "…", "details": {…}, "timestamp": "…", "requestId": "…"}}
"""

from datetime import datetime
from typing import Any

import attrs
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from chatcore import wire
from chatcore.errors import ChatError, Internal, RateLimited, Unauthorized, Unavailable, leaves


@attrs.frozen(kw_only=True)
class ErrorDetail:
    """`code` is stable; `message` is for the person who reads it; `details` says more, for a program."""

    code: str
    message: str
    details: dict[str, Any] | None = None
    timestamp: datetime
    request_id: str


@attrs.frozen(kw_only=True)
class ErrorResponse:
    """What every failure looks like."""

    error: ErrorDetail


class HttpProblem(ChatError):
    """A failure that only HTTP knows: no such address, a wrong method, a body that came too slowly."""

    def __init__(self, status: int, code: str, message: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.status = status  # type: ignore[misc]  # a class variable elsewhere: here it comes with the failure
        self.code = code  # type: ignore[misc]
        self.headers = headers


_MESSAGES = {
    400: "The request is not well-formed HTTP.",
    404: "There is nothing at this address.",
    408: "The body did not arrive in time: send it again.",
    413: "The body is too large: at most 1 MiB of JSON is taken.",
    415: "Send the body as Content-Type: application/json.",
}


def no_such_address() -> HttpProblem:
    return HttpProblem(404, "RESOURCE_NOT_FOUND", _MESSAGES[404])


def wrong_method(method: str, allowed: list[str]) -> HttpProblem:
    offered = ", ".join(allowed)
    return HttpProblem(
        405, "VALIDATION_FAILED", f"{method} is not possible here: use {offered}.", (("Allow", offered),)
    )


def too_slow() -> HttpProblem:
    return HttpProblem(408, "VALIDATION_FAILED", _MESSAGES[408])


def problem_of(error: BaseException) -> ChatError:
    """What a caller is told of this failure."""
    # In a group: services run tasks in nurseries, which wrap what they raise.
    for cause in leaves(error):
        if isinstance(cause, ChatError):
            return cause
        if isinstance(cause, MethodNotAllowed):
            return wrong_method("This method", sorted(cause.valid_methods or ()))
        if isinstance(cause, HTTPException) and cause.code is not None and 400 <= cause.code < 500:
            code = "RESOURCE_NOT_FOUND" if cause.code == 404 else "VALIDATION_FAILED"
            return HttpProblem(cause.code, code, _MESSAGES.get(cause.code, cause.description or "The request failed."))
    return Internal("Something broke on our side; the log says what, under the id of this request.")


def is_ours(error: BaseException) -> bool:
    """Whether the failure is a bug or a fault here, which belongs into the log with its traceback."""
    return type(problem_of(error)) is Internal


def body_of(problem: ChatError, *, now: datetime, request_id: str) -> bytes:
    """The answer's body."""
    detail = ErrorDetail(
        code=problem.code,
        message=problem.message,
        details=problem.details or None,
        timestamp=now,
        request_id=request_id,
    )
    try:
        return wire.encode(ErrorResponse(error=detail))
    except (TypeError, RecursionError):
        # Words of a plugin, which may hold anything: the failure must be told even if they cannot be.
        plain = problem.message.encode("utf-8", "replace").decode("utf-8")
        return wire.encode(ErrorResponse(error=attrs.evolve(detail, message=plain, details=None)))


def headers_of(problem: ChatError) -> list[tuple[str, str]]:
    """The headers that belong to this failure."""
    if isinstance(problem, HttpProblem):
        return list(problem.headers)
    if isinstance(problem, RateLimited):
        return [("Retry-After", str(problem.retry_after))]
    if isinstance(problem, Unavailable):
        return [("Retry-After", "1")]
    if isinstance(problem, Unauthorized):
        return [("WWW-Authenticate", "Bearer")]
    return []
