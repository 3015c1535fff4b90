from tests.emulators.brevo_account import account, refusal


async def test_lists_come_ten_to_a_page_unless_asked_for_up_to_fifty() -> None:
    async with account(lists={number: f"list {number}" for number in range(1, 13)}) as brevo:
        first = (await brevo.http.get("/contacts/lists")).json()
        assert (first["count"], len(first["lists"]), first["lists"][0]["id"]) == (12, 10, 12)
        assert len((await brevo.http.get("/contacts/lists?limit=50")).json()["lists"]) == 12
        assert refusal(await brevo.http.get("/contacts/lists?limit=51")) == (400, "out_of_range")


async def test_a_list_needs_a_name_and_a_folder_that_exists() -> None:
    async with account() as brevo:
        assert refusal(await brevo.http.post("/contacts/lists", json={"name": "x"})) == (400, "missing_parameter")
        unknown = await brevo.http.post("/contacts/lists", json={"name": "x", "folderId": 9})
        assert refusal(unknown) == (400, "invalid_parameter")
        folder = (await brevo.http.post("/contacts/folders", json={"name": "Tajo"})).json()["id"]
        made = await brevo.http.post("/contacts/lists", json={"name": "x", "folderId": folder})
        assert (made.status_code, made.json()) == (201, {"id": 43})
        assert (await brevo.http.get("/contacts/lists/43")).json()["name"] == "x"
        assert refusal(await brevo.http.get("/contacts/lists/44")) == (404, "document_not_found")
        folders = (await brevo.http.get("/contacts/folders")).json()
        assert [item["name"] for item in folders["folders"]] == ["Tajo", "Your First Folder"]


async def test_members_are_added_and_a_member_already_there_is_called_a_failure() -> None:
    async with account() as brevo:
        await brevo.add()
        await brevo.add("bob@shop.test")
        path = "/contacts/lists/40/contacts/add"
        answer = await brevo.http.post(path, json={"emails": ["Ann@shop.test", "who@shop.test"]})
        assert answer.status_code == 201
        assert answer.json()["contacts"] == {"success": ["ann@shop.test"], "failure": ["who@shop.test"], "total": 1}
        again = await brevo.http.post(path, json={"ids": [1]})
        assert refusal(again) == (400, "invalid_parameter")
        assert again.json()["message"] == "Contact already in list and/or does not exist"
        members = (await brevo.http.get("/contacts/lists/40/contacts")).json()
        assert [contact["email"] for contact in members["contacts"]] == ["ann@shop.test"]
        assert refusal(await brevo.http.get("/contacts/lists/40/contacts?limit=501")) == (400, "out_of_range")


async def test_members_are_removed() -> None:
    async with account() as brevo:
        await brevo.add(listIds=[40, 41])
        path = "/contacts/lists/40/contacts/remove"
        assert (await brevo.http.post(path, json={"emails": ["ann@shop.test"]})).status_code == 201
        assert brevo.state.contacts["ann@shop.test"].list_ids == {41}
        assert refusal(await brevo.http.post(path, json={"emails": ["ann@shop.test"]})) == (400, "invalid_parameter")


async def test_no_more_than_150_members_at_once_and_only_by_one_kind_of_identifier() -> None:
    async with account() as brevo:
        path = "/contacts/lists/40/contacts/add"
        many = [f"{number}@shop.test" for number in range(151)]
        assert refusal(await brevo.http.post(path, json={"emails": many})) == (400, "out_of_range")
        assert refusal(await brevo.http.post(path, json={"emails": many[:1], "ids": [1]})) == (400, "missing_parameter")


async def test_a_deleted_list_has_no_members() -> None:
    async with account() as brevo:
        await brevo.add(listIds=[40, 41])
        assert (await brevo.http.delete("/contacts/lists/40")).status_code == 204
        assert brevo.state.contacts["ann@shop.test"].list_ids == {41}
