"""The other node: follows a workspace, and tells how long each message was under way.

`python -m benchmarks.cluster.ear USER WORKSPACE COUNT`, with the settings in the environment. Prints `ready`, and at
the end the seconds of each message as a JSON list.
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
    took: list[float] = []
    async with open_chat(config=load(environ=os.environ)) as chat, chat.subscribe(user_id, workspace_id) as events:
        print("ready", flush=True)
        async for event in events:
            if isinstance(event, MessageReceived):
                took.append((time.monotonic_ns() - int(event.message.content)) / 1e9)
                if len(took) == count:
                    break
    print(json.dumps(took), flush=True)


if __name__ == "__main__":
    trio.run(listen, UserId(sys.argv[1]), WorkspaceId(sys.argv[2]), int(sys.argv[3]))
