"""RTCP, with aiortc's own for comparison."""

from aiortc.rtp import (
    RtcpByePacket,
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSdesPacket,
    RtcpSrPacket,
    unpack_remb_fci,
)
from hypothesis import given
from hypothesis import strategies as st

from chat_voice_webrtc.media import rtcp

REPORT = rtcp.Report(7, 12, -3, 70_000, 55, 0xABCDEF, 99)
NTP = 0x0123456789ABCDEF


def test_what_we_say_is_understood_by_others() -> None:
    data = (
        rtcp.sender_report(1, NTP, 3, 4, 5, [REPORT])
        + rtcp.receiver_report(2, [REPORT])
        + rtcp.source_description(1, b"name")
        + rtcp.key_frame_wanted(1, 9)
        + rtcp.wanted_again(1, 9, [5, 70])
        + rtcp.bitrate_limit(1, 1_500_000, [9, 10])
    )
    sr, rr, sdes, pli, nack, remb = RtcpPacket.parse(data)
    info = RtcpReceiverInfo(
        ssrc=7, fraction_lost=12, packets_lost=-3, highest_sequence=70_000, jitter=55, lsr=0xABCDEF, dlsr=99
    )
    assert isinstance(sr, RtcpSrPacket)
    assert (sr.ssrc, sr.sender_info.ntp_timestamp, sr.sender_info.packet_count, sr.reports) == (1, NTP, 4, [info])
    assert isinstance(rr, RtcpRrPacket)
    assert rr.reports == [info]
    assert isinstance(sdes, RtcpSdesPacket)
    assert sdes.chunks[0].items == [(1, b"name")]
    assert isinstance(pli, RtcpPsfbPacket)
    assert (pli.fmt, pli.media_ssrc) == (1, 9)
    assert isinstance(nack, RtcpRtpfbPacket)
    assert nack.lost == [5, 70]
    assert isinstance(remb, RtcpPsfbPacket)
    bitrate, ssrcs = unpack_remb_fci(remb.fci)
    assert abs(bitrate - 1_500_000) < 10
    assert ssrcs == [9, 10]


def test_what_others_say_is_understood() -> None:
    again = RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=9, lost=[5, 6, 21, 100])
    fir = RtcpPsfbPacket(fmt=4, ssrc=1, media_ssrc=0, fci=b"\0\0\0\x09\1\0\0\0")
    data = (
        rtcp.sender_report(1, NTP, 3, 4, 5, [REPORT])
        + bytes(again)
        + bytes(fir)
        + rtcp.key_frame_wanted(1, 8)
        + bytes(RtcpByePacket(sources=[3]))
    )
    assert rtcp.parse(data) == [
        rtcp.SenderReport(1, 0x456789AB, 3),
        REPORT,
        rtcp.Lost(9, (5, 6, 21, 100)),
        rtcp.KeyFrameWanted(9),
        rtcp.KeyFrameWanted(8),
        rtcp.Bye((3,)),
    ]


@given(st.binary(max_size=120))
def test_anything_is_read_without_a_fault(data: bytes) -> None:
    rtcp.parse(data)
    rtcp.parse(b"\x81" + data)


def test_a_request_for_everything_is_cut() -> None:
    (lost,) = rtcp.parse(rtcp.wanted_again(1, 9, range(2000)))
    assert isinstance(lost, rtcp.Lost)
    assert len(lost.sequences) <= rtcp.MAX_NACKS + 17
