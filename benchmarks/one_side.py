"""A benchmark's one side alone, from the command line: to try settings, and for profilers."""

import argparse
import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

from tajo.logs import configure


def parser(*more: str) -> argparse.ArgumentParser:
    """Knows `ours`, `streams` and ``more`` sides, `--runs`, and `setting=value ...` of Kafka Streams."""
    made = argparse.ArgumentParser()
    made.add_argument("side", choices=("ours", "streams", *more))
    made.add_argument("--runs", type=int, default=1)
    made.add_argument("settings", nargs="*")
    return made


def run(work: Callable[[argparse.Namespace], Coroutine[Any, Any, None]], parser: argparse.ArgumentParser) -> None:
    """``work`` gets ``settings`` as a dictionary."""
    options = parser.parse_intermixed_args()
    options.settings = dict(each.split("=", 1) for each in options.settings)
    configure(logging.ERROR)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work(options))
