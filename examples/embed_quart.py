"""A Quart-Trio application with pages of its own, and the whole chat API on the same port."""

from functools import partial

import trio
from quart_trio import QuartTrio

from chatcore import open_chat
from chatserver.app import serve


async def main(port: int = 8000) -> None:
    app = QuartTrio(__name__)

    @app.get("/")
    async def home() -> str:
        return "The chat's API is below /api."

    async with open_chat("sqlite:///team.db") as chat, trio.open_nursery() as nursery:
        address = await nursery.start(partial(serve, chat, port=port, app=app))
        print(f"Listening on {address.url}", flush=True)


if __name__ == "__main__":
    trio.run(main)
