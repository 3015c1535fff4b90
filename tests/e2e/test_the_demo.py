"""`tajo demo`: it shows what it promises, leaves nothing behind, and fails when something is wrong."""

import re
import signal
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from tajo.kafka.ports import is_free
from tests.e2e import left
from tests.e2e.demo_process import demo
from tests.streams.logs import until

pytestmark = [pytest.mark.kafka, pytest.mark.e2e, pytest.mark.timeout(280)]

VERDICT = re.compile(r"verdict: \d+ contacts, \d+ events, \d+ carts compared, 0 mismatches")
# What it says when it comes to an act; nothing is said in the middle of one.
KAFKA_STARTS, IMPORT, TRAFFIC = "starting Apache Kafka", "hooks: ", "webhooks in"
STOPS_WITHIN = 40


async def topics(bootstrap: str, prefix: str) -> list[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        return [name for name in await admin.list_topics() if name.startswith(prefix)]
    finally:
        await admin.close()


async def test_a_short_day_ends_with_a_verdict_without_mismatches(tmp_path: Path) -> None:
    async with demo(tmp_path, "--hours", "2") as running:
        status = await running.ended(within=270)
    assert status == 0, running.output
    assert VERDICT.fullmatch(running.output.splitlines()[-1]), running.output
    assert "equal to the live tables; Brevo saw 0 requests of it" in running.output
    assert "NOT equal" not in running.output
    imported = re.search(r"by (\d+) contact imports and (\d+) requests for single contacts", running.output)
    assert imported is not None, running.output
    assert 1 <= int(imported[1]) <= 10
    assert imported[2] == "0"
    troubles = re.search(r"^troubles: (.*)$", running.output, re.MULTILINE)
    assert troubles is not None, running.output
    assert "never" not in troubles[1], "each was really met"
    assert ("Brevo answered 429" in troubles[1], "BigCommerce answered 429" in troubles[1]) == (True, True)
    assert left.files(tmp_path) == []


@pytest.mark.parametrize(
    ("moment", "number"),
    [(KAFKA_STARTS, signal.SIGINT), (IMPORT, signal.SIGINT), (IMPORT, signal.SIGTERM), (TRAFFIC, signal.SIGINT)],
)
async def test_ctrl_c_and_sigterm_leave_no_process_no_port_and_no_file(
    tmp_path: Path, moment: str, number: signal.Signals
) -> None:
    async with demo(tmp_path, "--hours", "2") as running:
        await running.says(moment)

        async def java_runs() -> bool:
            return len(left.processes(tmp_path)) > 1

        await until(java_runs, "Kafka's process is there")
        ports = left.ports(tmp_path)
        assert ports or moment == KAFKA_STARTS
        running.interrupt(number)
        status = await running.ended(within=STOPS_WITHIN)
        assert left.processes(tmp_path) == [], running.output
    assert status == 130, running.output
    assert "Traceback" not in running.output
    assert "verdict" not in running.output
    assert [port for port in ports if not is_free(port)] == []
    assert left.files(tmp_path) == []


async def test_on_somebodys_cluster_it_ends_as_well_and_leaves_no_topic(kafka: str, tmp_path: Path) -> None:
    async with demo(tmp_path, "--hours", "1", "--bootstrap-servers", kafka) as running:
        await running.says(IMPORT)
        prefix = its_prefix(running.output)
        assert len(await topics(kafka, prefix)) > 20
        status = await running.ended(within=250)
    assert status == 0, running.output
    assert VERDICT.fullmatch(running.output.splitlines()[-1]), running.output
    assert await topics(kafka, prefix) == []


async def test_ctrl_c_on_somebodys_cluster_leaves_no_topic(kafka: str, tmp_path: Path) -> None:
    async with demo(tmp_path, "--hours", "1", "--bootstrap-servers", kafka) as running:
        await running.says(IMPORT)
        prefix = its_prefix(running.output)
        running.interrupt()
        status = await running.ended(within=STOPS_WITHIN)
    assert status == 130, running.output
    assert "Traceback" not in running.output
    assert await topics(kafka, prefix) == []


def its_prefix(output: str) -> str:
    found = re.search(r"all topics and groups are named (demo-[0-9a-f]{6}-)", output)
    assert found is not None, output
    return found[1]
