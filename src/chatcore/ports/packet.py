"""Envelopes on their way between nodes: one form for every bus that leaves the process.

A packet is UTF-8 text, because not everything that carries packets takes bytes. The first line is its head: the version
of this form, the node that sent it, and a number that rises with each of its packets. Two lines follow for each
envelope: everything but its data, and the data, which is JSON and so never has a line break in it. An envelope whose
data line is empty is a reference: whoever wants the event reads it from the log.
"""

from collections.abc import Iterator, Sequence

import attrs
import orjson

from chatcore.events import Audience, Scope
from chatcore.ids import WorkspaceId
from chatcore.ports.envelope import Envelope

VERSION = 1


@attrs.frozen(kw_only=True)
class Packet:
    """What one node told the others at once. Without envelopes it only says that the node is there."""

    node: str
    number: int
    envelopes: list[Envelope]


class BadPacket(ValueError):
    """This is no packet, or none that this release can read."""


def pack(node: str, first: int, envelopes: Sequence[Envelope], largest: int) -> list[bytes]:
    """Packets of at most `largest` bytes, numbered from `first`; at least one.

    An event of the log that does not fit goes as a reference. An ephemeral one that does not fit is nowhere to be read
    from: it makes a larger packet, alone.
    """
    packets: list[bytes] = []
    for lines in _parts(envelopes, largest - len(node) - 64):
        head = orjson.dumps([VERSION, node, first + len(packets)])
        packets.append(b"\n".join([head, *lines]))
    return packets


def unpack(data: bytes) -> Packet:
    """Raises BadPacket."""
    head, *lines = data.split(b"\n")
    try:
        version, node, number = orjson.loads(head)
        if version != VERSION:
            raise BadPacket(f"a packet of version {version}: another release is on this bus")
        pairs = zip(lines[::2], lines[1::2], strict=True)
        return Packet(node=node, number=number, envelopes=[_envelope(about, body) for about, body in pairs])
    except (ValueError, TypeError) as error:
        raise error if isinstance(error, BadPacket) else BadPacket("not a packet") from error


def _parts(envelopes: Sequence[Envelope], room: int) -> Iterator[list[bytes]]:
    lines: list[bytes] = []
    size = 0
    for envelope in envelopes:
        about, body = _about(envelope), envelope.data
        if envelope.seq and len(about) + len(body) > room:
            body = b""
        if lines and size + len(about) + len(body) + 2 > room:
            yield lines
            lines, size = [], 0
        lines += (about, body)
        size += len(about) + len(body) + 2
    yield lines


def _about(envelope: Envelope) -> bytes:
    audience = envelope.audience
    return orjson.dumps(
        [
            envelope.workspace_id,
            envelope.epoch,
            envelope.seq,
            envelope.type,
            audience.scope.value,
            audience.channel_id,
            audience.user_id,
        ]
    )


def _envelope(about: bytes, body: bytes) -> Envelope:
    workspace_id, epoch, seq, type_, scope, channel_id, user_id = orjson.loads(about)
    return Envelope(WorkspaceId(workspace_id), epoch, seq, type_, Audience(Scope(scope), channel_id, user_id), body)
