"""Whoever loses their right to a channel loses it at once: what is live, what is stored, and what is found."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
import trio.testing
from tests.chatcore.service.conftest import Team

from chatcore.errors import NotFound
from chatcore.events import Event, MessageReceived
from chatcore.model import ChannelType, Role

LOSSES: dict[str, Callable[[Team], Awaitable[Any]]] = {
    "removed from the channel": lambda team: team.chat.channels.remove_member(team.vault, team.ann, actor=team.owner),
    "left the channel": lambda team: team.chat.channels.leave(team.vault, actor=team.ann),
    "removed from the workspace": lambda team: team.chat.members.remove(team.workspace, team.ann, actor=team.owner),
    "left the workspace": lambda team: team.chat.members.remove(team.workspace, team.ann, actor=team.ann),
    "account closed": lambda team: team.chat.users.deactivate(team.ann),
}


@pytest.mark.parametrize("way", LOSSES)
async def test_who_loses_a_private_channel(team: Team, way: str) -> None:
    file = await team.chat.attachments.register(
        team.workspace, uploader=team.owner, filename="a", mime_type="a/b", size=1
    )
    sent = await team.say(team.owner, "tea", team.vault, attachment_ids=[file.id])
    view = await team.chat.huddles.start(team.vault, actor=team.ann)
    heard: list[Event] = []
    async with trio.open_nursery() as nursery:

        async def listen() -> None:
            async with team.chat.subscribe(team.ann, team.workspace) as events:
                async for event in events:
                    heard.append(event)

        nursery.start_soon(listen)
        await trio.testing.wait_all_tasks_blocked()
        await LOSSES[way](team)
        await trio.testing.wait_all_tasks_blocked()
        told = len(heard)
        await team.say(team.owner, "after", team.vault)
        await team.chat.messages.edit(sent, actor=team.owner, content="tea, edited")
        await team.chat.reactions.add(sent, "👍", actor=team.owner)
        await team.chat.typing.set(team.vault, True, actor=team.owner)
        await trio.testing.wait_all_tasks_blocked()
        assert heard[told:] == []
        nursery.cancel_scope.cancel()
    for call in (
        team.chat.channels.get(team.vault, actor=team.ann),
        team.chat.messages.history(team.vault, actor=team.ann),
        team.chat.messages.get(sent, actor=team.ann),
        team.chat.messages.thread(sent, actor=team.ann),
        team.chat.attachments.get(file, actor=team.ann),
        team.chat.huddles.get(view.huddle, actor=team.ann),
        team.chat.search.find(team.workspace, "tea", actor=team.ann, channel=team.vault),
        team.say(team.ann, "Hello?", team.vault),
    ):
        with pytest.raises(NotFound):
            await call


@pytest.mark.parametrize("way", ["made private", "made a guest"])
async def test_who_loses_a_public_channel(team: Team, way: str) -> None:
    sent = await team.say(team.owner, "tea")
    async with team.chat.subscribe(team.ben, team.workspace) as events:
        if way == "made private":
            await team.chat.channels.update(team.room, actor=team.owner, type=ChannelType.PRIVATE)
        else:
            await team.chat.members.set_role(team.workspace, team.ben, Role.GUEST, actor=team.owner)
        await team.say(team.owner, "after")
        await team.say(team.owner, "the end", team.general)
        heard = []
        async for event in events:
            heard.append(event)
            if isinstance(event, MessageReceived):
                break
        assert [event.message.content for event in heard if isinstance(event, MessageReceived)] == ["the end"]
    for call in (
        team.chat.messages.history(team.room, actor=team.ben),
        team.chat.messages.get(sent, actor=team.ben),
        team.chat.messages.thread(sent, actor=team.ben),
    ):
        with pytest.raises(NotFound):
            await call
    assert (await team.chat.search.find(team.workspace, "tea", actor=team.ben)).messages == ()


async def test_nothing_of_it_is_replayed(team: Team) -> None:
    position = await team.chat.hub.position(team.workspace.id)
    await team.say(team.owner, "before", team.vault)
    await team.chat.channels.remove_member(team.vault, team.ann, actor=team.owner)
    await team.say(team.owner, "after", team.vault)
    await team.say(team.owner, "the end", team.general)
    async with team.chat.subscribe(team.ann, team.workspace, since=position) as events:
        heard = [await anext(events), await anext(events)]
    assert [event.type for event in heard] == ["member_left", "message_received"]
    assert isinstance(heard[1], MessageReceived)
    assert heard[1].message.content == "the end"
