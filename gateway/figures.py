"""Counters and histograms of the hot path, as Prometheus reads them.

Those of `prometheus_client` take a lock and look for exemplars at each step; a gateway counts in one thread only, and
four of them would cost a delivery as much as its signature does.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector


class Count:
    """One series."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def inc(self) -> None:
        self.value += 1


class Counts(Collector):
    """A counter with labels. Each series that was asked for is told, also at 0."""

    def __init__(self, name: str, told: str, labels: Sequence[str], registry: CollectorRegistry) -> None:
        self._name, self._told, self._labels = name, told, tuple(labels)
        self._series: dict[tuple[str, ...], Count] = {}
        registry.register(self)

    def labels(self, *values: str) -> Count:
        if len(values) != len(self._labels):
            raise ValueError(f"{self._name} has the labels {self._labels}, given are {values}.")
        return self._series.setdefault(values, Count())

    def collect(self) -> Iterable[Metric]:
        family = CounterMetricFamily(self._name, self._told, labels=self._labels)
        for values, count in self._series.items():
            family.add_metric(values, count.value)
        yield family


class Times(Collector):
    """A histogram of seconds. ``buckets``: upper bounds, ascending."""

    def __init__(self, name: str, told: str, buckets: Sequence[float], registry: CollectorRegistry) -> None:
        self._name, self._told, self._bounds = name, told, tuple(buckets)
        self._counts = [0] * (len(buckets) + 1)
        self._sum = 0.0
        registry.register(self)

    def observe(self, seconds: float) -> None:
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._sum += seconds

    def collect(self) -> Iterable[Metric]:
        buckets, total = [], 0
        for bound, count in zip((*map(str, self._bounds), "+Inf"), self._counts, strict=True):
            total += count
            buckets.append((bound, float(total)))
        yield HistogramMetricFamily(self._name, self._told, buckets=buckets, sum_value=self._sum)
