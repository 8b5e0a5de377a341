"""Mails people who are mentioned while they are away: `chatcore serve --plugin examples/mail_mentions.py`."""

import smtplib
from email.message import EmailMessage

import trio

from chatcore.hooks import HookContext, PluginConfig, hookimpl
from chatcore.ids import UserId, WorkspaceId
from chatcore.model import Message, PresenceStatus, User

SECONDS = 10.0
"""How long the mail server may take to answer; the plugin's queue waits meanwhile, the chat does not."""


class Config(PluginConfig):
    """`[plugin.mail_mentions]` in chat.toml."""

    server: str = "localhost"
    port: int = 25
    sender: str = "chat@localhost"
    address: str = "http://127.0.0.1:8000"
    """Where the chat is, for the link in the mail."""


@hookimpl
async def message_sent(ctx: HookContext, message: Message, workspace_id: WorkspaceId) -> None:
    """Mail everybody who is mentioned and not there. An observer: whoever sent the message has their answer already."""
    mentioned = set(message.mentions) - {message.user_id}
    if not mentioned:
        return
    there = await ctx.chat.presence.list(workspace_id, actor=message.user_id)
    away = mentioned & {each.user_id for each in there if each.status is PresenceStatus.OFFLINE}
    config = ctx.config(Config)
    limiter = trio.CapacityLimiter(1)
    for user_id in sorted(away):
        mail = await _mail(ctx, config, message, user_id)
        await trio.to_thread.run_sync(_send, config, mail, limiter=limiter)
        ctx.log.info("mailed somebody who was mentioned", extra={"user": user_id, "mail_for": message.id})


async def _mail(ctx: HookContext, config: Config, message: Message, user_id: UserId) -> EmailMessage:
    user: User = await ctx.chat.users.get(user_id)
    mail = EmailMessage()
    mail["From"], mail["To"] = config.sender, user.email
    # A header takes no line breaks, and display names have none.
    mail["Subject"] = f"{message.user.display_name} mentioned you"
    # With the same id again, mail programs show a mail that was sent twice once.
    mail["Message-ID"] = f"<{message.id}.{user_id}@chatcore>"
    mail.set_content(f"{message.user.display_name} wrote:\n\n{message.content}\n\n{config.address}\n")
    return mail


def _send(config: Config, mail: EmailMessage) -> None:
    with smtplib.SMTP(config.server, config.port, timeout=SECONDS) as server:
        server.send_message(mail)
