"""Session descriptions (RFC 8866, 8829): what a client offers, and our answer. Whatever comes in is hostile.

Of an offer only what is used here is read. Candidates are not among it: clients come to us, and who could name
addresses would have us knock at them.
"""

import re
from collections.abc import Iterator

import attrs

MAX_OFFER = 64 * 1024
MAX_SECTIONS = 64
MAX_LINES = 4_000
"""Bytes, m-lines and lines. A browser with a camera and eight slots sends some 12 KiB in 400 lines."""

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"

_DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`{|}~0-9A-Za-z]{1,32}")
_WORD = re.compile(r"[0-9A-Za-z/\-.]{1,32}")
_ICE = re.compile(r"[A-Za-z0-9+/]{4,256}")
_FINGERPRINT = re.compile(r"(sha-256|sha-384|sha-512) ((?:[0-9A-Fa-f]{2}:){31,63}[0-9A-Fa-f]{2})")
_CODEC = re.compile(r"([0-9]{1,3}) ([A-Za-z0-9\-_.]{1,32})/([0-9]{1,6})(?:/([0-9]))?")


class BadOffer(Exception):
    """An offer that is none, or not one for us. The message is for its author."""


@attrs.frozen
class Codec:
    payload_type: int
    name: str
    clock_rate: int
    channels: int
    parameters: str = ""


@attrs.frozen(kw_only=True)
class Section:
    """An m-line. `ssrcs` in the order in which they are named."""

    kind: str
    protocol: str
    format: str
    mid: str
    direction: str
    rejected: bool
    bundled: bool
    codecs: tuple[Codec, ...]
    extensions: dict[str, int]
    ssrcs: tuple[int, ...]

    @property
    def sends(self) -> bool:
        """Whether the client sends."""
        return not self.rejected and self.direction in ("sendrecv", "sendonly")

    @property
    def receives(self) -> bool:
        """Whether it is a slot."""
        return not self.rejected and self.direction in ("sendrecv", "recvonly")


@attrs.frozen(kw_only=True)
class Offer:
    """`setup`: who begins with DTLS, as the client has it."""

    ice_username: str
    ice_password: str
    fingerprints: tuple[tuple[str, str], ...]
    setup: str
    sections: tuple[Section, ...]


def parse_offer(text: str) -> Offer:
    """Raises BadOffer."""
    if len(text) > MAX_OFFER:
        raise BadOffer(f"must be at most {MAX_OFFER} bytes")
    lines = text.splitlines()
    if not lines or lines[0].strip() != "v=0":
        raise BadOffer("is no session description: it must begin with v=0")
    if len(lines) > MAX_LINES:
        raise BadOffer(f"has more than {MAX_LINES} lines")
    parts: list[list[str]] = [[]]
    for line in lines:
        if line.startswith("m="):
            parts.append([])
        parts[-1].append(line.strip())
    if len(parts) == 1:
        raise BadOffer("has no m-line: offer something to send, or a slot to receive")
    if len(parts) > MAX_SECTIONS + 1:
        raise BadOffer(f"has {len(parts) - 1} m-lines: at most {MAX_SECTIONS} are taken")
    head, bodies = parts[0], parts[1:]
    bundle = next((value.split()[1:] for value in _values(head, "group") if value.startswith("BUNDLE ")), [])
    sections = tuple(_section(body, index, bundle) for index, body in enumerate(bodies))
    if len({section.mid for section in sections}) < len(sections):
        raise BadOffer("has two m-lines with the same a=mid")
    if not any(section.bundled and not section.rejected for section in sections):
        raise BadOffer("must bundle its m-lines (a=group:BUNDLE)")
    return _with_transport(head, bodies, sections)


def _with_transport(head: list[str], bodies: list[list[str]], sections: tuple[Section, ...]) -> Offer:
    """The offer, with ICE and DTLS of the first m-line of the bundle, which are those of all."""
    body = next(body for body, section in zip(bodies, sections, strict=True) if section.bundled)

    def attribute(name: str) -> str:
        return next(_values(body, name), None) or next(_values(head, name), None) or ""

    username, password = attribute("ice-ufrag"), attribute("ice-pwd")
    if not _ICE.fullmatch(username) or not _ICE.fullmatch(password) or len(password) < 22:
        raise BadOffer("has no valid a=ice-ufrag and a=ice-pwd")
    named = [*_values(body, "fingerprint"), *_values(head, "fingerprint")][:8]
    found = [match for match in (_FINGERPRINT.fullmatch(_lower_name(each)) for each in named) if match is not None]
    if not found:
        raise BadOffer("has no a=fingerprint of sha-256, sha-384 or sha-512")
    setup = attribute("setup") or "actpass"
    if setup not in ("actpass", "active", "passive"):
        raise BadOffer("a=setup must be actpass, active or passive")
    return Offer(
        ice_username=username,
        ice_password=password,
        fingerprints=tuple((match[1], match[2]) for match in found),
        setup=setup,
        sections=sections,
    )


def _section(body: list[str], index: int, bundle: list[str]) -> Section:
    words = body[0][2:].split()
    if len(words) < 4 or not all(_WORD.fullmatch(word) for word in words[:4]) or not words[1].isdigit():
        raise BadOffer(f"m-line {index + 1} cannot be read")
    kind, port = words[0], words[1]
    mid = next(_values(body, "mid"), "")
    if not _TOKEN.fullmatch(mid):
        raise BadOffer(f"m-line {index + 1} has no valid a=mid")
    direction = next((line[2:] for line in body if line[2:] in _DIRECTIONS and line.startswith("a=")), "sendrecv")
    media = kind in ("audio", "video")
    if media and port != "0" and not any(line == "a=rtcp-mux" for line in body):
        raise BadOffer(f"m-line {index + 1} must multiplex RTCP (a=rtcp-mux)")
    return Section(
        kind=kind,
        protocol=words[2],
        format=words[3],
        mid=mid,
        direction=direction,
        rejected=not media or mid not in bundle or (port == "0" and "a=bundle-only" not in body),
        bundled=mid in bundle,
        codecs=tuple(_codecs(body)) if media else (),
        extensions=dict(_extensions(body)) if media else {},
        ssrcs=tuple(dict.fromkeys(_ssrcs(body))),
    )


def _values(lines: list[str], name: str) -> Iterator[str]:
    start = f"a={name}:"
    return (line[len(start) :].strip() for line in lines if line.startswith(start))


def _lower_name(fingerprint: str) -> str:
    name, _, value = fingerprint.partition(" ")
    return f"{name.lower()} {value.strip()}"


def _codecs(body: list[str]) -> Iterator[Codec]:
    parameters: dict[str, str] = {}
    for value in _values(body, "fmtp"):
        payload_type, _, rest = value.partition(" ")
        parameters.setdefault(payload_type, rest[:256])
    for value in _values(body, "rtpmap"):
        match = _CODEC.fullmatch(value)
        # 64 to 95 would be taken for RTCP on the same port (RFC 5761)
        if match is not None and (int(match[1]) < 64 or 96 <= int(match[1]) < 128):
            name, rate = match[2].lower(), int(match[3])
            yield Codec(int(match[1]), name, rate, int(match[4] or 1), parameters.get(match[1], ""))


def _extensions(body: list[str]) -> Iterator[tuple[str, int]]:
    for value in _values(body, "extmap"):
        words = value.split()
        number = words[0].partition("/")[0] if words else ""
        if len(words) >= 2 and number.isascii() and number.isdigit() and 0 < int(number) < 256:
            yield words[1], int(number)


def _ssrcs(body: list[str]) -> Iterator[int]:
    for value in _values(body, "ssrc"):
        number = value.split(" ", 1)[0]
        if number.isascii() and number.isdigit() and len(number) <= 10 and 0 < int(number) < 1 << 32:
            yield int(number)


@attrs.frozen(kw_only=True)
class AnswerSection:
    """An m-line of the answer. Without codecs it is refused. `direction` is ours; `ssrc` of what we send."""

    kind: str
    mid: str
    protocol: str
    format: str
    codecs: tuple[Codec, ...] = ()
    direction: str = "inactive"
    extensions: dict[str, int] = attrs.field(factory=dict)
    ssrc: int | None = None


@attrs.frozen(kw_only=True)
class Answer:
    """`candidates`: address and port of each of our sockets, the best first."""

    ice_username: str
    ice_password: str
    fingerprint: str
    setup: str
    cname: str
    candidates: tuple[tuple[str, int], ...]
    sections: tuple[AnswerSection, ...]

    def text(self) -> str:
        """The session description."""
        bundle = " ".join(section.mid for section in self.sections if section.codecs)
        lines = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", f"a=group:BUNDLE {bundle}", "a=msid-semantic:WMS *"]
        for section in self.sections:
            lines += self._taken(section) if section.codecs else _refused(section)
        return "\r\n".join(lines) + "\r\n"

    def _taken(self, section: AnswerSection) -> list[str]:
        host, port = self.candidates[0]
        numbers = " ".join(str(codec.payload_type) for codec in section.codecs)
        lines = [
            f"m={section.kind} {port} {section.protocol} {numbers}",
            f"c=IN {'IP6' if ':' in host else 'IP4'} {host}",
            f"a={section.direction}",
            f"a=mid:{section.mid}",
            "a=rtcp-mux",
            f"a=ice-ufrag:{self.ice_username}",
            f"a=ice-pwd:{self.ice_password}",
            f"a=fingerprint:{self.fingerprint}",
            f"a=setup:{self.setup}",
            *(f"a=extmap:{key} {uri}" for uri, key in section.extensions.items()),
        ]
        for codec in section.codecs:
            lines += _codec_lines(section.kind, codec)
        if section.ssrc is not None:
            lines += [f"a=msid:huddle slot-{section.mid}", f"a=ssrc:{section.ssrc} cname:{self.cname}"]
        return lines + list(self._candidate_lines())

    def _candidate_lines(self) -> Iterator[str]:
        for index, (host, port) in enumerate(self.candidates):
            priority = 126 << 24 | (65535 - index) << 8 | 255
            yield f"a=candidate:{index + 1} 1 udp {priority} {host} {port} typ host"
        yield "a=end-of-candidates"


def _codec_lines(kind: str, codec: Codec) -> Iterator[str]:
    number = codec.payload_type
    name = {"vp8": "VP8", "h264": "H264"}.get(codec.name, codec.name)
    yield f"a=rtpmap:{number} {name}/{codec.clock_rate}" + (f"/{codec.channels}" if codec.channels > 1 else "")
    if codec.parameters:
        yield f"a=fmtp:{number} {codec.parameters}"
    if kind == "video":
        yield from (f"a=rtcp-fb:{number} {each}" for each in ("nack", "nack pli", "ccm fir", "goog-remb"))


def _refused(section: AnswerSection) -> list[str]:
    return [
        f"m={section.kind} 0 {section.protocol} {section.format}",
        "c=IN IP4 0.0.0.0",
        "a=inactive",
        f"a=mid:{section.mid}",
    ]
