"""make siege: Kafka stands still for a minute under load, and the gateway is killed in the middle of it.

`python -m tests.gateway.siege [--still SECONDS] [--senders N]`. Every delivery that was answered 2xx is looked for in
the log afterwards, one by one. Exit status 1 if one is missing, or if an answer was not 2xx.
"""

import argparse
import asyncio
import itertools
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from schemas import topics
from tajo.kafka import EmbeddedKafka
from tests.gateway.deliveries import body, trusted
from tests.gateway.own_server import Wire
from tests.gateway.running import PATH, Gateway, config, create_topics
from tests.gateway.serving import serving
from tests.streams.logs import read, until

PREFIX = "siege-"


class Senders:
    """Each sends one delivery after the other over a connection of its own, as long as it is answered.

    They do no more than that: what a full HTTP client needs for itself would be taken for the gateway's time.
    """

    def __init__(self, url: str, name: str) -> None:
        self._host, self._port = urlsplit(url).hostname, urlsplit(url).port
        self._name = name
        self.taken: set[str] = set()
        self.refused: list[int] = []
        self.longest = 0.0

    async def run(self, count: int) -> None:
        await asyncio.gather(*(self._send(f"{self._name}{number:03}") for number in range(count)))

    async def _send(self, sender: str) -> None:
        wire = Wire(*await asyncio.open_connection(self._host, self._port))
        try:
            for number in itertools.count():
                event = f"{sender}-{number:08}"
                request = _request(body(event=event))
                began = time.perf_counter()
                await wire.send(request)
                status = (await wire.answer()).status
                self.longest = max(self.longest, time.perf_counter() - began)
                if 200 <= status < 300:
                    self.taken.add(event)
                else:
                    self.refused.append(status)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the gateway was killed; what it had not answered is not counted
        finally:
            wire.close()


def _request(content: bytes) -> bytes:
    headers = {**trusted(), "host": "gateway", "content-length": str(len(content))}
    lines = [f"POST {PATH} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + content


async def siege(still: float, count: int) -> bool:
    with tempfile.TemporaryDirectory(prefix="tajo-siege-") as folder, EmbeddedKafka() as broker:
        bootstrap, spool = broker.bootstrap_servers, Path(folder, "spool.sqlite")
        assert broker.pid is not None
        await create_topics(bootstrap, PREFIX)
        senders: list[Senders] = []
        for name, seconds in (("a", still / 2), ("b", still / 2)):
            async with serving(bootstrap, spool, PREFIX) as (url, process):
                senders.append(Senders(url, name))
                sending = asyncio.create_task(senders[-1].run(count))
                if name == "a":
                    await asyncio.sleep(still / 12)
                    os.kill(broker.pid, signal.SIGSTOP)
                await asyncio.sleep(seconds)
                if name == "b":
                    os.kill(broker.pid, signal.SIGCONT)
                    await asyncio.sleep(still / 12)
                process.kill()
                await process.wait()
                await sending
        async with Gateway(bootstrap, config(spool, PREFIX)) as gateway:
            await until(gateway.is_drained, "the spool is empty", timeout=600)
        there = {dict(record.headers)["ce_id"].decode() for record in await read(bootstrap, PREFIX + topics.WEBHOOK)}
        taken = set[str]().union(*(each.taken for each in senders))
    refused, longest = sum(len(each.refused) for each in senders), max(each.longest for each in senders)
    missing = taken - there
    print(
        f"{len(taken):,} answered 2xx, {len(missing)} of them missing; {refused} refused; the longest {longest:.2f} s"
    )
    return bool(taken) and not missing and not refused


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--still", type=float, default=60.0, help="seconds for which the broker stands still")
    parser.add_argument("--senders", type=int, default=32)
    options = parser.parse_args()
    return 0 if asyncio.run(siege(options.still, options.senders)) else 1


if __name__ == "__main__":
    sys.exit(main())
