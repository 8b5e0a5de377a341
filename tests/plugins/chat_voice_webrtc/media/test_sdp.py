"""What a client offers. Whatever comes in is hostile."""

import random

import pytest
from aiortc import RTCPeerConnection
from aiortc.sdp import SessionDescription
from hypothesis import given
from hypothesis import strategies as st

from chat_voice_webrtc.media.negotiation import Source, negotiate
from chat_voice_webrtc.media.sdp import AUDIO_LEVEL, MID, Answer, BadOffer, parse_offer

HEAD = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
TRANSPORT = (
    "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=setup:actpass\r\na=rtcp-mux\r\n"
    "a=fingerprint:sha-256 " + ":".join(["AB"] * 32) + "\r\n"
)
OPUS = "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10\r\na=rtpmap:9 G722/8000\r\n"
VIDEO = (
    "a=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rtpmap:98 VP9/90000\r\n"
    "a=rtpmap:102 H264/90000\r\na=fmtp:102 packetization-mode=1;profile-level-id=42e01f\r\n"
)


def section(kind: str, mid: str, direction: str, more: str = "") -> str:
    codecs = OPUS if kind == "audio" else VIDEO
    numbers = "111 9" if kind == "audio" else "96 97 98 102"
    return f"m={kind} 9 UDP/TLS/RTP/SAVPF {numbers}\r\na=mid:{mid}\r\na={direction}\r\n{TRANSPORT}{codecs}{more}"


def offer(*sections: str, bundle: str | None = None) -> str:
    mids = " ".join(str(number) for number in range(len(sections))) if bundle is None else bundle
    return HEAD + f"a=group:BUNDLE {mids}\r\n" + "".join(sections)


GOOD = offer(
    section("audio", "0", "sendonly", f"a=extmap:1 {AUDIO_LEVEL}\r\na=extmap:4 {MID}\r\na=ssrc:77 cname:x\r\n"),
    section("video", "1", "sendonly"),
    section("audio", "2", "recvonly"),
    section("video", "3", "recvonly"),
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:4\r\n" + TRANSPORT,
)


def answer_to(text: str) -> str:
    found = parse_offer(text)
    return Answer(
        ice_username="user",
        ice_password="p" * 22,
        fingerprint="sha-256 AB:CD",
        setup="active",
        cname="us",
        candidates=(("192.0.2.1", 40000), ("fd00::1", 40000)),
        sections=negotiate(found, {}).sections,
    ).text()


def test_what_is_sent_and_what_are_slots() -> None:
    plan = negotiate(parse_offer(GOOD), {"1": "screen"})
    voice, screen = plan.inbound
    assert (voice.source, voice.mid, voice.ssrcs, voice.level_extension, voice.mid_extension) == (
        Source.MICROPHONE, "0", (77,), 1, 4,
    )  # fmt: skip
    assert voice.codecs == {111: "opus"}
    assert (screen.source, screen.codecs) == (Source.SCREEN, {96: "vp8", 102: "h264/1/42"})
    assert [(slot.kind, slot.mid) for slot in plan.slots] == [("audio", "2"), ("video", "3")]


def test_the_answer_is_understood_by_aiortc() -> None:
    text = answer_to(GOOD)
    found = SessionDescription.parse(text)
    assert [(each.kind, each.rtp.muxId, each.direction, each.port != 0) for each in found.media] == [
        ("audio", "0", "recvonly", True),
        ("video", "1", "recvonly", True),
        ("audio", "2", "sendonly", True),
        ("video", "3", "sendonly", True),
        ("application", "4", "inactive", False),
    ]
    assert [codec.mimeType for codec in found.media[1].rtp.codecs] == ["video/VP8", "video/H264"]
    assert found.group[0].items == ["0", "1", "2", "3"]
    assert [(each.ip, each.port) for each in found.media[0].ice_candidates] == [
        ("192.0.2.1", 40000),
        ("fd00::1", 40000),
    ]
    assert "useinbandfec=1" in text


async def test_aiortc_takes_the_answer_to_its_offer() -> None:
    import asyncio

    import trio

    async def offers() -> str:
        connection = RTCPeerConnection()
        connection.addTransceiver("audio", "sendonly")
        connection.addTransceiver("video", "recvonly")
        try:
            return (await connection.createOffer()).sdp
        finally:
            await connection.close()

    text = await trio.to_thread.run_sync(lambda: asyncio.run(offers()))
    # no credentials of ICE before candidates were gathered would be a bad offer: aiortc has them from the start
    assert len(SessionDescription.parse(answer_to(text)).media) == 2


def test_slots_beyond_the_limit_stay_inactive() -> None:
    many = offer(*(section("audio", str(number), "recvonly") for number in range(20)))
    assert len(negotiate(parse_offer(many), {}).slots) == 8
    greedy = offer(*(section("audio", str(number), "sendonly") for number in range(20)))
    assert len(negotiate(parse_offer(greedy), {}).inbound) == 4


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "v=0"),
        (HEAD, "no m-line"),
        (offer(*(section("audio", str(number), "recvonly") for number in range(30))) * 3, "m-lines"),
        (GOOD.replace("a=mid:2", "a=mid:1"), "same a=mid"),
        (GOOD.replace("a=mid:2", "a=mid:" + "x" * 99), "no valid a=mid"),
        (GOOD.replace("a=group:BUNDLE 0 1 2 3 4\r\n", ""), "bundle"),
        (GOOD.replace("a=ice-ufrag:abcd", "a=ice-ufrag:a b"), "ice-ufrag"),
        (GOOD.replace("a=ice-pwd:abcdefghijklmnopqrstuvwx", "a=ice-pwd:short"), "ice-ufrag"),
        (GOOD.replace("sha-256", "md5"), "fingerprint"),
        (GOOD.replace("actpass", "holdconn"), "setup"),
        (GOOD.replace("a=rtcp-mux\r\n", ""), "rtcp-mux"),
        (GOOD.replace("m=audio 9", "m=audio nine"), "cannot be read"),
        ("v=0\r\nm=audio\r\n", "cannot be read"),
    ],
)
def test_bad_offers_say_what_is_wrong(text: str, problem: str) -> None:
    with pytest.raises(BadOffer, match=problem):
        parse_offer(text)


@given(st.randoms(use_true_random=False))
def test_a_mangled_offer_is_taken_or_refused(chance: random.Random) -> None:
    lines = GOOD.split("\r\n")
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(lines))
        if chance.random() < 0.3:
            del lines[at]
        else:
            cut = chance.randint(0, len(lines[at]))
            lines[at] = lines[at][:cut] + chance.choice(["", "\0", "999999999999", " ", "²", "\ud800", ":", "a=b"])
        lines = lines or ["v=0"]
    try:
        text = answer_to("\r\n".join(lines))
    except BadOffer:
        return
    assert text.startswith("v=0\r\n")


@given(st.text(max_size=200))
def test_any_text_is_refused_in_words(text: str) -> None:
    with pytest.raises(BadOffer):
        parse_offer(text)
