"""Counting, and the text of Prometheus."""

from chatserver.meter import Meter


def test_answers_are_counted_by_route_and_status() -> None:
    meter = Meter()
    for status in (200, 200, 404):
        meter.answered("getMe", status, 0.25)
    meter.gauge("chatcore_sockets", "Open sockets.", lambda: 7)
    text, kind = meter.exposition()
    lines = text.decode().splitlines()
    assert kind.startswith("text/plain")
    assert 'chatcore_http_requests_total{route="getMe",status="200"} 2.0' in lines
    assert 'chatcore_http_requests_total{route="getMe",status="404"} 1.0' in lines
    assert 'chatcore_http_seconds_total{route="getMe"} 0.75' in lines
    assert "chatcore_sockets 7.0" in lines


def test_two_meters_do_not_meet() -> None:
    one, other = Meter(), Meter()
    one.answered("getMe", 200, 0.1)
    assert b"getMe" not in other.exposition()[0]
