"""docs/webhooks.md: its commands are those that there are, and its figures those of the program."""

import re
from pathlib import Path

import pytest

from connectors.bigcommerce.hooks import MOST_PER_SCOPE, NEEDED, exceptions_path_of, wanted_scopes
from connectors.bigcommerce.hooks_admin import BLOCK_MS, RETRIES_MS, SETTLES_MS
from gateway.config import SECRET_HEADER
from streams.enrich.findings import (
    ALIVE_MS,
    FEWEST,
    HOUR,
    JUDGED_AFTER_MS,
    QUIET_AT_LEAST_MS,
    TIMES_THE_LONGEST,
)
from streams.enrich.heard import DAY, DAYS_KEPT
from streams.enrich.watch import EVERY_MS
from tajo.hooks.commands import hooks_app

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text(encoding="utf-8")
MINUTE = 60_000


def test_the_commands_are_those_that_there_are() -> None:
    assert re.findall(r"^\| `tajo hooks (\w+)` \|", PAGE, re.MULTILINE) == [
        command.name for command in hooks_app.registered_commands
    ]


@pytest.mark.parametrize(
    ("said", "true"),
    [
        ("36 with everything", len(wanted_scopes(NEEDED)) == 36),
        ("`…/exceptions` behind it", exceptions_path_of("x").endswith("x/exceptions")),
        ("`x-tajo-secret`", SECRET_HEADER == "x-tajo-secret"),
        ("lets it have ten of a scope", MOST_PER_SCOPE == 10),
        ("looks at them every two minutes", EVERY_MS == 2 * MINUTE),
        ("a block of a domain lasts three", EVERY_MS < BLOCK_MS == 3 * MINUTE),
        ("three times the longest pause of the last 14 days", (TIMES_THE_LONGEST, DAYS_KEPT) == (3, 14)),
        ("more than six hours", QUIET_AT_LEAST_MS == 6 * HOUR),
        ("was heard within the last hour", ALIVE_MS == HOUR),
        ("has been heard for a week, and 20 times", (JUDGED_AFTER_MS, FEWEST) == (7 * DAY, 20)),
        ("begins 49 hours before that", RETRIES_MS == 49 * HOUR),
        ("ends a minute after", SETTLES_MS == MINUTE),
    ],
)
def test_a_figure_of_the_page_is_that_of_the_program(said: str, true: bool) -> None:
    assert said in " ".join(PAGE.split())
    assert true
