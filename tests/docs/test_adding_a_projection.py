"""docs/adding-a-projection.md is run from top to bottom, in a copy of the project, against a real broker."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import IO

import pytest

from tajo.components import Components
from tajo.settings import load
from tests.commands import on_broker
from tests.docs.pages import Block, blocks, lay, shows
from tests.e2e.stand import DOCUMENTED, HASH, ROOT, TOKEN
from tests.projections import orders_made
from tests.streams import logs

PAGE = ROOT / "docs" / "adding-a-projection.md"
PACKAGES = ("gateway", "streams", "projections", "schemas", "connectors", "emulators", "tajo")
PARTITIONS = 4


class Reader:
    """Somebody who does what the page says. ``prefix``: of the topics, since the broker is shared with other tests."""

    def __init__(self, root: Path, kafka: str, prefix: str) -> None:
        self._root, self._kafka, self._prefix = root, kafka, prefix
        self._log = root / "worker.log"
        self._environment = {
            **os.environ,
            "BREVO_API_KEY": "key",
            **on_broker(kafka, prefix, PARTITIONS),
            "TAJO_DATA_DIR": str(root / "data"),
            "COLUMNS": "120",
        }
        self._printed = ""
        self._worker: asyncio.subprocess.Process | None = None

    async def read(self, page: Path) -> None:
        try:
            for block in blocks(page):
                await self._follow(block)
        finally:
            await self._end_worker()

    async def _follow(self, block: Block) -> None:
        if block.file:
            lay(block, self._root)
        elif block.language == "sh":
            for command in block.text.splitlines():
                await self._do(command)
        else:
            assert shows(block.text, self._printed), f"The page shows\n{block.text}but there was\n{self._printed}"

    async def _do(self, command: str) -> None:
        words = command.split()
        if words[1] == "worker":
            with self._log.open("wb") as log:
                self._worker = await self._start(words, log, log)
            await logs.until(partial(self._holds, "commerce.sale.v1"), "the new fold has told a sale")
            return
        if words[1] == "read.py":
            words[2:] = [self._kafka, self._prefix + words[3]]
        process = await self._start(words, asyncio.subprocess.PIPE, asyncio.subprocess.PIPE)
        printed, told = await process.communicate()
        self._printed = printed.decode().replace(self._prefix, "")
        assert process.returncode == 0, self._printed + told.decode()

    async def _start(self, words: list[str], out: IO[bytes] | int, err: IO[bytes] | int) -> asyncio.subprocess.Process:
        run = {".venv/bin/tajo": [sys.executable, "-m", "tajo"], ".venv/bin/python": [sys.executable]}[words[0]]
        return await asyncio.create_subprocess_exec(
            *run,
            *words[1:],
            cwd=self._root,
            env=self._environment,
            stdout=out,
            stderr=err,
        )

    async def _holds(self, topic: str) -> bool:
        if self._worker and self._worker.returncode is not None:
            raise AssertionError(self._log.read_text())
        return bool(await logs.read(self._kafka, self._prefix + topic, PARTITIONS))

    async def before(self) -> None:
        """The project as it is without the page: its topics, and an order in the log."""
        settings = load(self._root / "tajo.yml", self._environment)
        await Components(settings, settings.kafka_access()).apply_topics()
        fact = orders_made.order_fact(orders_made.order())
        key, value = (part.replace(orders_made.STORE.encode(), HASH.encode()) for part in (fact.key, fact.value or b""))
        await logs.write(self._kafka, f"{self._prefix}commerce.order.v1", [(key, value)])

    async def _end_worker(self) -> None:
        if self._worker and self._worker.returncode is None:
            self._worker.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(self._worker.wait(), 40) == 0, self._log.read_text()


def copy(root: Path) -> None:
    """The packages, what their tests are made from, and the documented configuration."""
    ignored = shutil.ignore_patterns("__pycache__", "test_*.py")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, root / package, ignore=ignored)
    shutil.copytree(ROOT / "tests" / "projections", root / "tests" / "projections", ignore=ignored)
    for file in ("tests/__init__.py", "tests/conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / file, root / file)
    (root / "docs").mkdir()
    text = DOCUMENTED.read_text(encoding="utf-8")
    (root / "tajo.yml").write_text(text.replace("your-store-hash", HASH).replace("your-access-token", TOKEN))


@pytest.mark.kafka
@pytest.mark.e2e
async def test_whoever_follows_the_page_has_a_projection_that_runs(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    copy(tmp_path)
    reader = Reader(tmp_path, kafka, topic_prefix)
    await reader.before()
    await reader.read(PAGE)
    made = (tmp_path / "docs" / "topology.md").read_text(encoding="utf-8")
    assert "commerce.sale.v1" in made
    assert "commerce.sale.v1" not in (ROOT / "docs" / "topology.md").read_text(encoding="utf-8")


def test_what_the_page_adds_is_as_well_kept_as_the_project(tmp_path: Path) -> None:
    copy(tmp_path)
    files = [block.file for block in blocks(PAGE) if block.file]
    for block in blocks(PAGE):
        if block.file:
            lay(block, tmp_path)
    for tool in (["ruff", "check", *files], ["ruff", "format", "--check", *files], ["mypy", *files[:3]]):
        run = [sys.executable, "-m", *tool]
        done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
