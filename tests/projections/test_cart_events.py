"""What is said of carts: the events for Brevo and the lifecycle for figures."""

from projections.consent import CARTS, NEWSLETTER
from schemas import topics
from schemas.inner import CartPart, Statement
from tests.projections.carts_made import (
    CART,
    DAY,
    EMPTY,
    FIRST,
    LEFT,
    LIVE,
    MINUTE,
    NOON,
    OPENED,
    SECOND,
    STORE,
    answer,
    cart,
    converted,
    fetched,
    folded,
    iso,
    last,
    line,
    parts,
    tick,
)


def test_the_event_carries_what_the_contract_names_as_of_the_fresh_look() -> None:
    fresh = cart(line(price=20.0, quantity=2), changed=NOON, cart_amount=40.0)
    opened = fetched(cart(line(price=34.92, quantity=2)), NOON + 1000)
    (part,) = (part for _, part in parts(folded(opened, tick(FIRST), answer(fresh, FIRST))) if part.change == "due")
    event = part.event
    assert event is not None
    assert (event.name, event.at, event.expires_at) == ("cart_abandoned", FIRST, FIRST + DAY)
    assert (event.in_doubt, event.may_reach_blocklisted, event.email) == ("hold", False, "")
    assert event.properties == {
        "tajo_id": event.id,
        "store": "shop",
        "channel": "1",
        "cart_id": CART,
        "step": 1,
        "last_changed_at": iso(NOON),
        "recovery_url": "https://shop.example/cart.php",
        "total": 40,
        "currency": "USD",
        "items": [
            {
                "product_id": "12",
                "variant_id": "77",
                "sku": "SKU-12",
                "name": "Cup 12",
                "quantity": 2,
                "price": 20,
                "url": "https://shop.example/cup-12/",
                "image": "https://cdn.example/12.jpg",
            }
        ],
    }


def test_the_storefront_of_the_fact_leads_the_recovery_link_and_the_channel_has_its_name() -> None:
    second = cart(channel_id=2)
    records = [fetched(second, NOON + 1000), tick(FIRST), answer(second, FIRST, url="https://eu.example/")]
    event = last(folded(*records, channels={"2": "Europe"})).event
    assert event is not None
    assert event.properties["recovery_url"] == "https://eu.example/cart.php"
    assert event.properties["channel"] == "Europe"


def test_the_event_has_the_name_that_the_webhook_list_gives_it() -> None:
    event = last(folded(*LEFT, events={"store/cart/abandoned": "left_behind"})).event
    assert event is not None
    assert event.name == "left_behind"


def test_gift_certificates_are_items_too() -> None:
    items = {**EMPTY, "gift_certificates": [{"id": "g", "name": "For Ada", "amount": 25.0}]}
    gift = cart(line_items=items, cart_amount=25.0)
    event = last(folded(fetched(gift, NOON + 1000), tick(FIRST), answer(gift, FIRST))).event
    assert event is not None
    (item,) = event.properties["items"]  # type: ignore[misc]
    assert (item["name"], item["quantity"], item["price"]) == ("For Ada", 1, 25)


def test_the_answer_carries_what_the_shoppers_subscriber_record_says() -> None:
    def told(*consents: str) -> CartPart:
        return last(folded(*OPENED, tick(FIRST), answer(cart(), FIRST, consents=consents)))

    known = told(CARTS, NEWSLETTER)
    assert known.consents == [CARTS, NEWSLETTER]
    assert known.statement == Statement(
        source=f"{STORE}/subscriber:5", store=STORE, at=NOON - DAY, consents=[CARTS, NEWSLETTER], live_since=LIVE
    )
    assert (told().consents, told().statement) == ([], None)
    none = last(folded(*LEFT))
    assert (none.consents, none.statement) == (None, None)


def test_lifecycle_records_name_nobody() -> None:
    guest = cart(customer=0, email="ada@example.com")
    ran = folded(fetched(guest, NOON + 1000), tick(FIRST), answer(guest, FIRST), converted(SECOND))
    written = [output.value or b"" for output in ran.to(topics.CART_LIFECYCLE)]
    assert len(written) == 3
    assert not any(b"ada" in value or b"@" in value for value in written)


def test_created_and_updated_are_told_only_if_listed_and_at_most_once_a_minute() -> None:
    events = {"store/cart/created": "cart_created", "store/cart/updated": "cart_changed"}
    records = [
        fetched(cart(line(quantity=n + 1), version=n + 1, changed=NOON + n * 20_000), NOON + n * 20_000 + 1000)
        for n in range(7)
    ]
    told = [part.event for _, part in parts(folded(*records, events=events)) if part.event]
    assert [event.name for event in told] == ["cart_created", "cart_changed", "cart_changed"]
    assert [event.id for event in told] == [
        f"cart_created:shop:{CART}",
        f"cart_updated:shop:{CART}:{NOON // MINUTE + 1}",
        f"cart_updated:shop:{CART}:{NOON // MINUTE + 2}",
    ]
    assert [part.event for _, part in parts(folded(*records)) if part.event] == []


def test_created_is_not_told_of_a_cart_from_before_the_store_was_live() -> None:
    events = {"store/cart/created": "cart_created"}
    assert last(folded(fetched(cart(), NOON + 1000, live=NOON + 1), events=events)).event is None
