"""Every command of the README is run here, or is one of make, of which it is shown what it runs."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import commands
from tests.commands import on_broker
from tests.e2e.stand import ROOT, Stand, stand

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line for block in re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL) for line in block.splitlines()
]
OF_MAKE = ("make demo", "make test", "make lint", "make bench BENCH=demo-path", "make chaos", "make soak")
CHECK, UP = ".venv/bin/tajo check -c tajo.yml", ".venv/bin/tajo up -c tajo.yml"
TOPICS = ".venv/bin/tajo topics apply -c tajo.yml"
COMPONENTS = [f".venv/bin/tajo {name} -c tajo.yml" for name in ("gateway", "enrich", "worker", "sink")]
REBUILD = [".venv/bin/tajo rebuild start v2 -c tajo.yml", ".venv/bin/tajo rebuild diff v2 -c tajo.yml"]


def test_every_command_of_the_readme_is_one_that_is_run_here() -> None:
    assert sorted(COMMANDS) == sorted([*OF_MAKE, CHECK, UP, TOPICS, *COMPONENTS, *REBUILD])


@pytest.mark.parametrize("command", OF_MAKE)
def test_make_knows_the_command_and_what_it_runs(command: str) -> None:
    """`make -n` shows what would be run; what the demo and the benchmark do is shown by tests of their own."""
    shown = subprocess.run([*command.split(), "-n"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    runs = {
        "demo": "tajo demo",
        "test": "-m pytest",
        "lint": "ruff check",
        "bench": "-m benchmarks demo-path",
        "chaos": "-m tests.chaos",
        "soak": "-m tests.soak",
    }
    assert runs[command.split()[1]] in shown


def arguments_of(command: str, here: Stand) -> list[str]:
    """What follows `tajo`, with the configuration of this stand."""
    program, *words = command.split()
    assert program == ".venv/bin/tajo"
    return [str(here.folder / word) if word == "tajo.yml" else word for word in words]


async def finished(command: str, here: Stand, **environment: str) -> tuple[int | None, str]:
    beside = {**here.environment, **environment}
    done = await commands.finished(*arguments_of(command, here), environment=beside, together=True, within=90)
    return done.status, done.out


async def test_the_configuration_of_the_readme_is_in_order(tmp_path: Path) -> None:
    async with stand(tmp_path) as here:
        (block,) = re.findall(r"^```yaml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
        (tmp_path / "tajo.yml").write_text(block, encoding="utf-8")
        code, out = await finished(CHECK, here)
    assert (code, "in order" in out) == (0, True), out


@pytest.mark.kafka
@pytest.mark.e2e
@pytest.mark.timeout(280)
async def test_each_component_runs_alone_and_a_rebuild_of_their_work_is_equal(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with stand(tmp_path) as here:
        here.documented()
        here.environment |= on_broker(kafka, topic_prefix)
        here.store.customers.register(email="ada@example.com", first_name="Ada", last_name="Byron")
        code, out = await finished(TOPICS, here)
        assert (code, "to create" in out) == (0, True), out
        with here.log.open("ab") as log:
            running = [
                await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "tajo", *arguments_of(command, here)),
                    cwd=ROOT,
                    env={**os.environ, **here.environment},
                    stdout=log,
                    stderr=log,
                )
                for command in COMPONENTS
            ]
        try:
            await here.until(lambda: "ada@example.com" in here.brevo.state.contacts, "the customer has arrived")
            await here.until(lambda: len(here.bigcommerce.hooks.all()) > 20, "the hooks are installed")
            here.store.customers.register(email="eve@example.com", first_name="Eve", last_name="Noor")
            await here.until(lambda: "eve@example.com" in here.brevo.state.contacts, "a webhook has been followed")
            for command in REBUILD:
                code, out = await finished(command, here)
                assert code == 0, out
            assert re.search(r"contacts\s*│\s*2\s*│\s*2\s*│\s*0\s*│\s*0\s*│\s*0", out), out
        finally:
            for process in running:
                process.send_signal(signal.SIGTERM)
            codes = [await asyncio.wait_for(process.wait(), 40) for process in running]
    assert codes == [0, 0, 0, 0], here.log.read_text()
