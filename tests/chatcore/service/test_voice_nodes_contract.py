"""The media of several nodes keeps what the port promises, asked at the node that has none of it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import ClassVar

import attrs
import trio

from chatcore.chat import open_chat
from chatcore.clock import SystemClock
from chatcore.config import Config
from chatcore.ids import ChannelId
from chatcore.model import Channel, Huddle
from chatcore.ports import Peers, Storage, Tx, Voice, background
from chatcore.service.voice_nodes import VoiceOfNodes
from chatcore.testing.exchange import Exchange
from chatcore.testing.voice import FakeVoice
from chatcore.testing.voice_contract import CAPACITY, CHANNEL, HUDDLE, OTHER, VoiceContract


class TestVoiceOfNodes(VoiceContract):
    expected_failures: ClassVar[Mapping[str, str]] = {
        "test_the_end_of_a_huddle_closes_its_seats_and_no_others": "each node ends what it carries when it hears of it"
    }

    def open_voice(self) -> AbstractAsyncContextManager[Voice]:
        return _open()


@asynccontextmanager
async def _open() -> AsyncIterator[VoiceOfNodes]:
    exchange = Exchange()
    async with AsyncExitStack() as stack:
        chat = await stack.enter_async_context(open_chat(config=Config(database_url="memory:", voice="off")))
        owner = await chat.users.create(email="ada@example.org", display_name="Ada")
        workspace = await chat.workspaces.create(name="Team", slug="team", owner=owner)
        channel = await chat.channels.create(workspace, name="talk", actor=owner)
        await _prepare(chat.storage, channel)
        tasks = await stack.enter_async_context(background())
        nodes: list[VoiceOfNodes] = []
        for name, capacity in (("with", CAPACITY), ("without", 0)):
            bus = await stack.enter_async_context(exchange.node(name, chat.storage))
            peers = Peers(bus)
            stack.enter_context(peers.listening())
            nodes.append(VoiceOfNodes(FakeVoice(capacity), peers, chat.storage))
            nodes[-1].start(tasks)
        with trio.fail_after(10):
            while not nodes[1].nodes.present():  # noqa: ASYNC110  # a node tells nobody whom it has heard
                await trio.sleep(0.01)
        yield nodes[1]


async def _prepare(storage: Storage, like: Channel) -> None:
    """The huddles of the suite, each in a channel of its own."""
    now = SystemClock().now()

    async def work(tx: Tx) -> None:
        for huddle_id, channel_id in ((HUDDLE, CHANNEL), (OTHER, ChannelId(OTHER))):
            await tx.channels.insert(attrs.evolve(like, id=channel_id, name=f"talk-{channel_id}"))
            await tx.huddles.insert(
                Huddle(
                    id=huddle_id,
                    workspace_id=like.workspace_id,
                    channel_id=channel_id,
                    created_by=like.created_by,
                    started_at=now,
                )
            )

    await storage.write(work)
