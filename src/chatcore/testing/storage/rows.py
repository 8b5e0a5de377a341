"""The tables of values: what every table does, and what some do besides."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import attrs
import pytest

from chatcore.errors import Duplicate, NotFound
from chatcore.ids import AttachmentId, AuditId, HuddleId, InviteId, PresetId, RecordingId, SessionId, TokenId
from chatcore.model import (
    Attachment,
    AuditEntry,
    BotToken,
    Credential,
    EmojiPreset,
    Huddle,
    HuddleDevice,
    HuddleMode,
    HuddlePin,
    HuddleStatus,
    Invite,
    Participant,
    Presence,
    PresenceStatus,
    Recording,
    Role,
    Session,
    TokenScope,
    Topology,
)
from chatcore.ports import Tx
from chatcore.testing.clock import START
from chatcore.testing.storage.base import StorageTests
from chatcore.testing.storage.town import Town
from chatcore.testing.values import later, make_channel, make_user, make_workspace, new_id

TIME = START + timedelta(milliseconds=123)


def _huddle(town: Town, **fields: Any) -> Huddle:
    values: dict[str, Any] = {
        "id": new_id(HuddleId),
        "workspace_id": town.workspace.id,
        "channel_id": town.channel.id,
        "created_by": town.ann.id,
        "started_at": TIME,
    }
    return Huddle(**values | fields)


def _session(town: Town, **fields: Any) -> Session:
    values: dict[str, Any] = {
        "id": new_id(SessionId),
        "user_id": town.ann.id,
        "token_id": new_id(TokenId),
        "rotated_at": TIME,
        "created_at": TIME,
        "expires_at": later(3600),
    }
    return Session(**values | fields)


def _user_rows(town: Town) -> tuple[Any, ...]:
    return (
        make_user(),
        make_user(
            "Ærøskøbing 👋",
            first_name="O'Neil",
            last_name='"; --',
            avatar_url="/a.png",
            email_verified=True,
            is_bot=True,
            deactivated_at=TIME,
        ),
    )


def _workspace_rows(town: Town) -> tuple[Any, ...]:
    settings = {"openJoin": True, "nested": {"list": [1, 2.5, None, "é"]}}
    return make_workspace(town.ann.id), make_workspace(town.ann.id, description="d", avatar_url="/w", settings=settings)


def _channel_rows(town: Town) -> tuple[Any, ...]:
    full = make_channel(town.workspace, description="d", settings={"a": [1]}, archived_at=TIME)
    return make_channel(town.workspace), full


def _invite_rows(town: Town) -> tuple[Any, ...]:
    plain = Invite(
        id=new_id(InviteId),
        workspace_id=town.workspace.id,
        token_hash=new_id(),
        role=Role.GUEST,
        created_by=town.ann.id,
        created_at=TIME,
    )
    full = attrs.evolve(
        plain, id=new_id(InviteId), token_hash=new_id(), expires_at=TIME, max_uses=3, uses=2, revoked_at=TIME
    )
    return plain, full


def _bot_token_rows(town: Town) -> tuple[Any, ...]:
    plain = BotToken(id=new_id(TokenId), user_id=town.ann.id, name="bot", token_hash=new_id(), created_at=TIME)
    full = attrs.evolve(
        plain,
        id=new_id(TokenId),
        token_hash=new_id(),
        scopes=(TokenScope.MESSAGES_READ, TokenScope.ADMIN),
        created_by=town.ben.id,
        expires_at=TIME,
        revoked_at=TIME,
    )
    return plain, full


def _attachment_rows(town: Town) -> tuple[Any, ...]:
    plain = Attachment(
        id=new_id(AttachmentId),
        workspace_id=town.workspace.id,
        filename="f",
        original_filename="Föto.png",
        mime_type="image/png",
        size=50 * 1024 * 1024,
        url="/f",
        uploaded_by=town.ann.id,
        created_at=TIME,
    )
    return plain, attrs.evolve(plain, id=new_id(AttachmentId), size=1)


def _huddle_rows(town: Town) -> tuple[Any, ...]:
    ended = {"title": "t", "mode": HuddleMode.SFU, "status": HuddleStatus.ENDED, "ended_at": TIME}
    busy = {"topology": Topology.SFU, "empty_since": TIME, "recorded_by": town.ann.id}
    return _huddle(town), _huddle(town, **ended, **busy)


def _session_rows(town: Town) -> tuple[Any, ...]:
    return _session(town), _session(town, previous_id=new_id(TokenId), revoked_at=TIME, user_agent="Bröwser/1")


def _credential_rows(town: Town) -> tuple[Any, ...]:
    return tuple(
        Credential(user_id=user.id, provider="password", secret="$2b$…", updated_at=TIME) for user in town.people[:2]
    )


def _presence_rows(town: Town) -> tuple[Any, ...]:
    return (
        Presence(user_id=town.ann.id, status=PresenceStatus.AWAY),
        Presence(user_id=town.ben.id, status=PresenceStatus.ONLINE, last_seen=TIME),
    )


def _preset_rows(town: Town) -> tuple[Any, ...]:
    return tuple(EmojiPreset(id=new_id(PresetId), emoji="🦊", name=f"fox{n}", category="animals") for n in range(2))


def _audit_rows(town: Town) -> tuple[Any, ...]:
    full = AuditEntry(
        id=new_id(AuditId),
        workspace_id=town.workspace.id,
        actor_id=town.ann.id,
        action="member.role_changed",
        target=town.ben.id,
        details={"from": "member", "to": "admin"},
        created_at=TIME,
    )
    return AuditEntry(id=new_id(AuditId), action="user.created", created_at=TIME), full


TABLES: dict[str, tuple[Callable[[Town], tuple[Any, ...]], tuple[str, ...]]] = {
    "users": (_user_rows, ("id",)),
    "workspaces": (_workspace_rows, ("id",)),
    "channels": (_channel_rows, ("id",)),
    "invites": (_invite_rows, ("id",)),
    "bot_tokens": (_bot_token_rows, ("id",)),
    "sessions": (_session_rows, ("id",)),
    "attachments": (_attachment_rows, ("id",)),
    "huddles": (_huddle_rows, ("id",)),
    "presets": (_preset_rows, ("id",)),
    "audit": (_audit_rows, ("id",)),
    "credentials": (_credential_rows, ("user_id", "provider")),
    "presence": (_presence_rows, ("user_id",)),
}
"""Table -> two rows for it, the first with nothing and the second with everything that may be left out; and its key."""


def insert(table: str, row: Any) -> Callable[[Tx], Awaitable[None]]:
    """The transaction that adds a row."""

    async def work(tx: Tx) -> None:
        await getattr(tx, table).insert(row)

    return work


def get(table: str, key: Sequence[str]) -> Callable[[Tx], Awaitable[Any]]:
    """The transaction that reads a row."""

    async def work(tx: Tx) -> Any:
        return await getattr(tx, table).get(*key)

    return work


def find(table: str, **options: Any) -> Callable[[Tx], Awaitable[list[Any]]]:
    """The transaction that looks for rows."""

    async def work(tx: Tx) -> list[Any]:
        rows: list[Any] = await getattr(tx, table).find(**options)
        return rows

    return work


class RowTests(StorageTests):
    @pytest.mark.parametrize("table", TABLES)
    async def test_rows_come_back_as_they_went(self, table: str) -> None:
        async with self.town() as town:
            make, names = TABLES[table]
            for row in make(town):
                key = [getattr(row, name) for name in names]
                await town.storage.write(insert(table, row))
                assert await town.storage.read(get(table, key)) == row
                assert await self._delete(town, table, key)
                assert not await self._delete(town, table, key)
                assert await town.storage.read(get(table, key)) is None

    @pytest.mark.parametrize("table", TABLES)
    async def test_rows_are_found_in_the_order_of_their_keys(self, table: str) -> None:
        async with self.town() as town:
            make, names = TABLES[table]
            rows = sorted(make(town), key=lambda row: [getattr(row, name) for name in names])

            async def work(tx: Tx) -> list[Any]:
                for old in await getattr(tx, table).find():
                    if table in ("presets", "presence"):
                        await getattr(tx, table).delete(*[getattr(old, name) for name in names])
                for row in rows:
                    await getattr(tx, table).insert(row)
                return [row for row in await getattr(tx, table).find() if row in rows]

            assert await town.storage.write(work) == rows
            back = await town.storage.read(find(table, newest_first=True))
            assert [row for row in back if row in rows] == rows[::-1]
            assert len(await town.storage.read(find(table, limit=1))) == 1

    @pytest.mark.parametrize("table", TABLES)
    async def test_rows_are_found_by_every_field(self, table: str) -> None:
        async with self.town() as town:
            make, _ = TABLES[table]
            rows = make(town)
            for row in rows:
                await town.storage.write(insert(table, row))
            for row in rows:
                for field, value in attrs.asdict(row, recurse=False).items():
                    if isinstance(value, dict):
                        continue
                    hits = await town.storage.read(find(table, **{field: value}))
                    assert row in hits, field
                    assert all(getattr(hit, field) == value for hit in hits), field

    @pytest.mark.parametrize("table", TABLES)
    async def test_a_key_is_taken_once(self, table: str) -> None:
        async with self.town() as town:
            row = TABLES[table][0](town)[0]
            await town.storage.write(insert(table, row))
            with pytest.raises(Duplicate):
                await town.storage.write(insert(table, row))

    async def test_an_update_replaces_the_row(self) -> None:
        async with self.town() as town:
            changed = attrs.evolve(town.ann, display_name="Ann II", avatar_url="/2", deactivated_at=TIME)
            await town.storage.write(lambda tx: tx.users.update(changed))
            assert await town.storage.read(lambda tx: tx.users.get(town.ann.id)) == changed
            back = attrs.evolve(changed, avatar_url=None, deactivated_at=None)
            await town.storage.write(lambda tx: tx.users.update(back))
            assert await town.storage.read(lambda tx: tx.users.get(town.ann.id)) == back

    async def test_an_update_needs_its_row(self) -> None:
        async with self.town() as town:
            with pytest.raises(NotFound):
                await town.storage.write(lambda tx: tx.users.update(make_user()))

    async def test_unique_columns(self) -> None:
        async with self.town() as town:
            same_mail = make_user(email=town.ann.email)
            with pytest.raises(Duplicate):
                await town.storage.write(lambda tx: tx.users.insert(same_mail))
            with pytest.raises(Duplicate):
                await town.storage.write(lambda tx: tx.users.update(attrs.evolve(town.ben, email=town.ann.email)))
            with pytest.raises(Duplicate):
                await town.storage.write(
                    lambda tx: tx.workspaces.insert(make_workspace(town.ann.id, slug=town.workspace.slug))
                )
            with pytest.raises(Duplicate):
                await town.storage.write(lambda tx: tx.channels.insert(make_channel(town.workspace, "general")))

    async def test_a_channel_name_is_free_in_another_workspace(self) -> None:
        async with self.town() as town:
            workspace = make_workspace(town.ann.id)
            channel = make_channel(workspace, "general")

            async def work(tx: Tx) -> None:
                await tx.workspaces.insert(workspace)
                await tx.channels.insert(channel)

            await town.storage.write(work)
            assert await town.storage.read(lambda tx: tx.channels.by_name(workspace.id, "general")) == channel

    async def test_what_a_row_refers_to_must_be_there(self) -> None:
        async with self.town() as town:
            workspace = make_workspace(make_user().id)
            with pytest.raises(NotFound):
                await town.storage.write(lambda tx: tx.workspaces.insert(workspace))

    async def test_a_channel_has_one_active_huddle(self) -> None:
        async with self.town() as town:
            first, second = _huddle(town), _huddle(town)
            await town.storage.write(lambda tx: tx.huddles.insert(first))
            with pytest.raises(Duplicate):
                await town.storage.write(lambda tx: tx.huddles.insert(second))
            ended = attrs.evolve(first, status=HuddleStatus.ENDED, ended_at=TIME)
            await town.storage.write(lambda tx: tx.huddles.update(ended))
            await town.storage.write(lambda tx: tx.huddles.insert(second))

    async def test_where_a_huddle_is(self) -> None:
        async with self.town() as town:
            huddle = _huddle(town)
            await town.storage.write(lambda tx: tx.huddles.insert(huddle))
            assert await town.storage.read(lambda tx: tx.huddles.channel_of(huddle.id)) == town.channel.id
            assert await town.storage.read(lambda tx: tx.huddles.channel_of(new_id(HuddleId))) is None
            ended = attrs.evolve(huddle, status=HuddleStatus.ENDED, ended_at=TIME)
            await town.storage.write(lambda tx: tx.huddles.update(ended))
            assert await town.storage.read(lambda tx: tx.huddles.channel_of(huddle.id)) == town.channel.id

    async def test_participants(self) -> None:
        async with self.town() as town:
            huddle = _huddle(town)
            present = Participant(huddle_id=huddle.id, user_id=town.ann.id, joined_at=TIME)

            async def work(tx: Tx) -> list[Participant]:
                await tx.huddles.insert(huddle)
                await tx.participants.insert(present)
                return await tx.participants.find(huddle_id=huddle.id, left_at=None)

            assert await town.storage.write(work) == [present]
            await town.storage.write(lambda tx: tx.participants.update(attrs.evolve(present, left_at=TIME)))
            left = await town.storage.read(lambda tx: tx.participants.find(huddle_id=huddle.id, left_at=None))
            assert left == []
            busy = attrs.evolve(present, muted=True, camera=True, sharing=True, hand_raised=True)
            busy = attrs.evolve(busy, removed_by=town.ben.id)
            await town.storage.write(lambda tx: tx.participants.update(busy))
            assert await town.storage.read(lambda tx: tx.participants.get(huddle.id, town.ann.id)) == busy

    async def test_devices_of_participants(self) -> None:
        async with self.town() as town:
            huddle = _huddle(town)
            phone = HuddleDevice(huddle_id=huddle.id, user_id=town.ann.id, device_id="phone")
            desk = attrs.evolve(phone, device_id="Schreibtisch", beat=2**40)

            async def work(tx: Tx) -> None:
                await tx.huddles.insert(huddle)
                await tx.devices.insert(phone)
                await tx.devices.insert(desk)
                await tx.devices.update(attrs.evolve(phone, beat=1))

            await town.storage.write(work)
            found = await town.storage.read(lambda tx: tx.devices.find(huddle_id=huddle.id, user_id=town.ann.id))
            assert found == [desk, attrs.evolve(phone, beat=1)]
            with pytest.raises(Duplicate):
                await town.storage.write(lambda tx: tx.devices.insert(phone))
            assert await town.storage.write(lambda tx: tx.devices.delete(huddle.id, town.ann.id, "phone"))
            assert await town.storage.read(lambda tx: tx.devices.find(huddle_id=huddle.id)) == [desk]

    async def test_where_the_media_of_a_huddle_is(self) -> None:
        async with self.town() as town:
            huddle = _huddle(town)
            pin = HuddlePin(huddle_id=huddle.id, node="a")

            async def work(tx: Tx) -> None:
                await tx.huddles.insert(huddle)
                await tx.pins.insert(pin)

            await town.storage.write(work)
            with pytest.raises(Duplicate):
                await town.storage.write(lambda tx: tx.pins.insert(attrs.evolve(pin, node="b")))
            await town.storage.write(lambda tx: tx.pins.update(attrs.evolve(pin, node="b")))
            assert await town.storage.read(lambda tx: tx.pins.find(node="a")) == []
            assert await town.storage.read(lambda tx: tx.pins.get(huddle.id)) == attrs.evolve(pin, node="b")

    async def test_recordings(self) -> None:
        async with self.town() as town:
            huddle = _huddle(town)
            going = Recording(
                id=new_id(RecordingId),
                huddle_id=huddle.id,
                channel_id=town.channel.id,
                started_by=town.ann.id,
                started_at=TIME,
            )
            files = {"01-x.opus": str(town.ann.id), "mix.opus": "mix"}
            done = attrs.evolve(going, stopped_at=later(60), files=files, problem="the end is missing")

            async def work(tx: Tx) -> None:
                await tx.huddles.insert(huddle)
                await tx.recordings.insert(going)

            await town.storage.write(work)
            assert await town.storage.read(lambda tx: tx.recordings.get(going.id)) == going
            await town.storage.write(lambda tx: tx.recordings.update(done))
            found = await town.storage.read(lambda tx: tx.recordings.find(channel_id=town.channel.id))
            assert found == [done]

    async def test_the_first_emoji_are_there(self) -> None:
        async with self.town() as town:
            presets = await town.storage.read(lambda tx: tx.presets.find())
            by_order = sorted(presets, key=lambda preset: preset.sort_order)
            assert [preset.emoji for preset in by_order] == ["👍", "👎", "😄", "❤️", "🎉"]

    async def test_revoked_and_expired_sessions(self) -> None:
        async with self.town() as town:
            live = _session(town)
            early, late = _session(town, revoked_at=later(10)), _session(town, revoked_at=later(20))
            expired = _session(town, expires_at=later(-1))
            for session in (live, early, late, expired):
                await town.storage.write(insert("sessions", session))
            revoked = await town.storage.read(lambda tx: tx.sessions.revoked_since(later(10)))
            assert {session.id for session in revoked} == {early.id, late.id}
            assert await town.storage.read(lambda tx: tx.sessions.revoked_since(later(15))) == [late]
            assert await town.storage.write(lambda tx: tx.sessions.forget_expired(START)) == 1
            assert await town.storage.read(lambda tx: tx.sessions.get(expired.id)) is None

    async def test_counters(self) -> None:
        async with self.town() as town:
            first = {"a": (3, later(10)), "b": (1, later(3600))}
            await town.storage.write(lambda tx: tx.counters.save(first))
            await town.storage.write(lambda tx: tx.counters.save({"a": (4, later(20))}))
            loaded = await town.storage.read(lambda tx: tx.counters.load(later(5)))
            assert loaded == {"a": (4, later(20)), "b": (1, later(3600))}
            assert await town.storage.read(lambda tx: tx.counters.load(later(30))) == {"b": (1, later(3600))}

    async def test_counters_add_up(self) -> None:
        async with self.town() as town:

            async def add(counters: dict[str, tuple[int, datetime]], seconds: float) -> dict[str, tuple[int, datetime]]:
                return await town.storage.write(lambda tx: tx.counters.add(counters, later(seconds)))

            assert await add({"a": (3, later(10)), "b": (1, later(3600))}, 0) == {
                "a": (3, later(10)),
                "b": (1, later(3600)),
            }
            # The end of a counter is that of its first request.
            assert await add({"a": (2, later(15))}, 5) == {"a": (5, later(10))}
            # Once it has expired it begins afresh, with the end that is given.
            assert await add({"a": (1, later(70)), "b": (1, later(7200))}, 60) == {
                "a": (1, later(70)),
                "b": (2, later(3600)),
            }
            assert await town.storage.read(lambda tx: tx.counters.load(later(60))) == {
                "a": (1, later(70)),
                "b": (2, later(3600)),
            }
            assert await add({}, 60) == {}

    async def _delete(self, town: Town, table: str, key: list[str]) -> bool:
        async def work(tx: Tx) -> bool:
            deleted: bool = await getattr(tx, table).delete(*key)
            return deleted

        return await town.storage.write(work)
