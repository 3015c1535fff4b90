from tests.emulators.brevo_account import account, refusal


async def test_attributes_are_listed_with_those_that_every_account_has() -> None:
    async with account(attributes={"VORNAME": "text"}) as brevo:
        found = (await brevo.http.get("/contacts/attributes")).json()["attributes"]
        assert {item["name"] for item in found} == {
            *("EMAIL", "SMS", "WHATSAPP", "LANDLINE_NUMBER", "EXT_ID", "VORNAME"),
        }


async def test_a_new_attribute_is_201_and_a_second_of_its_name_an_error() -> None:
    async with account() as brevo:
        path = "/contacts/attributes/normal/ORDER_COUNT"
        assert (await brevo.http.post(path, json={"type": "float"})).status_code == 201
        again = await brevo.http.post(path, json={"type": "float"})
        assert refusal(again) == (400, "invalid_parameter")
        assert again.json()["message"] == "Attribute name must be unique"


async def test_an_attribute_that_cannot_be_is_refused() -> None:
    async with account() as brevo:
        for path, body in (
            ("normal/lower", {"type": "text"}),
            ("strange/A", {"type": "text"}),
            ("normal/A", {}),
            ("normal/A", {"type": "money"}),
            ("normal/A", {"type": "id"}),
            ("transactional/A", {"type": "user"}),
            ("category/A", {"type": "category"}),
        ):
            answer = await brevo.http.post(f"/contacts/attributes/{path}", json=body)
            assert answer.status_code == 400, (path, body)


async def test_unknown_attributes_and_values_of_the_wrong_type_are_dropped_in_silence_and_counted() -> None:
    async with account() as brevo:
        sent = {"FIRSTNAME": 7, "TOTAL_SPENT": "12.5", "SIGNUP_DATE": "21.9.2026", "IS_B2B": "yes", "NOBODY": "x"}
        await brevo.add(attributes=sent)
        assert brevo.state.contacts["ann@shop.test"].attributes == {}
        assert dict(brevo.state.dropped) == {
            ("FIRSTNAME", "wrong type"): 1,
            ("TOTAL_SPENT", "wrong type"): 1,
            ("SIGNUP_DATE", "wrong type"): 1,
            ("IS_B2B", "wrong type"): 1,
            ("NOBODY", "unknown"): 1,
        }


async def test_values_of_the_right_type_are_kept() -> None:
    async with account() as brevo:
        sent = {"firstname": "Ann", "TOTAL_SPENT": 0, "SIGNUP_DATE": "2026-09-21", "IS_B2B": False}
        await brevo.add(attributes=sent)
        assert brevo.state.contacts["ann@shop.test"].attributes == {
            "FIRSTNAME": "Ann",
            "TOTAL_SPENT": 0,
            "SIGNUP_DATE": "2026-09-21",
            "IS_B2B": False,
        }
        assert not brevo.state.dropped


async def test_a_category_takes_its_number_or_label_and_choices_take_their_options() -> None:
    async with account() as brevo:
        values = {"enumeration": [{"value": 1, "label": "retail"}, {"value": 2, "label": "trade"}]}
        await brevo.http.post("/contacts/attributes/category/KIND", json=values)
        options = {"type": "multiple-choice", "multiCategoryOptions": ["USA", "UK"]}
        await brevo.http.post("/contacts/attributes/normal/COUNTRIES", json=options)
        await brevo.add("a@shop.test", attributes={"KIND": "trade", "COUNTRIES": ["UK"]})
        await brevo.add("b@shop.test", attributes={"KIND": 3, "COUNTRIES": ["Mars"]})
        assert brevo.state.contacts["a@shop.test"].attributes == {"KIND": 2, "COUNTRIES": ["UK"]}
        assert brevo.state.contacts["b@shop.test"].attributes == {}
        listed = (await brevo.http.get("/contacts/attributes")).json()["attributes"]
        assert next(item for item in listed if item["name"] == "KIND")["enumeration"][1] == {
            "value": 2,
            "label": "trade",
            "valueStr": "2",
        }
