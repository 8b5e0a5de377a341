"""All that is private to aiortc 1.16 and aioice 0.13, in one place: a client's ICE and DTLS without their media stack.

aiortc gives each connection sockets of its own, queues every packet, and hands it through a task, a jitter buffer and a
decoder. Here a connection shares the port of the process, RTP leaves the path before the first queue, and is decrypted,
and encrypted again for others, by the SRTP sessions that the DTLS handshake made. What is used of their insides:

    aioice.ice.Connection    _protocols _local_candidates _local_candidates_start _local_candidates_end _nominated
                             _remote_candidates _queue; check_incoming and get_event are wrapped
    aioice.ice.StunProtocol  request is wrapped, close replaced
    aiortc RTCIceGatherer    _connection
    aiortc RTCDtlsTransport  _set_role _rx_srtp _tx_srtp; _handle_rtp_data is never reached
    aiortc RTCCertificate    generateCertificate

`tests/plugins/chat_voice_webrtc/media/test_inside.py` says in one failing test which of them a new version changed.
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import ifaddr
from aioice import Candidate, stun
from aioice.ice import Connection, ConnectionClosed, ConnectionEvent, StunProtocol
from aiortc import (
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    RTCIceGatherer,
    RTCIceParameters,
    RTCIceTransport,
)
from pylibsrtp import Error as SrtpError

from chat_voice_webrtc.media.mux import Address, Mux, Socket

CONNECT_SECONDS = 15.0
"""How long a client may take from the answer to the end of the DTLS handshake."""
MAX_ADDRESSES = 16
"""Addresses from which one client may try: a device with a few networks, each with and without relay."""
MAX_QUEUED = 64
"""Datagrams of DTLS that wait for the handshake."""
CERTIFICATE_LIFE = timedelta(days=7)
"""A certificate of aiortc is good for 30 days."""

log = logging.getLogger("media.connection")


class Refused(Exception):
    """There was no connection: the client never came, or was another than the offer's."""


class Identity:
    """The certificate of this process, made anew from time to time."""

    def __init__(self) -> None:
        self._certificate = RTCCertificate.generateCertificate()

    def certificate(self) -> RTCCertificate:
        """One that is good for weeks."""
        if self._certificate.expires - datetime.now(UTC) < CERTIFICATE_LIFE:
            self._certificate = RTCCertificate.generateCertificate()
        return self._certificate


def fingerprint_of(certificate: RTCCertificate) -> str:
    """As it stands in an answer."""
    found = next(each for each in certificate.getFingerprints() if each.algorithm == "sha-256")
    return f"{found.algorithm} {found.value}"


def local_addresses() -> list[str]:
    """Addresses of this machine that others may reach, IPv4 first; the loopback one when there are no others."""
    found: list[str] = []
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            if isinstance(ip.ip, str):
                found.append(ip.ip)
            elif ip.ip[2] == 0:  # no link-local scope
                found.append(ip.ip[0])
    usable = [each for each in found if not each.startswith("127.") and each != "::1"]
    return sorted(usable, key=lambda each: ":" in each) or ["127.0.0.1"]


class _Protocol(StunProtocol):
    """aioice's end of one of our sockets, for one client."""

    def __init__(self, connection: Connection, sock: Socket, mux: Mux, client: "Client") -> None:
        super().__init__(connection)
        self.sock = sock
        self.transport = cast(asyncio.DatagramTransport, _Transport(sock))
        self._mux = mux
        self._client = client

    async def request(self, request: stun.Message, *args: Any, **kwargs: Any) -> tuple[stun.Message, tuple[str, int]]:
        self._mux.expect(request.transaction_id, self._client)
        try:
            return await super().request(request, *args, **kwargs)
        finally:
            self._mux.forget(request.transaction_id)

    async def close(self) -> None:
        """The socket is everybody's: it stays."""


class _Transport:
    """What StunProtocol uses of a datagram transport."""

    def __init__(self, sock: Socket) -> None:
        self.sendto = sock.send

    def close(self) -> None:
        """The socket is everybody's: it stays."""


class Client:
    """One client's connection: ICE, DTLS, and SRTP both ways. A `chat_voice_webrtc.media.mux.Client`.

    `on_rtp(data, now)` and `on_rtcp(data, now)` are called with what was decrypted. `closed` is True once the client
    said goodbye or `close` was called.
    """

    def __init__(
        self,
        mux: Mux,
        certificate: RTCCertificate,
        on_rtp: Callable[[bytes, float], None],
        on_rtcp: Callable[[bytes, float], None],
    ) -> None:
        self.last_heard = asyncio.get_running_loop().time()
        self.connected = False
        self.closed = False
        self._mux = mux
        self._on_rtp = on_rtp
        self._on_rtcp = on_rtcp
        self._gatherer = RTCIceGatherer(iceServers=[])
        self._connection = connection = self._gatherer._connection
        self._ice = RTCIceTransport(self._gatherer)
        self._dtls = RTCDtlsTransport(self._ice, [certificate])
        self._dtls.on("statechange", self._dtls_changed)
        self._check = connection.check_incoming
        connection.check_incoming = self._check_incoming  # type: ignore[assignment,method-assign]
        self._next_event = connection.get_event
        connection.get_event = self._event  # type: ignore[method-assign]
        connection._protocols = [_Protocol(connection, sock, mux, self) for sock in mux.sockets]
        for index, protocol in enumerate(connection._protocols):
            protocol.local_candidate = _candidate(mux.sockets[index], index)
        connection._local_candidates = [protocol.local_candidate for protocol in connection._protocols]
        connection._local_candidates_start = connection._local_candidates_end = True
        self._pair: Any = None
        self._sock: Socket | None = None
        self._address: Address = ("", 0)
        mux.add(connection.local_username, self)

    @property
    def username(self) -> str:
        return self._connection.local_username

    @property
    def password(self) -> str:
        return self._connection.local_password

    async def connect(self, username: str, password: str, fingerprints: tuple[tuple[str, str], ...], role: str) -> None:
        """Wait for the client and shake hands. `role`: ours in DTLS, `client` or `server`. Raises Refused."""
        if self.closed:
            raise Refused("the client left")
        self._dtls._set_role(role)
        parameters = RTCDtlsParameters([RTCDtlsFingerprint(*each) for each in fingerprints], role="auto")
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._ice.start(RTCIceParameters(username, password))
                if self._ice.state != "completed":
                    raise Refused("no path was found")
                await self._dtls.start(parameters)
        except TimeoutError:
            raise Refused(f"the client did not connect within {CONNECT_SECONDS:g} s") from None
        except ConnectionError as error:
            raise Refused(str(error)) from None
        if self._dtls.state != "connected":
            raise Refused("the DTLS handshake failed")
        self.connected = True

    async def _event(self) -> ConnectionEvent:
        """The connection's next event. One that is closed says None for ever, and the loop that asks would never pause:
        who joined and left at once stopped the whole process.
        """
        return await self._next_event() or ConnectionClosed()

    async def close(self) -> None:
        """Say goodbye and forget the client."""
        self.closed = True
        self.connected = False
        self._mux.remove(self.username, self)
        try:
            await self._dtls.stop()
            await self._ice.stop()
        except Exception:
            log.debug("a connection did not close well", exc_info=True)

    def send_rtp(self, data: bytes) -> int:
        """Encrypt and send a packet; returns its size on the wire, 0 when there is no way now."""
        sock = self._sock if self._pair is self._connection._nominated.get(1) else self._chosen()
        if sock is None or not self.connected:
            return 0
        protected = self._dtls._tx_srtp.protect(data)
        sock.send(protected, self._address)
        return len(protected)

    def send_rtcp(self, data: bytes) -> None:
        """Encrypt and send a compound packet."""
        sock = self._sock if self._pair is self._connection._nominated.get(1) else self._chosen()
        if sock is not None and self.connected:
            sock.send(self._dtls._tx_srtp.protect_rtcp(data), self._address)

    def stun_received(self, data: bytes, address: Address, sock: Socket) -> None:
        """A check of the client, or its answer to one of ours."""
        protocol = next(each for each in self._connection._protocols if cast(_Protocol, each).sock is sock)
        message = stun.parse_message(data)
        if message.message_class == stun.Class.REQUEST:
            if "PRIORITY" in message.attributes:
                self._connection.request_received(message, address, protocol)
        elif (transaction := protocol.transactions.get(message.transaction_id)) is not None:
            self.last_heard = asyncio.get_running_loop().time()
            transaction.response_received(message, address)

    def media_received(self, data: bytes, now: float) -> None:
        """DTLS goes to the handshake; RTP and RTCP are decrypted here and now."""
        first = data[0]
        if 128 <= first < 192:
            if self.connected:
                self._protected_received(data, now)
        elif 20 <= first < 64 and self._connection._queue.qsize() < MAX_QUEUED:
            self._connection._queue.put_nowait((data, 1))

    def _protected_received(self, data: bytes, now: float) -> None:
        try:
            if len(data) >= 2 and 192 <= data[1] < 224:
                plain = self._dtls._rx_srtp.unprotect_rtcp(data)
                self.last_heard = now
                self._on_rtcp(plain, now)
            else:
                plain = self._dtls._rx_srtp.unprotect(data)
                self.last_heard = now
                self._on_rtp(plain, now)
        except SrtpError:
            self._mux.dropped += 1

    def _check_incoming(self, message: stun.Message, address: Address, protocol: StunProtocol) -> None:
        """aioice has found the check good: the address is the client's."""
        connection, now = self._connection, asyncio.get_running_loop().time()
        known = any((each._network_host, each.port) == address for each in connection._remote_candidates)
        if not known and len(connection._remote_candidates) >= MAX_ADDRESSES:
            return
        if self._mux.proven(address, self, now):
            self.last_heard = now
            self._check(message, address, protocol)

    def _chosen(self) -> Socket | None:
        """The path that ICE uses now."""
        self._pair = self._connection._nominated.get(1)
        if self._pair is None:
            self._sock = None
        else:
            self._sock, self._address = self._pair.protocol.sock, self._pair.remote_addr
        return self._sock

    def _dtls_changed(self) -> None:
        if self._dtls.state in ("closed", "failed"):
            self.connected = False
            self.closed = True


def _candidate(sock: Socket, index: int) -> Candidate:
    return Candidate(
        foundation=str(index + 1),
        component=1,
        transport="udp",
        priority=126 << 24 | (65535 - index) << 8 | 255,
        host=sock.address,
        port=sock.port,
        type="host",
    )


def resolves_here(address: str) -> bool:
    """Whether an address is one of this machine's own, so that a socket can be bound to it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True
