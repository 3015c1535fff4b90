import csv
from pathlib import Path

import pytest

from benchmarks import figures, growth
from benchmarks.figures import Figure, keep, median_figure
from benchmarks.fold import Result, rate
from benchmarks.process import Memory


def test_a_figure_is_the_median_of_its_runs_ratios_and_its_line_says_whether_that_is_enough() -> None:
    figure = median_figure("fold-quix", 1.5, [(300.0, 100.0), (150.0, 100.0), (400.0, 200.0)])
    assert figure.line() == "fold-quix 2.000 1.5 ok"
    assert figure._replace(target=2.1).line() == "fold-quix 2.000 2.1 short"


def test_every_run_is_kept_as_a_row_with_the_machine_it_ran_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "RESULTS", tmp_path)
    figure = Figure("fold-quix", 2.0, 1.5, [(300.0, 100.0), (100.0, 100.0)])
    keep(figure)
    keep(figure)
    header, *rows = csv.reader((tmp_path / "fold-quix.csv").read_text(encoding="utf-8").splitlines())
    assert header == ["when", "machine", "measured", "compared with", "ratio"]
    assert [row[2:] for row in rows] == [["300", "100", "3.0000"], ["100", "100", "1.0000"]] * 2
    assert all("cores" in row[1] for row in rows)


def test_a_rate_counts_what_came_after_the_first_half() -> None:
    slow = [1_000 + 100 * number for number in range(500)]  # 10 a second
    fast = [slow[-1] + number for number in range(1, 501)]  # 1,000 a second
    assert rate(slow + fast) == pytest.approx(1_000)


def test_growth_is_told_both_ways_and_memory_as_bytes() -> None:
    small, large = (Result(0.0, seconds, 0.0, Memory(0, peak)) for seconds, peak in ((1.0, 90), (20.0, 100)))
    time, memory = growth.figures([(small, large)])
    assert (time.name, round(time.ratio, 3), time.ok) == ("growth-time", 0.5, False)
    assert (memory.name, round(memory.ratio, 3)) == ("growth-memory", 0.9)
    time, _ = growth.figures([(small, large._replace(seconds=9.0))])
    assert (round(time.ratio, 3), time.ok) == (0.9, True)
