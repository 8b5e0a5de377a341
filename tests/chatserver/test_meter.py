"""Counting, and the text of Prometheus."""

from tests.chatserver.exposition import families

from chatserver.meter import Histogram, Meter


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
    assert 'chatcore_http_seconds_bucket{le="0.1",route="getMe"} 0.0' in lines
    assert 'chatcore_http_seconds_bucket{le="0.25",route="getMe"} 3.0' in lines
    assert 'chatcore_http_seconds_sum{route="getMe"} 0.75' in lines
    assert "chatcore_sockets 7.0" in lines


def test_every_figure_has_its_type() -> None:
    meter, histogram = Meter(), Histogram((0.1, 1.0))
    for seconds in (0.05, 0.1, 0.5, 7):
        histogram.observe(seconds)
    meter.gauge("a", "Now.", lambda: 1)
    meter.counter("b", "So far.", lambda: 2)
    meter.table("c", "Now, each.", "x", lambda: {"one": 3})
    meter.counters("d", "So far, each.", "x", lambda: {"one": 4})
    meter.histogram("e", "How long.", histogram)
    shown = families(meter.exposition()[0].decode())
    assert {name: shown[name].type for name in "abcde"} == {
        "a": "gauge", "b": "counter", "c": "gauge", "d": "counter", "e": "histogram"
    }  # fmt: skip
    values = {
        (sample.name, *sample.labels.values()): sample.value for each in "abcde" for sample in shown[each].samples
    }
    assert values == {
        ("a",): 1, ("b_total",): 2, ("c", "one"): 3, ("d_total", "one"): 4,
        ("e_bucket", "0.1"): 2, ("e_bucket", "1.0"): 3, ("e_bucket", "+Inf"): 4, ("e_count",): 4, ("e_sum",): 7.65,
    }  # fmt: skip


def test_two_meters_do_not_meet() -> None:
    one, other = Meter(), Meter()
    one.answered("getMe", 200, 0.1)
    assert b"getMe" not in other.exposition()[0]
