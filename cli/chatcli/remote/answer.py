"""What a server answers: its JSON, or its refusal."""

import os
import socket
import ssl
from typing import Any

import httpx

from chatcli.problem import Failure
from chatcore.errors import leaves

LONGEST_WAIT = 3600.0


class Unreachable(Failure):
    """No answer came."""


class Refused(Failure):
    """The server said no. `retry_after` is in seconds, when it said how long to wait."""

    def __init__(self, status: int, code: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after = retry_after

    @property
    def passes(self) -> bool:
        """Whether the same request may be answered later."""
        return self.status == 429 or self.status >= 500


def why(error: BaseException) -> str:
    """The words of the operating system for a connection that failed, from below what wraps them."""
    found = str(error) or type(error).__name__
    cause: BaseException | None = error
    while cause is not None:
        inner = next(leaves(cause))
        if isinstance(inner, OSError) and inner.strerror:
            # What wraps it has put an address into its words; the resolver's and TLS's numbers are not the system's.
            foreign = isinstance(inner, ssl.SSLError | socket.gaierror) or not inner.errno
            found = inner.strerror if foreign else os.strerror(inner.errno or 0)
        cause = inner.__cause__ or inner.__context__
    return found[0].lower() + found[1:]


def read(response: httpx.Response) -> Any:
    """The JSON of a good answer (None when it is empty). Raises Refused; Failure when no Chatcore server answered."""
    if response.status_code == 204:
        return None
    try:
        data = response.json()
    except ValueError:
        data = None
    if response.is_success and data is not None:
        return data
    error = data.get("error") if isinstance(data, dict) else None
    if isinstance(error, dict) and isinstance(error.get("message"), str):
        raise Refused(response.status_code, str(error.get("code")), _sentence(error), _wait(response))
    if response.status_code >= 500:
        # A proxy in front of a server that is restarting.
        raise Refused(response.status_code, "", f"{response.url.host} answers {response.status_code}", _wait(response))
    raise Failure(f"{response.url} answers {response.status_code}, not like a Chatcore server: is the address right?")


def _sentence(error: dict[str, Any]) -> str:
    details = error.get("details")
    said: str = error["message"]
    if error.get("code") == "VALIDATION_FAILED" and isinstance(details, dict):
        more = [f"{field}: {problem}" for field, problem in details.items() if f"{field}: {problem}" not in said]
        return "; ".join([said, *more])
    return said


def _wait(response: httpx.Response) -> float | None:
    text = response.headers.get("retry-after", "")
    return min(float(text), LONGEST_WAIT) if text.isdecimal() else None
