"""A WebSocket client that does what it is told, right or wrong."""

import base64
import json
import os
from collections import deque
from typing import Any

import trio
from tests.chatserver.net.frames import CLOSE, PING, PONG, TEXT, close_of, frame, parse_server_frames

PATH = "/api/realtime"


class Client:
    """One TCP connection, upgraded. Pings are answered, frames are kept until they are asked for."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.answers_pings = True
        self.pings = 0
        self.close_code = 0
        self.close_reason = ""
        self._rest = b""
        self._frames: deque[tuple[int, bytes]] = deque()

    # --- the opening ---------------------------------------------------------------------------------------------

    @classmethod
    async def connect(cls, port: int, *, stream: Any = None, **options: Any) -> "Client":
        """Open a WebSocket; fails when it is refused."""
        client = cls(stream or await trio.open_tcp_stream("127.0.0.1", port))
        status, headers, _ = await client.upgrade(**options)
        assert status == 101, status
        assert "sec-websocket-extensions" not in headers
        client._parse(b"")
        return client

    async def upgrade(
        self, *, path: str = PATH, headers: tuple[str, ...] = (), early: bytes = b"", drop: str = ""
    ) -> tuple[int, dict[str, str], bytes]:
        """Ask for a WebSocket: status, headers and body of the answer. `drop`: a header that is left out."""
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {path} HTTP/1.1",
            "Host: 127.0.0.1",
            "Upgrade: websocket",
            "Connection: keep-alive, Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
            *headers,
        ]
        lines = [line for line in lines if not drop or not line.lower().startswith(drop + ":")]
        await self.stream.send_all("\r\n".join([*lines, "", ""]).encode("latin-1") + early)
        return await self.answer()

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """An HTTP answer."""
        with trio.fail_after(10):
            while b"\r\n\r\n" not in self._rest:
                data = await self.stream.receive_some()
                if not data:
                    return 0, {}, self._rest
                self._rest += data
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        size = int(headers.get("content-length", 0))
        while len(self._rest) < size:
            self._rest += await self.stream.receive_some()
        body, self._rest = self._rest[:size], self._rest[size:]
        return int(first.split(" ")[1]), headers, body

    async def get(self, path: str = "/", *headers: str) -> tuple[int, dict[str, str], bytes]:
        """A request on this connection."""
        await self.stream.send_all("\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *headers, "", ""]).encode("latin-1"))
        return await self.answer()

    # --- frames --------------------------------------------------------------------------------------------------

    async def send(self, data: bytes) -> None:
        await self.stream.send_all(data)

    async def say(self, type_: str, frame_id: str | None = None, **data: Any) -> None:
        whole = {"type": type_, "data": data} | ({} if frame_id is None else {"id": frame_id})
        await self.send(frame(TEXT, json.dumps(whole).encode()))

    async def ask(self, type_: str, **data: Any) -> dict[str, Any]:
        """Send a frame; its reply. Other texts are skipped."""
        await self.say(type_, "ask", **data)
        while (heard := await self.hear()).get("id") != "ask":
            pass
        return heard

    async def hear(self, type_: str | None = None) -> dict[str, Any]:
        """The next text (of this type); fails when the socket is closed."""
        while True:
            found = await self.receive()
            assert found is not None, f"closed with {self.close_code} while waiting for {type_}"
            text: dict[str, Any] = json.loads(found)
            if type_ is None or text["type"] == type_:
                return text

    async def receive(self, patience: float = 10) -> str | None:
        """The next text; None once the socket is closed."""
        with trio.fail_after(patience):
            while True:
                while self._frames:
                    opcode, payload = self._frames.popleft()
                    if opcode == TEXT:
                        return payload.decode()
                    await self._control(opcode, payload)
                if self.close_code or not await self._read():
                    return None

    async def _control(self, opcode: int, payload: bytes) -> None:
        if opcode == CLOSE:
            self.close_code, self.close_reason = close_of(payload)
        elif opcode == PING:
            self.pings += 1
            if self.answers_pings:
                await self.send(frame(PONG, payload))

    async def _read(self) -> bool:
        try:
            data = await self.stream.receive_some()
        except trio.BrokenResourceError:
            data = b""
        if not data:
            self.close_code = self.close_code or 1006
            return False
        self._parse(bytes(data))
        return True

    def _parse(self, data: bytes) -> None:
        frames, self._rest = parse_server_frames(self._rest + data)
        self._frames.extend(frames)

    async def closed(self, patience: float = 10) -> int:
        """Read to the end; the close code."""
        while await self.receive(patience) is not None:
            pass
        return self.close_code

    async def gone(self, patience: float = 10) -> None:
        """Wait until the server has ended the TCP connection."""
        with trio.fail_after(patience):
            try:
                while await self.stream.receive_some():
                    pass
            except trio.BrokenResourceError:
                pass

    async def aclose(self) -> None:
        await trio.aclose_forcefully(self.stream)
