"""Envelopes on their way between nodes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore.events import Audience, Scope
from chatcore.ids import ChannelId, UserId, WorkspaceId
from chatcore.ports import Envelope
from chatcore.ports.packet import BadPacket, pack, unpack
from chatcore.wire import encode

TEXT = st.text(max_size=300)
ENVELOPES = st.builds(
    lambda seq, scope, channel, user, content: Envelope(
        WorkspaceId("w"),
        "epoch" if seq else "",
        seq,
        "message_received",
        Audience(scope, channel and ChannelId(channel), user and UserId(user)),
        encode({"content": content}),
    ),
    st.integers(0, 2**53),
    st.sampled_from(Scope),
    st.none() | TEXT,
    st.none() | TEXT,
    st.text(st.characters(codec="utf-8"), max_size=2000),
)


def fields(envelope: Envelope) -> list[object]:
    names = ("workspace_id", "epoch", "seq", "type", "audience", "data")
    return [getattr(envelope, name) for name in names]


@given(st.lists(ENVELOPES, max_size=20), st.integers(1_000, 8_000))
def test_everything_arrives_in_order_in_packets_that_fit(envelopes: list[Envelope], largest: int) -> None:
    packets = [unpack(data) for data in pack("node", 5, envelopes, largest)]
    assert [packet.number for packet in packets] == list(range(5, 5 + len(packets)))
    assert {packet.node for packet in packets} == {"node"}
    arrived = [envelope for packet in packets for envelope in packet.envelopes]
    assert len(arrived) == len(envelopes)
    for sent, got in zip(envelopes, arrived, strict=True):
        if got.data:
            assert fields(got) == fields(sent)
        else:  # a reference: everything but the data, and only of what the log has
            assert fields(got)[:-1] == fields(sent)[:-1]
            assert sent.seq
    for data in pack("node", 5, envelopes, largest):
        alone = len(unpack(data).envelopes) <= 1
        assert len(data) <= largest or (
            alone and (not unpack(data).envelopes[0].data or not unpack(data).envelopes[0].seq)
        )


def test_a_packet_of_nothing_says_that_the_node_is_there() -> None:
    (data,) = pack("node", 9, [], 1000)
    packet = unpack(data)
    assert (packet.node, packet.number, packet.envelopes) == ("node", 9, [])


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"[]", b"[1]", b'[1,"node",2]\n[]', b'[1,"node",2]\n[1,2]\n{}', b'[2,"node",1]', b"null"]
)
def test_what_is_no_packet_is_refused(data: bytes) -> None:
    with pytest.raises(BadPacket):
        unpack(data)
