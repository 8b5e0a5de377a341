"""What is counted of connections, frames and bytes, as Prometheus reads it."""

from typing import Any

import pytest
import trio
from tests.chatserver.exposition import families
from tests.chatserver.net.waiting import until

from chatcore.errors import ChatError
from chatserver.gateway.opening import Request
from chatserver.gateway.rooms import PRESENCE_SECONDS
from chatserver.gateway.sight import show
from chatserver.meter import Meter


def values(meter: Meter) -> dict[str, float]:
    """`name` or `name label` -> value."""
    shown = families(meter.exposition()[0].decode())
    return {
        " ".join([sample.name.removeprefix("chatcore_"), *sample.labels.values()]): sample.value
        for name, family in shown.items()
        if name.startswith("chatcore_")
        for sample in family.samples
    }


@pytest.fixture
def meter(edge: Any) -> Meter:
    meter = Meter()
    show(edge.gateway, meter)
    return meter


async def test_frames_and_bytes_are_counted_in_both_directions(edge: Any, meter: Meter) -> None:
    ada, bob = await edge.join(edge.team.ada), await edge.join(edge.team.bob)
    before = values(meter)
    for number in range(5):
        await ada.ask("send_message", channelId=edge.team.general.id, content=f"hello {number}")
    for _ in range(5):
        await bob.hear("message_received")
    await trio.sleep(2 * PRESENCE_SECONDS)
    after = values(meter)
    grown = {name: after[name] - before.get(name, 0) for name in after}
    assert grown["frames_received_total"] == 5
    assert grown["received_bytes_total"] > 5 * 50
    assert grown["messages_sent_total"] == grown["events_total message_received"] == 5
    assert after["frames_sent_total"] == ada.texts + bob.texts > 15
    assert after["sent_bytes_total"] == ada.bytes + bob.bytes > 15 * 50


async def test_comings_and_goings_are_counted(edge: Any, meter: Meter) -> None:
    position = await edge.team.chat.hub.position(edge.team.workspace.id)
    await edge.team.chat.messages.send(edge.team.general, author=edge.team.ada, content="missed")
    ada = await edge.join(edge.team.ada)
    bob = edge.open(await edge.team.identity(edge.team.bob))
    since = {"epoch": position.epoch, "seq": position.seq}
    assert (await bob.ask("join_workspace", workspaceId=edge.team.workspace.id, since=since))["data"]["resumed"]
    ada.queued = 1234
    seen = values(meter)
    assert (seen["sockets"], seen["sockets_opened_total"]) == (2, 2)
    assert (seen["joins_total resumed"], seen["joins_total afresh"]) == (1, 1)
    assert seen["queued_bytes"] == 1234
    ada.hang_up(4001)
    await until(lambda: edge.gateway.connections == 1)
    seen = values(meter)
    assert (seen["sockets"], seen["sockets_closed_total 4001"], seen["slow_closes_total"]) == (1, 1, 1)
    assert seen["queued_bytes"] == 0


async def test_who_is_turned_away_is_counted(make_edge: Any) -> None:
    async with make_edge(rate_limits={"handshake": {"requests": 1, "window": 60}}) as edge:
        await edge.gateway.admit(Request(headers=[], peer="192.0.2.1"))
        with pytest.raises(ChatError):
            await edge.gateway.admit(Request(headers=[], peer="192.0.2.1"))
        meter = Meter()
        show(edge.gateway, meter)
        assert values(meter)["handshakes_refused_total RATE_LIMIT_EXCEEDED"] == 1
