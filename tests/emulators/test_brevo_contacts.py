import httpx
import pytest

from tests.emulators.brevo_account import NOW, Account, account, refusal


def flags(brevo: Account, email: str = "ann@shop.test") -> list[tuple[bool, str]]:
    return [(change.blocklisted, change.by) for change in brevo.state.contacts[email].flags]


async def test_a_new_contact_is_201_with_its_id_and_can_be_read() -> None:
    async with account() as brevo:
        number = await brevo.add(" Ann@Shop.test", attributes={"FIRSTNAME": "Ann"}, listIds=[40])
        found = (await brevo.http.get("/contacts/ann%40shop.test")).json()
        assert found == {
            "id": number,
            "email": "ann@shop.test",
            "emailBlacklisted": False,
            "smsBlacklisted": False,
            "createdAt": "2026-09-21T14:20:00.000Z",
            "modifiedAt": "2026-09-21T14:20:00.000Z",
            "listIds": [40],
            "attributes": {"FIRSTNAME": "Ann"},
        }
        assert (await brevo.http.get(f"/contacts/{number}")).json() == found


async def test_an_existing_contact_is_an_error_unless_update_is_enabled() -> None:
    async with account() as brevo:
        await brevo.add()
        again = await brevo.http.post("/contacts", json={"email": "ann@shop.test"})
        assert refusal(again) == (400, "duplicate_parameter")
        assert again.json()["metadata"] == {"duplicate_identifiers": ["email"]}
        update = {"email": "ann@shop.test", "updateEnabled": True, "attributes": {"TOTAL_SPENT": 12.5}}
        answer = await brevo.http.post("/contacts", json=update)
        assert (answer.status_code, answer.content) == (204, b"")
        assert brevo.state.contacts["ann@shop.test"].attributes == {"TOTAL_SPENT": 12.5}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "missing_parameter"),
        ({"email": "no address"}, "invalid_parameter"),
        ({"email": "ann@shop.test", "listIds": [99]}, "invalid_parameter"),
        ({"email": "ann@shop.test", "listIds": ["40"]}, "invalid_parameter"),
        ({"email": "ann@shop.test", "attributes": {"FIRSTNAME": {"a": 1}}}, "invalid_parameter"),
        ({"email": "ann@shop.test", "attributes": {"SMS": "0171-23"}}, "invalid_parameter"),
        ({"email": "ann@shop.test", "smtpBlacklistSender": ["a@b.test"]}, "invalid_parameter"),
        ({"email": "ann@shop.test", "emailBlacklisted": "true"}, "invalid_parameter"),
    ],
)
async def test_a_bad_contact_is_refused_and_nothing_is_kept(body: dict[str, object], code: str) -> None:
    async with account() as brevo:
        assert refusal(await brevo.http.post("/contacts", json=body)) == (400, code)
        assert brevo.state.contacts == {}


async def test_what_is_no_json_object_is_refused() -> None:
    async with account() as brevo:
        assert refusal(await brevo.http.post("/contacts", content=b"{")) == (400, "bad_request")
        assert refusal(await brevo.http.post("/contacts", content=b"[]")) == (400, "bad_request")


async def test_an_unknown_contact_is_404_for_get_put_and_delete() -> None:
    async with account() as brevo:
        for method in ("GET", "PUT", "DELETE"):
            answer = await brevo.http.request(method, "/contacts/who%40shop.test", json={})
            assert refusal(answer) == (404, "document_not_found")


async def test_a_put_joins_and_leaves_lists_and_empties_attributes() -> None:
    async with account() as brevo:
        await brevo.add(attributes={"FIRSTNAME": "Ann", "LASTNAME": "Lee"}, listIds=[40, 41])
        change = {"attributes": {"FIRSTNAME": "", "LASTNAME": None}, "listIds": [42], "unlinkListIds": [40]}
        brevo.pass_time(60)
        assert (await brevo.http.put("/contacts/ann%40shop.test", json=change)).status_code == 204
        contact = brevo.state.contacts["ann@shop.test"]
        assert (contact.attributes, contact.list_ids, contact.modified_at) == ({}, {41, 42}, NOW + 60_000)


async def test_other_identifiers_need_their_type() -> None:
    async with account() as brevo:
        await brevo.add(ext_id="bc/1", attributes={"SMS": "+491701234567"})
        assert (await brevo.http.get("/contacts/bc%2F1?identifierType=ext_id")).status_code == 200
        assert (await brevo.http.get("/contacts/00491701234567?identifierType=phone_id")).status_code == 200
        assert refusal(await brevo.http.get("/contacts/bc%2F1?identifierType=name")) == (400, "invalid_parameter")


async def test_an_address_with_unusual_characters_is_found_when_encoded() -> None:
    async with account() as brevo:
        await brevo.add("a+b/c@shop.test")
        assert (await brevo.http.get("/contacts/a%2Bb%2Fc%40shop.test")).status_code == 200


@pytest.mark.parametrize("code", ["duplicate_parameter", "invalid_parameter"])
async def test_a_phone_belongs_to_one_contact(code: str) -> None:
    async with account(clash_code=code) as brevo:
        await brevo.add(attributes={"SMS": "+491701234567"})
        await brevo.add("bob@shop.test")
        change = {"attributes": {"SMS": "00491701234567", "FIRSTNAME": "Bob"}}
        answer = await brevo.http.put("/contacts/bob%40shop.test", json=change)
        assert answer.json() == {
            "code": code,
            "message": "Unable to update contact, SMS is already associated with another Contact",
            "metadata": {"duplicate_identifiers": ["SMS"]},
        }
        assert brevo.state.contacts["bob@shop.test"].attributes == {}


async def test_a_phone_that_was_given_up_or_whose_contact_is_deleted_is_free_again() -> None:
    async with account() as brevo:
        await brevo.add(attributes={"SMS": "+491701234567"})
        await brevo.http.put("/contacts/ann%40shop.test", json={"attributes": {"SMS": ""}})
        await brevo.add("bob@shop.test", attributes={"SMS": "+491701234567"})
        await brevo.http.delete("/contacts/bob%40shop.test")
        await brevo.add("eve@shop.test", attributes={"SMS": "+491701234567"})


async def test_a_forced_merge_keeps_the_contact_modified_last_and_deletes_the_other() -> None:
    async with account() as brevo:
        ann = await brevo.add(attributes={"SMS": "+491701234567"})
        brevo.pass_time(1)
        bob = await brevo.add("bob@shop.test")
        change = {"attributes": {"SMS": "+491701234567"}, "forceMerge": True}
        assert (await brevo.http.put(f"/contacts/{bob}", json=change)).status_code == 204
        assert brevo.state.directory.merged == [(bob, ann)]
        assert brevo.state.contacts.keys() == {"bob@shop.test"}


async def test_a_changed_address_resubscribes_a_blocklisted_contact_in_silence() -> None:
    async with account() as brevo:
        await brevo.add(emailBlacklisted=True)
        await brevo.http.put("/contacts/ann%40shop.test", json={"attributes": {"EMAIL": "new@shop.test"}})
        assert brevo.state.contacts["new@shop.test"].blocklisted is False
        assert flags(brevo, "new@shop.test") == [(True, "POST /contacts"), (False, "e-mail change")]


async def test_the_flag_repeated_in_the_same_call_outlives_the_change_of_address() -> None:
    async with account() as brevo:
        await brevo.add(emailBlacklisted=True)
        change = {"attributes": {"EMAIL": "new@shop.test"}, "emailBlacklisted": True}
        await brevo.http.put("/contacts/ann%40shop.test", json=change)
        assert brevo.state.contacts["new@shop.test"].blocklisted is True
        assert flags(brevo, "new@shop.test")[-1] == (True, "PUT /contacts/{identifier}")
        assert "ann@shop.test" not in brevo.state.contacts


async def test_an_address_of_another_contact_is_a_clash() -> None:
    async with account() as brevo:
        await brevo.add()
        await brevo.add("bob@shop.test")
        answer = await brevo.http.put("/contacts/bob%40shop.test", json={"attributes": {"EMAIL": "Ann@shop.test"}})
        assert refusal(answer) == (400, "duplicate_parameter")
        assert answer.json()["metadata"] == {"duplicate_identifiers": ["email"]}


async def test_the_flag_is_untouched_when_it_is_not_named() -> None:
    async with account() as brevo:
        await brevo.add()
        brevo.unsubscribe("ann@shop.test")
        await brevo.http.put("/contacts/ann%40shop.test", json={"attributes": {"FIRSTNAME": "Ann"}})
        assert brevo.state.contacts["ann@shop.test"].blocklisted is True
        assert flags(brevo) == [(True, "recipient")]


async def test_the_owners_contact_cannot_be_deleted() -> None:
    async with account(owner_email="ann@shop.test") as brevo:
        await brevo.add()
        assert refusal(await brevo.http.delete("/contacts/ann%40shop.test")) == (405, "method_not_allowed")


async def names(answer: httpx.Response) -> list[str]:
    return [contact["email"][0] for contact in answer.json()["contacts"]]


async def test_contacts_are_listed_newest_first_in_pages_and_by_their_dates() -> None:
    async with account() as brevo:
        for name in "abc":
            await brevo.add(f"{name}@shop.test")
            brevo.pass_time(60)
        assert await names(await brevo.http.get("/contacts")) == ["c", "b", "a"]
        page = await brevo.http.get("/contacts?limit=1&offset=1&sort=asc")
        assert await names(page) == ["b"]
        assert page.json()["count"] == 3
        since = await brevo.http.get("/contacts?modifiedSince=2026-09-21T14:21:00.000Z")
        assert await names(since) == ["c", "b"]
        assert refusal(await brevo.http.get("/contacts?limit=1001")) == (400, "out_of_range")
        assert refusal(await brevo.http.get("/contacts?modifiedSince=yesterday")) == (400, "invalid_parameter")
