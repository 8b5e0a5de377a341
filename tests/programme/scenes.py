"""The places of docs/reference/permissions.md, made for one person at a time."""

from urllib.parse import quote

import attrs
from tests.programme.inside import Inside, Person

from chatcore.ids import ChannelId, HuddleId, MessageId, WorkspaceId
from chatcore.model import Channel, ChannelType, Workspace
from chatcore.ports import Tx

PLACES = (
    "general",
    "public",
    "public, not in it",
    "private",
    "private, not in it",
    "direct",
    "direct of others",
    "group direct",
    "archived",
    "elsewhere",
)
EMOJI = "👍"


@attrs.define(eq=False)
class World:
    """The workspace `team` with a host who owns everything, and a third person; and a workspace of others."""

    server: Inside
    host: Person
    third: Person
    team: Workspace
    general: Channel
    elsewhere: Workspace
    elsewhere_host: Person
    open: Workspace
    _channels: int = 0

    def next_name(self) -> str:
        """A name for a channel, a workspace or an account that nothing has yet."""
        self._channels += 1
        return f"place-{self._channels}"

    async def logs(self) -> list[int]:
        """Where the logs of the workspaces stand: what changes anything moves one of them."""
        hub = self.server.chat.hub
        return [(await hub.position(each.id)).seq for each in (self.team, self.elsewhere, self.open)]


async def make_world(server: Inside) -> World:
    chat = server.chat
    host, elsewhere_host = await server.person("host"), await server.person("host")
    team = await chat.workspaces.create(name="Team", slug="team", owner=host.id, general=True)
    elsewhere = await chat.workspaces.create(name="Elsewhere", slug="elsewhere", owner=elsewhere_host.id, general=True)
    opened = await chat.workspaces.create(name="Open", slug="open", owner=elsewhere_host.id)
    await chat.workspaces.update(opened, actor=elsewhere_host.id, settings={"openJoin": True})
    third = await server.member(team.id, "third")
    (general,) = await chat.channels.list(team, actor=host.id)
    return World(server, host, third, team, general.channel, elsewhere, elsewhere_host, opened)


@attrs.define(eq=False)
class Scene:
    """A channel with a message of somebody else, one of the person's own if they were ever in it, and a huddle."""

    place: str
    workspace_id: WorkspaceId
    channel_id: ChannelId
    theirs: MessageId
    own: MessageId
    huddle_id: HuddleId | None
    host: Person


async def make_scene(world: World, person: Person, place: str, *, creator: bool, huddle: bool) -> Scene:
    """The place, for the person. `creator`: they made the channel. `huddle`: one is going on, with them if possible."""
    chat = world.server.chat
    if place == "elsewhere":
        host, workspace = world.elsewhere_host, world.elsewhere
    else:
        host, workspace = world.host, world.team
    channel = await _channel(world, person, place, workspace, host)
    theirs = await chat.messages.send(channel, author=host.id, content="needle of theirs")
    was_in = place not in ("direct of others", "elsewhere")
    own = await chat.messages.send(channel, author=person.id, content="mine") if was_in else theirs
    if creator:
        await _hand_over(world, channel, person)
    started = (await chat.huddles.start(channel, actor=host.id)).huddle if huddle else None
    if started is not None and was_in:
        await chat.huddles.join(started, actor=person.id)
    if place.endswith(", not in it"):
        await chat.channels.remove_member(channel, person.id, actor=host.id)
    if place == "archived":
        await chat.channels.archive(channel, actor=host.id)
    return Scene(place, workspace.id, channel.id, theirs.id, own.id, started.id if started else None, host)


async def _channel(world: World, person: Person, place: str, workspace: Workspace, host: Person) -> Channel:
    chat = world.server.chat
    if place == "general":
        await _end_huddle(world, world.general)
        return world.general
    if "direct" in place:
        people = {
            "direct": [person.id],
            "direct of others": [world.third.id],
            "group direct": [person.id, world.third.id],
        }
        channel, _ = await chat.channels.direct(workspace, people[place], actor=host.id)
        await _end_huddle(world, channel)
        return channel
    members = [host.id] if place == "elsewhere" else [person.id, world.third.id]
    type_ = ChannelType.PRIVATE if place.startswith("private") else ChannelType.PUBLIC
    return await chat.channels.create(workspace, name=world.next_name(), type=type_, members=members, actor=host.id)


async def _end_huddle(world: World, channel: Channel) -> None:
    """This channel is used by one scene after the other."""
    view = await world.server.chat.huddles.active(channel, actor=world.host.id)
    if view is not None:
        for participant in view.participants:
            await world.server.chat.huddles.leave(view.huddle, actor=participant.user_id)


async def _hand_over(world: World, channel: Channel, person: Person) -> None:
    """Nobody can become a creator later: a guest who made a channel made it when they were a member."""

    async def work(tx: Tx) -> None:
        row = await tx.channels.get(channel.id)
        assert row is not None
        await tx.channels.update(attrs.evolve(row, created_by=person.id))

    await world.server.chat.storage.write(work)


def path_of(template: str, values: dict[str, str]) -> str:
    """The address of an endpoint with its parts filled in."""
    return "/".join(quote(values[part[1:]]) if part.startswith(":") else part for part in template.split("/"))
