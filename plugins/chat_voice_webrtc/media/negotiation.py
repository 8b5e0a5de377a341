"""What becomes of an offer: which m-lines bring media, which are slots, and with what codecs. Pure."""

import secrets
from collections.abc import Mapping
from enum import StrEnum

import attrs

from chat_voice_webrtc.media.sdp import AUDIO_LEVEL, MID, AnswerSection, Codec, Offer, Section

MAX_INBOUND = 4
MAX_SLOTS = {"audio": 8, "video": 16}
"""M-lines in use for one device; further ones are answered `inactive`."""

_OPUS = "minptime=10;useinbandfec=1;usedtx=1"
"""What we ask of senders: loss is repaired from the next packet, and silence is hardly sent."""


class Source(StrEnum):
    """What a client sends."""

    MICROPHONE = "microphone"
    CAMERA = "camera"
    SCREEN = "screen"


@attrs.frozen(kw_only=True)
class Inbound:
    """An m-line by which the client sends. `codecs`: payload type -> what it is."""

    mid: str
    source: Source
    codecs: Mapping[int, str]
    clock_rate: int
    ssrcs: tuple[int, ...]
    level_extension: int
    mid_extension: int


@attrs.frozen(kw_only=True)
class Slot:
    """An m-line by which we send. `payload_types`: what it is -> payload type."""

    mid: str
    kind: str
    ssrc: int
    payload_types: Mapping[str, int]
    clock_rate: int
    level_extension: int
    mid_extension: int


@attrs.frozen(kw_only=True)
class Plan:
    inbound: tuple[Inbound, ...]
    slots: tuple[Slot, ...]
    sections: tuple[AnswerSection, ...]


def negotiate(offer: Offer, sources: Mapping[str, str]) -> Plan:
    """`sources`: mid of a sending video m-line -> `camera` or `screen`."""
    inbound: list[Inbound] = []
    slots: list[Slot] = []
    sections: list[AnswerSection] = []
    for section in offer.sections:
        codecs = {} if section.rejected else usable(section)
        sends = section.sends and codecs and len(inbound) < MAX_INBOUND
        limit = MAX_SLOTS.get(section.kind, 0)
        receives = section.receives and codecs and sum(slot.kind == section.kind for slot in slots) < limit
        if sends:
            inbound.append(_inbound(section, codecs, sources))
        if receives:
            slots.append(_slot(section, codecs))
        direction = {(True, True): "sendrecv", (True, False): "recvonly", (False, True): "sendonly"}
        sections.append(
            AnswerSection(
                kind=section.kind,
                mid=section.mid,
                protocol=section.protocol,
                format=section.format,
                codecs=tuple(codecs.values()),
                direction=direction.get((bool(sends), bool(receives)), "inactive"),
                extensions={uri: key for uri, key in section.extensions.items() if uri in (MID, AUDIO_LEVEL)},
                ssrc=slots[-1].ssrc if receives else None,
            )
        )
    return Plan(inbound=tuple(inbound), slots=tuple(slots), sections=tuple(sections))


def usable(section: Section) -> dict[str, Codec]:
    """The codecs that are passed on, in the client's order: what it is -> the first payload type for it."""
    found: dict[str, Codec] = {}
    for codec in section.codecs:
        key = _key(section.kind, codec)
        if key is not None:
            parameters = _OPUS if key == "opus" else codec.parameters
            found.setdefault(key, attrs.evolve(codec, parameters=parameters))
    return found


def _key(kind: str, codec: Codec) -> str | None:
    """Two streams of the same key can be shown in the same slot."""
    if kind == "audio":
        return "opus" if codec.name == "opus" and codec.clock_rate == 48000 else None
    if codec.clock_rate != 90000:
        return None
    if codec.name == "vp8":
        return "vp8"
    if codec.name == "h264":
        parameters = dict(each.strip().partition("=")[::2] for each in codec.parameters.split(";"))
        profile = parameters.get("profile-level-id", "42e01f").lower()
        # 42e0 is 42 with constraints: who shows the one shows the other.
        group = "42" if profile.startswith("42") else profile[:4]
        return f"h264/{parameters.get('packetization-mode', '0')}/{group}"
    return None


def _inbound(section: Section, codecs: Mapping[str, Codec], sources: Mapping[str, str]) -> Inbound:
    shown = Source.SCREEN if sources.get(section.mid) == Source.SCREEN else Source.CAMERA
    return Inbound(
        mid=section.mid,
        source=Source.MICROPHONE if section.kind == "audio" else shown,
        codecs={codec.payload_type: key for key, codec in codecs.items()},
        clock_rate=next(iter(codecs.values())).clock_rate,
        ssrcs=section.ssrcs[:1],
        level_extension=section.extensions.get(AUDIO_LEVEL, 0),
        mid_extension=section.extensions.get(MID, 0),
    )


def _slot(section: Section, codecs: Mapping[str, Codec]) -> Slot:
    return Slot(
        mid=section.mid,
        kind=section.kind,
        ssrc=secrets.randbelow(0xFFFFFFFE) + 1,
        payload_types={key: codec.payload_type for key, codec in codecs.items()},
        clock_rate=next(iter(codecs.values())).clock_rate,
        level_extension=section.extensions.get(AUDIO_LEVEL, 0) if section.kind == "audio" else 0,
        mid_extension=section.extensions.get(MID, 0),
    )
