"""What Brevo's own webhooks are answered, and what lies in the log afterwards."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.brevo import Tokens
from gateway.config import AccountTrust
from gateway.errors import GatewayError, Untrusted
from schemas import topics
from tests.gateway.deliveries import CAPTURED
from tests.gateway.running import ACCOUNT, DEAD, DEAD_EVENTS, TOKEN, Gateway, config, create_topics

pytestmark = pytest.mark.kafka

PATH = f"/webhooks/brevo/{TOKEN}"
EMAIL = "someone@example.com"

# As docs/marketing-webhooks and docs/transactional-webhooks at developers.brevo.com show them.
SPAM: dict[str, Any] = {
    "id": 42,
    "camp_id": 12,
    "email": EMAIL,
    "campaign name": "My First Campaign ",
    "date_sent": "2020-10-09 00:00:00",
    "date_event": "2020-10-09 00:00:00",
    "event": "spam",
    "reason": "undesired",
    "tag": "",
    "ts_sent": 1604933619,
    "ts_event": 1604933737,
    "ts": 1604937337,
}


def content(event: Any = SPAM) -> bytes:
    return json.dumps(event).encode()


@pytest.fixture
async def gateway(kafka: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Gateway]:
    await create_topics(kafka, topic_prefix)
    async with Gateway(kafka, config(tmp_path / "spool.sqlite", topic_prefix)) as gateway:
        await gateway.until_connected()
        yield gateway


async def nothing_is_in_any_log(gateway: Gateway) -> bool:
    return not [value for topic in (topics.BREVO_EVENT, DEAD_EVENTS) for value in await gateway.values(topic)]


async def test_an_event_is_answered_empty_and_lies_in_the_log_byte_for_byte(gateway: Gateway) -> None:
    odd = b' {"ts_event": 1604933737,"event":"unsubscribe", "x":"\xc3\xa9\\u00e9", "email":"someone@example.com"}\r\n'
    answer = await gateway.post(odd, {}, path=PATH)
    assert (answer.status_code, answer.content) == (200, b"")
    (record,) = await gateway.read(topics.BREVO_EVENT)
    headers = dict(record.headers)
    assert (record.key, record.value) == (ACCOUNT.encode(), odd)
    assert len(headers.pop("ce_id")) == 32
    assert headers == {
        "ce_specversion": b"1.0",
        "ce_source": b"brevo/main",
        "ce_type": b"brevo.event.unsubscribe",
        "ce_time": b"2020-11-09T14:55:37Z",
        "content-type": b"application/json",
    }
    assert await gateway.values(DEAD_EVENTS) == await gateway.values() == []
    assert gateway.figure("brevo_webhook_deliveries_total", answer="accepted") == 1
    assert gateway.figure("webhook_deliveries_total", answer="accepted") == 0


async def test_a_batch_is_one_record_without_a_time_of_its_own(gateway: Gateway) -> None:
    batch = content([SPAM, {**SPAM, "event": "hard_bounce"}])
    assert (await gateway.post(batch, {}, path=PATH)).status_code == 200
    (record,) = await gateway.read(topics.BREVO_EVENT)
    assert record.value == batch
    assert dict(record.headers)["ce_type"] == b"brevo.event.batch"
    assert "ce_time" not in dict(record.headers)


async def test_the_same_event_again_has_the_same_id_and_another_has_not(gateway: Gateway) -> None:
    for body in (content(), content(), content({**SPAM, "ts_event": 1})):
        assert (await gateway.post(body, {}, path=PATH)).status_code == 200
    first, again, other = [dict(record.headers)["ce_id"] for record in await gateway.read(topics.BREVO_EVENT)]
    assert first == again != other


async def test_an_account_lies_in_one_partition(gateway: Gateway) -> None:
    for number in range(3):
        assert (await gateway.post(content({**SPAM, "id": number}), {}, path=PATH)).status_code == 200
    assert len({record.partition for record in await gateway.read(topics.BREVO_EVENT)}) == 1


@pytest.mark.parametrize("token", ["wrong", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "t%C3%B6ken", "%ED%A0%80", "-"])
async def test_a_wrong_token_is_401_and_leaves_nothing(gateway: Gateway, token: str) -> None:
    answer = await gateway.post(content(), {}, path=f"/webhooks/brevo/{token}")
    assert (answer.status_code, answer.content) == (401, b"")
    assert gateway.figure("brevo_webhook_untrusted_total", reason="token") == 1
    assert gateway.figure("webhook_untrusted_total", reason="token") == 0
    assert await nothing_is_in_any_log(gateway)


async def test_a_path_without_a_token_is_no_route(gateway: Gateway) -> None:
    for path in ("/webhooks/brevo", "/webhooks/brevo/", PATH + "/more"):
        assert (await gateway.post(content(), {}, path=path)).status_code == 404


async def test_the_secret_of_a_store_opens_nothing_here(gateway: Gateway) -> None:
    assert (await gateway.post(content(), path="/webhooks/brevo/another")).status_code == 401


async def test_the_token_before_is_accepted_and_each_account_has_its_own(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    await create_topics(kafka, topic_prefix)
    accounts = (AccountTrust("one", ("new-one", "old-one")), AccountTrust("two", ("new-two",)))
    async with Gateway(kafka, config(tmp_path / "spool.sqlite", topic_prefix, accounts=accounts)) as gateway:
        await gateway.until_connected()
        for token in ("new-one", "old-one", "new-two"):
            body = content({**SPAM, "tag": token})
            assert (await gateway.post(body, {}, path=f"/webhooks/brevo/{token}")).status_code == 200
        found = {json.loads(one.value)["tag"]: one.key for one in await gateway.read(topics.BREVO_EVENT)}
        assert found == {"new-one": b"one", "old-one": b"one", "new-two": b"two"}
        gateway.app.state.events.use(accounts[:1])
        assert (await gateway.post(content(), {}, path="/webhooks/brevo/new-two")).status_code == 401


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "Not a webhook of Brevo"),
        (b"not json", "malformed"),
        (b"\xff\xfe{}", "Not a webhook of Brevo"),
        (b'{"event":' + b"[" * 100_000, "nests too deeply"),
        (b"[]", "nothing in it names an event"),
        (b"{}", "nothing in it names an event"),
        (b'"spam"', "Expected `object | array`"),
        (content([SPAM, 7]), "`$[1]`"),
        (content({"email": EMAIL, "event": 7}), "nothing in it names an event"),
    ],
)
async def test_what_is_authentic_but_of_no_use_is_200_and_a_dead_letter(
    gateway: Gateway, body: bytes, said: str
) -> None:
    answer = await gateway.post(body, {}, path=PATH)
    assert (answer.status_code, answer.content) == (200, b"")
    assert await gateway.values(topics.BREVO_EVENT) == await gateway.values(DEAD) == []
    (record,) = await gateway.read(DEAD_EVENTS)
    headers = dict(record.headers)
    assert (record.key, record.value) == (ACCOUNT.encode(), body)
    assert headers["__connect.errors.topic"] == topics.BREVO_EVENT.encode()
    assert headers["__connect.errors.stage"] == b"decode"
    assert said in headers["__connect.errors.exception.message"].decode()
    assert gateway.figure("brevo_webhook_deliveries_total", answer="dead-letter") == 1


async def test_a_body_over_256_kib_is_413_and_the_largest_is_taken(gateway: Gateway) -> None:
    def padded(size: int) -> bytes:
        return content({**SPAM, "tag": "x" * (size - len(content()))})

    assert (await gateway.post(padded((256 << 10) + 1), {}, path=PATH)).status_code == 413
    assert (await gateway.post(padded(256 << 10), {}, path=PATH)).status_code == 200
    assert [len(value) for value in await gateway.values(topics.BREVO_EVENT)] == [256 << 10]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
async def test_other_methods_are_405(gateway: Gateway, method: str) -> None:
    answer = await gateway.client.request(method, PATH)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_what_did_not_come_in_time_is_429_since_brevo_would_discard_it_for_a_408(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    await create_topics(kafka, topic_prefix)
    impatient = config(tmp_path / "spool.sqlite", topic_prefix, body_seconds=0.2)
    async with Gateway(kafka, impatient) as gateway:
        assert b" 429 " in await gateway.answer_to_a_part(PATH)


async def test_while_kafka_is_away_events_go_to_the_spool_and_429_says_that_it_is_full(tmp_path: Path) -> None:
    nowhere = "127.0.0.1:1"
    async with Gateway(nowhere, config(tmp_path / "spool.sqlite", drain_seconds=0.1)) as gateway:
        answer = await gateway.post(content(), {}, path=PATH)
        assert (answer.status_code, answer.content) == (200, b"")
        assert (await gateway.ready())["spool"]["records"] == 1
    async with Gateway(nowhere, config(tmp_path / "full.sqlite", drain_seconds=0.1, spool_limit=0)) as gateway:
        answer = await gateway.post(content(), {}, path=PATH)
        assert (answer.status_code, answer.content) == (429, b"")
        assert gateway.figure("brevo_webhook_deliveries_total", answer="not-durable") == 1


async def test_what_lay_in_the_spool_reaches_the_log(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    spool = tmp_path / "spool.sqlite"
    async with Gateway("127.0.0.1:1", config(spool, topic_prefix, drain_seconds=0.1)) as away:
        assert (await away.post(content(), {}, path=PATH)).status_code == 200
    await create_topics(kafka, topic_prefix)
    async with Gateway(kafka, config(spool, topic_prefix)) as gateway:
        await gateway.until_drained()
        assert await gateway.values(topics.BREVO_EVENT) == [content()]


async def test_no_token_no_body_and_no_address_is_logged(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    await gateway.post(content({"email": EMAIL}), {}, path=PATH)
    await gateway.post(content(), {}, path="/webhooks/brevo/a-guessed-token")
    await gateway.post(b"x" * (300 << 10), {}, path=PATH)
    said = "".join(capsys.readouterr())
    assert "became a dead letter" in said
    assert said.count("was refused") == 2
    for hidden in (TOKEN, "a-guessed-token", EMAIL):
        assert hidden not in said


async def test_bigcommerces_route_goes_on_beside_it(gateway: Gateway) -> None:
    assert (await gateway.post(content(), {}, path=PATH)).status_code == 200
    await gateway.accepted([CAPTURED])
    assert await gateway.values() == [CAPTURED]


def test_every_token_is_compared_and_none_of_them_is_shown() -> None:
    trust = AccountTrust(ACCOUNT, (TOKEN, "the-one-before"))
    assert TOKEN not in repr(trust)
    assert "the-one-before" not in repr(config(Path("unused"), accounts=(trust,)))
    with pytest.raises(Untrusted) as refused:
        Tokens((trust,)).account("the-one-befor")
    assert "the-one" not in str(refused.value)


@pytest.mark.parametrize(
    ("accounts", "message"),
    [
        (lambda: (AccountTrust("one", ()),), "account one has no token"),
        (lambda: (AccountTrust("one", ("",)),), "or an empty one, which would trust everybody"),
        (lambda: (AccountTrust("one", ("a",)), AccountTrust("two", ("b", "a"))), "have the same webhook_token"),
    ],
)
def test_an_account_without_a_token_of_its_own_is_refused(accounts: Any, message: str) -> None:
    with pytest.raises(GatewayError, match=message):
        config(Path("unused"), accounts=accounts())
