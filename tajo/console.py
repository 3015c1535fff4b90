"""What all commands of the command line share: their options, where they print, and how their work is run."""

import asyncio
import logging
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, Final

import typer
import uvloop
from rich.console import Console

from tajo.logs import configure
from tajo.settings import Settings, load, notices

out, err = Console(highlight=False), Console(stderr=True, highlight=False)

DEFAULT_FILE: Final = Path("tajo.yml")
Config = Annotated[
    Path | None,
    typer.Option(
        "-c", "--config", help="The configuration file; without it tajo.yml if there is one, and the environment."
    ),
]
Bootstrap = Annotated[
    str | None, typer.Option("--bootstrap-servers", help="Kafka brokers, instead of those of the configuration.")
]


def file_of(config: Path | None) -> Path | None:
    return config or (DEFAULT_FILE if DEFAULT_FILE.exists() else None)


def settings_of(config: Path | None) -> Settings:
    settings = load(file_of(config))
    for notice in notices(settings):
        err.print(f"note: {notice}", soft_wrap=True)
    return settings


def run(work: Callable[[], Coroutine[Any, Any, int | None]], level: int = logging.INFO) -> None:
    """Runs until done or interrupted; SIGTERM ends in order what Ctrl-C ends, unless a component has its own way."""
    configure(level)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        raise typer.Exit(runner.run(work()) or 0)
