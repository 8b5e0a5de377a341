"""Two people at two nodes hear each other by way of one of them, and by way of the other when that is killed."""

from pathlib import Path

import pytest
import trio
from tests.plugins.chat_voice_webrtc.peers import Peer, Room, Tone, open_room, pitch
from tests.programme.cluster import Cluster, running_cluster
from tests.programme.line import Line, line
from tests.programme.process import Person, make_team

pytestmark = [pytest.mark.programme, pytest.mark.slow]


async def join(room: Room, huddle: str, person: Person, peer: Peer) -> Peer:
    """Over REST; again and again while the media is being moved."""
    room.peers.append(peer)
    offer = {"type": "offer", "sdp": await room.bridge.run(peer.offer)}
    for _ in range(50):
        answer = await person.call("POST", f"/api/huddles/{huddle}/join", {"offer": offer})
        if answer.status_code != 503:
            break
        await trio.sleep(0.2)
    assert answer.status_code == 200, answer.text
    await room.bridge.run(peer.accept, answer.json()["answer"])
    return peer


async def seats(cluster: Cluster, person: Person) -> list[int]:
    """How many devices the media of each node carries."""
    found: list[int] = []
    for node in range(len(cluster.nodes)):
        text = (await cluster.on(person, node).call("GET", "/metrics")).text
        found.append(int(float(text.partition("\nchatcore_voice_seats ")[2].partition("\n")[0])))
    return found


async def until_told(socket: Line, type_: str) -> None:
    while (await socket.hear())["type"] != type_:
        pass


@pytest.mark.parametrize("bus", ["postgres", "redis"])
async def test_people_at_two_nodes_are_in_one_huddle_which_outlives_its_node(tmp_path: Path, bus: str) -> None:
    async with (
        running_cluster(tmp_path, 2, bus=bus, VOICE="webrtc", VOICE_PUBLIC_ADDRESS="127.0.0.1") as cluster,
        open_room(None) as room,  # type: ignore[arg-type]  # the servers' voice is far away
    ):
        team = await make_team(cluster.nodes[0])
        ada, ben = cluster.on(team.owner, 0), cluster.on(team.other, 1)
        huddle = (await ada.ask("POST", f"/api/channels/{team.general}/huddles", {"mode": "sfu"}))["id"]
        await join(room, huddle, ada, Peer((Tone(440),)))
        listening = await join(room, huddle, ben, Peer(()))
        assert abs(pitch(await room.hear(listening, "0")) - 440) < 5
        await trio.sleep(1.5)  # the media says every second what it carries
        assert await seats(cluster, ada) == [2, 0]
        stats = await ben.ask("GET", f"/api/huddles/{huddle}/stats")
        assert {leg["userId"] for leg in stats["legs"]} == {ada.id, ben.id}

        async with line(cluster.nodes[1]) as socket:
            joined = await socket.ask("join_workspace", workspaceId=team.workspace_id, accessToken=ben.token)
            assert joined["ok"]
            began = trio.current_time()
            await cluster.nodes[0].kill()
            with trio.fail_after(10):
                await until_told(socket, "huddle_rejoin")
                ada = cluster.on(team.owner, 1)
                await join(room, huddle, ada, Peer((Tone(700),)))
                listening = await join(room, huddle, ben, Peer(()))
                assert abs(pitch(await room.hear(listening, "0", 0.3)) - 700) < 10
            print(f"heard again after {trio.current_time() - began:.1f} s")  # noqa: T201  # for the documentation
        view = await ben.ask("GET", f"/api/huddles/{huddle}")
        assert {each["userId"] for each in view["participants"]} == {ada.id, ben.id}
