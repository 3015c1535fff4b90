"""What a delivery is answered, and what lies in the log afterwards."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from emulators.clock import StandingClock
from gateway.config import StoreTrust
from schemas import topics
from streams.flow import Flow
from tests.gateway.deliveries import CAPTURED, CLIENT_SECRET, SECRET, STORE, body, signed, trusted
from tests.gateway.running import DEAD, PATH, Gateway, config, create_topics

pytestmark = pytest.mark.kafka


@pytest.fixture
async def gateway(kafka: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Gateway]:
    await create_topics(kafka, topic_prefix)
    async with Gateway(kafka, config(tmp_path / "spool.sqlite", topic_prefix), flow=Flow()) as gateway:
        await gateway.until_connected()
        yield gateway


async def test_a_delivery_is_answered_empty_and_lies_in_the_log_byte_for_byte(gateway: Gateway) -> None:
    odd = b' {"data":{"id":250,"type":"order"},"scope":"store/order/created", "x":"\xc3\xa9\\u00e9", ' + (
        b'"hash":"7ee67cd1","created_at":1561479335,"producer":"stores/8jbhprizry"}\r\n'
    )
    answer = await gateway.post(odd, trusted() | signed(odd))
    assert (answer.status_code, answer.content) == (200, b"")
    (record,) = await gateway.read()
    assert record.value == odd
    assert record.key == STORE.encode()
    assert dict(record.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": b"7ee67cd1",
        "ce_source": b"stores/8jbhprizry",
        "ce_type": b"order_placed",
        "ce_time": b"2019-06-25T16:15:35Z",
        "content-type": b"application/json",
    }
    assert await gateway.read(DEAD) == []


async def test_a_scope_without_a_destination_names_its_own_type(gateway: Gateway) -> None:
    await gateway.accepted([CAPTURED])
    (record,) = await gateway.read()
    assert dict(record.headers)["ce_type"] == b"store/product/updated"


async def test_a_store_lies_in_the_partition_that_java_clients_choose(gateway: Gateway) -> None:
    await gateway.accepted([body(), body()])
    # murmur2("8jbhprizry") without its sign, modulo 4, as kafka-console-producer places it.
    assert {record.partition for record in await gateway.read()} == {_java_partition(STORE.encode(), 4)}


async def test_the_path_may_lack_the_hash(gateway: Gateway) -> None:
    answer = await gateway.post(CAPTURED, path="/webhooks/bigcommerce")
    assert answer.status_code == 200
    assert [record.key for record in await gateway.read()] == [STORE.encode()]


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "secret"),
        ({"x-tajo-secret": "wrong"}, "secret"),
        ({"x-tajo-secret": ""}, "secret"),
        (trusted() | signed(CAPTURED, "another-client-secret"), "signature-bad"),
        (trusted() | {"webhook-signature": "v1,AAAA"}, "signature-bad"),
        ({"x-tajo-secret": "wrong"} | signed(CAPTURED), "secret"),
    ],
)
async def test_a_bad_secret_or_signature_is_401_and_leaves_nothing(
    gateway: Gateway, headers: dict[str, str], reason: str
) -> None:
    answer = await gateway.post(CAPTURED, headers)
    assert (answer.status_code, answer.content) == (401, b"")
    assert gateway.figure("webhook_untrusted_total", reason=reason) == 1
    assert await gateway.values() == await gateway.values(DEAD) == []


async def test_a_secret_of_another_store_is_401(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    await create_topics(kafka, topic_prefix)
    stores = (StoreTrust(STORE, (SECRET,)), StoreTrust("v6q95r5n91", ("the-other",)))
    async with Gateway(kafka, config(tmp_path / "spool.sqlite", topic_prefix, stores=stores)) as gateway:
        await gateway.until_connected()
        for path in (PATH, "/webhooks/bigcommerce"):
            assert (await gateway.post(body(store="v6q95r5n91"), path=path)).status_code == 401
        assert (await gateway.post(body(store="v6q95r5n91"), trusted("the-other"), path=PATH)).status_code == 401
        assert gateway.figure("webhook_untrusted_total", reason="store") == 2
        assert await gateway.values() == await gateway.values(DEAD) == []


@pytest.mark.parametrize(
    ("content", "error", "said"),
    [
        (b"", "NotADelivery", "Not a delivery of BigCommerce"),
        (b"not json", "NotADelivery", "malformed"),
        (b"\xff\xfe{}", "NotADelivery", "Not a delivery of BigCommerce"),
        (b'{"data":' + b"[" * 100_000, "NotADelivery", "nests too deeply"),
        (b"[]", "NotADelivery", "Expected `object`"),
        (b"{}", "NotADelivery", "missing required field `scope`"),
        (body(created_at="yesterday"), "NotADelivery", "`$.created_at`"),
        (body(created_at=10**15), "NotADelivery", "`$.created_at`"),
        (body(producer="shops/8jbhprizry"), "NotADelivery", "not stores/<store hash>"),
        (body(store="notours"), "StoreNotConfigured", "Store notours is not configured here"),
        (body("store/order/exploded"), "UnknownScope", "'store/order/exploded' is not a scope"),
    ],
)
async def test_what_is_authentic_but_of_no_use_is_200_and_a_dead_letter(
    gateway: Gateway, content: bytes, error: str, said: str
) -> None:
    answer = await gateway.post(content)
    assert (answer.status_code, answer.content) == (200, b"")
    assert await gateway.values() == []
    (record,) = await gateway.read(DEAD)
    headers = dict(record.headers)
    assert record.value == content
    assert record.key == STORE.encode()
    assert headers["__connect.errors.topic"] == topics.WEBHOOK.encode()
    assert headers["__connect.errors.stage"] == b"decode"
    assert headers["__connect.errors.exception.class.name"] == error.encode()
    assert said in headers["__connect.errors.exception.message"].decode()
    assert gateway.figure("webhook_deliveries_total", answer="dead-letter") == 1


async def test_a_store_id_is_no_store_hash(gateway: Gateway) -> None:
    await gateway.accepted([body(store_id="1003502318"), body(store_id=1003502318), body(store_id=STORE)])
    assert len(await gateway.values()) == 3


async def test_a_body_over_256_kib_is_413_whether_it_says_so_or_not(gateway: Gateway) -> None:
    content = body(padding="x" * (256 << 10))
    assert len(content) > 256 << 10

    async def in_chunks() -> AsyncIterator[bytes]:
        for begin in range(0, len(content), 10_000):
            yield content[begin : begin + 10_000]

    assert (await gateway.post(content)).status_code == 413
    assert (await gateway.client.post(PATH, content=in_chunks(), headers=trusted())).status_code == 413
    assert gateway.figure("webhook_deliveries_total", answer="too-large") == 2
    largest = body(padding="x" * ((256 << 10) - len(body(padding=""))))
    assert len(largest) == 256 << 10
    await gateway.accepted([largest])
    assert await gateway.values() == [largest]


async def test_a_body_in_chunks_is_the_same_body(gateway: Gateway) -> None:
    async def in_chunks() -> AsyncIterator[bytes]:
        for byte in CAPTURED:
            yield bytes([byte])

    headers = trusted() | signed(CAPTURED)
    assert (await gateway.client.post(PATH, content=in_chunks(), headers=headers)).status_code == 200
    assert await gateway.values() == [CAPTURED]


async def test_a_sender_that_never_ends_its_body_is_408(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    await create_topics(kafka, topic_prefix)
    impatient = config(tmp_path / "spool.sqlite", topic_prefix, body_seconds=0.2)
    async with Gateway(kafka, impatient) as gateway:
        assert b" 408 " in await gateway.answer_to_a_part(PATH)


async def test_a_sender_that_leaves_early_is_counted_and_harms_nobody(gateway: Gateway) -> None:
    host, port = gateway.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{{".encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    await gateway.accepted([CAPTURED])
    assert await gateway.values() == [CAPTURED]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
async def test_other_methods_are_405(gateway: Gateway, method: str) -> None:
    answer = await gateway.client.request(method, PATH)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_duplicates_are_written_again_and_counted(gateway: Gateway) -> None:
    one, another = body(event="e1"), body(event="e2")
    await gateway.accepted([one, another, one, one])
    assert gateway.figure("webhook_duplicates_total") == 2
    assert sorted(await gateway.values()) == sorted([one, one, one, another])


async def test_signatures_are_counted_by_verdict_and_retries_apart(gateway: Gateway) -> None:
    def verdicts(retry: str) -> dict[str, float]:
        names = ("good", "absent", "bad", "stale", "unchecked")
        found = {one: gateway.figure("webhook_signatures_total", verdict=one, retry=retry) for one in names}
        return {name: count for name, count in found.items() if count}

    now = int(time.time())
    for content in (body(created_at=now), body(created_at=now - 3), b"no json", body(created_at="yesterday")):
        await gateway.post(content, trusted() | signed(content))
    await gateway.post(body(created_at=now), trusted())
    assert (verdicts("no"), verdicts("yes")) == ({"good": 4, "absent": 1}, {})
    again = body(created_at=now - 60)
    for headers in ({}, signed(again), signed(again, "wrong"), signed(again, "wrong"), signed(again, at=1)):
        await gateway.post(again, trusted() | headers)
    assert (verdicts("no"), verdicts("yes")) == (
        {"good": 4, "absent": 1},
        {"absent": 1, "good": 1, "bad": 2, "stale": 1},
    )


async def test_many_at_once_are_all_there_in_full_batches(gateway: Gateway) -> None:
    contents = [body(event=f"e{number}") for number in range(1_000)]
    before = gateway.figure("producer_batches_total")
    answers = await asyncio.gather(*(gateway.post(content) for content in contents))
    assert Counter(answer.status_code for answer in answers) == {200: 1_000}
    await gateway.until_all_are_there(contents)
    assert gateway.figure("producer_batches_total") - before < 1_000


async def test_the_flow_hears_of_what_kafka_has(gateway: Gateway) -> None:
    await gateway.accepted([body(), body(), b"no json"])
    assert gateway.flow.written_records == {topics.WEBHOOK: 2, DEAD: 1}


async def test_the_clock_stands_while_a_delivery_is_handled(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    await create_topics(kafka, topic_prefix)
    clock = StandingClock(1_000)
    working: list[int] = []

    class Watching(Flow):
        def written(self, topic: str, count: int = 1) -> None:
            working.append(clock.working())

    settings = config(tmp_path / "spool.sqlite", topic_prefix)
    async with Gateway(kafka, settings, clock=clock, flow=Watching()) as gateway:
        await gateway.until_connected()
        await gateway.accepted([CAPTURED])
        assert working == [1]
        assert clock.working() == 0


async def test_health_and_metrics_answer(gateway: Gateway) -> None:
    await gateway.accepted([CAPTURED])
    assert (await gateway.client.get("/livez")).text == "ok\n"
    assert await gateway.ready() == {"ready": True, "kafka": "answers", "spool": {"records": 0, "bytes": 0}}
    figures = (await gateway.client.get("/metrics")).text
    assert 'tajo_webhook_deliveries_total{answer="accepted"} 1.0' in figures
    assert "tajo_kafka_answers 1.0" in figures
    names = set(re.findall(r"^# TYPE (\S+)", figures, re.MULTILINE))
    assert all(name.startswith("tajo_") for name in names)


async def test_no_secret_and_no_body_is_logged(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    private = b'{"email":"someone@example.com"}'
    await gateway.post(private)
    await gateway.post(private, {"x-tajo-secret": "guessed-secret"})
    await gateway.post(CAPTURED, trusted() | signed(CAPTURED, "wrong"))
    said = "".join(capsys.readouterr())
    assert "becomes a dead letter" in said
    assert "was refused" in said
    for hidden in (SECRET, CLIENT_SECRET, "guessed-secret", "someone@example.com"):
        assert hidden not in said


def _java_partition(key: bytes, partitions: int) -> int:
    """org.apache.kafka.common.utils.Utils.murmur2, written from the Java source."""
    mask, seed, m, r = 0xFFFFFFFF, 0x9747B28C, 0x5BD1E995, 24
    h = seed ^ len(key)
    whole = len(key) // 4 * 4
    for begin in range(0, whole, 4):
        k = int.from_bytes(key[begin : begin + 4], "little") * m & mask
        k = (k ^ k >> r) * m & mask
        h = (h * m & mask) ^ k
    if rest := key[whole:]:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return ((h ^ h >> 15) & 0x7FFFFFFF) % partitions
