"""Counts of what the server does, for `/metrics`.

Plain integers, because they are touched by every request; prometheus-client turns them into its text when it is asked,
and is not loaded before.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

Gauge = Callable[[], float]
Table = Callable[[], Mapping[str, float]]
"""A figure for each value of a label."""

REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LAG_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Histogram:
    """How often a duration was at most so long."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        """`bounds`: seconds, rising; beyond the last there is one more."""
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one."""
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._sum += seconds

    @property
    def buckets(self) -> list[tuple[str, float]]:
        """Upper bound -> how many were at most as long, as Prometheus wants them."""
        bounds = [*map(str, self._bounds), "+Inf"]
        return list(zip(bounds, accumulate(self._counts), strict=True))

    @property
    def sum(self) -> float:
        """Of all durations, in seconds."""
        return self._sum


class Meter:
    """Everything counted in one server process."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()
        """(name of the route, status) -> answers."""
        self.seconds: dict[str, Histogram] = {}
        """Name of the route -> how long its answers took."""
        self._figures: dict[str, tuple[str, bool, Gauge]] = {}
        self._tables: dict[str, tuple[str, bool, str, Table]] = {}
        self._histograms: dict[str, tuple[str, Histogram]] = {}

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count one answer."""
        self.requests[route, status] += 1
        histogram = self.seconds.get(route)
        if histogram is None:
            histogram = self.seconds[route] = Histogram(REQUEST_SECONDS)
        histogram.observe(seconds)

    def gauge(self, name: str, text: str, read: Gauge) -> None:
        """Show the value of `read()` as `name`; e.g. the gateway's open connections."""
        self._figures[name] = (text, False, read)

    def counter(self, name: str, text: str, read: Gauge) -> None:
        """Show a count since the start, which only grows; Prometheus sees it as `name` and `_total`."""
        self._figures[name] = (text, True, read)

    def table(self, name: str, text: str, label: str, read: Table) -> None:
        """Show a figure for each value of `label`."""
        self._tables[name] = (text, False, label, read)

    def counters(self, name: str, text: str, label: str, read: Table) -> None:
        """Show a count since the start for each value of `label`."""
        self._tables[name] = (text, True, label, read)

    def histogram(self, name: str, text: str, histogram: Histogram) -> None:
        """Show how durations are spread."""
        self._histograms[name] = (text, histogram)

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

        yield from self._requests()
        for name, (text, grows, read) in self._figures.items():
            kind = CounterMetricFamily if grows else GaugeMetricFamily
            yield kind(name, text, value=read())
        for name, (text, grows, label, read_all) in self._tables.items():
            kind = CounterMetricFamily if grows else GaugeMetricFamily
            family = kind(name, text, labels=[label])
            for value, figure in read_all().items():
                family.add_metric([value], figure)
            yield family

    def _requests(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

        requests = CounterMetricFamily("chatcore_http_requests", "Answers over HTTP.", labels=["route", "status"])
        for (route, status), count in self.requests.items():
            requests.add_metric([route, str(status)], count)
        yield requests
        seconds = HistogramMetricFamily("chatcore_http_seconds", "How long answers took.", labels=["route"])
        for route, histogram in self.seconds.items():
            seconds.add_metric([route], histogram.buckets, histogram.sum)
        yield seconds
        for name, (text, histogram) in self._histograms.items():
            yield HistogramMetricFamily(name, text, buckets=histogram.buckets, sum_value=histogram.sum)
