"""H.264 over RTP (RFC 6184): where a key frame begins."""

_IDR, _SPS = 5, 7
_STAP_A, _FU_A = 24, 28


def is_key_frame(payload: bytes) -> bool:
    """Whether a packet begins a picture that needs no other: it holds parameters, or the first part of an IDR."""
    if len(payload) < 2:
        return False
    kind = payload[0] & 0x1F
    if kind == _FU_A:
        return bool(payload[1] & 0x80) and payload[1] & 0x1F == _IDR
    if kind != _STAP_A:
        return kind in (_IDR, _SPS)
    at = 1
    while at + 2 < len(payload):
        if payload[at + 2] & 0x1F in (_IDR, _SPS):
            return True
        at += 2 + (payload[at] << 8 | payload[at + 1])
    return False
