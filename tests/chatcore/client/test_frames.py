"""What comes over the socket, frame by frame, through every interruption: each event once, in order."""

import pytest
import trio
from tests.chatcore.client.scripted import CHANNEL, WORKSPACE, Act, Socket, socket_server

from chatcore.client import BotAccess, Frame, Workspace, ending, link
from chatcore.client.api import Api, connect
from chatcore.client.beside import beside
from chatcore.errors import ChatError, NotFound
from chatcore.ids import UserId, WorkspaceId
from chatcore.model import Position


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Delays are short, and not what is tested."""
    monkeypatch.setattr(ending, "FIRST_DELAY", 0.001)


class Notes:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.types: list[str] = []
        self.seqs: list[int | None] = []
        self.positions: list[str] = []
        self.reasons: list[str] = []
        self.returns = 0

    def heard(self, frame: Frame, position: Position) -> None:
        self.types.append(frame["type"])
        self.seqs.append(frame.get("seq"))
        self.positions.append(f"{position.epoch}:{position.seq}")

    def waiting(self, reason: str, delay: float) -> None:
        self.reasons.append(reason)

    def back(self) -> None:
        self.returns += 1


async def play(acts: list[Act], frames: int, since: Position | None = None) -> tuple[Notes, list[Socket]]:
    """Follow a server that plays these acts, for so many frames; and the connections that it saw."""
    notes = Notes()
    with trio.fail_after(20):
        async with socket_server(acts) as (url, sockets), connect(url) as http:
            api = Api(BotAccess(url=url, token="cct_x"), http)
            me, id_ = UserId("me"), WorkspaceId(WORKSPACE)
            workspace = Workspace(api, me, id_, "team", since, notes.waiting, notes.back)
            async with beside(workspace.run):
                await workspace.start(state=False)
                stream = workspace.frames()
                for _ in range(frames):
                    notes.heard(await anext(stream), workspace.position)
    return notes, sockets


async def test_events_come_in_order_with_their_cursors() -> None:
    async def act(socket: Socket) -> None:
        await socket.joined(10)
        await socket.say({"type": "typing", "workspaceId": WORKSPACE, "data": {}})
        await socket.event(12)
        await socket.event(15)
        await socket.stay()

    notes, [socket] = await play([act], 3)
    assert socket.authorization == "Bearer cct_x"
    assert socket.join == {"type": "join_workspace", "id": "join", "data": {"workspaceId": WORKSPACE}}
    assert notes.seqs == [None, 12, 15]
    assert notes.positions == ["e1:10", "e1:12", "e1:15"]


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

    notes, sockets = await play([first, second], 4)
    assert sockets[1].join["data"]["since"] == {"epoch": "e1", "seq": 12}
    assert notes.seqs == [11, 12, 13, 14]
    assert len(notes.reasons) == notes.returns == 1


async def test_a_connection_that_breaks_during_the_replay_goes_on_where_it_broke() -> None:
    async def first(socket: Socket) -> None:
        await socket.event(6)
        await socket.event(7)
        await socket.vanish()

    async def second(socket: Socket) -> None:
        await socket.event(8)
        await socket.joined(8, resumed=True)
        await socket.stay()

    notes, sockets = await play([first, second], 3, Position(epoch="e1", seq=5))
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

    notes, sockets = await play([first, second, third], 4)
    assert notes.types == ["message_received", "resynced", "message_received", "message_received"]
    assert notes.positions == ["e1:11", "e2:3", "e2:4", "e2:5"]
    assert sockets[2].join["data"]["since"] == {"epoch": "e2", "seq": 4}


async def test_other_workspaces_and_strange_frames_are_passed_over() -> None:
    async def act(socket: Socket) -> None:
        await socket.joined(10)
        await socket.say({"type": "message_received", "workspaceId": "another", "seq": 99, "data": {}})
        await socket.say({"type": "error", "error": {"code": "X", "message": "y"}})
        await socket.say({"type": "of_the_future", "workspaceId": WORKSPACE, "seq": 11, "data": {}})
        await socket.stay()

    notes, _ = await play([act], 1)
    assert (notes.types, notes.seqs) == (["of_the_future"], [11])


async def test_a_silent_server_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "HEARTBEAT_SECONDS", 0.1)
    monkeypatch.setattr(link, "PONG_SECONDS", 0.1)

    async def first(socket: Socket) -> None:
        await socket.joined(10)
        await socket.fall_silent()

    async def second(socket: Socket) -> None:
        await socket.joined(10, resumed=True)
        await socket.event(11)
        await socket.stay()

    notes, _ = await play([first, second], 1)
    assert notes.reasons[0] == "no heartbeat"
    assert notes.seqs == [11]


@pytest.mark.parametrize("code", [1009, 4400, 4403])
async def test_an_end_for_good_is_told(code: int) -> None:
    async def act(socket: Socket) -> None:
        await socket.close(code, "because")

    with pytest.RaisesGroup(pytest.RaisesExc(ChatError, match="because"), flatten_subgroups=True):
        await play([act], 1)


async def test_a_workspace_that_may_not_be_joined_is_told() -> None:
    async def act(socket: Socket) -> None:
        error = {"code": "RESOURCE_NOT_FOUND", "message": "There is no such workspace."}
        await socket.say({"type": "reply", "id": "join", "ok": False, "error": error})
        await socket.stay()

    with pytest.RaisesGroup(pytest.RaisesExc(NotFound, match="no such workspace"), flatten_subgroups=True):
        await play([act], 1)


async def test_an_event_that_is_not_understood_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    """A later release may say more than this one has words for: what is behind it is heard all the same."""

    async def act(socket: Socket) -> None:
        await socket.joined(10)
        await socket.event(11)  # too little for a message
        data = {"messageId": CHANNEL, "channelId": CHANNEL, "messageSeq": 5, "new": "something"}
        await socket.say({"type": "message_deleted", "workspaceId": WORKSPACE, "seq": 12, "data": data})
        await socket.stay()

    with trio.fail_after(20):
        async with socket_server([act]) as (url, _), connect(url) as http:
            api = Api(BotAccess(url=url, token="cct_x"), http)
            workspace = Workspace(api, UserId("me"), WorkspaceId(WORKSPACE), "team")
            async with beside(workspace.run):
                await workspace.start(state=False)
                event = await workspace.next_event()
    assert (event.type, event.seq, workspace.position.seq) == ("message_deleted", 12, 12)
    assert "an event message_received was not understood" in caplog.text
