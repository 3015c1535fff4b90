"""A short chaos run; `make chaos` is the long one."""

from pathlib import Path

import pytest

from tajo.kafka import EmbeddedKafka
from tests.chaos.__main__ import START_S
from tests.chaos.faults import KINDS
from tests.chaos.round import Plan, play

PLAN = Plan(seed=5, people=40, faults=7, every=2.5, seconds=7.5)


@pytest.mark.kafka
@pytest.mark.e2e
@pytest.mark.timeout(400)
async def test_three_workers_to_whom_everything_happens_come_to_what_one_comes_to_whom_nobody_disturbs(
    tmp_path: Path,
) -> None:
    async with EmbeddedKafka(tmp_path / "kafka", answer_within=START_S) as broker:
        report = await play(PLAN, [broker], tmp_path, print)
    assert report.differences == [], f"again: python -m tests.chaos --seed {PLAN.seed} --rounds 1 --part one-broker"
    assert report.happened.keys() == set(KINDS)
