"""Slash commands of plugins: run by the server in the place of the message that asked for them."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import attrs

from chatcore.ids import ChannelId, MessageId, UserId, WorkspaceId
from chatcore.model.command import CommandParameter

_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}\Z")
_TYPED = re.compile(r"/([a-z][a-z0-9-]{0,31})(?:\s+(.*))?\Z", re.DOTALL)


@attrs.frozen(kw_only=True)
class Invocation:
    """Somebody typed a command. `text` is what followed its name."""

    chat: Any
    workspace_id: WorkspaceId
    channel_id: ChannelId
    thread_id: MessageId | None
    user_id: UserId
    text: str

    async def say(self, content: str) -> None:
        """Send a message to the channel in the name of who typed the command."""
        await self.chat.messages.send(self.channel_id, author=self.user_id, content=content, thread_id=self.thread_id)


@attrs.frozen(kw_only=True)
class SlashCommand:
    """`run` answers with what its caller alone is shown (None: nothing), and may `say` something to all."""

    name: str = attrs.field()
    about: str
    run: Callable[[Invocation], Awaitable[str | None]]
    parameters: tuple[CommandParameter, ...] = ()

    @name.validator
    def _check_name(self, _: object, value: str) -> None:
        if not _NAME.match(value):
            raise ValueError(f"the command {value!r} must be lower-case letters, digits and hyphens, without its slash")


def typed(content: str) -> tuple[str, str] | None:
    """The command's name and what follows it, if this is how a message with a command looks."""
    found = _TYPED.match(content)
    return None if found is None else (found[1], (found[2] or "").strip())
