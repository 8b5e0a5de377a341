"""Endpoints: admins make, list and remove webhooks; whoever has the URL posts."""

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import parse_qs

import attrs
import orjson

from chat_webhooks_in.book import Book, Inlet, digest_of, new_token
from chat_webhooks_in.slack import quieted, text_of
from chatcore.errors import Forbidden, NotFound, ValidationFailed
from chatcore.hooks import PluginRoute, Raw, RouteCall
from chatcore.ids import ChannelId, UserId, WorkspaceId, uuid7
from chatcore.limits import Text
from chatcore.model import Role
from chatcore.model.message import MAX_CONTENT

MAX_INLETS = 100
"""In one workspace."""
MAX_BODY = 256 * 1024


@attrs.frozen(kw_only=True)
class NewInlet:
    """`name` is under which it posts. `mentionsEveryone`: `<!channel>` and the like call everybody in the channel."""

    channel_id: ChannelId
    name: Annotated[str, Text(1, 80)]
    mentions_everyone: bool = False


@attrs.frozen(kw_only=True)
class ShownInlet:
    id: str
    channel_id: ChannelId
    name: str
    mentions_everyone: bool


@attrs.frozen(kw_only=True)
class MadeInlet(ShownInlet):
    """`path` is shown only this once: whoever has it may post."""

    path: str


@attrs.frozen(kw_only=True)
class Inlets:
    webhooks: tuple[ShownInlet, ...]


@attrs.frozen(kw_only=True)
class Where:
    workspace_slug: Annotated[str, Text(1, 100)]


def routes() -> Sequence[PluginRoute]:
    return (
        PluginRoute(method="POST", path="/hooks", handler=create_inlet, status=201, errors=(403, 404)),
        PluginRoute(method="GET", path="/hooks", handler=list_inlets, errors=(403, 404)),
        PluginRoute(method="DELETE", path="/hooks/:hookId", handler=remove_inlet, status=204, errors=(403, 404)),
        # Under the rule for messages, by the sender's address: as much as a person may say.
        PluginRoute(
            method="POST",
            path="/in/:token",
            handler=take,
            signed_in=False,
            rate="messages",
            errors=(404, 413),
            media_type="text/plain",
        ),
    )


async def create_inlet(call: RouteCall, body: NewInlet) -> MadeInlet:
    """A URL by which others post to a channel, in Slack's format. It posts as a bot of its own."""
    chat = call.chat
    view = await chat.channels.get(body.channel_id, actor=call.actor)
    workspace_id: WorkspaceId = view.channel.workspace_id
    await _check_staff(call, workspace_id)
    book = Book(chat.storage)
    if sum(each.workspace_id == workspace_id for each in await book.all()) >= MAX_INLETS:
        raise Forbidden(f"A workspace may have {MAX_INLETS} incoming webhooks: remove one first.")
    now, token = chat.clock.now(), new_token()
    hook_id = uuid7(int(now.timestamp() * 1000))
    bot = await chat.users.create(email=f"{hook_id}@webhooks.invalid", display_name=body.name, is_bot=True)
    await chat.members.add(workspace_id, bot, role=Role.GUEST, actor=call.actor)
    await chat.channels.add_member(body.channel_id, bot, actor=call.actor)
    inlet = Inlet(
        id=hook_id,
        digest=digest_of(token),
        workspace_id=workspace_id,
        channel_id=body.channel_id,
        bot_id=bot.id,
        name=bot.display_name,
        created_by=call.actor,
        created_at=now,
        mentions_everyone=body.mentions_everyone,
    )
    await book.add(inlet)
    return MadeInlet(path=f"/api/plugins/chat_webhooks_in/in/{token}", **_shown(inlet))


async def list_inlets(call: RouteCall, query: Where) -> Inlets:
    """The incoming webhooks of a workspace, without their URLs."""
    workspace_id = await call.chat.workspaces.resolve(query.workspace_slug, actor=call.actor)
    await _check_staff(call, workspace_id)
    found = await Book(call.chat.storage).all()
    return Inlets(webhooks=tuple(ShownInlet(**_shown(each)) for each in found if each.workspace_id == workspace_id))


async def remove_inlet(call: RouteCall, hook_id: str) -> None:
    """Its URL leads nowhere from now on, and its bot's account is closed."""
    book = Book(call.chat.storage)
    inlet = next((each for each in await book.all() if each.id == hook_id), None)
    if inlet is None:
        raise NotFound.of("webhook")
    try:
        await _check_staff(call, inlet.workspace_id)
    except NotFound:
        raise NotFound.of("webhook") from None
    await book.remove(inlet)
    await call.chat.users.deactivate(inlet.bot_id)


async def take(call: RouteCall, token: str, body: bytes) -> Raw:
    """Post what Slack would take: JSON, or a form with a field `payload`. Answers `ok`."""
    inlet = await Book(call.chat.storage).by_token(token)
    if inlet is None:
        raise NotFound.of("webhook")
    text = text_of(_payload(body, call.headers.get("content-type") or ""))
    if not text:
        raise ValidationFailed.of("text", "is missing: send text, blocks or attachments that say something")
    if not inlet.mentions_everyone:
        text = quieted(text)[:MAX_CONTENT]
    await call.chat.messages.send(inlet.channel_id, author=inlet.bot_id, content=text)
    return Raw(b"ok", "text/plain")


def _payload(body: bytes, content_type: str) -> dict[str, Any]:
    """Raises ValidationFailed."""
    if len(body) > MAX_BODY:
        raise ValidationFailed.of("body", f"must be at most {MAX_BODY // 1024} KiB")
    try:
        if content_type.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded":
            body = parse_qs(body.decode(), max_num_fields=10)["payload"][0].encode()
        payload = orjson.loads(body)
    except (ValueError, KeyError):
        raise ValidationFailed.of("body", "must be JSON, or a form with JSON in its field payload") from None
    if not isinstance(payload, dict):
        raise ValidationFailed.of("body", "must be an object")
    return payload


def _shown(inlet: Inlet) -> dict[str, Any]:
    return {
        "id": inlet.id,
        "channel_id": inlet.channel_id,
        "name": inlet.name,
        "mentions_everyone": inlet.mentions_everyone,
    }


async def _check_staff(call: RouteCall, workspace_id: WorkspaceId) -> None:
    directory = await call.chat.directory.load(workspace_id)
    role = None if directory is None else directory.role(UserId(call.actor))
    if role is None:
        raise NotFound.of("workspace")
    if role not in (Role.OWNER, Role.ADMIN):
        raise Forbidden("Only owners and admins manage webhooks.")
