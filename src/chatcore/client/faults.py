"""The server's refusals as the core's errors, and the failure that only a client knows: no answer."""

import os
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import Any

import httpx

from chatcore.errors import ChatError, RateLimited, Unavailable, leaves

_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")
"""What the library of TLS calls an answer in plain HTTP."""


class Unreachable(Unavailable):
    """No answer came: the server is away, or the address is wrong."""


class NotChatcore(ChatError):
    """Something answered that is no Chatcore server."""


def fault(status: int, error: Mapping[str, Any], retry_after: float | None = None) -> ChatError:
    """The error that a server's `error` object describes, of the class that the server raised."""
    code, message, details = error.get("code"), error.get("message"), error.get("details")
    told = dict(details) if isinstance(details, Mapping) else {}
    if retry_after is not None:
        told.setdefault("retryAfter", retry_after)
    found = _by_code(str(code), status)
    text = message if isinstance(message, str) else f"the server refuses with {status}"
    if found is RateLimited:
        return RateLimited(text, _whole(told.get("retryAfter")))
    made = found(text, told)
    if made.code != code:
        made.code = str(code)  # type: ignore[misc]  # a class variable elsewhere: here the server brings it
        made.status = status  # type: ignore[misc]
    return made


def wait_of(error: ChatError) -> float:
    """Seconds that the server asked to wait before trying again; 0: it did not say."""
    said = error.details.get("retryAfter")
    return float(said) if isinstance(said, int | float) and said > 0 else 0.0


def passes(error: ChatError) -> bool:
    """Whether the same request may be answered later."""
    return isinstance(error, RateLimited | Unavailable) or error.status >= 500


def unreachable(url: str, error: BaseException) -> Unreachable:
    """The server does not answer, and why."""
    advice = "is the server running, and is the address right?"
    if any(isinstance(each, ssl.SSLCertVerificationError) for each in _causes(error)):
        advice = "SSL_CERT_FILE names the certificates to trust instead of the world's"
    elif url.startswith("http:") and isinstance(error, httpx.RemoteProtocolError):
        advice = "is it https:// instead of http://?"
    return Unreachable(f"cannot reach {url} ({why(error)}): {advice}")


def why(error: BaseException) -> str:
    """The words of the operating system for a connection that failed, from below what wraps them."""
    found = str(error) or type(error).__name__
    for inner in _causes(error):
        if isinstance(inner, OSError) and inner.strerror:
            if isinstance(inner, ssl.SSLError) and getattr(inner, "reason", None) in _NO_TLS:
                return "no TLS is spoken there: is it http:// instead of https://?"
            # What wraps it has put an address into its words; the resolver's and TLS's numbers are not the system's.
            foreign = isinstance(inner, ssl.SSLError | socket.gaierror) or not inner.errno
            found = inner.strerror if foreign else os.strerror(inner.errno or 0)
    return found[0].lower() + found[1:]


def _causes(error: BaseException) -> Iterator[BaseException]:
    """What led to what, from the outside to the inside."""
    cause: BaseException | None = error
    while cause is not None:
        inner = next(leaves(cause))
        yield inner
        cause = inner.__cause__ or inner.__context__


def _by_code(code: str, status: int) -> type[ChatError]:
    """The class of this code and status; of the code alone, for a status that is not ours; of the status alone, for a
    code of a later release.
    """
    same = [cls for cls in _family(ChatError) if cls.code == code]
    exact = [cls for cls in same if cls.status == status]
    alike = [cls for cls in _family(ChatError) if cls.status == status]
    return (exact or same or alike or [ChatError])[0]


def _family(cls: type[ChatError]) -> Iterator[type[ChatError]]:
    """The core's errors, each before those that are special cases of it."""
    for each in cls.__subclasses__():
        if each.__module__ == "chatcore.errors":
            yield each
            yield from _family(each)


def _whole(value: Any) -> int:
    return max(1, int(value)) if isinstance(value, int | float) else 1
