"""Several nodes on one PostgreSQL: killed, cut off, restarted, and asked in turns."""

import os
import signal
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from tests.chatserver.net.waiting import until
from tests.programme.cluster import Cluster, running_cluster
from tests.programme.line import Broken, Ear, line
from tests.programme.process import Person, Team, history, make_team, plain_http
from tests.programme.talk import begin_talk

pytestmark = [pytest.mark.programme, pytest.mark.own_storage]
BUSES = pytest.mark.parametrize("bus", ["redis", "postgres"])


@pytest.mark.slow
@BUSES
async def test_nothing_acknowledged_is_lost_whatever_is_restarted(tmp_path: Path, bus: str) -> None:
    async with running_cluster(tmp_path, 2, bus=bus) as cluster, trio.open_nursery() as nursery:
        talk = await begin_talk(nursery, cluster, await make_team(cluster.nodes[0]), on=(0, 1), each=50)
        await talk.after(0.2)
        await cluster.nodes[0].kill()
        await talk.after(0.4)
        await cluster.nodes[0].start()
        if cluster.redis is not None:
            cluster.redis.stop()
            await talk.after(0.6)
            cluster.redis.start()
        await talk.after(0.7)
        cluster.postgres.stop()
        await trio.sleep(0.5)
        cluster.postgres.start()
        await talk.check(60)
        nursery.cancel_scope.cancel()


@pytest.mark.slow
async def test_a_node_that_is_cut_off_from_redis_for_ten_seconds_loses_nothing(tmp_path: Path) -> None:
    async with running_cluster(tmp_path, 2, bus="redis") as cluster, trio.open_nursery() as nursery:
        team = await make_team(cluster.nodes[0])
        ear = Ear(cluster.on(team.other, 1), team.workspace_id)
        nursery.start_soon(ear.listen)
        await ear.live.wait()
        sent: list[str] = []

        async def send(seconds: float) -> None:
            end = trio.current_time() + seconds
            while trio.current_time() < end:
                answer = await team.owner.ask("POST", team.messages, {"content": f"number {len(sent)}"})
                sent.append(answer["id"])
                await trio.sleep(0.05)

        await send(0.5)
        cluster.ways[1].cut()
        await send(10)
        # What it is not told it finds in the log, and not only when it is told again.
        await ear.until(len(sent) - 60, seconds=0.1)
        cluster.ways[1].mend()
        await send(1)
        heard = await ear.until(len(sent), seconds=5)
        assert [event["data"]["message"]["id"] for event in heard] == sent
        assert ear.resyncs == 0
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("cut", [False, True], ids=["told", "found out"])
async def test_logout_everywhere_is_within_five_seconds_on_every_node(tmp_path: Path, cut: bool) -> None:
    async with running_cluster(tmp_path, 2, bus="redis") as cluster:
        team = await make_team(cluster.nodes[0])
        codes: dict[int, Any] = {}
        ended = trio.Event()

        async def hold(number: int, task_status: trio.TaskStatus[None]) -> None:
            async with line(cluster.nodes[number]) as socket:
                assert (await socket.ask("authenticate", accessToken=team.other.token))["ok"]
                task_status.started()
                try:
                    while True:
                        await socket.hear()
                except Broken as broken:
                    codes[number] = broken.args[0]
            if len(codes) == 2:
                ended.set()

        async with trio.open_nursery() as nursery:
            for number in (0, 1):
                await nursery.start(hold, number)
                assert (await cluster.on(team.other, number).call("GET", "/api/users/me")).status_code == 200
            if cut:
                for way in cluster.ways:
                    way.cut()
            await cluster.on(team.other, 0).ask("POST", "/api/auth/logout-all")
            with trio.fail_after(5):
                await ended.wait()
                await _until_refused(cluster, team.other)
        assert codes == {0: 4409, 1: 4409}


async def _until_refused(cluster: Cluster, person: Person) -> None:
    for number in (0, 1):
        while (await cluster.on(person, number).call("GET", "/api/users/me")).status_code != 401:  # noqa: ASYNC110
            await trio.sleep(0.05)


@BUSES
async def test_rates_are_counted_over_all_nodes(tmp_path: Path, bus: str) -> None:
    async with running_cluster(tmp_path, 2, bus=bus, RATE_LIMITS="default") as cluster:
        wrong = {"email": "owner@localhost", "password": "wrong horse battery"}
        urls = [node.url + "/api/auth/login" for node in cluster.nodes]
        async with plain_http() as http:
            codes = [(await http.post(urls[number % 2], json=wrong)).status_code for number in range(7)]
            assert codes == [401] * 5 + [429] * 2
            # Whoever says that they come from elsewhere comes from where they come from.
            for number in range(4):
                lie = {"X-Forwarded-For": f"198.51.100.{number}", "Forwarded": f"for=198.51.100.{number}"}
                assert (await http.post(urls[number % 2], json=wrong, headers=lie)).status_code == 429
            await cluster.nodes[1].kill()
            await cluster.nodes[1].start()
            assert (await http.post(urls[1], json=wrong)).status_code == 429


async def test_an_address_behind_our_proxies_is_counted_over_all_nodes(tmp_path: Path) -> None:
    """Whatever its client says before the proxy has its say; also while no node hears of another, and after a start."""
    variables = {"RATE_LIMITS": "default", "TRUSTED_PROXIES": "127.0.0.1,10.0.0.0/8"}
    async with running_cluster(tmp_path, 2, bus="redis", **variables) as cluster, httpx.AsyncClient(timeout=30) as http:
        tries = count()

        async def attempt(node: int, address: str) -> int:
            number = next(tries)
            url = cluster.nodes[node].url + "/api/auth/login"
            said = {"X-Forwarded-For": f"198.51.100.{number}, {address}, 10.0.0.{number}"}
            body = {"email": f"p{number}@localhost", "password": "wrong horse battery"}
            return (await http.post(url, json=body, headers=said)).status_code

        assert [await attempt(number % 2, "203.0.113.7") for number in range(7)] == [401] * 5 + [429] * 2
        for way in cluster.ways:
            way.cut()
        assert [await attempt(number % 2, "203.0.113.8") for number in range(7)] == [401] * 5 + [429] * 2
        await cluster.nodes[1].kill()
        await cluster.nodes[1].start()
        assert [await attempt(1, f"203.0.113.{last}") for last in (7, 8, 9)] == [429, 429, 401]


@BUSES
async def test_requests_may_go_to_one_node_and_then_to_the_other(tmp_path: Path, bus: str) -> None:
    """A channel is made here, filled there, read here: nobody has to wait until a node has heard of it."""
    async with running_cluster(tmp_path, 2, bus=bus) as cluster:
        team = await make_team(cluster.nodes[0])  # type: ignore[arg-type]
        for number in range(10):
            owner, other = cluster.on(team.owner, number % 2), cluster.on(team.other, 1 - number % 2)
            body = {"name": f"room-{number}", "type": "private"}
            made = await owner.ask("POST", "/api/workspaces/team/channels", body)
            path = f"/api/channels/{made['id']}"
            assert (await other.call("GET", f"{path}/messages")).status_code == 404
            await owner.ask("PUT", f"{path}/members/{team.other.id}")
            sent = await other.ask("POST", f"{path}/messages", {"content": "here"})
            assert [one["id"] for one in await history(owner, made["id"])] == [sent["id"]]


async def test_workers_share_a_port_and_one_that_is_killed_comes_back(tmp_path: Path) -> None:
    async with running_cluster(tmp_path, 1, bus="postgres", arguments=("--workers", "2")) as cluster:
        (server,) = cluster.nodes
        team = await make_team(server)
        assert len(await _workers(server.url)) == 2
        async with trio.open_nursery() as nursery:
            ears = [Ear(team.other, team.workspace_id) for _ in range(4)]
            for ear in ears:
                nursery.start_soon(ear.listen)
                await ear.live.wait()
            sent = [(await team.owner.ask("POST", team.messages, {"content": f"{n}"}))["id"] for n in range(20)]
            assert server.process is not None
            victim = _children(server.process.pid)[0]
            os.kill(victim, signal.SIGKILL)
            sent += [await _send(team, f"meanwhile {n}") for n in range(20)]
            await until(lambda: len(_children(server.process.pid)) == 2, 15)  # type: ignore[union-attr]
            for ear in ears:
                heard = await ear.until(len(sent))
                assert [event["data"]["message"]["id"] for event in heard] == sent
                assert ear.resyncs == 0
            nursery.cancel_scope.cancel()
        began = trio.current_time()
        process = server.process
        process.terminate()
        assert await trio.to_thread.run_sync(process.wait) == 0
        assert trio.current_time() - began < 12


async def _send(team: Team, text: str) -> str:
    """A request that may meet a worker which is just being killed."""
    while True:
        try:
            answer = await team.owner.ask("POST", team.messages, {"content": text, "tempId": text})
        except httpx.TransportError:
            continue
        return str(answer["id"])


async def _workers(url: str) -> set[str]:
    """What tells the processes apart that answer at this address."""
    found: set[str] = set()
    for _ in range(100):
        async with plain_http() as http:
            lines = (await http.get(f"{url}/metrics")).text.splitlines()
        found |= {each for each in lines if each.startswith("process_start_time_seconds ")}
        if len(found) > 1:
            break
    return found


def _children(pid: int) -> list[int]:
    """A process is the child of the thread that started it."""
    threads = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(each) for thread in threads for each in thread.read_text().split()]
