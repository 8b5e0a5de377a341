"""Nothing reaches the inside, however it is written."""

import ipaddress
from collections.abc import Sequence

import httpcore
import pytest
import trio

from chat_webhooks_out.outbound import Outbound, Refused, is_outside
from chat_webhooks_out.sender import pool_of

INSIDE = [
    "127.0.0.1",
    "127.8.9.1",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "192.0.0.8",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::7f00:1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "2001:db8::1",
    "192.88.99.1",
    "64:ff9b:1::1",
]
OUTSIDE = ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
NAMES = ["localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "0"]


@pytest.mark.parametrize("address", INSIDE)
def test_inside(address: str) -> None:
    assert not is_outside(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", OUTSIDE)
def test_outside(address: str) -> None:
    assert is_outside(ipaddress.ip_address(address))


@pytest.mark.parametrize("host", NAMES)
async def test_not_a_packet_arrives(host: str) -> None:
    listeners = await trio.open_tcp_listeners(0, host=None)
    listeners[0].socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_REUSEADDR, 1)
    port = listeners[0].socket.getsockname()[1]
    arrived: list[object] = []

    async def serve(stream: trio.SocketStream) -> None:
        arrived.append(stream)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serve, listeners)
        async with pool_of(Outbound()) as pool:
            with pytest.raises(httpcore.ConnectError):
                await pool.request("POST", f"http://{host}:{port}/")
        await trio.testing.wait_all_tasks_blocked(0.02)
        nursery.cancel_scope.cancel()
    assert arrived == []


async def test_a_name_that_changes_its_mind_is_connected_to_where_it_was_looked_at() -> None:
    answers = iter([["93.184.216.34"], ["127.0.0.1"]])
    asked: list[str] = []

    async def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return next(answers)

    class Recorder(httpcore.AsyncMockBackend):
        async def connect_tcp(self, host: str, *arguments: object, **options: object) -> httpcore.AsyncNetworkStream:
            asked.append(host)
            raise httpcore.ConnectError("not in a test")

    outbound = Outbound(resolve=resolve)
    outbound._inner = Recorder([])
    with pytest.raises(httpcore.ConnectError, match="not in a test"):
        await outbound.connect_tcp("rebound.example", 80)
    assert asked == ["rebound.example", "93.184.216.34"]
    with pytest.raises(Refused):
        await outbound.connect_tcp("rebound.example", 80)


async def test_of_several_addresses_only_those_outside_are_tried() -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return ["10.0.0.1", "169.254.169.254", "1.1.1.1"]

    assert await Outbound(resolve=resolve)._choose("mixed.example", 443) == "1.1.1.1"


async def test_the_operator_can_open_a_network() -> None:
    outbound = Outbound(["10.1.0.0/16"])
    assert outbound.may_reach(ipaddress.ip_address("10.1.2.3"))
    assert not outbound.may_reach(ipaddress.ip_address("10.2.2.3"))
    assert not outbound.may_reach(ipaddress.ip_address("::ffff:10.2.0.1"))


async def test_redirects_are_not_followed() -> None:
    reached: list[bytes] = []

    async def serve(stream: trio.SocketStream) -> None:
        data = bytes(await stream.receive_some())
        reached.append(data.split()[1])
        await stream.send_all(b"HTTP/1.1 302 Found\r\nLocation: /inside\r\nContent-Length: 0\r\n\r\n")

    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, serve, listeners)
        port = listeners[0].socket.getsockname()[1]
        async with pool_of(Outbound(["127.0.0.1/32"])) as pool:
            assert (await pool.request("POST", f"http://127.0.0.1:{port}/outside")).status == 302
        nursery.cancel_scope.cancel()
    assert reached == [b"/outside"]
