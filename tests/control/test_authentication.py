"""Who may use the control API, and what everybody else is told."""

from pathlib import Path
from typing import Any

import pytest

from gateway.control.failures import Failures
from gateway.control.guard import is_here
from gateway.delivery import Client
from schemas import topics
from tajo.access import tokens
from tajo.errors import SettingsError
from tajo.settings import load
from tests.control.away import without_kafka
from tests.control.stand import FILED, OTHER, WISH, configured, standing
from tests.gateway.deliveries import body

pytestmark = pytest.mark.kafka
STRICT = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
ROUTES = [
    ("GET", "/v1/connectors"),
    ("GET", "/v1/openapi.json"),
    ("POST", "/v1/connectors/bigcommerce/connect"),
    ("POST", "/v1/connectors/bigcommerce/webhook"),
    ("DELETE", f"/v1/connectors/bigcommerce/{FILED}"),
    ("GET", "/v1/nothing"),
]


async def test_nothing_of_it_is_answered_without_a_token(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with standing(kafka, topic_prefix, tmp_path) as here:
        for method, path in ROUTES:
            answer = await here.anybody.request(method, path, json=WISH)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), path
            assert set(answer.json()) == {"error"}
            assert {name: answer.headers[name] for name in STRICT} == STRICT
        assert not here.bigcommerce.requests, "nobody was asked about the credentials"
        for path in ("/livez", "/readyz", "/metrics"):
            assert (await here.anybody.get(path)).status_code == 200
        assert here.app.state.metrics.registry.get_sample_value("tajo_control_refused_total", {"token": "absent"}) == 6


async def test_wrong_tokens_are_slowed_down_by_address_and_a_right_one_never_is(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with standing(kafka, topic_prefix, tmp_path) as here:
        for wrong in (here.token[:-1] + "!", here.token.upper(), "tajo_" + "0" * 12 + "_" + "A" * 43, "x"):
            answer = await here.anybody.get("/v1/connectors", headers={"Authorization": f"Bearer {wrong}"})
            assert answer.status_code == 401, wrong
            assert wrong not in answer.text
        for _ in range(20):
            answer = await here.anybody.get("/v1/connectors", headers={"Authorization": "Bearer wrong"})
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["retry-after"]) <= 7
        assert (await here.http.get("/v1/connectors")).status_code == 200
        delivery = await here.anybody.post(
            f"/webhooks/bigcommerce/{FILED}", content=body(store=FILED), headers={"x-tajo-secret": "wrong"}
        )
        assert delivery.status_code == 401, "webhooks are not held up with it"


def test_failures_are_limited_by_address_and_altogether_in_bounded_memory() -> None:
    now = [0.0]
    failures = Failures(lambda: now[0])
    assert [failures.count("192.0.2.1") for _ in range(11)] == [0] * 10 + [7]
    assert failures.count("192.0.2.2") == 0
    now[0] = 6.1
    assert [failures.count("192.0.2.1") for _ in range(2)] == [0, 6]
    assert [failures.count(f"2001:db8::{number:x}") for number in range(11)] == [0] * 10 + [7], "one network"
    answers = [failures.count(f"10.{number // 250}.{number % 250}.1") for number in range(20_000)]
    assert answers.count(0) < 620
    assert len(failures) == 10_000


async def test_a_token_of_the_command_line_counts_at_a_running_gateway_until_it_is_revoked(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with standing(kafka, topic_prefix, tmp_path) as here:
        code, out = await here.tajo("token", "create", "webshop")
        text = out.strip().splitlines()[-1]
        assert (code, text.startswith("tajo_")) == (0, True), out
        shown = {"headers": {"Authorization": f"Bearer {text}"}}
        await here.until_answered(200, **shown)
        code, listed = await here.tajo("token", "list")
        assert [line.split()[-1] for line in listed.splitlines() if not line.startswith("note:")] == [
            "tests",
            "webshop",
        ]
        assert text not in listed
        code, out = await here.tajo("token", "create", "webshop")
        assert (code, "There is a token named webshop" in out) == (1, True), out
        assert (await here.tajo("token", "revoke", "webshop"))[0] == 0
        await here.until_answered(401, **shown)
        assert (await here.http.get("/v1/connectors")).status_code == 200, "the other one stays"
        code, out = await here.tajo("token", "revoke", "webshop")
        assert (code, "There is no token webshop" in out) == (1, True), out
        code, out = await here.tajo("token", "create", "x", TAJO_KAFKA__PREFIX=f"{topic_prefix}nowhere-")
        assert (code, "is not there: run `tajo topics apply`" in out, "Traceback" in out) == (1, True, False), out
        for record in await here.records(topics.CONNECTION):
            assert text.encode() not in (record.value or b"")
            assert text.rpartition("_")[2].encode() not in (record.value or b"")


def test_a_token_is_known_by_its_hash_only() -> None:
    token, text = tokens.created("webshop", now=1)
    assert tokens.holder({token.id: token}, text) is token
    assert tokens.holder({token.id: token}, text[:-1] + ("A" if text[-1] != "A" else "B")) is None
    assert tokens.holder({}, text) is None
    assert text not in repr(token)
    assert len(text.removeprefix(f"tajo_{token.id}_")) == 43, "256 bits"


def test_only_the_guard_makes_a_client() -> None:
    with pytest.raises(TypeError, match="made by gateway"):
        Client("somebody", seal=object())


async def test_on_loopback_this_machine_needs_no_token_and_what_a_proxy_or_a_browser_sends_does(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with standing(kafka, topic_prefix, tmp_path, more="gateway: {control: loopback}\n") as here:
        assert (await here.anybody.get("/v1/connectors")).status_code == 200
        for headers in (
            {"X-Forwarded-For": "192.0.2.1"},
            {"Forwarded": "for=192.0.2.1"},
            {"X-Real-IP": "192.0.2.1"},
            {"Host": "attacker.example.com"},
            {"Authorization": "Bearer wrong"},
        ):
            assert (await here.anybody.get("/v1/connectors", headers=headers)).status_code == 401, headers


@pytest.mark.parametrize(
    ("client", "host", "here"),
    [
        ("127.0.0.1", "localhost:8080", True),
        ("::1", "[::1]:8080", True),
        ("192.0.2.1", "localhost", False),
        ("127.0.0.1", "192.0.2.1", False),
        ("127.0.0.1", "", False),
    ],
)
def test_here_is_a_peer_and_a_name_of_this_machine(client: str, host: str, here: bool) -> None:
    assert is_here({"type": "http", "client": (client, 1)}, {b"host": host.encode()}) is here


def test_loopback_alone_is_refused_where_others_can_reach_the_gateway(tmp_path: Path) -> None:
    file = configured(
        tmp_path, "localhost:1", "t-", "http://localhost:1", "gateway: {control: loopback, host: 0.0.0.0}\n"
    )
    with pytest.raises(
        SettingsError, match=r'gateway.control: found "loopback", but gateway.host is 0.0.0.0; listen on'
    ):
        load(file, {})


async def test_no_other_site_is_told_anything_and_browsers_are_not_asked_in(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with standing(kafka, topic_prefix, tmp_path) as here:
        asked = {"Origin": "https://attacker.example.com", "Access-Control-Request-Method": "POST"}
        for answer in (
            await here.http.options("/v1/connectors/bigcommerce/connect", headers=asked),
            await here.http.get("/v1/connectors", headers=asked),
            await here.http.get("/elsewhere", headers=asked),
        ):
            assert not [name for name in answer.headers if name.startswith("access-control")]
            assert {name: answer.headers[name] for name in STRICT} == STRICT
            assert "strict-transport-security" not in answer.headers
        assert (await here.http.options("/v1/connectors")).status_code == 405
        simple = await here.http.post(
            "/v1/connectors/bigcommerce/connect", content=b"{}", headers={"Content-Type": "text/plain"}
        )
        assert simple.status_code == 415, "what a page may send without asking"


async def test_errors_are_sentences_with_the_right_status(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with standing(kafka, topic_prefix, tmp_path) as here:
        connect = "/v1/connectors/bigcommerce/connect"
        json = {"Content-Type": "application/json"}
        cases: list[tuple[int, Any]] = [
            (404, await here.http.get("/v1/nothing")),
            (404, await here.http.get("/v1")),
            (404, await here.http.get("/v1/connectors/")),
            (404, await here.anybody.get("/")),
            (404, await here.http.delete(f"/v1/connectors/bigcommerce/{OTHER}")),
            (405, await here.http.put("/v1/connectors")),
            (413, await here.http.post(connect, content=b" " * (64 * 1024 + 1), headers=json)),
            (422, await here.http.post(connect, content=b"{", headers=json)),
            (422, await here.http.post(connect, json={**WISH, "store_hash": "../../v3"})),
            (422, await here.http.post(connect, json={**WISH, "access_tokem": "secret-value"})),
        ]
        for status, answer in cases:
            assert answer.status_code == status, (status, answer.text)
            assert list(answer.json()) == ["error"]
            assert answer.json()["error"].endswith("."), answer.text
            assert "secret-value" not in answer.text
            assert "Traceback" not in answer.text


async def test_the_webhook_route_keeps_its_bare_answer(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with standing(kafka, topic_prefix, tmp_path) as here:
        answer = await here.anybody.post(f"/webhooks/bigcommerce/{FILED}", content=b"{}")
        assert (answer.status_code, answer.content) == (401, b"")
        assert not STRICT.keys() & answer.headers.keys()


async def test_before_the_tokens_were_read_who_shows_one_is_asked_to_try_again(tmp_path: Path) -> None:
    async with without_kafka(tmp_path) as http:
        answer = await http.get("/v1/connectors", headers={"Authorization": "Bearer of-somebody"})
        assert (answer.status_code, "try again" in answer.json()["error"]) == (503, True)
        assert (await http.get("/v1/connectors")).status_code == 401
