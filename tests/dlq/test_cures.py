"""What a retry would write for each kind of letter, or why it writes nothing and what can be done instead."""

import json
from typing import Any

import msgspec
import pytest

from schemas import topics
from schemas.facts import StatusChange
from schemas.requests import FetchEntity, LookAgain
from streams.enrich.settings import StoreConnection
from tajo.dlq.cures import Cure, Cures, NoCure
from tajo.dlq.letters import Letter, Place
from tajo.dlq.standing import Standing
from tests.streams.sink_stand import event

NOW = 1_790_000_000_000
CURES = Cures({"s1": StoreConnection("s1", "token", parts=frozenset({"orders", "carts"}))}, {"main"}, NOW)


def letter(topic: str, key: bytes | None, value: bytes | None, stage: str = "decode", *, lay: bool = True) -> Letter:
    told = [("ce_id", b"17"), ("__connect.errors.stage", stage.encode())]
    if lay:
        told += [("__connect.errors.partition", b"0"), ("__connect.errors.offset", b"5")]
    return Letter(Place(topic, 0, 1), NOW, key, value, tuple(told))


def cure(of: Letter, *, cut: bool = False) -> Cure:
    return CURES.cure(Standing(of, "open", None, ""), cut=cut)


def asked(found: Cure) -> list[FetchEntity]:
    assert {(output.topic, output.key, output.headers) for output in found.outputs} == {(topics.REQUEST, b"s1", ())}
    return [msgspec.json.decode(output.value or b"", type=FetchEntity) for output in found.outputs]


def delivery(scope: str, data: Any, **more: Any) -> bytes:
    return json.dumps(
        {"scope": scope, "data": data, "hash": "h", "created_at": 7, "producer": "stores/s1", **more}
    ).encode()


@pytest.mark.parametrize(
    ("scope", "data", "entity", "ids"),
    [
        ("store/order/created", {"id": 7}, "order", ["7"]),
        ("store/cart/updated", {"id": "0c-1"}, "cart", ["0c-1"]),
        ("store/cart/converted", {"id": "0c-1", "orderId": 9}, "order", ["9"]),
    ],
)
def test_a_delivery_is_about_an_entity(scope: str, data: Any, entity: str, ids: list[str]) -> None:
    requests = asked(cure(letter(topics.WEBHOOK, b"stranger", delivery(scope, data))))
    assert [(request.entity, request.id) for request in requests] == [(entity, id_) for id_ in ids]
    assert all(request.causes[0].scope == scope and request.at == NOW for request in requests)


def test_a_delivery_keeps_its_pair_of_statuses_and_that_it_told_of_a_refund() -> None:
    status = {"previous_status_id": 1, "new_status_id": 2}
    value = delivery("store/order/statusUpdated", {"id": 7, "status": status})
    (request,) = asked(cure(letter(topics.WEBHOOK, b"s1", value)))
    assert (request.changes, request.refunded) == ((StatusChange("h", 7_000, 1, 2),), False)
    (request,) = asked(cure(letter(topics.WEBHOOK, b"s1", delivery("store/order/refund/created", {"order_id": 7}))))
    assert request.refunded


def test_a_fact_that_nobody_can_read_still_says_by_its_key_what_it_is_about() -> None:
    (request,) = asked(cure(letter(topics.ORDER, b"s1/7", b"\xff{", "decode")))
    assert (request.store, request.entity, request.id, request.causes) == ("s1", "order", "7", ())
    (request,) = asked(cure(letter(topics.CART, b"s1/0c-1", b'{"kind":"tick"}', "fold")))
    assert (request.entity, request.id) == ("cart", "0c-1")


@pytest.mark.parametrize(
    ("topic", "value"),
    [
        (topics.REQUEST, msgspec.json.encode(LookAgain(store="s1", cart_id="0c-1", due=1, at=1))),
        (topics.COMMAND, msgspec.json.encode(event("ann@shop.test"))),
        (topics.CONSENT, b"{}"),
    ],
)
def test_what_enters_the_log_again_is_as_it_was(topic: str, value: bytes) -> None:
    (output,) = cure(letter(topic, b"main", value)).outputs
    assert (output.topic, output.key, output.value, output.headers) == (topic, b"main", value, (("ce_id", b"17"),))
    with pytest.raises(NoCure, match="nobody can tell whether it is still wanted"):
        cure(letter(topic, b"main", value), cut=True)


def test_brevos_own_event_enters_the_log_again_even_when_what_came_after_it_is_gone() -> None:
    value = b'{"event":"spam","email":"ann@shop.test","ts_event":7}'
    (output,) = cure(letter(topics.BREVO_EVENT, b"main", value), cut=True).outputs
    assert (output.topic, output.key, output.value) == (topics.BREVO_EVENT, b"main", value)


@pytest.mark.parametrize(
    ("of", "why"),
    [
        (letter(topics.ORDER, None, b"{}"), "its key does not name the order"),
        (letter(topics.ORDER, b"s2/7", b"{}"), "store 's2' is not configured: add it, then retry"),
        (letter(topics.ORDER, b"s1/7/../8", b"{}"), "there can be no order with the id '7/../8'"),
        (letter(topics.CUSTOMER, b"s1/7", b"{}"), "each customer of store s1 is left out"),
        (letter(topics.CART, b"tick", None), "the next one tells it again"),
        (letter(topics.WEBHOOK, b"s1", b"\xff", lay=False), "no delivery that can be read"),
        (letter(topics.WEBHOOK, b"s1", delivery("store/moon/full", {}), lay=False), "is not a scope that BigCommerce"),
        (letter(topics.WEBHOOK, b"s1", delivery("store/app/uninstalled", {})), "names no entity"),
        (letter(topics.WEBHOOK, b"s1", delivery("store/order/created", {"id": 7}, producer="stores/s2")), "store 's2'"),
        (letter(topics.WEBHOOK, b"s1", b"{}", "fetch", lay=False), "does not name an entity"),
        (letter(topics.COMMAND, b"main", b"{"), "There is nothing in it to send: drop it"),
        (letter(topics.COMMAND, b"other", msgspec.json.encode(event("a@b.test"))), "account 'other' is not configured"),
        (letter(topics.REQUEST, b"s1", b"[]"), "no request that can be read"),
        (letter(topics.BREVO_EVENT, b"main", b"no json", lay=False), "no webhook of Brevo that can be read"),
        (letter(topics.BREVO_EVENT, b"other", b"{}"), "account 'other' is not configured"),
        (letter("customers", b"s1/7", b"\x91", "fold"), "Take the tables anew from the log"),
    ],
)
def test_what_is_not_retried_says_why_and_what_can_be_done(of: Letter, why: str) -> None:
    with pytest.raises(NoCure) as found:
        cure(of)
    assert why in str(found.value)
    assert str(found.value).endswith(".")


def test_what_is_superseded_is_left_alone() -> None:
    standing = Standing(letter(topics.ORDER, b"s1/7", b"{}"), "superseded", None, "a newer fact lies there")
    with pytest.raises(NoCure, match="it is superseded: a newer fact lies there"):
        CURES.cure(standing, cut=False)
