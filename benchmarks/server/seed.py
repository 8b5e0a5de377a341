"""What a server finds in its database when it starts: people who are signed in, in one workspace."""

import attrs
import trio

from benchmarks.core.town import TEXT, settle
from chatcore import Config, open_chat
from chatcore.chat import Chat
from chatcore.model import User


@attrs.frozen
class Seed:
    """`tokens`: an access token for each person, good for 15 minutes."""

    workspace_id: str
    channel_id: str
    tokens: list[str]


async def plant(config: Config, people: int, *, messages: int = 0) -> Seed:
    """Fill the database that a server with this secret will find (on SQLite the secret lies beside it)."""
    async with open_chat(config=config) as chat:
        town = await settle(chat, people)
        for _ in range(messages):
            await chat.messages.send(town.channel, author=town.people[0], content=TEXT)
        tokens = await _sign_in(chat, town.people)
        return Seed(town.workspace.id, town.channel.id, tokens)


async def _sign_in(chat: Chat, people: list[User]) -> list[str]:
    tokens = [""] * len(people)

    async def sign_in(number: int) -> None:
        tokens[number] = (await chat.sessions.open(people[number])).access_token

    async with trio.open_nursery() as nursery:
        for number in range(len(people)):
            nursery.start_soon(sign_in, number)
    return tokens
