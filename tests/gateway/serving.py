"""A gateway in a process of its own, to be killed: `python -m tests.gateway.serving BOOTSTRAP SPOOL PREFIX`."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def serving(bootstrap: str, spool: Path, prefix: str) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """The URL and the process, which is dead at the end."""
    command = (sys.executable, "-m", "tests.gateway.serving", bootstrap, str(spool), prefix)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=ROOT, env=environment)
    assert process.stdout is not None
    try:
        url = (await process.stdout.readline()).decode().strip()
        assert url.startswith("http://"), f"The gateway says {url!r} instead of where it is."
        yield url, process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _serve(bootstrap: str, spool: Path, prefix: str) -> None:
    from tests.gateway.running import Gateway, config

    told, sys.stdout = sys.stdout, sys.stderr  # the gateway logs from its start on
    async with Gateway(bootstrap, config(spool, prefix)) as gateway:
        told.write(gateway.url + "\n")
        told.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
