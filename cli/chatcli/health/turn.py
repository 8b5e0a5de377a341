"""Does TURN relay? Two allocations on the server send each other a word: nothing else needs to be reachable."""

import math
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import attrs
import trio

from chatcli.health import stun
from chatcli.health.finding import Finding, fail, ok
from chatcore.config import Config
from chatcore.ports import turn_credentials, turn_urls

PATIENCE = 3.0
"""Seconds for each answer."""
RESENT = 0.5
"""Seconds after which a packet over UDP is sent again."""
_WORD = b"is anybody there?"

_ADVICE = {
    401: "TURN_SECRET must be its static-auth-secret, with use-auth-secret on and both clocks right",
    403: "its denied-peer-ip covers the address that it relays from: allow that one with allowed-peer-ip",
    437: "it lost the allocation: its log says why",
    486: "its user-quota is used up: raise it",
    508: "it has no relay ports left: widen min-port to max-port, or raise total-quota",
}


class TurnProblem(Exception):
    """What does not work, and what to do."""

    def __init__(self, said: str, advice: str) -> None:
        super().__init__(said)
        self.said, self.advice = said, advice


@attrs.frozen
class Server:
    """The parts of `turn:host:port?transport=udp`."""

    host: str
    port: int
    transport: str

    @classmethod
    def of(cls, url: str) -> "Server":
        """Raises TurnProblem."""
        scheme, _, rest = url.partition(":")
        where, _, query = rest.partition("?transport=")
        host, colon, port = where.rpartition(":")
        if scheme not in ("turn", "turns") or not where or (colon and not port.isdigit()):
            raise TurnProblem(f"{url} is no address of a TURN server", "write TURN_SERVER_URL as turn:HOST:3478")
        default = 5349 if scheme == "turns" else 3478
        transport = "tls" if scheme == "turns" else query or "udp"
        return cls((host if colon else where).strip("[]"), int(port) if colon else default, transport)


@attrs.define(eq=False)
class Client:
    """One connection to the server, and its allocation."""

    _send: Callable[[bytes], Awaitable[None]]
    _receive: Callable[[], Awaitable[stun.Message | None]]
    _username: str
    _password: str
    _lossy: bool
    _realm: bytes = b""
    _nonce: bytes = b""

    async def allocate(self) -> stun.Address:
        """The address that is relayed. Raises TurnProblem."""
        wanted = {stun.TRANSPORT: stun.UDP}
        answer = await self._ask(stun.Message(stun.ALLOCATE, dict(wanted)))
        if answer.error is None or answer.error[0] != 401:
            raise TurnProblem(
                "it relays for anybody" if answer.error is None else f"it answers {answer.error[0]} {answer.error[1]}",
                "set use-auth-secret and static-auth-secret in its configuration",
            )
        self._realm, self._nonce = answer.attributes.get(stun.REALM, b""), answer.attributes.get(stun.NONCE, b"")
        relayed = (await self._signed(stun.ALLOCATE, wanted)).address(stun.RELAYED)
        if relayed is None:
            raise TurnProblem("it allocates, but does not say where", "is it a TURN server?")
        return relayed

    async def permit(self, address: stun.Address) -> None:
        """Let the peer's words through. Raises TurnProblem."""
        message = stun.Message(stun.CREATE_PERMISSION)
        await self._signed(stun.CREATE_PERMISSION, {stun.PEER: stun.peer(address, message.transaction)}, message)

    async def say(self, address: stun.Address, word: bytes) -> None:
        """Send something to the peer by way of the server."""
        message = stun.Message(stun.SEND | stun.INDICATION)
        message.attributes = {stun.PEER: stun.peer(address, message.transaction), stun.DATA_VALUE: word}
        await self._send(message.encode())

    async def hear(self) -> bytes:
        """What a peer sent by way of the server."""
        while True:
            message = await self._receive()
            if message is not None and message.type == stun.DATA | stun.INDICATION:
                return message.attributes.get(stun.DATA_VALUE, b"")

    async def give_back(self) -> None:
        """End the allocation."""
        if self._realm:
            await self._signed(stun.REFRESH, {stun.LIFETIME: bytes(4)})

    async def _signed(
        self, type_: int, attributes: dict[int, bytes], message: stun.Message | None = None
    ) -> stun.Message:
        message = message or stun.Message(type_)
        identity = {stun.USERNAME: self._username.encode(), stun.REALM: self._realm, stun.NONCE: self._nonce}
        message.attributes = {**attributes, **identity}
        answer = await self._ask(message, stun.key_of(self._username, self._realm, self._password))
        if answer.error is not None:
            code, text = answer.error
            raise TurnProblem(f"it answers {code} {text}", _ADVICE.get(code, "its log says why"))
        return answer

    async def _ask(self, message: stun.Message, key: bytes | None = None) -> stun.Message:
        data = message.encode(key)
        with trio.move_on_after(PATIENCE):
            while True:
                await self._send(data)
                with trio.move_on_after(RESENT if self._lossy else math.inf):
                    while True:
                        answer = await self._receive()
                        if answer is not None and answer.transaction == message.transaction:
                            return answer
        raise TurnProblem("it does not answer", "is it running there, and its port open in every firewall between?")


@asynccontextmanager
async def connecting(server: Server, username: str, password: str) -> AsyncIterator[Client]:
    """A connection to the server. Raises TurnProblem."""
    try:
        if server.transport == "udp":
            ((family, _, _, _, address), *_) = await trio.socket.getaddrinfo(
                server.host, server.port, type=trio.socket.SOCK_DGRAM
            )
            with trio.socket.socket(family, trio.socket.SOCK_DGRAM) as sock:
                await sock.connect(address)

                async def send(data: bytes) -> None:
                    await sock.send(data)

                async def receive() -> stun.Message | None:
                    return stun.decode(await sock.recv(2048))

                yield Client(send, receive, username, password, lossy=True)
        else:
            async with await _stream(server) as stream:
                inbox = bytearray()

                async def receive_framed() -> stun.Message | None:
                    return stun.decode(await _framed(stream, inbox))

                yield Client(stream.send_all, receive_framed, username, password, lossy=False)
    except (OSError, trio.BrokenResourceError, trio.TooSlowError) as error:
        raise TurnProblem(
            f"it cannot be reached ({error or 'no connection in time'})", "is it running there, and its port open?"
        ) from error


async def _stream(server: Server) -> trio.abc.Stream:
    with trio.fail_after(PATIENCE):
        if server.transport == "tls":
            context = ssl.create_default_context()
            return await trio.open_ssl_over_tcp_stream(server.host, server.port, ssl_context=context)
        return await trio.open_tcp_stream(server.host, server.port)


async def _framed(stream: trio.abc.Stream, inbox: bytearray) -> bytes:
    """The next message of a stream."""
    while len(inbox) < stun.HEADER or len(inbox) < stun.HEADER + int.from_bytes(inbox[2:4]):
        data = await stream.receive_some(2048)
        if not data:
            raise trio.BrokenResourceError("it hung up")
        inbox += data
    size = stun.HEADER + int.from_bytes(inbox[2:4])
    message = bytes(inbox[:size])
    del inbox[:size]
    return message


async def relay(url: str, secret: str) -> float:
    """Send a word from one allocation to another; the seconds that it took. Raises TurnProblem."""
    server = Server.of(url)
    username, password = turn_credentials(secret, "doctor", int(time.time()) + 600)
    async with connecting(server, username, password) as one, connecting(server, username, password) as other:
        try:
            here, there = await one.allocate(), await other.allocate()
            await one.permit(there)
            await other.permit(here)
            began = trio.current_time()
            with trio.move_on_after(PATIENCE):
                while True:
                    await one.say(there, _WORD)
                    with trio.move_on_after(RESENT):
                        if await other.hear() == _WORD:
                            return trio.current_time() - began
            raise TurnProblem(
                f"it allocates {here[0]}, but nothing comes through",
                "open its relay ports (UDP, min-port to max-port), and set external-ip where it is behind NAT",
            )
        finally:
            with trio.move_on_after(PATIENCE, shield=True):
                await one.give_back()
                await other.give_back()


async def check_turn(config: Config) -> AsyncIterator[Finding]:
    """Whether each configured address of the TURN server relays; nothing where there is none."""
    if config.turn_server_url is None and config.turn_secret is None:
        return
    if config.turn_server_url is None or config.turn_secret is None:
        missing = "TURN_SERVER_URL" if config.turn_server_url is None else "TURN_SECRET"
        yield fail("turn", f"{missing} is not set", "set both, or neither: clients are given no TURN server now")
        return
    for url in turn_urls(config.turn_server_url):
        try:
            seconds = await relay(url, config.turn_secret)
        except TurnProblem as problem:
            yield fail("turn", f"{url}: {problem.said}", problem.advice)
        else:
            yield ok("turn", f"{url} relays, in {seconds * 1000:.0f} ms")
