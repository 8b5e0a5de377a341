"""A bad network: a UDP proxy on loopback that loses and delays."""

import asyncio
import random
import re
from collections.abc import Mapping
from typing import Any

import attrs

Address = tuple[str, int]


@attrs.define(eq=False)
class BadNetwork:
    """`loss` from 0 to 1, each way; `jitter`: seconds by which a datagram may be late, each of its own."""

    loss: float
    jitter: float
    chance: random.Random = attrs.field(factory=lambda: random.Random(7))
    carried: int = 0
    lost: int = 0
    _transports: list[asyncio.DatagramTransport] = attrs.field(factory=list)

    async def between(self, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        """An answer whose candidate is the proxy's; the server is behind it."""
        match = re.search(r"a=candidate:1 1 udp \d+ (\S+) (\d+) typ host", answer["sdp"])
        assert match is not None
        near = await self._open(("127.0.0.1", 0))
        far = await self._open((match[1], int(match[2])), connect=True)
        near.other, far.other = far, near
        port = near.transport.get_extra_info("sockname")[1]
        return {**answer, "sdp": answer["sdp"].replace(f"{match[1]} {match[2]} typ", f"{match[1]} {port} typ")}

    async def close(self) -> None:
        """Carry nothing any more."""
        for transport in self._transports:
            transport.close()
        await asyncio.sleep(0.05)  # they are closed in the next rounds of the loop

    def pass_on(self, data: bytes, end: "_End") -> None:
        """Send it from this end, or lose it. What sets the connection up (STUN and DTLS) is only delayed."""
        self.carried += 1
        if data[0] >= 128 and self.chance.random() < self.loss:
            self.lost += 1
            return
        asyncio.get_running_loop().call_later(self.chance.random() * self.jitter, end.send, data)

    async def _open(self, address: Address, connect: bool = False) -> "_End":
        where: dict[str, Any] = {"remote_addr" if connect else "local_addr": address}
        transport, end = await asyncio.get_running_loop().create_datagram_endpoint(lambda: _End(self), **where)
        self._transports.append(transport)
        end.transport = transport
        return end


class _End(asyncio.DatagramProtocol):
    def __init__(self, network: BadNetwork) -> None:
        self.other: _End
        self.transport: asyncio.DatagramTransport
        self._network = network
        self._client: Address | None = None

    def datagram_received(self, data: bytes, address: Address) -> None:
        """From the client or from the server: to the other one."""
        self._client = address
        self._network.pass_on(data, self.other)

    def error_received(self, error: Exception) -> None:
        """Nobody is there any more."""

    def send(self, data: bytes) -> None:
        """To whoever is at this end."""
        if self.transport.get_extra_info("peername") is not None:
            self.transport.sendto(data)
        elif self._client is not None and not self.transport.is_closing():
            self.transport.sendto(data, self._client)
