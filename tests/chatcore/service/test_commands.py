"""Slash commands: run instead of stored, answered to their caller alone, listed for who types."""

from typing import Any

import pytest

from chatcore.errors import Forbidden, NotFound, Rejected, ValidationFailed
from chatcore.hooks import Invocation, Reject, SlashCommand, hookimpl
from chatcore.model import ChannelType, Command, CommandParameter


class Dice:
    name = "dice"

    def __init__(self) -> None:
        self.rolled = 0

    @hookimpl
    def register_slash_commands(self) -> list[SlashCommand]:
        sides = CommandParameter(name="sides", choices=("6", "20"), required=False)
        return [SlashCommand(name="roll", about="Throw a die.", run=self.roll, parameters=(sides,))]

    async def roll(self, asked: Invocation) -> str | None:
        self.rolled += 1
        if asked.text == "spam":
            raise Reject("spam", "No.")
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
