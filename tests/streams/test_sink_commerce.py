"""Order records, products and categories: the newest document of each id, in as few requests as the limits like."""

from pathlib import Path

from schemas.commands import OrderProduct, PutCategory
from tests.connectors.brevo_stand import START
from tests.streams import logs
from tests.streams.sink_stand import order, product, sink_stand, upsert

ANN = "ann@shop.test"


async def test_an_order_record_is_as_brevo_takes_it(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        await stand.tell(
            upsert(ANN),
            order(
                ANN,
                7,
                updated_at=START + 999,
                amount=25,
                products=[OrderProduct(product_id="3", quantity=2, price=12.5, variant_id="30")],
                store_id="shop",
                billing={"city": "Springfield"},
                meta={"currency": "EUR", "total": "23.00"},
            ),
        )
        await stand.settled()
        (body,) = stand.front.requests.to("POST", "/orders/status")
        assert body == {
            "id": "shop:7",
            "createdAt": "2026-09-21T14:20:00Z",
            "updatedAt": "2026-09-21T14:20:00Z",
            "status": "Completed",
            "amount": 25,
            "products": [{"productId": "3", "quantity": 2, "price": 12.5, "variantId": "30"}],
            "identifiers": {"email_id": ANN},
            "storeId": "shop",
            "billing": {"city": "Springfield"},
            "metaInfo": {"currency": "EUR", "total": "23.00"},
        }
        kept = stand.brevo.state.orders["shop:7"]
        assert (kept.email, kept.historical) == (ANN, False)


async def test_an_equal_order_is_not_sent_and_a_changed_one_is(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        for command in (order(ANN), order(ANN), order(ANN, amount=10), order(ANN, amount=10, historical=True)):
            await stand.tell(command)
            await stand.settled()
        assert [outcome for _, outcome in await stand.outcomes()] == ["done", "equal", "done", "equal"]
        assert stand.brevo.state.orders["shop:1"].writes == 2


async def test_an_order_that_moves_between_contacts_ends_with_the_last(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        stand.owner.lease = lambda: False
        for number in range(10):
            emails = [f"{name}{number}@shop.test" for name in "abab"]
            await stand.tell(*(order(email, number, amount=place) for place, email in enumerate(emails)))
        stand.owner.lease = lambda: True
        await stand.settled()
        for number in range(10):
            record = stand.brevo.state.orders[f"shop:{number}"]
            assert (record.email, record.record["amount"]) == (f"b{number}@shop.test", 3)


async def test_a_bad_order_in_a_batch_is_the_only_one_that_is_refused(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        # Brevo refuses the whole batch, then its halves, until the bad one is alone.
        stand.brevo.faults.answer("POST /orders/status/batch", 400, times=2)
        await stand.start()
        await stand.tell(*(order(ANN, number, historical=True) for number in range(9)))
        await stand.settled()
        assert len(stand.brevo.state.orders) == 9
        assert len(stand.front.requests.to("POST", "/orders/status/batch")) == 5


async def test_products_go_in_batches_and_each_id_once(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        await stand.tell(
            *(product(number) for number in range(150)), *(product(number, price=1) for number in range(20))
        )
        await stand.settled()
        assert len(stand.brevo.state.products) == 150
        assert [stand.brevo.state.products[f"shop:{number}"].record["price"] for number in (0, 19, 20)] == [1, 1, 12.5]
        assert len(stand.front.requests.to("POST", "/products/batch")) == 2
        assert stand.destination is not None
        assert stand.destination.counters.saved == {"superseded": 20, "batched": 148}


async def test_a_wrong_product_is_found_and_the_others_get_through(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        await stand.tell(*(product(number, **({"price": "dear"} if number == 13 else {})) for number in range(40)))
        stand.front.requests.wrong.clear()  # it is wrong, that is the point
        await stand.settled()
        assert stand.brevo.state.products.keys() == {f"shop:{number}" for number in range(40) if number != 13}
        assert (13, "refused") in await stand.outcomes()
        assert len(await stand.dead()) == 1
        assert stand.front.requests.wrong
        stand.front.requests.wrong.clear()


async def test_a_deleted_product_is_marked_and_one_that_brevo_never_had_is_left_alone(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        await stand.tell(product(1), product(2))
        await stand.settled()
        await stand.tell(product(1, deleted=True), product(3, deleted=True))
        await stand.settled()
        products = stand.brevo.state.products
        assert products["shop:1"].record["isDeleted"] is True
        assert products["shop:1"].record["deletedAt"] == "2026-09-21T14:20:00.000Z"
        assert products.keys() == {"shop:1", "shop:2"}
        await stand.tell(product(1))
        await stand.settled()
        assert products["shop:1"].record["isDeleted"] is False


async def test_categories_go_in_batches(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        await stand.tell(
            *(
                PutCategory(id=f"category:shop:{number}", document={"id": f"shop:{number}", "name": f"Shelf {number}"})
                for number in range(30)
            )
        )
        await stand.settled()
        assert len(stand.brevo.state.categories) == 30
        assert len(stand.front.requests.to("POST", "/categories/batch")) == 1


async def test_without_activated_commerce_only_commerce_waits(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path, ecommerce=False) as stand:
        await stand.start()
        await stand.tell(order(ANN), product(1), upsert("bob@shop.test"))

        async def contact_is_there() -> bool:
            return (
                "bob@shop.test" in stand.brevo.state.contacts and "orders" in stand.owner.accounts["main"].gates.pauses
            )

        await logs.until(contact_is_there, "the contact is there and orders are paused")
        assert stand.owner.accounts["main"].gates.pauses.keys() >= {"orders"}
        reason, _ = stand.owner.accounts["main"].gates.pauses["orders"]
        assert "not activated" in reason
        stand.brevo.state.commerce_from = 0
        await stand.settled()
        assert stand.brevo.state.orders.keys() == {"shop:1"}
        assert stand.brevo.state.products.keys() == {"shop:1"}
        assert stand.owner.accounts["main"].gates.pauses == {}
