"""One attempt: a signed POST, and what became of it.

Signed as the Standard Webhooks specification says (`webhook-id`, `webhook-timestamp`, `webhook-signature`), so that
receivers check it with a library of theirs.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

import attrs
import httpcore
import trio

from chat_webhooks_out.model import Delivery, Webhook
from chat_webhooks_out.outbound import Outbound, Refused

SECRET_PREFIX = "whsec_"
LONGEST_RETRY_AFTER = 3600.0
MAX_CONNECTIONS = 20
_GONE = 410


def new_secret() -> str:
    """What a webhook's receiver checks signatures with."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(24)).decode()


def signature(secret: str, delivery_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: `v1,` and the HMAC-SHA256 of id, time and body in base64."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{delivery_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


@attrs.frozen(kw_only=True)
class Attempt:
    """`error` is empty when it was taken. `gone`: the receiver wants nothing more. `retry_after`: what it asked for."""

    error: str = ""
    gone: bool = False
    retry_after: float = 0.0


class Sender:
    """Sends to the outside. `seconds`: for a whole attempt."""

    def __init__(self, pool: httpcore.AsyncConnectionPool, seconds: float) -> None:
        self._pool = pool
        self._seconds = seconds

    async def send(self, webhook: Webhook, delivery: Delivery, timestamp: int) -> Attempt:
        """Try once; never raises but to be cancelled. Nothing of the answer is kept but its status."""
        body = delivery.body.encode()
        headers = [
            ("Content-Type", "application/json"),
            ("User-Agent", "Chatcore-Webhooks/1"),
            ("Content-Length", str(len(body))),
            ("webhook-id", delivery.id),
            ("webhook-timestamp", str(timestamp)),
            ("webhook-signature", signature(webhook.secret, delivery.id, timestamp, body)),
        ]
        try:
            with trio.fail_after(self._seconds):
                return await self._post(webhook.url, headers, body)
        except Refused as error:
            return Attempt(error=str(error))
        except (trio.TooSlowError, httpcore.TimeoutException):
            return Attempt(error=f"no answer within {self._seconds:g} s")
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError) as error:
            return Attempt(error=f"{type(error).__name__}: {error}"[:200])

    async def _post(self, url: str, headers: Sequence[tuple[str, str]], body: bytes) -> Attempt:
        async with self._pool.stream("POST", url, headers=headers, content=_Once(body)) as response:
            if 200 <= response.status < 300:
                return Attempt()
            return Attempt(
                error=f"answered {response.status}",
                gone=response.status == _GONE,
                retry_after=_retry_after(response.headers),
            )


class _Once:
    """A body in one piece. httpcore makes a generator of bytes, and leaves it behind when the peer hangs up."""

    def __init__(self, body: bytes) -> None:
        self._pieces = [body]

    def __aiter__(self) -> "_Once":
        return self

    async def __anext__(self) -> bytes:
        if not self._pieces:
            raise StopAsyncIteration
        return self._pieces.pop()


def _retry_after(headers: Sequence[tuple[bytes, bytes]]) -> float:
    value = next((value for name, value in headers if name.lower() == b"retry-after"), b"")
    return min(float(value), LONGEST_RETRY_AFTER) if value.isdigit() and len(value) < 10 else 0.0


def pool_of(outbound: Outbound) -> httpcore.AsyncConnectionPool:
    """Connections are not kept: a name is looked at again for each delivery."""
    return httpcore.AsyncConnectionPool(
        network_backend=outbound, max_connections=MAX_CONNECTIONS, max_keepalive_connections=0
    )
