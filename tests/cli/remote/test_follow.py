"""The live stream, through every interruption: each event once, in order."""

from pathlib import Path
from typing import Any

import pytest
import trio
from tests.cli.remote.scripted import WORKSPACE, Act, Reply, Socket, http_server, refusal, socket_server

from chatcli.problem import Failure
from chatcli.remote import follow
from chatcli.remote.access import BotAccess, PersonAccess
from chatcli.remote.answer import Refused, Unreachable
from chatcli.remote.api import open_api
from chatcli.remote.credentials import Account, Credentials
from chatcli.remote.cursor import Cursor
from chatcli.remote.follow import Following
from chatcore.client import ending


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Delays are short, and not what is tested."""
    monkeypatch.setattr(ending, "FIRST_DELAY", 0.001)


class Notes:
    """Writes down what it is told; `until` ends the wait once so many events are there."""

    def __init__(self, until: int) -> None:
        self.joins: list[tuple[str, bool]] = []
        self.seqs: list[int | None] = []
        self.cursors: list[str] = []
        self.reasons: list[str] = []
        self.done = trio.Event()
        self._until = until

    async def joined(self, now: Cursor, *, resumed: bool) -> None:
        self.joins.append((str(now), resumed))

    async def event(self, event: dict[str, Any], cursor: Cursor | None) -> None:
        self.seqs.append(event.get("seq"))
        self.cursors.append(str(cursor))
        if len(self.seqs) == self._until:
            self.done.set()

    def waiting(self, reason: str, delay: float) -> None:
        self.reasons.append(reason)


async def play(acts: list[Act], notes: Notes, since: Cursor | None = None) -> list[Socket]:
    """Follow a server that plays these acts, until the notes are done; the connections that it saw."""
    with trio.fail_after(20):
        async with socket_server(acts) as (url, sockets), open_api(BotAccess(url=url, token="cct_x")) as api:
            await follow_until_done(Following(api, WORKSPACE, notes, since), notes)
    return sockets


async def follow_until_done(following: Following, notes: Notes) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(following.run)
        await notes.done.wait()
        nursery.cancel_scope.cancel()


async def test_events_come_in_order_with_their_cursors() -> None:
    async def act(socket: Socket) -> None:
        await socket.joined(10)
        await socket.say({"type": "typing", "workspaceId": WORKSPACE, "data": {}})
        await socket.event(12)
        await socket.event(15)
        await socket.stay()

    notes = Notes(3)
    [socket] = await play([act], notes)
    assert socket.authorization == "Bearer cct_x"
    assert socket.join == {"type": "join_workspace", "id": "join", "data": {"workspaceId": WORKSPACE}}
    assert notes.joins == [("e1:10", False)]
    assert notes.seqs == [None, 12, 15]
    assert notes.cursors == ["None", "e1:12", "e1:15"]


@pytest.mark.parametrize("end", [1001, 1012, 4001, 4002, "vanish"])
async def test_it_comes_back_with_its_cursor_and_tells_nothing_twice(end: int | str) -> None:
    async def first(socket: Socket) -> None:
        await socket.joined(10)
        await socket.event(11)
        await socket.event(12)
        await (socket.vanish() if isinstance(end, str) else socket.close(end))

    async def second(socket: Socket) -> None:
        await socket.event(12)
        await socket.event(13)
        await socket.joined(13, resumed=True)
        await socket.event(14)
        await socket.stay()

    notes = Notes(4)
    sockets = await play([first, second], notes)
    assert sockets[1].join["data"]["since"] == {"epoch": "e1", "seq": 12}
    assert notes.seqs == [11, 12, 13, 14]
    assert notes.joins == [("e1:10", False), ("e1:13", True)]
    assert len(notes.reasons) == 1


async def test_a_connection_that_breaks_during_the_replay_goes_on_where_it_broke() -> None:
    async def first(socket: Socket) -> None:
        await socket.event(6)
        await socket.event(7)
        await socket.vanish()

    async def second(socket: Socket) -> None:
        await socket.event(8)
        await socket.joined(8, resumed=True)
        await socket.stay()

    notes = Notes(3)
    sockets = await play([first, second], notes, Cursor("e1", 5))
    assert [socket.join["data"]["since"]["seq"] for socket in sockets] == [5, 7]
    assert notes.seqs == [6, 7, 8]


async def test_what_can_no_longer_be_resumed_is_said_and_goes_on_in_the_new_epoch() -> None:
    async def first(socket: Socket) -> None:
        await socket.joined(10)
        await socket.event(11)
        await socket.close(1012)

    async def second(socket: Socket) -> None:
        await socket.joined(3, epoch="e2", resumed=False)
        await socket.event(4)
        await socket.close(1012)

    async def third(socket: Socket) -> None:
        await socket.joined(4, epoch="e2", resumed=True)
        await socket.event(5)
        await socket.stay()

    notes = Notes(3)
    sockets = await play([first, second, third], notes)
    assert notes.joins == [("e1:10", False), ("e2:3", False), ("e2:4", True)]
    assert notes.seqs == [11, 4, 5]
    assert sockets[2].join["data"]["since"] == {"epoch": "e2", "seq": 4}


async def test_other_workspaces_and_strange_frames_are_passed_over() -> None:
    async def act(socket: Socket) -> None:
        await socket.joined(10)
        await socket.say({"type": "message_received", "workspaceId": "another", "seq": 99, "data": {}})
        await socket.say({"type": "error", "error": {"code": "X", "message": "y"}})
        await socket.say({"type": "of_the_future", "workspaceId": WORKSPACE, "seq": 11, "data": {}})
        await socket.stay()

    notes = Notes(1)
    await play([act], notes)
    assert notes.seqs == [11]


async def test_a_silent_server_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "HEARTBEAT_SECONDS", 0.1)
    monkeypatch.setattr(follow, "PONG_SECONDS", 0.1)

    async def first(socket: Socket) -> None:
        await socket.joined(10)
        await socket.fall_silent()

    async def second(socket: Socket) -> None:
        await socket.joined(10, resumed=True)
        await socket.event(11)
        await socket.stay()

    notes = Notes(1)
    await play([first, second], notes)
    assert notes.reasons[0] == "no heartbeat"
    assert notes.seqs == [11]


@pytest.mark.parametrize("code", [1009, 4400, 4403])
async def test_an_end_for_good_is_told(code: int) -> None:
    async def act(socket: Socket) -> None:
        await socket.close(code, "because")

    with pytest.RaisesGroup(pytest.RaisesExc(Failure, match="because"), flatten_subgroups=True):
        await play([act], Notes(1))


async def test_a_workspace_that_may_not_be_joined_is_told() -> None:
    async def act(socket: Socket) -> None:
        error = {"code": "RESOURCE_NOT_FOUND", "message": "There is no such workspace."}
        await socket.say({"type": "reply", "id": "join", "ok": False, "error": error})
        await socket.stay()

    with pytest.RaisesGroup(pytest.RaisesExc(Failure, match="no such workspace"), flatten_subgroups=True):
        await play([act], Notes(1))


class Reads(Notes):
    """A follower that reads history when it joins, and fails once."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(1)
        self._failure: Failure | None = failure

    async def joined(self, now: Cursor, *, resumed: bool) -> None:
        await super().joined(now, resumed=resumed)
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure


@pytest.mark.parametrize("failure", [Unreachable("gone"), Refused(503, "X", "away"), Refused(429, "X", "slower")])
async def test_a_history_that_cannot_be_read_now_is_read_at_the_next_attempt(failure: Failure) -> None:
    async def act(socket: Socket) -> None:
        await socket.joined(10)
        await socket.event(11)
        await socket.stay()

    notes = Reads(failure)
    await play([act, act], notes)
    assert notes.joins == [("e1:10", False)] * 2
    assert notes.seqs == [11]


async def test_a_refusal_that_stays_is_told() -> None:
    async def act(socket: Socket) -> None:
        await socket.joined(10)
        await socket.stay()

    with pytest.RaisesGroup(pytest.RaisesExc(Refused, match="not yours"), flatten_subgroups=True):
        await play([act], Reads(Refused(404, "X", "not yours")))


@pytest.mark.parametrize("code", [4401, 4408, 4409])
async def test_an_expired_sign_in_is_renewed(code: int, tmp_path: Path) -> None:
    async def first(socket: Socket) -> None:
        await socket.close(code)

    async def second(socket: Socket) -> None:
        await socket.joined(10)
        await socket.event(11)
        await socket.stay()

    tokens = Reply(200, {"accessToken": "a2", "refreshToken": "r2"})
    notes = Notes(1)
    with trio.fail_after(20):
        async with http_server([refusal(503), tokens]) as (rest, _), socket_server([first, first, second]) as served:
            url, sockets = served
            account = Account(url=url, email="ada@example.org", access_token="a1", refresh_token="r1")
            credentials = Credentials(tmp_path / "credentials.json")
            credentials.put(account)
            async with open_api(PersonAccess(account=account, credentials=credentials)) as api:
                api.http.base_url = rest  # type: ignore[assignment]  # sockets and HTTP have a port each here
                await follow_until_done(Following(api, WORKSPACE, notes), notes)
    assert [socket.authorization for socket in sockets] == ["Bearer a1", "Bearer a1", "Bearer a2"]
