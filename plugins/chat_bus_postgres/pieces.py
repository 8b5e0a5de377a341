"""Packets that are larger than a notification, in pieces.

Only ephemeral events are ever so large (the offer of a huddle's client): others are read from the log. A piece begins
with a mark, whose it is, its number and how many there are. Notifications of one connection arrive in the order in
which it sent them, so a piece that does not follow its predecessor ends the packet.
"""

from collections import OrderedDict
from collections.abc import Iterator
from itertools import pairwise
from uuid import uuid4

from chatcore.ports.relayed import Received

LARGEST = 7_900
"""Bytes of a notification; PostgreSQL takes fewer than 8,000."""
_ROOM = LARGEST - 64
_MARK = b"+"
MAX_SENDERS = 100
"""Whose packets may be under way at once."""
MAX_PIECES = 1_000


class Cutter:
    """Cuts what one connection sends."""

    def __init__(self) -> None:
        self._name = uuid4().hex[:16]

    def pieces(self, packet: bytes) -> Iterator[bytes]:
        """The packet, or its pieces: text, each of them."""
        if len(packet) <= LARGEST:
            yield packet
            return
        cuts = [0]
        while cuts[-1] < len(packet):
            end = min(cuts[-1] + _ROOM, len(packet))
            while end < len(packet) and packet[end] & 0xC0 == 0x80:  # not within a character
                end -= 1
            cuts.append(end)
        count = len(cuts) - 1
        for number, (start, end) in enumerate(pairwise(cuts)):
            head = f"+{self._name} {number} {count}\n".encode()
            yield head + packet[start:end]


class Joiner:
    """Puts together what comes in."""

    def __init__(self, received: Received) -> None:
        self._received = received
        self._begun: OrderedDict[bytes, list[bytes]] = OrderedDict()

    def take(self, data: bytes) -> None:
        """A notification."""
        if not data.startswith(_MARK):
            self._received(data)
            return
        head, _, piece = data.partition(b"\n")
        try:
            name, number, count = head[1:].split(b" ")
            self._take(name, int(number), int(count), piece)
        except ValueError:
            self._received(data)  # none of ours: let it be said where the others are

    def _take(self, name: bytes, number: int, count: int, piece: bytes) -> None:
        begun = self._begun.pop(name, [])
        if number == 0:
            begun = []
        if number != len(begun) or count > MAX_PIECES:
            return
        begun.append(piece)
        if len(begun) == count:
            self._received(b"".join(begun))
            return
        self._begun[name] = begun
        if len(self._begun) > MAX_SENDERS:
            self._begun.popitem(last=False)
