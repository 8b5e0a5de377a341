"""Slash commands: run instead of stored, answered to their caller alone, listed for who types."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from chatcore import open_chat
from chatcore.errors import Forbidden, NotFound, Rejected, Unavailable, ValidationFailed
from chatcore.hooks import Invocation, Reject, SlashCommand, hookimpl
from chatcore.model import ChannelType, Command, CommandParameter
from chatcore.service.command_answers import PLACES


class Dice:
    name = "dice"

    def __init__(self) -> None:
        self.rolled = 0
        self.begun, self.go_on = trio.Event(), trio.Event()

    @hookimpl
    def register_slash_commands(self) -> list[SlashCommand]:
        sides = CommandParameter(name="sides", choices=("6", "20"), required=False)
        return [SlashCommand(name="roll", about="Throw a die.", run=self.roll, parameters=(sides,))]

    async def roll(self, asked: Invocation) -> str | None:
        self.rolled += 1
        if asked.text == "spam":
            raise Reject("spam", "No.")
        if asked.text == "slow":
            self.begun.set()
            await self.go_on.wait()
            return "at last"
        if asked.text == "loud":
            await asked.say("/roll is fun")
            return None
        return f"1..{asked.text or 6}"


async def test_a_command_is_run_and_nobody_else_hears_of_it(chat_kit: Any) -> None:
    async with chat_kit(plugins=[Dice()]) as kit, kit.listen("ben") as events:
        answer = await kit.say("ada", "/roll 20")
        assert (answer.content, answer.seq) == ("1..20", 0)
        await kit.say("ada", "hello")
        assert (await anext(events)).message.content == "hello"
        assert await kit.history() == ["hello"]


async def test_a_command_may_say_something_to_all(chat_kit: Any) -> None:
    dice = Dice()
    async with chat_kit(plugins=[dice]) as kit:
        await kit.say("ada", "/roll loud")
        # What a plugin sends is never a command: it would answer itself.
        assert await kit.history() == ["/roll is fun"]
        assert dice.rolled == 1


async def test_what_is_no_command_is_a_message(chat_kit: Any) -> None:
    async with chat_kit(plugins=[Dice()]) as kit:
        for content in ("/unknown", "/ roll", "//roll", "/roller", "/Roll", "a /roll"):
            assert (await kit.say("ada", content)).seq > 0
        kit.chat.hooks.disable("dice")
        assert (await kit.say("ada", "/roll")).seq > 0


async def test_a_retry_gets_the_first_answer(chat_kit: Any) -> None:
    dice = Dice()
    async with chat_kit(plugins=[dice]) as kit:
        first = await kit.say("ada", "/roll", temp_id="t")
        assert await kit.say("ada", "/roll", temp_id="t") == first
        await kit.say("ben", "/roll", temp_id="t")
        assert dice.rolled == 2


async def test_a_retry_gets_the_first_answer_after_a_restart(tmp_path: Path) -> None:
    first, second = Dice(), Dice()
    url = f"sqlite:///{tmp_path}/chat.db"
    async with open_chat(url, plugins=[first]) as chat:
        ada = await chat.users.create(email="ada@example.org", display_name="Ada")
        team = await chat.workspaces.create(name="Team", slug="team", owner=ada)
        channel = await chat.channels.create(team, name="room", actor=ada)
        answer = await chat.messages.send(channel, author=ada, content="/roll", temp_id="t")
    async with open_chat(url, plugins=[second]) as chat:
        assert await chat.messages.send(channel, author=ada, content="/roll", temp_id="t") == answer
    assert (first.rolled, second.rolled) == (1, 0)


async def test_who_repeats_a_command_that_is_under_way_is_told_to_wait(chat_kit: Any) -> None:
    dice = Dice()
    async with chat_kit(plugins=[dice]) as kit:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(kit.say, "ada", "/roll slow", temp_id="t"))
            await dice.begun.wait()
            with pytest.raises(Unavailable, match="being carried out"):
                await kit.say("ada", "/roll slow", temp_id="t")
            dice.go_on.set()
        assert (await kit.say("ada", "/roll slow", temp_id="t")).content == "at last"
        assert dice.rolled == 1


async def test_what_was_begun_by_a_node_that_is_gone_is_begun_anew(chat_kit: Any) -> None:
    dice = Dice()
    async with chat_kit(plugins=[dice]) as kit:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(kit.say, "ada", "/roll slow", temp_id="t"))
            await dice.begun.wait()
            nursery.cancel_scope.cancel()
        with pytest.raises(Unavailable):
            await kit.say("ada", "/roll slow", temp_id="t")
        kit.clock.jump(60)
        dice.go_on.set()
        assert (await kit.say("ada", "/roll slow", temp_id="t")).content == "at last"


async def test_a_refusal_is_not_kept(chat_kit: Any) -> None:
    dice = Dice()
    async with chat_kit(plugins=[dice]) as kit:
        for _ in range(2):
            with pytest.raises(Rejected):
                await kit.say("ada", "/roll spam", temp_id="t")
        assert dice.rolled == 2


async def test_answers_are_kept_for_a_day_and_not_for_ever(chat_kit: Any) -> None:
    dice = Dice()
    async with chat_kit(plugins=[dice]) as kit:
        for day in range(5):
            first = await kit.say("ada", "/roll", temp_id="t")
            kit.clock.jump(24 * 3600 - 1)
            assert await kit.say("ada", "/roll", temp_id="t") == first, day
            kit.clock.jump(24 * 3600 + 1)
        assert dice.rolled == 5
        spaces = [f"command-answers.{place}" for place in range(PLACES)]
        pairs = [await kit.chat.storage.read(lambda tx, space=space: tx.pairs.usage(space)) for space in spaces]
        assert sum(count for count, _ in pairs) <= 2 * PLACES


async def test_a_command_refuses_and_needs_the_right_to_speak(chat_kit: Any) -> None:
    dice = Dice()
    async with chat_kit(plugins=[dice], people=["ada", "ben"]) as kit:
        with pytest.raises(Rejected, match=r"No\."):
            await kit.say("ada", "/roll spam")
        secret = await kit.chat.channels.create(kit.workspace, name="secret", type=ChannelType.PRIVATE, actor=kit.ada)
        with pytest.raises(NotFound):
            await kit.chat.messages.send(secret, author=kit.ben, content="/roll")
        assert dice.rolled == 1


async def test_the_list_has_plugins_and_the_bots_of_the_workspace(chat_kit: Any) -> None:
    async with chat_kit(plugins=[Dice()]) as kit:
        commands = kit.chat.commands
        with pytest.raises(Forbidden):
            await commands.announce([Command(name="poll")], actor=kit.ben)
        [roll] = await commands.list(kit.workspace, actor=kit.ben)
        assert (roll.name, roll.owner, roll.bot, roll.parameters[0].choices) == ("roll", "dice", False, ("6", "20"))
        helper = await kit.chat.users.create(email="poll@example.org", display_name="Poll", is_bot=True)
        twice = [Command(name="poll"), Command(name="poll")]
        with pytest.raises(ValidationFailed):
            await commands.announce(twice, actor=helper)
        await commands.announce([Command(name="poll", about="Ask."), Command(name="roll")], actor=helper)
        assert [each.name for each in await commands.list(kit.workspace, actor=kit.ada)] == ["roll"]
        await kit.chat.members.add(kit.workspace, helper)
        found = await commands.list(kit.workspace, actor=kit.ada)
        assert [(each.name, each.owner, each.bot) for each in found] == [
            ("poll", "Poll", True),
            ("roll", "dice", False),
        ]
        with pytest.raises(NotFound):
            await commands.list(kit.workspace, actor=helper.id.replace("0", "1"))
