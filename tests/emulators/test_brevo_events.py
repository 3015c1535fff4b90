import pytest

from tests.emulators.brevo_account import NOW, account, refusal

PLACED = {
    "event_name": "order_placed",
    "event_date": "2026-09-21T14:00:00.000Z",
    "identifiers": {"email_id": "Ann@shop.test"},
    "event_properties": {"order_id": "7", "total": 12.5, "items": [{"sku": "a"}]},
}


def event(**changes: object) -> dict[str, object]:
    return {**PLACED, **changes}


async def test_an_event_is_204_and_is_kept_with_its_contact_date_and_properties() -> None:
    async with account() as brevo:
        number = await brevo.add()
        answer = await brevo.http.post("/events", json=PLACED)
        assert (answer.status_code, answer.content) == (204, b"")
        (kept,) = brevo.state.events
        assert (kept.name, kept.email, kept.contact_id, kept.at) == ("order_placed", "ann@shop.test", number, NOW)
        assert (kept.date, kept.via) == (NOW - 20 * 60_000, "events")
        assert kept.properties == PLACED["event_properties"]


async def test_the_contact_id_wins_over_all_other_identifiers() -> None:
    async with account() as brevo:
        await brevo.add()
        bob = await brevo.add("bob@shop.test")
        await brevo.http.post("/events", json=event(identifiers={"email_id": "ann@shop.test", "contact_id": bob}))
        assert brevo.state.events[0].email == "bob@shop.test"


async def test_an_event_for_nobody_known_is_kept_and_counted_and_makes_no_contact() -> None:
    async with account() as brevo:
        assert (await brevo.http.post("/events", json=PLACED)).status_code == 204
        assert brevo.state.events_without_contact == 1
        assert brevo.state.events[0].email == "ann@shop.test"
        assert brevo.state.contacts == {}


async def test_contact_properties_update_the_contact_with_brevos_silence() -> None:
    async with account() as brevo:
        await brevo.add()
        await brevo.http.post("/events", json=event(contact_properties={"FIRSTNAME": "Ann", "TOTAL_SPENT": "much"}))
        assert brevo.state.contacts["ann@shop.test"].attributes == {"FIRSTNAME": "Ann"}
        assert brevo.state.dropped["TOTAL_SPENT", "wrong type"] == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"event_name": None},
        {"event_name": "order placed"},
        {"event_name": "x" * 256},
        {"event_date": "yesterday"},
        {"identifiers": None},
        {"identifiers": {}},
        {"identifiers": {"email_id": "nobody"}},
        {"identifiers": {"contact_id": "7"}},
        {"event_properties": {"a b": 1}},
        {"event_properties": {"items": [{"a.b": 1}]}},
        {"event_properties": {"text": "x" * 51_200}},
    ],
)
async def test_a_bad_event_is_refused(changes: dict[str, object]) -> None:
    async with account() as brevo:
        assert (await brevo.http.post("/events", json=event(**changes))).status_code == 400
        assert brevo.state.events == []


async def test_a_batch_is_202_with_its_count() -> None:
    async with account() as brevo:
        answer = await brevo.http.post("/events/batch", json={"events": [PLACED] * 200})
        assert answer.status_code == 202
        assert answer.json() == {
            "message": "Batch accepted. Valid events have been added to the processing queue.",
            "count": 200,
        }
        assert len(brevo.state.events) == 200


async def test_a_batch_that_is_too_long_too_large_or_a_bare_array_is_refused() -> None:
    async with account() as brevo:
        too_long = await brevo.http.post("/events/batch", json={"events": [PLACED] * 201})
        assert refusal(too_long) == (400, "out_of_range")
        large = event(event_properties={"text": "x" * 50_000})
        too_large = await brevo.http.post("/events/batch", json={"events": [large] * 11})
        assert refusal(too_large) == (400, "out_of_range")
        assert refusal(await brevo.http.post("/events/batch", json=[PLACED])) == (400, "bad_request")
        assert brevo.state.events == []


async def test_a_batch_with_bad_events_is_207_and_keeps_the_good_ones() -> None:
    async with account() as brevo:
        batch = [PLACED, event(event_name=""), PLACED, event(event_name="")]
        answer = await brevo.http.post("/events/batch", json={"events": batch})
        assert answer.status_code == 207
        body = answer.json()
        assert (body["status"], body["total_events"]) == ("partial_success", 4)
        assert (body["successful_events"], body["failed_events"]) == (2, 2)
        assert [error["eventIndex"] for error in body["errors"]] == [[1], [3]]
        assert body["errors"][0]["message"] == "events[1].event_name is missing"
        assert len(brevo.state.events) == 2


async def test_a_batch_with_nothing_but_bad_events_is_400_in_the_same_form() -> None:
    async with account() as brevo:
        answer = await brevo.http.post("/events/batch", json={"events": [event(identifiers={})]})
        assert answer.status_code == 400
        assert answer.json()["failed_events"] == 1


async def test_events_are_listed_newest_first_by_name_contact_and_date() -> None:
    async with account() as brevo:
        number = await brevo.add()
        await brevo.http.post("/events", json=PLACED)
        await brevo.http.post("/events", json=event(event_name="cart_abandoned", event_date=None))
        await brevo.http.post("/events", json=event(identifiers={"email_id": "bob@shop.test"}))

        async def names(query: str) -> list[str]:
            return [item["event_name"] for item in (await brevo.http.get(f"/events{query}")).json()["events"]]

        assert await names("") == ["cart_abandoned", "order_placed", "order_placed"]
        assert await names("?event_name=cart_abandoned&event_name=other") == ["cart_abandoned"]
        assert await names(f"?contact_id={number}&limit=1&offset=1") == ["order_placed"]
        assert len(await names("?startDate=2026-09-21&endDate=2026-09-21")) == 3
        assert await names("?startDate=2026-09-20&endDate=2026-09-20") == []
        assert refusal(await brevo.http.get("/events?startDate=2026-09-20")) == (400, "missing_parameter")
        assert refusal(await brevo.http.get("/events?limit=10001")) == (400, "out_of_range")


TRACKER = "http://brevo.test/api/v2/trackEvent"


async def test_the_tracker_takes_its_own_key_and_the_account_tells_it() -> None:
    async with account() as brevo:
        await brevo.add()
        key = (await brevo.http.get("/account")).json()["marketingAutomation"]["key"]
        body = {"email": "ann@shop.test", "event": "cart_updated", "eventdata": {"id": "cart:1", "data": {}}}
        assert (await brevo.http.post(TRACKER, json=body)).status_code == 401
        answer = await brevo.http.post(TRACKER, json=body, headers={"ma-key": key, "api-key": ""})
        assert answer.status_code == 204
        (kept,) = brevo.state.events
        assert (kept.name, kept.via, kept.properties["id"]) == ("cart_updated", "tracker", "cart:1")
        assert (await brevo.http.get("/events")).json() == {"events": [], "count": 0}


@pytest.mark.parametrize(
    "body",
    [
        {"event": "cart_updated"},
        {"email": "ann@shop.test"},
        {"email": "ann@shop.test", "event": "cart_updated", "properties": {"email": "x"}},
    ],
)
async def test_a_bad_event_for_the_tracker_is_refused(body: dict[str, object]) -> None:
    async with account() as brevo:
        answer = await brevo.http.post(TRACKER, json=body, headers={"ma-key": "tracker-key"})
        assert answer.status_code == 400
        assert brevo.state.events == []
