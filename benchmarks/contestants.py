"""The programs that fold the same orders: how each is started, and where it keeps its table."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks import kafka_streams
from benchmarks.process import ROOT

PEERS: Final = ROOT / "benchmarks" / "peers"
PEERS_PYTHON: Final = ROOT / ".venv-peers" / "bin" / "python"  # made by scripts/setup.sh peers
# The fastest of `python -m benchmarks.fold_trials` (fold-trials.csv): 1 and 2 threads, commits after 100 ms and 1 s,
# lz4 and none, the sizes of batch, poll and fetch that Kafka Streams has by itself and these. Its record cache is off.
# 1 and 2 threads are as fast in runs of this length; in some of four times the orders 2 were faster by a fifth.
LARGE: Final = {
    "producer.linger.ms": 20,
    "producer.batch.size": 1 << 20,
    "buffered.records.per.partition": 10_000,
    "consumer.max.poll.records": 5_000,
    "consumer.max.partition.fetch.bytes": 4 << 20,
    "consumer.fetch.max.bytes": 64 << 20,
}
STREAMS: Final = LARGE | {"num.stream.threads": 2, "commit.interval.ms": 1000}
EXACTLY_ONCE: Final = STREAMS | {"processing.guarantee": "exactly_once_v2"}
AT_LEAST_ONCE: Final = STREAMS | {"processing.guarantee": "at_least_once"}


# Of programs in Python, which have one core each: as `tajo worker --processes 2` runs them on a machine of two cores.
# Kafka Streams is one process, whose threads have all cores.
PROCESSES: Final = 2


class Work(NamedTuple):
    """What a program is given. ``source``: the topic of orders; all else it writes begins with ``prefix``."""

    bootstrap: str
    prefix: str
    data: Path
    source: str


class Contestant(NamedTuple):
    """``changelog``: its topic. ``suffix``: what its keys have after the customer's id. ``processes``: run at once."""

    name: str
    command: Callable[[Work], list[str]]
    changelog: str
    suffix: bytes = b""
    processes: int = PROCESSES


def _python(*program: str | Path, python: str | Path = sys.executable) -> Callable[[Work], list[str]]:
    return lambda work: [str(python), *map(str, program), work.bootstrap, work.prefix, str(work.data), work.source]


def streams(settings: Mapping[str, str | int]) -> Callable[[Work], list[str]]:
    return lambda work: kafka_streams.command("fold", work.bootstrap, work.prefix, work.data, work.source, settings)


OURS: Final = Contestant("ours", _python("-m", "benchmarks.ours.fold"), "{prefix}tajo.v1.customers.changelog")
BOUNDED: Final = OURS._replace(  # MiB for its stores, soon full
    command=lambda work: [*OURS.command(work), "16"], processes=1
)
FAUST: Final = Contestant("faust", _python(PEERS / "faust" / "fold.py"), "{prefix}faust-customers-changelog")
QUIX: Final = Contestant(
    "quix",
    _python(PEERS / "quix" / "fold.py", python=PEERS_PYTHON),
    "changelog__{prefix}quix--{source}--default",
    b"|s",
)
EOS: Final = Contestant("kafka-streams-eos", streams(EXACTLY_ONCE), "{prefix}streams-customers-changelog", processes=1)
ALO: Final = Contestant("kafka-streams-alo", streams(AT_LEAST_ONCE), "{prefix}streams-customers-changelog", processes=1)
