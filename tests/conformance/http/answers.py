"""Answers on a connection, told apart by the framing that they announce and by nothing else."""

from collections.abc import Sequence
from typing import Any

import attrs
import trio
import trio.testing


@attrs.frozen
class Answer:
    status: int
    headers: dict[bytes, bytes]
    body: bytes


def answers_in(data: bytes, methods: Sequence[str]) -> list[Answer]:
    """Every answer; fails on half ones, and on bytes that belong to none. `methods`: those of the requests, as far as
    they are known: an answer to HEAD has no body. What follows a 101 is no longer HTTP."""
    found: list[Answer] = []
    while data:
        head, end, data = data.partition(b"\r\n\r\n")
        assert end, f"half a head: {head[:100]!r}"
        first, *lines = head.split(b"\r\n")
        assert first.startswith(b"HTTP/1.1 "), f"no answer begins with {first[:100]!r}"
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
        status = int(first.split()[1])
        if status == 100:
            continue
        if status == 101:
            break
        bodiless = status in (204, 304) or methods[len(found) : len(found) + 1] == ["HEAD"]
        size = 0 if bodiless else int(headers[b"content-length"])
        assert len(data) >= size, "half a body"
        found.append(Answer(status, headers, data[:size]))
        data = data[size:]
    return found


@attrs.define
class Reply:
    """What came back of a connection, and whether the server has closed it."""

    data: bytes = b""
    closed: bool = False


async def exchange(port: int, raw: bytes, quiet: float = 0.02) -> Reply:
    """Send bytes and take what comes back until it is over, or nothing stirred in this process for `quiet` seconds."""
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    reply = Reply()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_collect, stream, reply)
        try:
            await stream.send_all(raw)
        except trio.BrokenResourceError:
            pass  # the server has had enough
        await trio.testing.wait_all_tasks_blocked(quiet)
        nursery.cancel_scope.cancel()
    await trio.aclose_forcefully(stream)
    return reply


async def _collect(stream: Any, reply: Reply) -> None:
    try:
        while data := await stream.receive_some():
            reply.data += data
    except trio.BrokenResourceError:
        pass
    reply.closed = True
