"""Slash commands: those of plugins, which the server runs, and those that bots announce."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import attrs

from chatcore import wire
from chatcore.errors import Forbidden, ValidationFailed
from chatcore.hooks.commands import Invocation, SlashCommand, typed
from chatcore.hooks.origin import current_origin
from chatcore.ids import MessageId, UserId
from chatcore.model import Command, Message
from chatcore.policy import Action
from chatcore.ports import Tx
from chatcore.ports.plugin_data import MAX_PAIRS
from chatcore.service.command_answers import CommandAnswers
from chatcore.service.core import Core, Seat, UserRef, WorkspaceRef, id_of

SPACE = "commands"
"""Where the commands of bots are kept, by the bot's id."""
MAX_OF_BOT = 50


@attrs.frozen
class Commands:
    """`chat` is what a command of a plugin is given to work with."""

    _core: Core
    _chat: Any

    async def list(self, workspace: WorkspaceRef, *, actor: UserRef) -> list[Command]:
        """What may be typed after a slash in this workspace, by name; a plugin's comes before a bot's of its name."""
        facts = await self._core.workspace(workspace, id_of(actor), Action.WORKSPACE_VIEW)
        found = {each.name: _shown(plugin, each) for plugin, each in self._core.hooks.commands()}

        async def announced(tx: Tx) -> list[tuple[str, bytes]]:
            # One look at all of them: a bot that announces is rare, and a list is asked for once per client.
            return await tx.pairs.scan(SPACE, limit=MAX_PAIRS)

        for user_id, data in await self._core.storage.read(announced):
            if facts.role(UserId(user_id)) is not None:
                for each in wire.structure(wire.decode(data), tuple[Command, ...]):
                    found.setdefault(each.name, each)
        return [found[name] for name in sorted(found)]

    async def announce(self, commands: Sequence[Command], *, actor: UserRef) -> None:
        """Say which commands a bot answers, in the place of those that it announced before.

        Raises Forbidden for who is no bot, ValidationFailed.
        """
        bot = await self._core.storage.read(lambda tx: tx.users.get(id_of(actor)))
        if bot is None or not bot.is_bot:
            raise Forbidden("Only bots announce commands.")
        names = [each.name for each in commands]
        if len(names) > MAX_OF_BOT or len(set(names)) < len(names):
            raise ValidationFailed.of("commands", f"must be at most {MAX_OF_BOT}, each with a name of its own")
        mine = tuple(attrs.evolve(each, owner=bot.display_name, bot=True) for each in commands)
        data = wire.encode(mine)
        await self._core.storage.write(lambda tx: tx.pairs.put(SPACE, bot.id, data))

    async def answer(
        self, content: str, seat: Seat, thread_id: MessageId | None, temp_id: str | None
    ) -> Message | None:
        """Run the command of a plugin that a message is, and give its answer; None when it is an ordinary message.

        Sent again with its `temp_id`, by a client that lost the first answer, it gets that one. What plugins send
        themselves is never a command. Raises what the command refuses by, Unavailable, Internal.
        """
        name, text = typed(content) or ("", "")
        known = self._core.hooks.command(name)
        if known is None or current_origin():
            return None
        plugin, command = known
        invocation = Invocation(
            chat=self._chat,
            workspace_id=seat.workspace.workspace_id,
            channel_id=seat.channel.id,
            thread_id=thread_id,
            user_id=seat.user_id,
            text=text,
        )

        async def run() -> Message:
            said = await self._core.hooks.run(plugin, f"/{name}", partial(command.run, invocation))
            return await self._message(said or "", seat, thread_id, temp_id)

        return await run() if temp_id is None else await self._once(seat, temp_id, run)

    async def _once(self, seat: Seat, temp_id: str, run: Callable[[], Awaitable[Message]]) -> Message:
        """The answer that was given under this name, or is given now."""
        answers = CommandAnswers(self._core)
        claim = await answers.claim(seat.user_id, seat.channel.id, temp_id)
        if isinstance(claim, Message):
            return claim
        try:
            answer = await run()
        except Exception:
            await answers.release(claim)
            raise
        await answers.keep(claim, answer)
        return answer

    async def _message(self, said: str, seat: Seat, thread_id: MessageId | None, temp_id: str | None) -> Message:
        return Message(
            id=MessageId(self._core.new_id()),
            channel_id=seat.channel.id,
            user_id=seat.user_id,
            user=await self._core.cards.get(seat.user_id),
            content=said,
            thread_id=thread_id,
            temp_id=temp_id,
            created_at=self._core.clock.now(),
        )


def _shown(plugin: str, command: SlashCommand) -> Command:
    return Command(name=command.name, about=command.about, parameters=command.parameters, owner=plugin)
