"""`websockets` on a leash: each line on stdin is a command, each line on stdout is what happened."""

import asyncio
import json
import sys
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed


def tell(**event: Any) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


async def obey(socket: ClientConnection, command: dict[str, Any]) -> None:
    match command:
        case {"send": text}:
            await socket.send(text)
        case {"fragments": parts}:
            await socket.send(iter(parts))
        case {"binary": text}:
            await socket.send(text.encode())
        case {"ping": data}:
            await (await socket.ping(data))
            tell(pong=data)
        case {"close": [code, reason]}:
            await socket.close(code, reason)


async def follow_commands(socket: ClientConnection) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=2**20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    try:
        while line := await reader.readline():
            await obey(socket, json.loads(line))
    except ConnectionClosed:
        pass  # how it ended is told once, where it is read


async def main(url: str, headers: str) -> None:
    async with connect(url, additional_headers=json.loads(headers), proxy=None) as socket:
        tell(open="" if not socket.protocol.extensions else str(socket.protocol.extensions))
        commands = asyncio.create_task(follow_commands(socket))
        try:
            while True:
                message = await socket.recv()
                tell(**{"text" if isinstance(message, str) else "binary": str(message)})
        except ConnectionClosed:
            tell(closed=[socket.close_code, socket.close_reason])
        commands.cancel()


asyncio.run(main(*sys.argv[1:]))
