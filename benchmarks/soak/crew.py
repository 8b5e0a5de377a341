"""Who takes part in a soak: bots, because their tokens do not expire."""

from pathlib import Path

import attrs
import trio

from benchmarks.core.town import settle, town_config
from chatcore import open_chat
from chatcore.chat import Chat
from chatcore.model import Workspace


@attrs.frozen
class Crew:
    """All are members of the channel."""

    workspace_id: str
    channel_id: str
    tokens: list[str]


async def enlist(folder: Path, count: int) -> Crew:
    """Make the database of `serving` in this folder."""
    async with open_chat(config=town_config(folder)) as chat:
        town = await settle(chat, 1)
        tokens = [""] * count

        async def make(number: int) -> None:
            tokens[number] = await _bot(chat, town.workspace, number)

        async with trio.open_nursery() as nursery:
            for number in range(count):
                nursery.start_soon(make, number)
        return Crew(town.workspace.id, town.channel.id, tokens)


async def _bot(chat: Chat, workspace: Workspace, number: int) -> str:
    bot = await chat.users.create(email=f"bot{number}@example.org", display_name=f"Bot {number}", is_bot=True)
    await chat.members.add(workspace, bot)
    _, token = await chat.tokens.create(bot, name="soak")
    return token
