"""What is wrong at a start is told in a sentence, ends in order, and loses nothing."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

import httpx
import pytest

from schemas import topics
from streams.access import Kafka
from streams.errors import EXIT_FAILED
from tajo import running
from tajo.components import Components
from tajo.errors import BrokerUnreachable
from tajo.kafka.ports import free_port
from tajo.settings import load
from tajo.supervision import FINAL
from tests import commands
from tests.commands import on_broker
from tests.e2e import left
from tests.e2e.stand import API_KEY, HASH, TOKEN, stand
from tests.gateway.deliveries import body, trusted
from tests.streams.logs import read, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(150)]

SECRET = "the-shared-header-of-this-store"
PARTITIONS = 2
FILE = f"""\
connectors:
  bigcommerce: {{store_hash: {HASH}, access_token: {TOKEN}, webhook_secret: {SECRET}}}
brevo: {{api_key: {API_KEY}}}
"""


def written(folder: Path, more: str = "") -> str:
    path = folder / "tajo.yml"
    path.write_text(FILE + more, encoding="utf-8")
    return str(path)


async def finished(folder: Path, *arguments: str, environment: dict[str, str] | None = None) -> tuple[int | None, str]:
    """Exit status and output of a command that ends by itself."""
    beside = {"TAJO_DATA_DIR": str(folder / "data"), **(environment or {})}
    done = await commands.finished(*arguments, environment=beside, together=True)
    return done.status, done.out


@pytest.mark.parametrize(
    "command", [("worker",), ("enrich",), ("sink",), ("up",), ("sync",), ("rebuild", "start", "v2")], ids=" ".join
)
async def test_a_broker_that_is_not_there_is_told_in_a_sentence(tmp_path: Path, command: Sequence[str]) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    status, out = await finished(tmp_path, *command, "-c", written(tmp_path), "--bootstrap-servers", nowhere)
    assert status == 3, out
    assert "Traceback" not in out
    (told,) = [line for line in out.splitlines() if not line.startswith("note: ")]
    assert told.startswith(f"tajo: No Kafka broker answers at {nowhere} ")
    assert "Start it, or correct kafka.bootstrap_servers" in told


@pytest.mark.parametrize("begin", [running._folding, running._enriching])
async def test_a_broker_that_goes_away_after_it_was_asked_ends_a_component_for_a_new_start(
    tmp_path: Path, begin: Callable[[Components], Awaitable[None]]
) -> None:
    made = Components(load(Path(written(tmp_path)), {}), Kafka(f"127.0.0.1:{free_port()}"))
    with pytest.raises(BrokerUnreachable, match="The broker went away while this component started"):
        await begin(made)


@pytest.mark.parametrize("command", ["up", "gateway", "enrich", "worker", "sink"])
async def test_a_typo_in_the_configuration_is_told_with_file_line_key_and_cure(tmp_path: Path, command: str) -> None:
    path = written(tmp_path, "lists: {byers: 41}\n")
    status, out = await finished(tmp_path, command, "-c", path)
    assert status == 2, out
    assert out == f"tajo: {path}, line 4: lists.byers: this key is not known here; did you mean buyers?\n"


def test_what_nobody_has_foreseen_is_told_with_its_traceback_and_tried_again() -> None:
    program = "from tajo import cli\ndef app(**_): raise RuntimeError('odd')\ncli.app = app\ncli.main()"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == EXIT_FAILED
    assert "Traceback" in ended.stderr
    assert ended.stderr.endswith("RuntimeError: odd\n")
    assert EXIT_FAILED not in FINAL  # so `tajo up` starts it anew


MISSING = "lists: {all_customers: 40, buyers: 41, abandoned_cart: 43}\n"  # of the stand's lists the last is 42


@pytest.mark.kafka
async def test_the_sink_ends_with_the_key_of_a_list_that_brevo_does_not_have(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with stand(tmp_path) as here:
        status, out = await finished(
            tmp_path,
            "sink",
            "-c",
            written(tmp_path, MISSING),
            environment=here.environment | on_broker(kafka, topic_prefix, PARTITIONS),
        )
    assert status == 1, out
    assert "Traceback" not in out
    assert f"lists.abandoned_cart of the store {HASH} is 43, but the Brevo account has no list with that id" in out
    assert "Use the id of an existing list, or a name" in out
    assert here.brevo.state.requests_of(endpoint="POST /contacts/lists") == 0, "nothing is made before all is right"


@pytest.mark.kafka
async def test_tajo_up_ends_altogether_when_a_list_does_not_exist(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with stand(tmp_path) as here:
        status, out = await finished(
            tmp_path,
            "up",
            "-c",
            written(tmp_path, MISSING),
            environment=here.environment | on_broker(kafka, topic_prefix, PARTITIONS),
        )
        assert left.processes(tmp_path) == [], out
    assert status == 1, out
    assert "Traceback" not in out
    assert f"lists.abandoned_cart of the store {HASH} is 43, but the Brevo account has no list with that id" in out
    assert "sink: ended with 1, which a new start does not cure" in out


@pytest.mark.kafka
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_with_a_wrong_brevo_key_the_sink_says_what_to_do_waits_and_ends_in_order(
    kafka: str, topic_prefix: str, tmp_path: Path, number: signal.Signals
) -> None:
    async with stand(tmp_path) as here:
        here.brevo.api_key = "xkeysib-of-today"
        here.environment |= on_broker(kafka, topic_prefix, PARTITIONS)
        async with here.tajo("sink", "-c", written(tmp_path)) as process:
            await here.until(lambda: "Tried again in a minute" in here.output(), "it says what is wrong")
            assert process.returncode is None
            process.send_signal(number)
            assert await asyncio.wait_for(process.wait(), 30) == 0, here.output()
        out = here.output()
    assert "The api key is unknown or has expired: set brevo.api_key to a valid one." in out
    assert "Traceback" not in out


async def lives(http: httpx.AsyncClient, gateway: str) -> bool:
    try:
        return (await http.get(f"{gateway}/livez")).is_success
    except httpx.ConnectError:
        return False


@pytest.mark.kafka
async def test_with_a_wrong_bigcommerce_token_webhooks_are_taken_and_kept(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    """That all is read by itself once the token is right is shown in tests/streams/test_enrich_troubles.py."""
    async with stand(tmp_path) as here:
        here.bigcommerce.gate.token = "another"
        here.environment |= on_broker(kafka, topic_prefix, PARTITIONS)
        delivery = body(store=HASH)
        async with here.tajo("up", "-c", written(tmp_path)) as process, httpx.AsyncClient() as http:
            await here.until(lambda: "does not accept the access token" in here.output(), "it says what is wrong")
            await until(partial(lives, http, here.gateway), "the gateway listens")
            answer = await http.post(
                f"{here.gateway}/webhooks/bigcommerce/{HASH}", content=delivery, headers=trusted(SECRET)
            )
            assert answer.status_code == 200
            records = await read(kafka, topic_prefix + topics.WEBHOOK, PARTITIONS)
            assert [record.value for record in records] == [delivery]
        assert process.returncode == 0, here.output()
    assert "Traceback" not in here.output()
