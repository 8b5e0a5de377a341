"""One UDP port for every client of a process: who a datagram is from, and how much of it is let in.

An address belongs to the client that proved, by an ICE check with its password, that it is there. What comes from an
address that nobody has proven is looked at only when it is such a check, and dropped otherwise.
"""

import asyncio
import logging
import socket
from collections.abc import Iterable
from typing import Protocol

from chat_voice_webrtc.media.rtp import MAX_DATAGRAM

BATCH = 128
"""Datagrams read before the loop has its turn: some 5 ms of work."""
BUFFER = 4 * 1024 * 1024
"""Bytes that the kernel may keep for a socket; it grants less where net.core.rmem_max is lower."""
TAKEOVER_SECONDS = 2.0
"""An address whose owner said nothing for so long may become another's."""

Address = tuple[str, int]
log = logging.getLogger("media.mux")


class NoPort(Exception):
    """Every port of the range is taken."""


class Client(Protocol):
    """Somebody on the port."""

    last_heard: float
    closed: bool

    def stun_received(self, data: bytes, address: Address, sock: "Socket") -> None:
        """A STUN message for this client."""

    def media_received(self, data: bytes, now: float) -> None:
        """A datagram from an address that is this client's: DTLS, RTP or RTCP."""


class Socket:
    """A UDP socket on one address of this machine."""

    def __init__(self, address: str, port: int) -> None:
        """Raises OSError when the port is taken there."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.address = address
        self.port = port
        self.unsent = 0
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
            self._socket.bind((address, port))
        except OSError:
            self._socket.close()
            raise
        self.receive = self._socket.recvfrom

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, data: bytes, address: Address) -> None:
        """Send now or never: a packet that waits is worth less than the next."""
        try:
            self._socket.sendto(data, address)
        except OSError:
            self.unsent += 1

    def close(self) -> None:
        self._socket.close()


class Mux:
    """The sockets of a process, all on one port, and the clients behind them."""

    def __init__(self, addresses: Iterable[str], ports: Iterable[int]) -> None:
        """The first port that is free on all addresses. Raises NoPort."""
        self.sockets = _bound(list(addresses), ports)
        self.port = self.sockets[0].port
        self.dropped = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._by_username: dict[str, Client] = {}
        self._by_transaction: dict[bytes, Client] = {}
        self._by_address: dict[Address, Client] = {}

    def open(self) -> None:
        """Begin to read."""
        self._loop = asyncio.get_running_loop()
        for sock in self.sockets:
            self._loop.add_reader(sock.fileno(), self._readable, sock)

    def close(self) -> None:
        """Stop, and give the port back."""
        for sock in self.sockets:
            if self._loop is not None:
                self._loop.remove_reader(sock.fileno())
            sock.close()

    @property
    def unsent(self) -> int:
        return sum(sock.unsent for sock in self.sockets)

    def add(self, username: str, client: Client) -> None:
        """A client whose checks name this ICE user name."""
        self._by_username[username] = client

    def remove(self, username: str, client: Client) -> None:
        """Forget a client and its addresses."""
        self._by_username.pop(username, None)
        for address in [each for each, owner in self._by_address.items() if owner is client]:
            del self._by_address[address]
        for transaction in [each for each, owner in self._by_transaction.items() if owner is client]:
            del self._by_transaction[transaction]

    def expect(self, transaction: bytes, client: Client) -> None:
        """An answer to a check of ours is for this client."""
        self._by_transaction[transaction] = client

    def forget(self, transaction: bytes) -> None:
        """No answer is expected any more."""
        self._by_transaction.pop(transaction, None)

    def proven(self, address: Address, client: Client, now: float) -> bool:
        """A check with the client's password came from there; False when the address is another's, who is alive."""
        owner = self._by_address.get(address)
        if owner is not None and owner is not client and not owner.closed and now - owner.last_heard < TAKEOVER_SECONDS:
            return False
        self._by_address[address] = client
        return True

    def _readable(self, sock: Socket) -> None:
        assert self._loop is not None
        now = self._loop.time()
        for _ in range(BATCH):
            try:
                data, address = sock.receive(2048)
            except OSError:  # nothing more, or an ICMP error of something sent before
                return
            if not 1 <= len(data) <= MAX_DATAGRAM:
                self.dropped += 1
                continue
            try:
                self._received(data, address[:2], sock, now)
            except Exception:
                # Whatever one datagram does, the others go on; the log is not the attacker's to fill.
                self.dropped += 1
                log.debug("a datagram broke", exc_info=True)

    def _received(self, data: bytes, address: Address, sock: Socket, now: float) -> None:
        if data[0] < 4:
            client = self._by_transaction.get(data[8:20])
            if client is None:
                client = self._by_username.get(_username(data))
            if client is None:
                self.dropped += 1
            else:
                client.stun_received(data, address, sock)
            return
        client = self._by_address.get(address)
        if client is None:
            self.dropped += 1
        else:
            client.media_received(data, now)


def _username(data: bytes) -> str:
    """Whom a STUN request is for: the first attribute USERNAME, up to the colon. Nobody when it has none."""
    at = 20
    while at + 4 <= len(data):
        kind, length = int.from_bytes(data[at : at + 2], "big"), int.from_bytes(data[at + 2 : at + 4], "big")
        if kind == 6:
            return data[at + 4 : at + 4 + length].partition(b":")[0].decode("ascii", "replace")
        at += 4 + length + -length % 4
    return ""


def _bound(addresses: list[str], ports: Iterable[int]) -> list[Socket]:
    for port in ports:
        opened: list[Socket] = []
        try:
            for address in addresses:
                opened.append(Socket(address, port))
        except OSError:
            for each in opened:
                each.close()
            continue
        return opened
    raise NoPort(f"no UDP port of the range is free on {', '.join(addresses)}")
