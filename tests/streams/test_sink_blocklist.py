"""Whose a blocklisting is: an opt-in lifts what we have done ourselves, and nothing that was so at Brevo before."""

from pathlib import Path

import msgspec
import pytest

from schemas import topics
from schemas.commands import RenameContact
from schemas.inner import Consent
from tests.connectors.brevo_stand import START
from tests.streams.sink_stand import SinkStand, sink_stand, upsert

ANN, BOB = "ann@shop.test", "bob@shop.test"


async def blocked_before_us(stand: SinkStand, *emails: str) -> None:
    account = stand.front.account()
    for email in emails:
        await account.create_contact({"email": email, "emailBlacklisted": True})
    await account.close()


async def opt_outs(stand: SinkStand) -> list[Consent]:
    return [msgspec.json.decode(record.value, type=Consent) for record in await stand.read(topics.CONSENT)]


@pytest.mark.parametrize("opted_out_at", [None, START + 3])
async def test_an_opt_in_does_not_lift_what_was_blocklisted_at_brevo_before_us(
    kafka: str, topic_prefix: str, tmp_path: Path, opted_out_at: int | None
) -> None:
    """Nor does it after an opt-out at the shop: the one at Brevo was there before that too."""
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await blocked_before_us(stand, ANN)
        await stand.start()
        if opted_out_at:
            await stand.tell(upsert(ANN, subscribed=False, decided_at=opted_out_at))
            await stand.settled()
        await stand.tell(upsert(ANN, subscribed=True, decided_at=START + 5))
        await stand.settled()
        assert stand.brevo.state.contacts[ANN].blocklisted
        assert stand.brevo.state.contacts[ANN].attributes == {"FIRSTNAME": "Ann", "ORDER_COUNT": 1}
        receipt = (await stand.receipts())[-1]
        assert (receipt.outcome, receipt.message[:41]) == ("done", "it was blocklisted at Brevo before, and n")
        assert await opt_outs(stand) == [Consent(account="main", email=ANN, opted_out_at=START + 4, reason="found")]
        # Once: what the contact's fold makes of it is an opt-out, and an older opt-in says nothing.
        await stand.tell(
            upsert(ANN, subscribed=False, decided_at=START + 4), upsert(ANN, subscribed=True, decided_at=1)
        )
        await stand.settled()
        assert (len(await opt_outs(stand)), stand.brevo.state.contacts[ANN].blocklisted) == (1, True)


async def test_an_opt_in_lifts_it_if_that_is_configured(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await blocked_before_us(stand, ANN)
        await stand.start(resubscribe=True)
        await stand.tell(upsert(ANN, subscribed=True, decided_at=START + 5))
        await stand.settled()
        assert not stand.brevo.state.contacts[ANN].blocklisted
        assert await opt_outs(stand) == []


@pytest.mark.parametrize("resubscribe", [False, True])
async def test_an_opt_in_from_before_us_lifts_only_what_we_have_blocklisted(
    kafka: str, topic_prefix: str, tmp_path: Path, resubscribe: bool
) -> None:
    """An import found ANN and made BOB; neither had decided anything. That opt-in is not later than any opt-out."""
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await blocked_before_us(stand, ANN)
        stand.front.clock.advance(stand.front.clock.now() + 120_000)
        many = [ANN, BOB, *(f"import{n}@shop.test" for n in range(30))]
        await stand.start(resubscribe=resubscribe)
        await stand.tell(*(upsert(email, historical=True) for email in many))
        await stand.settled()
        await stand.tell(upsert(ANN, subscribed=True), upsert(BOB, subscribed=True))
        await stand.settled()
        contacts = stand.brevo.state.contacts
        assert (contacts[ANN].blocklisted, contacts[BOB].blocklisted) == (True, False)


async def test_an_opt_in_lifts_what_we_have_blocklisted(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    """By creating the contact, whether somebody had decided that or nobody, one by one or by an import; or later."""
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        account = stand.front.account()
        await account.create_contact({"email": "eve@shop.test"})
        await account.close()
        many = [f"import{n}@shop.test" for n in range(30)]
        emails = [ANN, BOB, "eve@shop.test", *many]
        await stand.start()
        await stand.tell(
            upsert(ANN),
            upsert(BOB, subscribed=False, decided_at=START),
            upsert("eve@shop.test", subscribed=False, decided_at=START),
            *(upsert(email, historical=True, subscribed=False) for email in many),
        )
        await stand.settled()
        contacts = stand.brevo.state.contacts
        assert [contacts[email].blocklisted for email in emails] == [True] * len(emails)
        await stand.stop()
        await stand.start()  # from the changelog
        await stand.tell(*(upsert(email, subscribed=True, decided_at=START + 5) for email in emails))
        await stand.settled()
        assert [email for email in emails if contacts[email].blocklisted] == []
        assert await opt_outs(stand) == []


async def test_a_rename_does_not_lift_what_was_blocklisted_at_brevo_before_us(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await blocked_before_us(stand, ANN)
        await stand.start()
        rename = RenameContact(id="rename:1", email=ANN, to=BOB, subscribed=True)
        await stand.tell(rename, upsert(BOB, subscribed=True, decided_at=START + 5))
        await stand.settled()
        assert {email: one.blocklisted for email, one in stand.brevo.state.contacts.items()} == {BOB: True}
        assert [each.email for each in await opt_outs(stand)] == [BOB]
