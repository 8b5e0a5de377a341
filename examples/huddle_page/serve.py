"""The huddle page and the chat that it talks to, on one port: `python serve.py`, then open what it prints."""

import sys
from functools import partial
from pathlib import Path

import trio
from quart_trio import QuartTrio

from chatcore import Config, open_chat
from chatserver.app import serve

HERE = Path(__file__).parent
PASSWORD = "a huddle of penguins"


async def main(port: int = 8000, people: int = 8, config: Config | None = None) -> None:
    app = QuartTrio(__name__, static_folder=str(HERE), static_url_path="/huddle")
    async with open_chat(config=config or Config(database_url="memory:")) as chat, trio.open_nursery() as nursery:
        users = [
            await chat.users.create(email=f"p{n}@example.org", display_name=f"Penguin {n}", password=PASSWORD)
            for n in range(1, people + 1)
        ]
        team = await chat.workspaces.create(name="Team", slug="default", owner=users[0], general=True)
        for user in users[1:]:
            await chat.members.add(team, user)
        address = await nursery.start(partial(serve, chat, port=port, app=app))
        print(f"Open {address.url}/huddle/index.html and sign in as p1@example.org: {PASSWORD}", flush=True)


if __name__ == "__main__":
    trio.run(main, *(int(each) for each in sys.argv[1:2]))
