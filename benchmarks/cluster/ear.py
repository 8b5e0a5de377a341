"""The other node: follows a workspace, and tells when each message came.

`python -m benchmarks.cluster.ear USER WORKSPACE COUNT`, with the settings in the environment. Prints `ready`, and at
the end [when it was sent, when it came] of each message as JSON, in nanoseconds.
"""

import json
import os
import sys
import time

import trio

from chatcore import open_chat
from chatcore.config import load
from chatcore.events import MessageReceived
from chatcore.ids import UserId, WorkspaceId


async def listen(user_id: UserId, workspace_id: WorkspaceId, count: int) -> None:
    """Messages carry the time at which they were sent, by the machine's monotonic clock."""
    came: list[tuple[int, int]] = []
    async with open_chat(config=load(environ=os.environ)) as chat, chat.subscribe(user_id, workspace_id) as events:
        print("ready", flush=True)
        async for event in events:
            if isinstance(event, MessageReceived):
                came.append((int(event.message.content), time.monotonic_ns()))
                if len(came) == count:
                    break
    print(json.dumps(came), flush=True)


if __name__ == "__main__":
    trio.run(listen, UserId(sys.argv[1]), WorkspaceId(sys.argv[2]), int(sys.argv[3]))
