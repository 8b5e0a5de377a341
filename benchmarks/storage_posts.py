"""Durable posts per second: `python benchmarks/storage_posts.py [--senders 50] [--seconds 5] [--busy-us 0] [--url …]`.

Senders post as fast as they get answers, each to one of `--channels` channels. `--busy-us` is what each message costs in the
Trio thread besides: what services, hub and sockets would do there.
"""

import argparse
import statistics
import tempfile
from pathlib import Path
from time import perf_counter

import attrs
import trio

from chat_storage_sqlite import open_sqlite
from chatcore.clock import SystemClock
from chatcore.config import Config
from chatcore.events import ChannelCreated, MessageReceived
from chatcore.ids import ChannelId, MessageId, UserId, WorkspaceId, uuid7
from chatcore.model import Channel, ChannelMember, ChannelType, Member, Message, Role, User, Workspace, card_of
from chatcore.ports import Post, ProviderContext, Storage, Tx, seal

CLOCK = SystemClock()


def new_id() -> str:
    return uuid7(int(CLOCK.now().timestamp() * 1000))


@attrs.define
class Town:
    """One workspace, its people, all of them in all its channels."""

    users: list[User]
    workspace: Workspace
    channels: list[Channel]


def town(users: int, channels: int) -> Town:
    now = CLOCK.now()
    people = [
        User(id=UserId(new_id()), email=f"{n}@example.org", display_name=f"Person {n}", created_at=now, updated_at=now)
        for n in range(users)
    ]
    place = Workspace(
        id=WorkspaceId(new_id()), name="W", slug="w", created_by=people[0].id, created_at=now, updated_at=now
    )
    rooms = [
        Channel(
            id=ChannelId(new_id()),
            workspace_id=place.id,
            name=f"room-{n}",
            type=ChannelType.PUBLIC,
            created_by=people[0].id,
            created_at=now,
            updated_at=now,
        )
        for n in range(channels)
    ]
    return Town(people, place, rooms)


async def settle(storage: Storage, place: Town) -> None:
    now = CLOCK.now()

    async def work(tx: Tx) -> None:
        for user in place.users:
            await tx.users.insert(user)
        await tx.workspaces.insert(place.workspace)
        for user in place.users:
            member = Member(workspace_id=place.workspace.id, user_id=user.id, role=Role.MEMBER, joined_at=now)
            await tx.members.insert(member)
        for channel in place.channels:
            await tx.channels.insert(channel)
            seq = await tx.events.append(ChannelCreated(workspace_id=place.workspace.id, channel=channel))
            for user in place.users:
                entry = ChannelMember(channel_id=channel.id, user_id=user.id, joined_at=now)
                await tx.channel_members.join(entry, seq)

    await storage.write(work)


def make_post(place: Town, user: User, channel: Channel, text: str) -> Post:
    message = Message(
        id=MessageId(new_id()),
        channel_id=channel.id,
        user_id=user.id,
        user=card_of(user),
        content=text,
        temp_id=new_id(),
        created_at=CLOCK.now(),
    )
    return Post(message=message, envelope=seal(MessageReceived(workspace_id=place.workspace.id, message=message)))


def spin(microseconds: float) -> None:
    end = perf_counter() + microseconds / 1e6
    while perf_counter() < end:
        pass


async def main(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = options.url or f"sqlite:///{Path(folder)}/bench.db"
        context = ProviderContext(config=Config(database_url=url), clock=CLOCK, data_dir=None)
        async with open_sqlite(context) as storage:
            place = town(options.senders, options.channels)
            await settle(storage, place)
            commits: list[int] = []
            storage.on_commit(lambda envelopes: commits.append(len(envelopes)))
            took: list[float] = []

            async def sender(number: int) -> None:
                user, channel = place.users[number], place.channels[number % len(place.channels)]
                while perf_counter() < end:
                    began = perf_counter()
                    post = make_post(
                        place, user, channel, "The quick brown fox jumps over the lazy dog, again and again."
                    )
                    spin(options.busy_us)
                    await storage.post(post)
                    took.append(perf_counter() - began)

            began = perf_counter()
            end = began + options.seconds
            async with trio.open_nursery() as nursery:
                for number in range(options.senders):
                    nursery.start_soon(sender, number)
            whole = perf_counter() - began
            quantiles = statistics.quantiles(took, n=100)
            print(
                f"{options.senders} senders, {options.channels} channels, {options.busy_us} us each: "
                f"{len(took) / whole:,.0f} posts/s, p50 {quantiles[49] * 1000:.2f} ms, p99 {quantiles[98] * 1000:.2f} ms, "
                f"{len(took) / len(commits):.1f} a commit"
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--senders", type=int, default=50)
    parser.add_argument("--channels", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--busy-us", type=float, default=0)
    parser.add_argument("--url")
    trio.run(main, parser.parse_args())
