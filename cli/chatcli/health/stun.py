"""The messages of STUN and TURN that a check needs (RFC 5389 and 5766), without I/O."""

import hashlib
import hmac
import os
import struct
from ipaddress import ip_address

import attrs

COOKIE = 0x2112A442
ALLOCATE, REFRESH, SEND, DATA, CREATE_PERMISSION = 0x003, 0x004, 0x016, 0x017, 0x008
"""Types of requests and indications; a success has 0x100 more, an error 0x110."""
SUCCESS, ERROR = 0x100, 0x110
USERNAME, INTEGRITY, ERROR_CODE, REALM, NONCE = 0x0006, 0x0008, 0x0009, 0x0014, 0x0015
LIFETIME, PEER, DATA_VALUE, RELAYED, TRANSPORT = 0x000D, 0x0012, 0x0013, 0x0016, 0x0019
UDP = b"\x11\x00\x00\x00"
INDICATION = 0x010
HEADER = 20

Address = tuple[str, int]


@attrs.define
class Message:
    """`attributes`: type -> value; a type that comes twice counts the first time."""

    type: int
    attributes: dict[int, bytes] = attrs.field(factory=dict)
    transaction: bytes = attrs.field(factory=lambda: os.urandom(12))

    def encode(self, key: bytes | None = None) -> bytes:
        """The bytes of the message; with a key, signed."""
        body = b"".join(_attribute(type_, value) for type_, value in self.attributes.items())
        if key is None:
            return self._head(len(body)) + body
        signed = self._head(len(body) + 24) + body
        return signed + _attribute(INTEGRITY, hmac.digest(key, signed, "sha1"))

    def _head(self, length: int) -> bytes:
        return struct.pack("!HHI", self.type, length, COOKIE) + self.transaction

    @property
    def error(self) -> tuple[int, str] | None:
        """Code and text of an error answer."""
        value = self.attributes.get(ERROR_CODE)
        if self.type & 0x110 != ERROR or value is None or len(value) < 4:
            return None
        return value[2] % 8 * 100 + value[3], value[4:].decode(errors="replace")

    def address(self, type_: int) -> Address | None:
        """An address among the attributes."""
        value = self.attributes.get(type_)
        return None if value is None else _read_address(value, self.transaction)


def decode(data: bytes) -> Message | None:
    """The message in these bytes; None for what is none."""
    if len(data) < HEADER:
        return None
    type_, length, cookie = struct.unpack_from("!HHI", data)
    if cookie != COOKIE or len(data) != HEADER + length:
        return None
    message = Message(type_, {}, data[8:HEADER])
    place = HEADER
    while place + 4 <= len(data):
        kind, size = struct.unpack_from("!HH", data, place)
        message.attributes.setdefault(kind, data[place + 4 : place + 4 + size])
        place += 4 + size + -size % 4
    return message


def peer(address: Address, transaction: bytes) -> bytes:
    """An address as an attribute's value."""
    packed = ip_address(address[0]).packed
    family = 1 if len(packed) == 4 else 2
    mask = struct.pack("!I", COOKIE) + transaction
    return struct.pack("!BBH", 0, family, address[1] ^ COOKIE >> 16) + _xor(packed, mask)


def key_of(username: str, realm: bytes, password: str) -> bytes:
    """What a long-term credential signs with: MD5, as the standard has it."""
    return hashlib.md5(b":".join((username.encode(), realm, password.encode())), usedforsecurity=False).digest()


def _read_address(value: bytes, transaction: bytes) -> Address | None:
    if len(value) not in (8, 20):
        return None
    mask = struct.pack("!I", COOKIE) + transaction
    port = struct.unpack_from("!H", value, 2)[0] ^ COOKIE >> 16
    return str(ip_address(_xor(value[4:], mask))), port


def _attribute(type_: int, value: bytes) -> bytes:
    return struct.pack("!HH", type_, len(value)) + value + bytes(-len(value) % 4)


def _xor(data: bytes, mask: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(data, mask, strict=False))
