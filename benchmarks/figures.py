"""What a benchmark tells, and where its results are kept."""

import csv
import os
import platform
import statistics
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

RESULTS = Path(__file__).parent


class Figure(NamedTuple):
    """``ratio`` should be at least ``target``. ``runs``: what it is the median of, as (measured, compared with)."""

    name: str
    ratio: float
    target: float
    runs: list[tuple[float, float]]

    @property
    def ok(self) -> bool:
        return self.ratio >= self.target

    def line(self) -> str:
        return f"{self.name} {self.ratio:.3f} {self.target:g} {'ok' if self.ok else 'short'}"


def median_figure(name: str, target: float, runs: list[tuple[float, float]]) -> Figure:
    return Figure(name, statistics.median(measured / compared for measured, compared in runs), target, runs)


def keep(figure: Figure) -> None:
    """Adds a row per run to `<name>.csv`, with the machine's description."""
    path = RESULTS / f"{figure.name}.csv"
    new = not path.exists()
    machine = f"{platform.machine()} {platform.system()} Python {platform.python_version()}, {os.cpu_count()} cores"
    with path.open("a", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        if new:
            rows.writerow(("when", "machine", "measured", "compared with", "ratio"))
        for measured, compared in figure.runs:
            when = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
            rows.writerow((when, machine, f"{measured:.0f}", f"{compared:.0f}", f"{measured / compared:.4f}"))
