"""python -m tests.soak [--minutes 30]: does the disk, does the memory of workers stay bounded, and is nothing lost?

Prints a sample every 30 seconds, keeps them as CSV, and ends with a verdict: exit status 0, or 1 with what is wrong.
"""

import argparse
import asyncio
import csv
import logging
import sys
import tempfile
from pathlib import Path

from streams.access import Kafka
from streams.purge import EVERY_S
from tajo.kafka import EmbeddedKafka
from tests.soak.measures import Sample
from tests.soak.run import Soak
from tests.soak.team import SoakFailed
from tests.soak.verdict import LEAST

SAMPLES_S = 30.0


def main() -> int:
    asked = _arguments()
    logging.getLogger("aiokafka").setLevel(logging.ERROR)  # new partitions have no leader for a moment
    with tempfile.TemporaryDirectory(prefix="tajo-soak-") as folder, EmbeddedKafka() as broker:
        seconds = asked.minutes * 60
        soak = Soak(
            kafka=Kafka(broker.bootstrap_servers),
            kafka_data=broker.folder / "data",
            folder=Path(folder),
            seconds=seconds,
            every=min(SAMPLES_S, seconds / (2 * LEAST)),
            rate=asked.rate,
            workers=asked.workers,
            purge_every=asked.purge_every,
            say=lambda line: print(line, flush=True),
        )
        print(f"{asked.minutes:g} minutes, {asked.workers} workers, {asked.rate:g} facts a second", flush=True)
        try:
            wrong = asyncio.run(soak.run())
        except SoakFailed as error:
            wrong = [str(error)]
        finally:
            _keep(soak.samples, asked.csv)
    for sentence in wrong:
        print(sentence)
    folded = sum(soak.twin.folded.values())
    print(
        "soak: failed" if wrong else f"soak: ok, disk and memory are bounded, and {folded:,} records folded once each"
    )
    return 1 if wrong else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rate", type=float, default=120, help="facts a second, at most")
    parser.add_argument("--purge-every", type=float, default=EVERY_S, help="seconds; 1e9: never, and the soak fails")
    parser.add_argument("--csv", type=Path, default=Path(tempfile.gettempdir(), "tajo-soak.csv"))
    return parser.parse_args()


def _keep(samples: list[Sample], path: Path) -> None:
    if not samples:
        return
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(samples[0].figures())
        rows.writerows([f"{value:.2f}" for value in sample.figures().values()] for sample in samples)
    print(f"The samples lie in {path}.")


if __name__ == "__main__":
    sys.exit(main())
