"""What admins do with webhooks, over REST: make, list, remove, see what was given up, and try it again."""

import ipaddress
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlsplit

import attrs

from chat_webhooks_out.book import Book
from chat_webhooks_out.model import DURABLE, Webhook
from chat_webhooks_out.outbound import Outbound
from chat_webhooks_out.sender import new_secret
from chatcore.errors import Forbidden, NotFound, ValidationFailed
from chatcore.hooks import PluginRoute, RouteCall
from chatcore.ids import ChannelId, UserId, WorkspaceId, uuid7
from chatcore.limits import Items, Text
from chatcore.model import Role

MAX_WEBHOOKS = 50
"""In one workspace."""
MAX_URL = 1000


@attrs.frozen(kw_only=True)
class NewWebhook:
    """`events`: which ones; none means all. `channelId`: those of one channel only."""

    workspace_slug: Annotated[str, Text(1, 100)]
    url: Annotated[str, Text(1, MAX_URL)]
    events: Annotated[tuple[str, ...], Items(0, 50)] = ()
    channel_id: ChannelId | None = None


@attrs.frozen(kw_only=True)
class ShownWebhook:
    """`broken` says why it no longer works; `problem` why the last attempt failed, which is tried again. Or empty."""

    id: str
    url: str
    events: tuple[str, ...]
    channel_id: ChannelId | None = None
    broken: str
    problem: str


@attrs.frozen(kw_only=True)
class MadeWebhook(ShownWebhook):
    """`secret` is shown only this once: the receiver checks signatures with it."""

    secret: str


@attrs.frozen(kw_only=True)
class Webhooks:
    webhooks: tuple[ShownWebhook, ...]


@attrs.frozen(kw_only=True)
class Where:
    workspace_slug: Annotated[str, Text(1, 100)]


@attrs.frozen(kw_only=True)
class DeadLetter:
    """A delivery that was given up: which event, after how many attempts, and the last error."""

    seq: int
    type: str
    attempts: int
    error: str


@attrs.frozen(kw_only=True)
class DeadLetters:
    letters: tuple[DeadLetter, ...]


@attrs.frozen(kw_only=True)
class Retried:
    count: int


@attrs.frozen
class Managing:
    """The endpoints. `outbound` knows which addresses may be reached."""

    outbound: Outbound

    def routes(self) -> Sequence[PluginRoute]:
        return (
            PluginRoute(method="POST", path="/hooks", handler=self.create_webhook, status=201, errors=(403, 404)),
            PluginRoute(method="GET", path="/hooks", handler=self.list_webhooks, errors=(403, 404)),
            PluginRoute(
                method="DELETE", path="/hooks/:hookId", handler=self.remove_webhook, status=204, errors=(403, 404)
            ),
            PluginRoute(method="GET", path="/hooks/:hookId/dead", handler=self.list_dead, errors=(403, 404)),
            PluginRoute(method="POST", path="/hooks/:hookId/retry", handler=self.retry_dead, errors=(403, 404)),
        )

    async def create_webhook(self, call: RouteCall, body: NewWebhook) -> MadeWebhook:
        """Send events of a workspace to a URL, as the admin who asks may see them, from now on."""
        self._check_url(body.url)
        for name in body.events:
            if name not in DURABLE:
                raise ValidationFailed.of("events", f"there is no event {name!r} to be sent; see the reference")
        workspace_id = await _managed(call, body.workspace_slug)
        if body.channel_id is not None:
            await call.chat.channels.get(body.channel_id, actor=call.actor)
        book = Book(call.chat.storage)
        if sum(each.workspace_id == workspace_id for each in await book.webhooks()) >= MAX_WEBHOOKS:
            raise Forbidden(f"A workspace may have {MAX_WEBHOOKS} webhooks: remove one first.")
        now = call.chat.clock.now()
        webhook = Webhook(
            id=uuid7(int(now.timestamp() * 1000)),
            workspace_id=workspace_id,
            owner_id=call.actor,
            url=body.url,
            secret=new_secret(),
            events=tuple(dict.fromkeys(body.events)),
            channel_id=body.channel_id,
            created_at=now,
        )
        await book.add(webhook, await call.chat.hub.position(workspace_id))
        return MadeWebhook(secret=webhook.secret, problem="", **_shown(webhook))

    async def list_webhooks(self, call: RouteCall, query: Where) -> Webhooks:
        """The webhooks of a workspace. Their secrets are not shown again."""
        workspace_id = await _managed(call, query.workspace_slug)
        book = Book(call.chat.storage)
        found = [each for each in await book.webhooks() if each.workspace_id == workspace_id]
        return Webhooks(
            webhooks=tuple([ShownWebhook(problem=await book.problem(each.id), **_shown(each)) for each in found])
        )

    async def remove_webhook(self, call: RouteCall, hook_id: str) -> None:
        """Send nothing more, also nothing that waits."""
        webhook = await _find(call, hook_id)
        await Book(call.chat.storage).remove(webhook.id)

    async def list_dead(self, call: RouteCall, hook_id: str) -> DeadLetters:
        """The first hundred deliveries that were given up."""
        webhook = await _find(call, hook_id)
        found = await Book(call.chat.storage).dead(webhook.id)
        return DeadLetters(
            letters=tuple(
                DeadLetter(seq=each.seq, type=each.type, attempts=each.attempts, error=each.error) for each in found
            )
        )

    async def retry_dead(self, call: RouteCall, hook_id: str) -> Retried:
        """Try once more what was given up."""
        webhook = await _find(call, hook_id)
        return Retried(count=await Book(call.chat.storage).retry(webhook.id, call.chat.clock.now().timestamp()))

    def _check_url(self, url: str) -> None:
        """Raises ValidationFailed. Where a name leads is looked at with each delivery; here, what is plain to see."""
        try:
            parts = urlsplit(url)
            good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            good = False
            parts = urlsplit("")
        if not good or not url.isascii() or any(character <= " " for character in url):
            raise ValidationFailed.of("url", "must be an http or https address in ASCII")
        if parts.username is not None or parts.password is not None:
            raise ValidationFailed.of("url", "must hold no password: check the signature instead")
        if parts.fragment:
            raise ValidationFailed.of("url", "must have no fragment")
        if not self._may_lead_outside(parts.hostname or ""):
            problem = "is not on the public internet: the operator may open its network (allowed_networks)"
            raise ValidationFailed.of("url", problem)

    def _may_lead_outside(self, host: str) -> bool:
        """False for an address that is written out and will not be reached; where another name leads is seen later."""
        try:
            address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
        except ValueError:
            return True
        return self.outbound.may_reach(address)


def _shown(webhook: Webhook) -> dict[str, Any]:
    return {name: getattr(webhook, name) for name in ("id", "url", "events", "channel_id", "broken")}


async def _managed(call: RouteCall, slug: str) -> WorkspaceId:
    """The workspace, for who may manage it. Raises NotFound, Forbidden."""
    workspace_id: WorkspaceId = await call.chat.workspaces.resolve(slug, actor=call.actor)
    await _check_staff(call, workspace_id, call.actor)
    return workspace_id


async def _find(call: RouteCall, hook_id: str) -> Webhook:
    webhook = await Book(call.chat.storage).webhook(hook_id)
    if webhook is None:
        raise NotFound.of("webhook")
    try:
        await _check_staff(call, webhook.workspace_id, call.actor)
    except NotFound:
        raise NotFound.of("webhook") from None
    return webhook


async def _check_staff(call: RouteCall, workspace_id: WorkspaceId, user_id: UserId) -> None:
    directory = await call.chat.directory.load(workspace_id)
    role = None if directory is None else directory.role(user_id)
    if role is None:
        raise NotFound.of("workspace")
    if role not in (Role.OWNER, Role.ADMIN):
        raise Forbidden("Only owners and admins manage webhooks.")
