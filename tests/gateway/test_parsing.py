"""Whatever comes over the network: an answer, never a 500, and no forgery."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from connectors.bigcommerce.scopes import UnknownScope
from connectors.clock import SystemClock
from gateway.app import create_app
from gateway.delivery import RawDelivery, VerifiedDelivery, parse
from gateway.errors import NotADelivery, StoreNotConfigured
from gateway.trust import Trust
from tajo.kafka.ports import free_port
from tests.gateway.deliveries import CAPTURED, SECRET, STORE, body, signed, trusted
from tests.gateway.running import PATH, config


def parsed(content: bytes) -> VerifiedDelivery:
    trust = Trust(config(Path("unused")))
    raw = RawDelivery(body=content, path_store=STORE, secret=SECRET.encode())
    return parse(trust.authenticate(raw))


def test_a_verified_delivery_has_the_envelope_and_the_bytes() -> None:
    delivery = parsed(CAPTURED)
    assert delivery.body is CAPTURED
    assert (delivery.store_hash, delivery.producer) == ("8jbhprizry", "stores/8jbhprizry")
    assert (delivery.scope, delivery.created_at) == ("store/product/updated", 1_786_447_828_000)
    assert delivery.hash == "64d346b71e4c02453da81c5d97cec8063a6e7a4d"


@pytest.mark.parametrize("data", [{}, [], {"type": "transaction"}, [{"price_list_id": 1}]])
def test_the_shape_of_the_data_is_the_enrichers_business(data: Any) -> None:
    content = body("store/priceList/records/created", data)
    assert parsed(content).body == content


@pytest.mark.parametrize(
    "changes",
    [
        {"scope": ""}, {"scope": None}, {"scope": "x" * 201}, {"hash": ""}, {"hash": 7}, {"created_at": -1},
        {"created_at": 1.5}, {"created_at": None}, {"data": "text"}, {"data": None}, {"producer": 8},
        {"producer": ""}, {"producer": "stores/"}, {"producer": "stores/../x"}, {"producer": "stores/8jbhprizry\n"},
    ],
)  # fmt: skip
def test_an_envelope_with_a_wrong_field_is_no_delivery(changes: dict[str, Any]) -> None:
    with pytest.raises(NotADelivery):
        parsed(json.dumps(json.loads(body()) | changes).encode())


def test_a_body_that_is_no_text_is_no_delivery_wherever_the_odd_byte_is() -> None:
    content = body(note="here: ?")
    assert parsed(content.replace(b"?", "ö".encode())).scope == "store/order/updated"
    with pytest.raises(NotADelivery, match="invalid start byte"):
        parsed(content.replace(b"?", b"\xb1"))


def test_a_missing_field_is_named() -> None:
    for name in ("scope", "producer", "hash", "created_at", "data"):
        content = json.loads(body())
        del content[name]
        with pytest.raises(NotADelivery, match=name):
            parsed(json.dumps(content).encode())


# --- whole requests, with a spool and without Kafka ---


@contextmanager
def application(folder: Path) -> Iterator[tuple[asyncio.Runner, Starlette]]:
    """Deliveries become durable in the spool; nobody listens where Kafka should be."""
    app = create_app(config(folder / "spool.sqlite"), f"127.0.0.1:{free_port()}", SystemClock())
    with asyncio.Runner() as runner:
        lifespan = app.router.lifespan_context(app)
        runner.run(lifespan.__aenter__())
        try:
            yield runner, app
        finally:
            runner.run(lifespan.__aexit__(None, None, None))


def answer(runner: asyncio.Runner, app: Starlette, content: bytes, headers: dict[str, Any], path: str = PATH) -> int:
    async def ask() -> int:
        # An error that the application did not catch comes out of this transport as it is.
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
            return (await client.post(path, content=content, headers=headers)).status_code

    return runner.run(ask())


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
_ENVELOPES = st.fixed_dictionaries(
    {},
    optional={
        "scope": st.sampled_from(["store/order/created", "store/*", "store/channel/*/cart/created"]) | _VALUES,
        "producer": st.sampled_from([f"stores/{STORE}", "stores/other"]) | _VALUES,
        "hash": st.text(max_size=50) | _VALUES,
        "created_at": st.integers(-10, 10**13) | _VALUES,
        "store_id": _VALUES,
        "data": _VALUES,
    },
).map(lambda envelope: json.dumps(envelope).encode())
_QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_garbage_with_the_right_secret_is_always_answered_200(tmp_path: Path) -> None:
    with application(tmp_path) as (runner, app):
        statuses = set()

        @_QUICK
        @given(st.binary(max_size=400) | _ENVELOPES)
        @example(b"\xed\xa0\x80")
        @example(b'{"scope":"\\ud800","producer":"stores/8jbhprizry","hash":"h","created_at":1,"data":{}}')
        @example(body(data={"x": "y"}).replace(b'"y"', b'"\xff"'))
        @example(body(data={"x": "y"}).replace(b'"y"', b"1e999"))
        @example(body(data={"x": "y"}).replace(b'"y"', b"[" * 50_000 + b"]" * 50_000))
        def each(content: bytes) -> None:
            statuses.add(status := answer(runner, app, content, trusted()))
            assert status == 200

        each()
        assert statuses == {200}
        taken = app.state.metrics.registry.get_sample_value
        assert taken("tajo_webhook_deliveries_total", {"answer": "dead-letter"}) > 100
        assert taken("tajo_spool_taken_total") > 100


_HEADERS = st.dictionaries(
    st.sampled_from(["x-tajo-secret", "webhook-id", "webhook-timestamp", "webhook-signature", "content-type"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60),
).filter(lambda headers: headers.get("x-tajo-secret", "").strip() != SECRET)
_PATHS = st.sampled_from([PATH, "/webhooks/bigcommerce", "/webhooks/bigcommerce/other", "/webhooks/bigcommerce/%00"])


def test_no_forgery_is_accepted(tmp_path: Path) -> None:
    with application(tmp_path) as (runner, app):

        @_QUICK
        @given(_HEADERS, _PATHS, st.just(CAPTURED) | st.binary(max_size=50))
        @example(signed(CAPTURED), PATH, CAPTURED)
        def each(headers: dict[str, str], path: str, content: bytes) -> None:
            sent = {name: value.encode("latin-1") for name, value in headers.items()}
            assert answer(runner, app, content, sent, path) == 401

        each()
        assert app.state.metrics.registry.get_sample_value("tajo_spool_taken_total") == 0


def test_exceptions_of_parsing_are_those_that_become_dead_letters() -> None:
    for content, kind in (
        (b"", NotADelivery),
        (body("store/order/exploded"), UnknownScope),
        (body(store="other"), StoreNotConfigured),
    ):
        with pytest.raises(kind):
            parsed(content)
