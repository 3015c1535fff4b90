"""An event is sent once; where that cannot be known, its own policy decides."""

from collections import Counter
from pathlib import Path

import pytest

from connectors.brevo.limits import HOUR
from tests.connectors.brevo_stand import START
from tests.streams.sink_stand import SinkStand, event, order, sink_stand, upsert

ANN = "ann@shop.test"


def told(stand: SinkStand) -> Counter[str]:
    """How often each command's event is at Brevo."""
    return Counter(str(one.properties["tajo_id"]) for one in stand.brevo.state.events)


async def of(stand: SinkStand, offset: int) -> list[str]:
    return [outcome for number, outcome in await stand.outcomes() if number == offset]


async def test_an_event_is_attempted_sent_and_done(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        await stand.tell(upsert(ANN), event(ANN, 7, properties={"total": 12.5, "items": [{"sku": "A"}]}))
        await stand.settled()
        (sent,) = stand.brevo.state.events
        assert (sent.name, sent.email, sent.date) == ("order_placed", ANN, START)
        assert sent.contact_id == stand.brevo.state.contacts[ANN].id
        assert sent.properties == {"total": 12.5, "items": [{"sku": "A"}], "tajo_id": "order_placed:shop:7"}
        assert await of(stand, 1) == ["attempt", "done"]


async def test_commands_of_a_contact_reach_brevo_in_their_order(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        emails = [f"c{number}@shop.test" for number in range(6)]
        for round_ in range(2):
            commands = []
            for number, email in enumerate(emails):
                occasion = 10 * round_ + number
                commands += [
                    upsert(email, attributes={"ORDER_COUNT": round_}),
                    order(email, occasion),
                    event(email, occasion),
                    event(email, 100 + occasion, name="order_status_changed"),
                ]
            await stand.tell(*commands)
        await stand.settled()
        for number, email in enumerate(emails):
            seen = [(one.method, one.path) for one in stand.front.requests.seen if email in str(one.body) + one.path]
            kinds = [path.removeprefix(f"/contacts/{email}") or method for method, path in seen]
            assert kinds == ["PUT", "/contacts", *2 * ["/orders/status", "/events", "/events", "PUT"]][:-1]
            numbers = [one.properties["tajo_id"] for one in stand.brevo.state.events if one.email == email]
            expected = [number, 100 + number, 10 + number, 110 + number]
            assert numbers == [f"order_placed:shop:{occasion}" for occasion in expected]


async def test_an_id_is_sent_once_in_thirty_days(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        await stand.tell(upsert(ANN), event(ANN), event(ANN), event(ANN, 2))
        await stand.settled()
        await stand.stop()
        await stand.start()
        await stand.tell(event(ANN))
        await stand.settled()
        assert told(stand) == {"order_placed:shop:1": 1, "order_placed:shop:2": 1}
        assert await of(stand, 2) == await of(stand, 4) == ["repeated"]
        await stand.front.clock.sleep_until(START + 31 * 24 * HOUR)
        await stand.tell(event(ANN, 3))
        await stand.settled()
        await stand.tell(event(ANN))
        await stand.settled()
        assert told(stand)["order_placed:shop:1"] == 2


async def test_an_event_that_is_too_old_is_not_sent(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        await stand.tell(event(ANN, expires_at=START))
        await stand.settled()
        assert not stand.brevo.state.events
        assert await of(stand, 0) == ["expired"]


@pytest.mark.parametrize("status", [429, 425, 409])
async def test_what_was_surely_not_accepted_is_sent_again(
    kafka: str, topic_prefix: str, tmp_path: Path, status: int
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        stand.brevo.faults.answer("POST /events", status, times=3)
        await stand.start()
        await stand.tell(upsert(ANN), event(ANN, in_doubt="hold"))
        await stand.settled()
        assert told(stand) == {"order_placed:shop:1": 1}
        assert (await of(stand, 1))[-1] == "done"


@pytest.mark.parametrize("policy", ["resend", "hold"])
async def test_an_event_that_brevo_shows_is_done_whatever_the_answer_was(
    kafka: str, topic_prefix: str, tmp_path: Path, policy: str
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path, timeout=0.4) as stand:
        hang = stand.brevo.faults.accept_then_hang("POST /events")
        await stand.start()
        await stand.tell(upsert(ANN), event(ANN, in_doubt=policy))
        await stand.settled()
        hang.release()
        assert told(stand) == {"order_placed:shop:1": 1}
        assert await of(stand, 1) == ["attempt", "in-doubt", "done"]


@pytest.mark.parametrize("fault", ["hang", "500", "garbage"])
async def test_an_event_that_brevo_does_not_show_is_sent_again_or_held(
    kafka: str, topic_prefix: str, tmp_path: Path, fault: str
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path, timeout=0.4) as stand:
        await stand.start()
        for number, policy in enumerate(("resend", "hold")):
            faults = stand.brevo.faults
            if fault == "500":
                faults.answer("POST /events", 500)
            else:
                (faults.hang if fault == "hang" else faults.garbage)("POST /events")
            await stand.tell(upsert(ANN), event(ANN, number, in_doubt=policy), event(ANN, 10 + number))
            await stand.settled()
        assert told(stand) == {f"order_placed:shop:{number}": 1 for number in (0, 10, 11)}
        assert (await of(stand, 1))[-2:] == ["attempt", "done"]
        assert (await of(stand, 4))[-2:] == ["in-doubt", "held"]
        assert stand.destination is not None
        assert stand.destination.counters.held == 1


@pytest.mark.parametrize(
    ("policy", "accepted", "expected"),
    [("resend", True, 1), ("resend", False, 1), ("hold", True, 1), ("hold", False, 0)],
)
async def test_a_sink_that_dies_between_attempt_and_receipt_leaves_no_double(
    kafka: str, topic_prefix: str, tmp_path: Path, policy: str, accepted: bool, expected: int
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        faults = stand.brevo.faults
        hang = (faults.accept_then_hang if accepted else faults.hang)("POST /events")
        await stand.start()
        await stand.tell(upsert(ANN), event(ANN, in_doubt=policy), event(ANN, 2))
        await hang.reached()
        await stand.kill()
        await hang.left()
        hang.release()
        await stand.start()
        await stand.settled()
        assert told(stand)["order_placed:shop:1"] == expected
        assert told(stand)["order_placed:shop:2"] == 1
        assert (await of(stand, 1))[-1] == ("done" if expected else "held")


async def test_a_crowd_goes_in_batches_and_what_a_batch_refuses_goes_alone(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        emails = [f"c{number}@shop.test" for number in range(120)]
        stand.brevo.faults.partial(3, 7)
        await stand.start()
        stand.owner.lease = lambda: False
        await stand.tell(
            *(event(email, number) for number, email in enumerate(emails)), event(emails[0], 500, name="not a name")
        )
        stand.owner.lease = lambda: True
        await stand.settled()
        assert told(stand) == {f"order_placed:shop:{number}": 1 for number in range(120)}
        assert stand.front.requests.to("POST", "/events/batch")
        assert len(stand.front.requests.to("POST", "/events")) < 60
        assert await of(stand, 120) == ["attempt", "refused"]
        (dead,) = await stand.dead()
        assert dict(dead.headers)["__connect.errors.stage"] == b"send"
        assert dict(dead.headers)["__connect.errors.offset"] == b"120"


async def test_a_batch_without_an_answer_is_looked_up_one_by_one(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path, timeout=0.5) as stand:
        hang = stand.brevo.faults.accept_then_hang("POST /events/batch")
        await stand.start()
        stand.owner.lease = lambda: False
        await stand.tell(*(event(f"c{number}@shop.test", number, in_doubt="hold") for number in range(70)))
        stand.owner.lease = lambda: True
        await stand.settled()
        hang.release()
        assert told(stand) == {f"order_placed:shop:{number}": 1 for number in range(70)}


async def test_a_refused_event_may_come_again_with_its_id(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        stand.brevo.faults.answer("POST /events", 400)
        await stand.start()
        await stand.tell(event(ANN))
        await stand.settled()
        await stand.tell(event(ANN))
        await stand.settled()
        assert told(stand) == {"order_placed:shop:1": 1}
