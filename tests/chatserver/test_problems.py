"""Every failure becomes the specification's body."""

from datetime import UTC, datetime

import orjson
import pytest
import trio
from werkzeug.exceptions import BadRequest, MethodNotAllowed, NotFound, RequestEntityTooLarge

from chatcore import errors
from chatserver.problems import body_of, headers_of, is_ours, problem_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.ValidationFailed("x"), 400, "VALIDATION_FAILED"),
        (errors.PayloadTooLarge("x"), 413, "VALIDATION_FAILED"),
        (errors.UnsupportedMedia("x"), 415, "VALIDATION_FAILED"),
        (errors.Unauthorized("x"), 401, "UNAUTHORIZED"),
        (errors.InvalidCredentials("x"), 401, "INVALID_CREDENTIALS"),
        (errors.TokenExpired("x"), 401, "TOKEN_EXPIRED"),
        (errors.Forbidden("x"), 403, "INSUFFICIENT_PERMISSIONS"),
        (errors.WorkspaceDenied("x"), 403, "WORKSPACE_ACCESS_DENIED"),
        (errors.MissingScope("x"), 403, "MISSING_SCOPE"),
        (errors.NotFound("x"), 404, "RESOURCE_NOT_FOUND"),
        (errors.Duplicate("x"), 409, "DUPLICATE_RESOURCE"),
        (errors.Rejected("x"), 422, "REJECTED"),
        (errors.RateLimited("x", 7), 429, "RATE_LIMIT_EXCEEDED"),
        (errors.Unavailable("x"), 503, "SERVICE_UNAVAILABLE"),
        (errors.StorageFull("x"), 507, "SERVICE_UNAVAILABLE"),
        (errors.VoiceFull("x"), 503, "SERVICE_UNAVAILABLE"),
        (errors.ConfigError("x"), 500, "INTERNAL_ERROR"),
        (ZeroDivisionError("x"), 500, "INTERNAL_ERROR"),
        (BadRequest(), 400, "VALIDATION_FAILED"),
        (NotFound(), 404, "RESOURCE_NOT_FOUND"),
        (MethodNotAllowed(), 405, "VALIDATION_FAILED"),
        (RequestEntityTooLarge(), 413, "VALIDATION_FAILED"),
        (ExceptionGroup("", [ExceptionGroup("", [errors.NotFound("x")])]), 404, "RESOURCE_NOT_FOUND"),
        (ExceptionGroup("", [ValueError(), errors.Forbidden("x")]), 403, "INSUFFICIENT_PERMISSIONS"),
        (ExceptionGroup("", [ValueError()]), 500, "INTERNAL_ERROR"),
        (trio.TooSlowError(), 500, "INTERNAL_ERROR"),
    ],
)
def test_what_a_caller_is_told(error: Exception, status: int, code: str) -> None:
    problem = problem_of(error)
    assert (problem.status, problem.code) == (status, code)
    assert is_ours(error) is (code == "INTERNAL_ERROR")
    told = orjson.loads(body_of(problem, now=NOW, request_id="r"))
    assert told["error"]["timestamp"] == "2026-01-01T00:00:00.000Z"
    assert told["error"]["requestId"] == "r"
    assert told["error"]["message"]


def test_every_error_of_the_library_is_tried_above() -> None:
    tried = {type(mark[0]) for mark in test_what_a_caller_is_told.pytestmark[0].args[1]}  # type: ignore[attr-defined]
    known = {errors.ChatError}
    waiting = [errors.ChatError]
    while waiting:
        children = [cls for cls in waiting.pop().__subclasses__() if cls.__module__ == "chatcore.errors"]
        known |= set(children)
        waiting += children
    assert known - tried <= {errors.ChatError, errors.Internal, errors.PositionLost}


def test_headers_that_belong_to_failures() -> None:
    assert headers_of(errors.RateLimited("x", 7)) == [("Retry-After", "7")]
    assert headers_of(errors.Unavailable("x")) == [("Retry-After", "1")]
    assert headers_of(errors.TokenExpired("x")) == [("WWW-Authenticate", "Bearer")]
    assert headers_of(errors.NotFound("x")) == []


@pytest.mark.parametrize("details", [{"a": "\ud800"}, {"a": object()}, {"a": {1: 2}}])
def test_what_cannot_be_said_is_left_out(details: dict[str, object]) -> None:
    told = orjson.loads(body_of(errors.Rejected("no \ud800", details), now=NOW, request_id="r"))
    assert told["error"]["code"] == "REJECTED"
    assert told["error"]["message"] == "no ?"
    assert "details" not in told["error"]


def test_details_are_left_out_when_there_are_none() -> None:
    assert b"details" not in body_of(errors.NotFound("x"), now=NOW, request_id="r")
    assert b'"details":{"a":"b"}' in body_of(errors.ValidationFailed("x", {"a": "b"}), now=NOW, request_id="r")
