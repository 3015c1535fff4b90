import pytest

from tests.emulators.brevo_account import Account, account, refusal


def rows(*emails: str, **attributes: object) -> list[dict[str, object]]:
    return [{"email": email, "attributes": attributes} for email in emails]


async def run(brevo: Account, **body: object) -> dict[str, str | None]:
    """Carries an import out, and gives its reports."""
    answer = await brevo.http.post("/contacts/import", json={"listIds": [40], **body})
    assert answer.status_code == 202, answer.text
    brevo.pass_time(60)
    process = (await brevo.http.get(f"/processes/{answer.json()['processId']}")).json()
    assert (process["name"], process["status"]) == ("IMPORTUSER", "completed")
    reports: dict[str, str | None] = process["info"]["import"]
    return reports


async def test_an_import_takes_effect_some_seconds_later_on_the_clock() -> None:
    async with account() as brevo:
        answer = await brevo.http.post("/contacts/import", json={"jsonBody": rows("ann@shop.test"), "listIds": [40]})
        path = f"/processes/{answer.json()['processId']}"
        assert (await brevo.http.get(path)).json() == {"id": 1, "name": "IMPORTUSER", "status": "queued"}
        brevo.pass_time(1)
        assert (await brevo.http.get(path)).json()["status"] == "in_process"
        assert brevo.state.contacts == {}
        brevo.pass_time(1.1)
        assert brevo.state.contacts["ann@shop.test"].list_ids == {40}
        assert (await brevo.http.get(path)).json()["status"] == "completed"


async def test_imports_run_one_after_another() -> None:
    async with account() as brevo:
        first = {"jsonBody": rows("ann@shop.test", FIRSTNAME="first"), "listIds": [40]}
        second = {"jsonBody": rows("ann@shop.test", FIRSTNAME="second"), "listIds": [40]}
        await brevo.http.post("/contacts/import", json=first)
        await brevo.http.post("/contacts/import", json=second)
        one, two = brevo.state.processes.values()
        assert two.begins >= one.ends
        brevo.pass_time(60)
        assert brevo.state.contacts["ann@shop.test"].attributes == {"FIRSTNAME": "second"}


async def test_existing_contacts_are_updated_unless_told_otherwise() -> None:
    async with account() as brevo:
        await brevo.add(attributes={"FIRSTNAME": "Ann"})
        await run(brevo, jsonBody=rows("ann@shop.test", FIRSTNAME="Other"), updateExistingContacts=False)
        assert brevo.state.contacts["ann@shop.test"].attributes == {"FIRSTNAME": "Ann"}
        await run(brevo, jsonBody=rows("ann@shop.test", FIRSTNAME="Other"))
        assert brevo.state.contacts["ann@shop.test"].attributes == {"FIRSTNAME": "Other"}


async def test_the_blocklist_field_is_for_all_rows_and_no_field_leaves_the_flags() -> None:
    async with account() as brevo:
        await run(brevo, jsonBody=rows("ann@shop.test"), emailBlacklist=True)
        assert brevo.state.contacts["ann@shop.test"].blocklisted is True
        await run(brevo, jsonBody=rows("ann@shop.test", "bob@shop.test"))
        contacts = brevo.state.contacts
        assert (contacts["ann@shop.test"].blocklisted, contacts["bob@shop.test"].blocklisted) == (True, False)
        await run(brevo, jsonBody=rows("ann@shop.test"), emailBlacklist=False)
        assert [flag.blocklisted for flag in brevo.state.contacts["ann@shop.test"].flags] == [True, False]


async def test_empty_values_erase_only_when_asked() -> None:
    async with account() as brevo:
        await brevo.add(attributes={"FIRSTNAME": "Ann"})
        await run(brevo, jsonBody=rows("ann@shop.test", FIRSTNAME=""))
        assert brevo.state.contacts["ann@shop.test"].attributes == {"FIRSTNAME": "Ann"}
        await run(brevo, jsonBody=rows("ann@shop.test", FIRSTNAME=""), emptyContactsAttributes=True)
        assert brevo.state.contacts["ann@shop.test"].attributes == {}


async def test_rows_with_a_phone_of_another_contact_are_refused_and_reported() -> None:
    async with account() as brevo:
        await brevo.add(attributes={"SMS": "+491701234567"})
        two = [*rows("bob@shop.test", SMS="+491701234567"), *rows("eve@shop.test", SMS="12", FIRSTNAME="Eve")]
        reports = await run(brevo, jsonBody=two)
        assert brevo.state.contacts.keys() == {"ann@shop.test", "eve@shop.test"}
        assert brevo.state.contacts["eve@shop.test"].attributes == {"FIRSTNAME": "Eve"}
        assert brevo.state.dropped["SMS", "Invalid phone number"] == 1
        url = reports["duplicate_phone_id"]
        assert url is not None
        assert reports["invalid_emails"] is None
        csv = await brevo.http.get(url, headers={"api-key": ""})
        assert csv.text == "EMAIL;VALUE\nbob@shop.test;491701234567\n"


async def test_rows_without_a_valid_address_are_reported() -> None:
    async with account() as brevo:
        reports = await run(brevo, jsonBody=[{"email": "nobody", "attributes": {}}, {"attributes": {}}])
        assert brevo.state.contacts == {}
        assert (await brevo.http.get(reports["invalid_emails"] or "")).text == "EMAIL;VALUE\nnobody;nobody\nNone;None\n"


async def test_a_new_list_takes_the_rows() -> None:
    async with account() as brevo:
        await run(brevo, jsonBody=rows("ann@shop.test"), listIds=None, newList={"listName": "new", "folderId": 1})
        assert brevo.state.contacts["ann@shop.test"].list_ids == {43}


@pytest.mark.parametrize(
    "body",
    [
        {"listIds": [40]},
        {"jsonBody": []},
        {"jsonBody": [], "listIds": [99]},
        {"jsonBody": {}, "listIds": [40]},
        {"jsonBody": [], "fileBody": "EMAIL", "listIds": [40]},
    ],
)
async def test_an_import_that_cannot_be_read_is_refused(body: dict[str, object]) -> None:
    async with account() as brevo:
        assert (await brevo.http.post("/contacts/import", json=body)).status_code == 400
        assert brevo.state.processes == {}


async def test_more_than_ten_megabytes_are_refused() -> None:
    async with account() as brevo:
        body = b'{"listIds":[40],"jsonBody":[]' + b" " * (10 * 1024 * 1024) + b"}"
        assert refusal(await brevo.http.post("/contacts/import", content=body)) == (400, "out_of_range")


async def test_processes_are_listed_newest_first() -> None:
    async with account() as brevo:
        for _ in range(2):
            await run(brevo, jsonBody=rows("ann@shop.test"))
        found = (await brevo.http.get("/processes")).json()
        assert (found["count"], [process["id"] for process in found["processes"]]) == (2, [2, 1])
        assert refusal(await brevo.http.get("/processes/3")) == (404, "document_not_found")
        assert refusal(await brevo.http.get("/processes?limit=51")) == (400, "out_of_range")
