"""A receiver of webhooks: a small HTTP server that can be told to fail, and be killed and started again."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import attrs
import h11
import orjson
import trio

from chat_webhooks_out.sender import signature

Answer = Callable[[int], int]
"""The number of a request, from 1 on -> the status that it is answered with; 0: hang up without an answer."""


@attrs.define
class Receiver:
    """`taken` is what was answered with 2xx: the webhook-id and the body of each; `seen` counts every request."""

    answer: Answer
    secret: str = ""
    port: int = 0
    seen: int = 0
    taken: list[tuple[str, dict[str, object]]] = attrs.field(factory=list)
    headers: tuple[tuple[str, str], ...] = ()
    _scope: trio.CancelScope | None = None

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Listen until `kill`."""
        with trio.CancelScope() as self._scope:
            listeners = await trio.open_tcp_listeners(self.port, host="127.0.0.1")
            self.port = listeners[0].socket.getsockname()[1]
            task_status.started()
            await trio.serve_listeners(self._serve, listeners)

    def kill(self) -> None:
        """Gone, in the middle of whatever it does."""
        assert self._scope is not None
        self._scope.cancel()

    async def _serve(self, stream: trio.SocketStream) -> None:
        connection = h11.Connection(h11.SERVER)
        request, body = None, b""
        try:
            while True:
                event = connection.next_event()
                if event is h11.NEED_DATA:
                    connection.receive_data(await stream.receive_some())
                elif isinstance(event, h11.Request):
                    request = event
                elif isinstance(event, h11.Data):
                    body += event.data
                else:
                    break
            if not isinstance(event, h11.EndOfMessage) or request is None:
                return
            self.seen += 1
            status = self.answer(self.seen)
            if status:
                self._take(status, request, bytes(body))
                headers = [("Content-Length", "0"), ("Connection", "close"), *self.headers]
                await stream.send_all(
                    connection.send(h11.Response(status_code=status, headers=headers))
                    + connection.send(h11.EndOfMessage())
                )
        except (trio.BrokenResourceError, h11.RemoteProtocolError):
            return

    def _take(self, status: int, request: h11.Request, body: bytes) -> None:
        headers = {name.decode(): value.decode() for name, value in request.headers}
        expected = signature(self.secret, headers["webhook-id"], int(headers["webhook-timestamp"]), body)
        assert headers["webhook-signature"] == expected
        assert request.method == b"POST"
        if 200 <= status < 300:
            self.taken.append((headers["webhook-id"], orjson.loads(body)))


@asynccontextmanager
async def a_receiver(answer: Answer = lambda _: 204) -> AsyncIterator[tuple[Receiver, trio.Nursery]]:
    """A receiver that listens, and the nursery in which it can be started again."""
    receiver = Receiver(answer)
    async with trio.open_nursery() as nursery:
        await nursery.start(receiver.run)
        yield receiver, nursery
        nursery.cancel_scope.cancel()
