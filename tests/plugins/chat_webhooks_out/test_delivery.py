"""From an event to a receiver that is away, slow, failing or gone: at least once, whatever happens on either side."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
import trio
from tests.plugins.chat_webhooks_out.receiver import Receiver, a_receiver

from chat_webhooks_out.book import Book
from chat_webhooks_out.managing import Managing, NewWebhook
from chat_webhooks_out.model import Delivery, Webhook
from chat_webhooks_out.operating import commands
from chat_webhooks_out.outbound import Outbound
from chat_webhooks_out.sender import new_secret
from chatcore import Chat, Config, open_chat
from chatcore.errors import ValidationFailed
from chatcore.ids import uuid7
from chatcore.model import Channel, User, Workspace

SETTINGS = {"allowed_networks": ["127.0.0.1/32"], "first_delay": 0.02, "timeout": 2.0}


@attrs.define
class House:
    """A chat with a team, and its webhooks."""

    chat: Chat
    ada: User
    team: Workspace
    room: Channel

    @property
    def book(self) -> Book:
        return Book(self.chat.storage)

    async def hook(self, receiver: Receiver, **options: Any) -> Webhook:
        """A webhook to this receiver, which knows its secret."""
        now = self.chat.clock.now()
        webhook = Webhook(
            id=uuid7(int(now.timestamp() * 1000)),
            workspace_id=self.team.id,
            owner_id=self.ada.id,
            url=f"http://127.0.0.1:{receiver.port}/hook",
            secret=new_secret(),
            created_at=now,
            **options,
        )
        receiver.secret = webhook.secret
        await self.book.add(webhook, await self.chat.hub.position(self.team.id))
        return webhook

    async def given_up(self, hook: Webhook, count: int) -> list[Delivery]:
        """What was given up, once it is so much."""
        with trio.fail_after(10):
            while len(dead := await self.book.dead(hook.id)) < count:  # noqa: ASYNC110  # storage has no event to wait for
                await trio.sleep(0.01)
        return dead

    async def broken(self) -> None:
        """Wait until the first webhook is broken."""
        with trio.fail_after(10):
            while not any(each.broken for each in await self.book.webhooks()):  # noqa: ASYNC110  # as above
                await trio.sleep(0.01)

    async def say(self, content: str, room: Channel | None = None) -> None:
        await self.chat.messages.send(room or self.room, author=self.ada, content=content)


@asynccontextmanager
async def a_house(url: str = "memory:", **settings: Any) -> AsyncIterator[House]:
    config = Config(
        database_url=url,
        plugins=("chat_webhooks_out",),
        plugin_settings={"chat_webhooks_out": {**SETTINGS, **settings}},
    )
    async with open_chat(config=config) as chat:
        found = [user for user in await chat.users.list() if user.email == "ada@example.org"]
        if found:
            team = await chat.workspaces.by_slug("team")
            rooms = await chat.channels.list(team, actor=found[0])
            yield House(chat, found[0], team, rooms[0].channel)
            return
        ada = await chat.users.create(email="ada@example.org", display_name="Ada")
        team = await chat.workspaces.create(name="Team", slug="team", owner=ada)
        yield House(chat, ada, team, await chat.channels.create(team, name="room", actor=ada))


async def until(wanted: Any, seconds: float = 20) -> None:
    """Wait until `wanted()` holds."""
    with trio.fail_after(seconds):
        while not wanted():  # noqa: ASYNC110  # another process' side of a socket has no event to wait for
            await trio.sleep(0.01)


def contents(receiver: Receiver) -> list[str]:
    return [told["data"]["message"]["content"] for _, told in receiver.taken if told["type"] == "message_received"]  # type: ignore[index]


async def test_events_arrive_signed_and_in_order() -> None:
    async with a_receiver() as (receiver, _), a_house() as house:
        await house.hook(receiver, events=("message_received",))
        for number in range(20):
            await house.say(str(number))
        await until(lambda: len(receiver.taken) == 20)
    assert contents(receiver) == [str(number) for number in range(20)]
    delivery_id, told = receiver.taken[0]
    assert told["workspaceId"] == house.team.id
    assert delivery_id.endswith(f".{told['seq']}")


async def test_only_what_was_asked_for_and_its_maker_may_see() -> None:
    async with a_receiver() as (receiver, _), a_house() as house:
        ben = await house.chat.users.create(email="ben@example.org", display_name="Ben")
        await house.chat.members.add(house.team, ben)
        other = await house.chat.channels.create(house.team, name="other", actor=house.ada)
        hidden = await house.chat.channels.create(house.team, name="hidden", actor=ben, type="private")  # type: ignore[arg-type]
        await house.hook(receiver, events=("message_received",), channel_id=house.room.id)
        everything = Receiver(lambda _: 204)
        async with trio.open_nursery() as nursery:
            await nursery.start(everything.run)
            await house.hook(everything)
            await house.say("elsewhere", other)
            await house.chat.messages.send(hidden, author=ben, content="secret")
            await house.say("here")
            await until(lambda: len(receiver.taken) == 1 and len(contents(everything)) == 2)
            everything.kill()
        assert contents(receiver) == ["here"]
        assert contents(everything) == ["elsewhere", "here"]
        assert "secret" not in repr(everything.taken)


@pytest.mark.slow
async def test_a_receiver_that_fails_half_of_the_time_and_is_restarted_gets_everything(tmp_path: Path) -> None:
    chance = random.Random(7)
    url = f"sqlite:///{tmp_path}/chat.db"
    total = 150
    async with a_receiver(lambda _: chance.choice([204, 204, 500, 0])) as (receiver, nursery):
        for part in range(3):
            # Our own side is closed and opened twice, in the middle of it all.
            async with a_house(url) as house:
                if part == 0:
                    await house.hook(receiver, events=("message_received",))
                for number in range(part * total // 3, (part + 1) * total // 3):
                    await house.say(str(number))
                    if number % 20 == 10:
                        receiver.kill()
                        await trio.sleep(0.05)
                        await nursery.start(receiver.run)
                await trio.sleep(0.2)
        async with a_house(url) as house:
            await until(lambda: len(set(contents(receiver))) == total, 60)
            (hook,) = await house.book.webhooks()
            with trio.fail_after(10):  # the last one has come, but whoever sent it may not have read the answer yet
                while await house.book.due(hook.id):  # noqa: ASYNC110  # as above
                    await trio.sleep(0.01)
    assert set(contents(receiver)) == {str(number) for number in range(total)}
    assert len({delivery_id for delivery_id, _ in receiver.taken}) == total, "an id is an event"


async def test_what_fails_too_often_is_kept_and_can_be_tried_again() -> None:
    async with a_receiver(lambda _: 500) as (receiver, _), a_house(attempts=3) as house:
        hook = await house.hook(receiver, events=("message_received",))
        await house.say("one")
        await house.say("two")
        await until(lambda: receiver.seen == 6)
        dead = await house.given_up(hook, 2)
        assert [(each.attempts, each.error) for each in dead] == [(3, "answered 500")] * 2
        receiver.answer = lambda _: 200
        assert await house.book.retry(hook.id, house.chat.clock.now().timestamp()) == 2
        await house.say("three")
        await until(lambda: len(receiver.taken) == 3)
        assert set(contents(receiver)) == {"one", "two", "three"}
        assert await house.book.dead(hook.id) == []


async def test_a_receiver_that_wants_no_more_is_left_alone() -> None:
    async with a_receiver(lambda _: 410) as (receiver, _), a_house() as house:
        await house.hook(receiver)
        await house.say("one")
        await house.broken()
        await house.say("two")
        await trio.sleep(0.3)
        assert receiver.seen == 1


async def test_it_stops_with_who_made_it() -> None:
    async with a_receiver() as (receiver, _), a_house() as house:
        ben = await house.chat.users.create(email="ben@example.org", display_name="Ben")
        await house.chat.members.add(house.team, ben, role="admin")  # type: ignore[arg-type]
        house.ada, ada = ben, house.ada
        await house.hook(receiver, events=("message_received",))
        house.ada = ada
        await house.say("seen")
        await until(lambda: len(receiver.taken) == 1)
        await house.chat.members.remove(house.team, ben, actor=ada)
        await house.say("not seen")
        await house.broken()
        assert contents(receiver) == ["seen"]


async def test_a_slow_receiver_costs_the_others_nothing() -> None:
    async with a_receiver() as (quick, _), a_house(timeout=1.5) as house, trio.open_nursery() as nursery:
        hole = (await trio.open_tcp_listeners(0, host="127.0.0.1"))[0]
        slow = Receiver(lambda _: 204, port=hole.socket.getsockname()[1])
        await house.hook(slow)
        await house.hook(quick, events=("message_received",))
        for number in range(10):
            await house.say(str(number))
        began = trio.current_time()
        await until(lambda: len(quick.taken) == 10, 4)
        assert trio.current_time() - began < 4
        await hole.aclose()
        nursery.cancel_scope.cancel()


async def test_one_of_two_nodes_delivers(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/chat.db"
    async with a_receiver() as (receiver, _), a_house(url) as house:
        await house.hook(receiver, events=("message_received",))
        async with a_house(url) as second:
            for number in range(10):
                await (second if number % 2 else house).say(str(number))
            await until(lambda: len(receiver.taken) == 10)
            await trio.sleep(0.3)
    assert sorted(contents(receiver)) == sorted(str(number) for number in range(10))


async def test_what_is_in_the_way_is_shown() -> None:
    """Over REST and to the operator, while it is tried again, and no longer once it was taken."""
    async with a_receiver() as (receiver, _), a_house(first_delay=0.05) as house:
        receiver.answer = lambda _: 500
        hook = await house.hook(receiver, events=("message_received",))
        assert await house.book.problem(hook.id) == ""
        await house.say("hello")
        with trio.fail_after(10):
            while not await house.book.problem(hook.id):  # noqa: ASYNC110  # storage has no event to wait for
                await trio.sleep(0.01)
        assert await house.book.problem(hook.id) == "answered 500"
        listing = next(command for command in commands() if command.name == "list")
        assert [row["problem"] for row in await listing.run(house.chat)] == ["answered 500"]
        receiver.answer = lambda _: 204
        await until(lambda: len(receiver.taken) == 1)
        with trio.fail_after(10):
            while await house.book.problem(hook.id):  # noqa: ASYNC110  # as above
                await trio.sleep(0.01)


@pytest.mark.parametrize(
    ("url", "refused"),
    [
        ("http://127.0.0.1:9000/hook", False),
        ("http://localhost:9000/hook", False),
        ("http://10.0.0.1/hook", True),
        ("http://[::1]/hook", True),
        ("http://169.254.169.254/latest", True),
        ("https://93.184.216.34/hook", False),
        ("https://example.org/hook", False),
    ],
)
async def test_an_address_inside_is_refused_when_it_is_named(url: str, refused: bool) -> None:
    async with a_house() as house:
        call: Any = SimpleNamespace(chat=house.chat, actor=house.ada.id)
        managing = Managing(Outbound(["127.0.0.1/32"]))
        body = NewWebhook(workspace_slug="team", url=url)
        if not refused:
            assert (await managing.create_webhook(call, body)).url == url
            return
        with pytest.raises(ValidationFailed, match="not on the public internet"):
            await managing.create_webhook(call, body)
