"""Three nodes on one PostgreSQL: stopped, killed, and told of what the others did."""

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from tests.chatserver.net.client import Client
from tests.chatserver.net.waiting import until
from tests.programme.cluster import Cluster, running_cluster
from tests.programme.crowd import close_all, open_sockets
from tests.programme.hearing import hear
from tests.programme.inside import Inside, inside
from tests.programme.line import Broken, Ear, line
from tests.programme.process import PASSWORD, Person, Team, make_team
from tests.services.postgres import Postgres
from tests.services.proxy import proxying

from chatcore import Config, open_migrator
from chatcore.client import Workspace, open_client
from chatcore.events import MessageReceived
from chatcore.testing.clock import FakeClock

CROWD, CLIENTS = 270, 30
"""Of this many clients a hundred come back a second."""
OFFLINE_SECONDS = 60.0

pytestmark = [pytest.mark.programme, pytest.mark.own_storage]
BUSES = pytest.mark.parametrize("bus", ["redis", "postgres"])


@pytest.mark.slow
async def test_clients_of_a_node_that_stops_come_to_the_others_one_after_the_other(tmp_path: Path) -> None:
    """And the people of one that is killed are shown offline within a minute, unless they have come back."""
    async with running_cluster(tmp_path, 3, bus="redis") as cluster, proxying(cluster.nodes[0].port) as front:
        team = await make_team(cluster.nodes[0])
        everybody = await open_sockets([team.owner, team.other], CROWD)
        back: list[float] = []
        heard: list[list[str]] = []
        async with trio.open_nursery() as nursery, AsyncExitStack() as stack:
            followers = []
            for _ in range(CLIENTS):
                client = await stack.enter_async_context(
                    open_client(f"http://127.0.0.1:{front.port}", token=team.other.token)
                )
                followers.append(await stack.enter_async_context(client.workspace("team", state=False)))
            for follower in followers:
                heard.append([])
                nursery.start_soon(_follow, follower, heard[-1])
            told = [await stack.enter_async_context(_told(nursery, client)) for client in everybody]
            front.target = cluster.nodes[1].port
            process = cluster.nodes[0].process
            assert process is not None
            began = trio.current_time()
            process.terminate()
            for follower in followers:
                nursery.start_soon(_note_return, follower, began, back)
            elsewhere = cluster.on(team.owner, 2)
            sent = [(await elsewhere.ask("POST", team.messages, {"content": f"{n}"}))["id"] for n in range(10)]
            await until(lambda: len(back) == CLIENTS, 15)
            await until(lambda: all(len(each) == len(sent) for each in heard), 10)
            assert all(each == sent for each in heard)
            await until(lambda: all(told), 5)
            nursery.cancel_scope.cancel()
        # Three hundred at a hundred a second: somebody at once, somebody after more than two seconds, nobody later.
        assert min(back) < 1.5
        assert 2 < max(back) < 6
        assert {text[0] for text in told} == {
            "the server restarts",
            "the server restarts; retryAfter=1",
            "the server restarts; retryAfter=2",
        }
        await close_all(everybody)
        await _killed_people_go_offline(cluster, team)


async def _killed_people_go_offline(cluster: Cluster, team: Team) -> None:
    ada, ben = cluster.on(team.owner, 1), cluster.on(team.other, 2)
    async with trio.open_nursery() as nursery:
        ears = [Ear(ada, team.workspace_id), Ear(ben, team.workspace_id)]
        for ear in ears:
            nursery.start_soon(ear.listen)
            await ear.live.wait()
        await _until_shown(ben, ada.id, "online", 10)
        await cluster.nodes[1].kill()
        began = trio.current_time()
        await _until_shown(ben, ada.id, "offline", OFFLINE_SECONDS)
        assert trio.current_time() - began > 5, "she may be on her way to another node"
        nursery.cancel_scope.cancel()


async def _until_shown(asker: Person, user_id: str, status: str, seconds: float) -> None:
    with trio.fail_after(seconds):
        while True:
            found = (await asker.ask("GET", "/api/workspaces/team/presence"))["presence"]
            if {each["userId"]: each["status"] for each in found}[user_id] == status:
                return
            await trio.sleep(0.5)


async def _follow(workspace: Workspace, heard: list[str]) -> None:
    async for event in workspace.events():
        if isinstance(event, MessageReceived):
            heard.append(event.message.id)


async def _note_return(workspace: Workspace, began: float, back: list[float]) -> None:
    await until(lambda: not workspace.connected, 15)
    await until(lambda: workspace.connected, 15)
    back.append(trio.current_time() - began)


@asynccontextmanager
async def _told(nursery: trio.Nursery, client: Client) -> AsyncIterator[list[str]]:
    """With what words a socket is closed."""
    words: list[str] = []

    async def listen() -> None:
        assert await client.closed(20) == 1012
        words.append(client.close_reason)

    nursery.start_soon(listen)
    yield words


@BUSES
async def test_a_new_password_and_a_lower_role_count_on_every_node(tmp_path: Path, bus: str) -> None:
    async with running_cluster(tmp_path, 3, bus=bus) as cluster:
        team = await make_team(cluster.nodes[0])
        body = {"email": team.other.email, "password": PASSWORD}
        answer = await cluster.nodes[1].http.post(cluster.nodes[1].url + "/api/auth/login", json=body)
        stolen = Person(cluster.nodes[1], team.other.id, team.other.email, answer.json()["accessToken"])
        codes: list[Any] = []

        async def hold(number: int, task_status: trio.TaskStatus[None]) -> None:
            async with line(cluster.nodes[number]) as socket:
                assert (await socket.ask("authenticate", accessToken=stolen.token))["ok"]
                task_status.started()
                try:
                    while True:
                        await socket.hear()
                except Broken as broken:
                    codes.append(broken.args[0])

        async with trio.open_nursery() as nursery:
            for number in range(3):
                await nursery.start(hold, number)
            change = {"currentPassword": PASSWORD, "newPassword": "another horse battery"}
            await cluster.on(team.other, 0).ask("POST", "/api/auth/password", change)
            with trio.fail_after(5):
                await _until_answers(cluster, stolen, "/api/users/me", 401)
                await until(lambda: len(codes) == 3, 5)
        assert codes == [4409] * 3
        await _until_answers(cluster, team.other, "/api/users/me", 200)

        audit = "/api/workspaces/team/audit"
        for role, expected in (("admin", 200), ("member", 403)):
            path = f"/api/workspaces/team/members/{team.other.id}"
            await cluster.on(team.owner, 0).ask("PATCH", path, {"role": role})
            with trio.fail_after(5):
                await _until_answers(cluster, team.other, audit, expected)


async def _until_answers(cluster: Cluster, person: Person, path: str, code: int) -> None:
    """Ask every node until it answers with this."""
    for number in range(len(cluster.nodes)):
        while (await cluster.on(person, number).call("GET", path)).status_code != code:  # noqa: ASYNC110
            await trio.sleep(0.05)


async def test_order_is_by_seq_while_the_clocks_of_two_nodes_jump_apart(postgres: Postgres) -> None:
    url = postgres.new_database()
    async with open_migrator(Config(database_url=url)) as migrator:
        await migrator.up()
    clocks = [FakeClock(), FakeClock()]
    secret = "shared by both nodes of this test alone"
    async with (
        inside(url, clock=clocks[0], secret=secret) as here,
        inside(url, clock=clocks[1], secret=secret) as there,
        trio.open_nursery() as nursery,
    ):
        owner = await here.person("owner")
        team = await here.chat.workspaces.create(name="Team", slug="team", owner=owner.id, general=True)
        (general,) = await here.chat.channels.list(team, actor=owner.id)
        nodes = (here, there)
        hearing = [await hear(node, nursery, owner, team.id) for node in nodes]
        speakers = [await node.socket(owner) for node in nodes]
        said = [f"{number}" for number in range(40)]
        for number, text in enumerate(said):
            if number in (10, 20, 30):
                clocks[0].jump(3600 * (1 if number == 10 else -1))
                clocks[1].jump(-3600 * (1 if number == 10 else -1))
            speaker = speakers[random.Random(number).randrange(2)]
            assert (await speaker.ask("send_message", channelId=general.channel.id, content=text))["ok"]
        for each in hearing:
            await until(lambda each=each: len(_messages(each.events)) == len(said))  # type: ignore[misc]
            events = _messages(each.events)
            assert [event["data"]["message"]["content"] for event in events] == said
            assert [event["seq"] for event in events] == sorted(event["seq"] for event in events)
            assert not each.closed, "what is timed goes by a clock that does not jump"
        times = [event["data"]["message"]["createdAt"] for event in _messages(hearing[0].events)]
        assert times != sorted(times), "the clocks did jump"
        for node in nodes:
            assert await _page(node, general.channel.id, owner.id) == said[::-1]
        nursery.cancel_scope.cancel()


def _messages(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in events if event["type"] == "message_received"]


async def _page(node: Inside, channel: Any, actor: Any) -> list[str]:
    page = await node.chat.messages.history(channel, actor=actor, limit=100)
    return [message.content for message in page.messages]
