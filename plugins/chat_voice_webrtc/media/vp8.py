"""VP8 over RTP (RFC 7741): where a key frame begins, and picture numbers that go on when a slot changes its source."""

import attrs


@attrs.frozen
class Descriptor:
    """What stands before the payload; offsets are into the payload, -1 for what is not there."""

    key_frame: bool
    picture_at: int
    picture: int
    long_picture: bool
    level_at: int
    level: int


def describe(payload: bytes) -> Descriptor | None:
    """None for what is no VP8."""
    try:
        first, at = payload[0], 1
        picture_at = level_at = -1
        picture = level = 0
        long_picture = False
        if first & 0x80:
            flags, at = payload[1], 2
            if flags & 0x80:
                picture_at, picture = at, payload[at]
                if picture & 0x80:
                    long_picture, picture = True, (picture & 0x7F) << 8 | payload[at + 1]
                at += 2 if long_picture else 1
            if flags & 0x40:
                level_at, level = at, payload[at]
                at += 1
            if flags & 0x30:
                at += 1
        key_frame = bool(first & 0x10) and first & 0x07 == 0 and payload[at] & 0x01 == 0
    except IndexError:
        return None
    return Descriptor(key_frame, picture_at, picture, long_picture, level_at, level)


def renumbered(payload: bytes, found: Descriptor, picture_shift: int, level_shift: int) -> bytes:
    """The payload with its picture number and its temporal index moved."""
    if found.picture_at < 0 or not (picture_shift or level_shift):
        return payload
    changed = bytearray(payload)
    if found.long_picture:
        picture = (found.picture + picture_shift) & 0x7FFF
        changed[found.picture_at] = 0x80 | picture >> 8
        changed[found.picture_at + 1] = picture & 0xFF
    else:
        changed[found.picture_at] = (found.picture + picture_shift) & 0x7F
    if found.level_at >= 0:
        changed[found.level_at] = (found.level + level_shift) & 0xFF
    return bytes(changed)
