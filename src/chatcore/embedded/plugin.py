"""A bot as a plugin: its account is made at the first start, and it is brought into the workspaces."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import trio

from chatcore.bot import Bot
from chatcore.bot.living import Life
from chatcore.chat import Chat
from chatcore.embedded.place import EmbeddedHome
from chatcore.errors import NotFound
from chatcore.hooks import HookContext, PluginConfig, hookimpl
from chatcore.ids import UserId, WorkspaceId
from chatcore.model import Member, Role, User

DOMAIN = "bots.invalid"
"""Of the addresses of such accounts: nobody has one there, and nobody can sign in with it."""


class BotSettings(PluginConfig):
    """`[plugin.NAME]` in chat.toml."""

    workspaces: tuple[str, ...] = ()
    """The slugs of the workspaces that the bot is in; none: every one, the new ones too."""
    role: Literal["admin", "member", "guest"] = "member"
    """As what it enters them."""


class BotPlugin:
    """See the module."""

    Settings = BotSettings

    def __init__(self, bot: Bot) -> None:
        self.name = bot.name
        self.bot = bot
        self._life: Life | None = None
        self._me: UserId | None = None

    @hookimpl
    @asynccontextmanager
    async def plugin_lifespan(self, ctx: HookContext, chat: Chat) -> AsyncIterator[None]:
        settings = ctx.config(BotSettings)
        me = await account(chat, self.bot)
        for workspace in await chat.workspaces.all():
            if not settings.workspaces or workspace.slug in settings.workspaces:
                await enter(chat, workspace.id, me, Role(settings.role))
        life = Life(self.bot, EmbeddedHome(chat, me.id))
        self._life, self._me = life, me.id
        async with trio.open_nursery() as nursery:
            await nursery.start(life.run)
            try:
                yield
            finally:
                life.stop.set()
                self._life = None

    @hookimpl
    async def member_joined(self, ctx: HookContext, member: Member, channel: Any) -> None:
        """Somebody entered a workspace, which may be a new one: then its owner did, and the bot follows."""
        life = self._life
        if life is None or self._me is None or channel is not None:
            return
        settings = ctx.config(BotSettings)
        if member.user_id != self._me and not settings.workspaces and member.role is Role.OWNER:
            await enter(ctx.chat, member.workspace_id, await ctx.chat.users.get(self._me), Role(settings.role))
        life.look()


async def account(chat: Chat, bot: Bot) -> User:
    """The bot's account, made when there is none."""
    email = f"{bot.name}@{DOMAIN}"
    try:
        return await chat.users.by_email(email)
    except NotFound:
        return await chat.users.create(email=email, display_name=bot.name, is_bot=True)


async def enter(chat: Chat, workspace_id: WorkspaceId, me: User, role: Role) -> None:
    """Bring the bot into a workspace, unless it is there."""
    await chat.members.add(workspace_id, me, role=role)


def plugin(bot: Bot) -> BotPlugin:
    """What `Bot.plugin` gives."""
    return BotPlugin(bot)
