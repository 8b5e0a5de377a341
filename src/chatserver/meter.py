"""Counts of what the server does, for `/metrics`.

Plain integers, because they are touched by every request; prometheus-client turns them into its text when it is asked,
and is not loaded before.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Gauge = Callable[[], float]
Table = Callable[[], Mapping[str, float]]
"""A figure for each value of a label."""


class Meter:
    """Everything counted in one server process."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()
        """(name of the route, status) -> answers."""
        self.seconds: defaultdict[str, float] = defaultdict(float)
        """Name of the route -> seconds spent, all answers together."""
        self._gauges: dict[str, tuple[str, Gauge]] = {}
        self._tables: dict[str, tuple[str, str, Table]] = {}

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count one answer."""
        self.requests[route, status] += 1
        self.seconds[route] += seconds

    def gauge(self, name: str, text: str, read: Gauge) -> None:
        """Show the value of `read()` as `name`; e.g. the gateway's open connections."""
        self._gauges[name] = (text, read)

    def table(self, name: str, text: str, label: str, read: Table) -> None:
        """Show a figure for each value of `label`."""
        self._tables[name] = (text, label, read)

    def exposition(self) -> tuple[bytes, str]:
        """The metrics in Prometheus' text format, and its content type."""
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, PlatformCollector, ProcessCollector
        from prometheus_client.exposition import generate_latest

        registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        registry.register(self)
        return generate_latest(registry), CONTENT_TYPE_LATEST

    def collect(self) -> Iterator[Any]:
        """What prometheus-client asks for."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        requests = CounterMetricFamily("chatcore_http_requests", "Answers over HTTP.", labels=["route", "status"])
        for (route, status), count in self.requests.items():
            requests.add_metric([route, str(status)], count)
        seconds = CounterMetricFamily("chatcore_http_seconds", "Seconds spent on answers.", labels=["route"])
        for route, spent in self.seconds.items():
            seconds.add_metric([route], spent)
        yield requests
        yield seconds
        for name, (text, read) in self._gauges.items():
            yield GaugeMetricFamily(name, text, value=read())
        for name, (text, label, read_all) in self._tables.items():
            family = GaugeMetricFamily(name, text, labels=[label])
            for value, figure in read_all().items():
                family.add_metric([value], figure)
            yield family
