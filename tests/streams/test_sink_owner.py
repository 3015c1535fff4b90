"""The position moves past what is settled, and past nothing else; who takes over goes on where the other stopped."""

import asyncio
from pathlib import Path
from typing import Any

from schemas import topics
from streams.sink import Timings
from tests.connectors.brevo_stand import KEY, START
from tests.streams import logs
from tests.streams.sink_stand import ACCOUNT, SinkStand, event, order, product, sink_stand, upsert

ANN, BOB = "ann@shop.test", "bob@shop.test"


def settled_keys(stand: SinkStand) -> list[bytes]:
    return [key for key, _ in stand.owner.store.scan(b"\0settled/")]


async def test_the_position_is_the_lowest_unsettled_offset(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path, timeout=1.0) as stand:
        hang = stand.brevo.faults.hang("POST /orders/status", times=1_000)
        await stand.start()
        await stand.tell(upsert(ANN), order(ANN), event(ANN, 1), upsert(BOB), event(BOB, 2))
        await hang.reached()

        async def bob_is_done() -> bool:
            return (4, "done") in await stand.outcomes()

        await logs.until(bob_is_done, "the other contact's event is done")
        assert stand.owner.position[topics.COMMAND] == 1
        assert settled_keys(stand)
        await stand.kill()
        await hang.left()
        hang.release()
        await stand.start()
        await stand.settled()
        assert settled_keys(stand) == []
        assert len(stand.brevo.state.events) == 2
        assert stand.brevo.state.orders.keys() == {"shop:1"}
        outcomes = await stand.outcomes()
        assert [outcomes.count((offset, "done")) for offset in range(5)] == [1] * 5


async def test_a_successor_waits_unless_the_predecessor_stopped_in_order(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path, timeout=0.5) as stand:
        patient = Timings(session_s=1.0)
        loop = asyncio.get_running_loop()

        async def first_request_after(command: Any) -> float:
            seen = len(stand.front.requests.seen)
            begun = loop.time()
            await stand.start(timings=patient)
            await stand.tell(command)
            await stand.settled()
            assert len(stand.front.requests.seen) > seen
            return loop.time() - begun

        await first_request_after(upsert(ANN))
        await stand.stop()
        assert stand.owner.store.get([b"\0released"]) == {b"\0released": b"1"}
        await first_request_after(upsert(ANN, attributes={"ORDER_COUNT": 2}))
        assert stand.owner.store.get([b"\0released"]) == {b"\0released": b"0"}
        await stand.kill()
        # Not less than session and request time-out: a lower bound, which no slow machine breaks.
        assert await first_request_after(upsert(ANN, attributes={"ORDER_COUNT": 3})) >= 1.5


async def test_a_stop_during_that_wait_leaves_it_to_the_next_one(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        await stand.tell(upsert(ANN))
        await stand.settled()
        await stand.kill()
        await stand.start(timings=Timings(session_s=600))
        await stand.stop()
        assert stand.owner.store.get([b"\0released"]) == {b"\0released": b"0"}


async def test_a_stop_waits_for_answers_and_what_it_got_is_not_sent_again(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        hang = stand.brevo.faults.accept_then_hang("POST /events")
        await stand.start()
        await stand.tell(event(ANN, in_doubt="hold"))
        await hang.reached()
        stopping = asyncio.create_task(stand.stop())
        await asyncio.sleep(0)  # the stop begins
        hang.release()
        await stopping
        await stand.start()
        await stand.settled()
        assert len(stand.brevo.state.events) == 1
        assert (await stand.outcomes()) == [(0, "attempt"), (0, "done")]


async def test_a_stop_in_the_midst_of_everything_loses_and_doubles_nothing(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        emails = [f"c{number}@shop.test" for number in range(25)]
        stand.brevo.latency = 0.02
        await stand.start()
        for round_ in range(4):
            commands: list[Any] = []
            for number, email in enumerate(emails):
                commands += [
                    upsert(email, attributes={"ORDER_COUNT": round_}),
                    order(email, 100 * round_ + number, amount=round_),
                    event(email, 100 * round_ + number),
                ]
            await stand.tell(*commands)
            if round_ % 2:
                await stand.kill()
            else:
                await stand.stop()
            await stand.start()
        await stand.settled()
        state = stand.brevo.state
        assert sorted(str(one.properties["tajo_id"]) for one in state.events) == sorted(
            f"order_placed:shop:{100 * round_ + number}" for round_ in range(4) for number in range(25)
        )
        assert len(state.orders) == 100
        assert all(one.attributes["ORDER_COUNT"] == 3 for one in state.contacts.values())
        assert len(state.contacts) == 25


async def test_what_is_no_command_and_whose_account_is_unknown_is_dead_lettered(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        await stand.tell(b"no json", b'{"kind":"contact"}', b'{"kind":"?","id":"x"}')
        await stand.tell(upsert(ANN), key="another")
        await stand.tell(upsert(BOB))
        await stand.settled()
        dead = await stand.dead()
        assert [dict(record.headers)["__connect.errors.offset"] for record in dead] == [b"0", b"1", b"2", b"3"]
        assert b"'another'" in dict(dead[3].headers)["__connect.errors.exception.message"]
        assert dead[0].value == b"no json"
        assert stand.brevo.state.contacts.keys() == {BOB}


async def test_a_wrong_key_pauses_the_account_and_a_new_one_lets_it_go_on(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        stand.brevo.api_key = "renewed"
        await stand.start()
        await stand.tell(*(upsert(f"c{number}@shop.test") for number in range(12)), event(ANN))

        async def probed() -> bool:
            return stand.front.clock.now() > START + 10 * 60_000

        await logs.until(probed, "ten minutes have passed")
        gates = stand.owner.accounts[ACCOUNT].gates
        assert "brevo.api_key" in gates.pauses["account"][0]
        minutes = (stand.front.clock.now() - START) // 60_000
        # Nine workers may have been on their way when the first answer came; after that, one probe a minute.
        assert len(stand.front.requests.seen) <= 20 + minutes + 2
        stand.brevo.api_key = KEY
        await stand.settled()
        assert len(stand.brevo.state.contacts) == 12
        assert len(stand.brevo.state.events) == 1
        assert gates.pauses == {}


async def test_a_command_that_stays_stuck_does_not_hold_up_its_contact_for_ever(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        stand.brevo.faults.answer("POST /orders/status", 500, times=10_000)
        await stand.tell(upsert(ANN), order(ANN), upsert(BOB))
        await stand.settled(1)
        for count in range(40):  # others get through meanwhile
            await stand.tell(upsert(BOB, attributes={"ORDER_COUNT": count}))
            if stand.owner.position[topics.COMMAND] > 1:
                break
            await stand.front.clock.sleep_until(stand.front.clock.now() + 30_000)
        await stand.tell(upsert(ANN, attributes={"ORDER_COUNT": 2}))
        await stand.settled()
        assert (1, "refused") in await stand.outcomes()
        assert [record.offset for record in await stand.dead()] == [0]
        assert stand.brevo.state.contacts[ANN].attributes["ORDER_COUNT"] == 2


async def test_when_brevo_is_down_nothing_is_given_up(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        stand.brevo.faults.garbage("*", times=200)
        await stand.start()
        await stand.tell(*(upsert(f"c{number}@shop.test") for number in range(8)), order(ANN), event(ANN))
        await stand.settled()
        assert len(stand.brevo.state.contacts) == 8
        assert stand.brevo.state.orders.keys() == {"shop:1"}
        assert await stand.dead() == []


async def test_a_dry_run_sends_nothing_and_says_so(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start(mode="dry-run")
        await stand.tell(upsert(ANN), order(ANN), event(ANN), upsert(ANN, historical=True))
        await stand.settled()
        assert stand.front.requests.seen == []
        assert {receipt.message.partition(":")[0] for receipt in await stand.receipts()} == {"dry-run"}


async def test_nothing_is_written_without_the_lease(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        stand.owner.lease = lambda: False
        asked = asyncio.Event()

        def asked_in_vain() -> bool:
            asked.set()
            return False

        stand.owner.lease = asked_in_vain
        await stand.tell(upsert(ANN), event(BOB))
        await asked.wait()
        assert stand.front.requests.seen == []
        stand.owner.lease = lambda: True
        await stand.settled()
        assert len(stand.brevo.state.contacts) == len(stand.brevo.state.events) == 1


async def test_receipts_tell_what_happened_without_personal_data(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        await stand.tell(upsert("not an e-mail@x"), upsert(ANN), event(ANN), order(ANN, status=""))
        await stand.settled()
        records = await stand.read(topics.RECEIPT)
        for record in records:
            assert b"@" not in record.value
            headers = dict(record.headers)
            assert headers["ce_specversion"] == b"1.0"
            assert headers["ce_type"].startswith(b"brevo.receipt.")
        refused = [receipt for receipt in await stand.receipts() if receipt.outcome == "refused"]
        assert [receipt.status for receipt in refused] == [400, 400]
        assert all("sib-request-id" in receipt.message for receipt in refused)


async def test_the_limits_hold_over_a_restart(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        for number in range(70):
            await stand.tell(product(number))
            await stand.settled()
        await stand.stop()
        await stand.start()
        for number in range(70, 110):
            await stand.tell(product(number))
            await stand.settled()
        assert stand.front.refusals() == 0
        assert len(stand.brevo.state.products) == 110
