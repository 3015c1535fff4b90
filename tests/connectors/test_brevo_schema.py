"""The account is made ready, or the user is told what is wrong with it, before anything is sent."""

import pytest

from connectors.brevo.errors import AccountPaused
from connectors.brevo.schema import FOLDER, IMPORTED, SchemaError, prepare
from tests.connectors.brevo_stand import Stand, brevo_stand


async def problems(stand: Stand, attributes: dict[str, str], lists: dict[str, int | str]) -> tuple[str, ...]:
    account = stand.account()
    with pytest.raises(SchemaError) as caught:
        await prepare(account, attributes=attributes, lists=lists)  # type: ignore[arg-type]
    await account.close()
    assert not [request for request in stand.requests.seen if request.method != "GET"]
    return caught.value.problems


async def test_missing_attributes_are_created_with_their_types() -> None:
    async with brevo_stand(attributes={"FIRSTNAME": "text"}) as stand:
        account = stand.account()
        wanted = {"FIRSTNAME": "text", "SMS": "text", "COMPANY": "text", "ORDER_COUNT": "float", "SIGNUP_DATE": "date"}
        prepared = await prepare(account, attributes=wanted, lists={})  # type: ignore[arg-type]
        again = await prepare(account, attributes=wanted, lists={})  # type: ignore[arg-type]
        await account.close()
        assert prepared.attributes | wanted == prepared.attributes == again.attributes
        found = {name: one.type for name, one in stand.brevo.state.schema.attributes.items()}
        assert found | wanted == found
        assert len(stand.requests.to("POST", "/contacts/attributes/.*")) == 3


async def test_a_type_that_would_lose_values_in_silence_is_an_error_before_anything_is_created() -> None:
    async with brevo_stand(attributes={"COMPANY": "float", "IS_B2B": "boolean"}) as stand:
        found = await problems(stand, {"COMPANY": "text", "IS_B2B": "date", "NEW": "text"}, {})
        assert [one.split(" is ")[0] for one in found] == ["The Brevo attribute COMPANY", "The Brevo attribute IS_B2B"]
        assert "type float, but values of type text" in found[0]


async def test_an_account_in_another_language_is_told_with_the_name_to_write() -> None:
    async with brevo_stand(attributes={"PRENOM": "text", "NOM": "text"}) as stand:
        found = await problems(stand, {"FIRSTNAME": "text", "LASTNAME": "text"}, {})
        assert "Write PRENOM in place of FIRSTNAME" in found[0]
        assert "Write NOM in place of LASTNAME" in found[1]


async def test_a_list_id_that_does_not_exist_is_an_error() -> None:
    async with brevo_stand() as stand:
        (found,) = await problems(stand, {}, {"shop:all_customers": 40, "shop:buyers": 99, "shop:new": "Neue"})
        assert found.startswith("lists.buyers of the store shop is 99, but")
        assert stand.brevo.state.lists.keys() == {40, 41, 42}


async def test_lists_by_name_are_created_once_in_our_folder() -> None:
    async with brevo_stand() as stand:
        account = stand.account()
        wanted: dict[str, int | str] = {"shop:all_customers": 40, "shop:buyers": "Käufer", "other:buyers": "Käufer"}
        found = (await prepare(account, attributes={}, lists=wanted)).lists
        again = (await prepare(account, attributes={}, lists=wanted)).lists
        await account.close()
        state = stand.brevo.state
        assert found == again
        assert found["shop:all_customers"] == 40
        assert found["shop:buyers"] == found["other:buyers"]
        assert state.lists[found["shop:buyers"]].name == "Käufer"
        assert state.folders[state.lists[found["shop:buyers"]].folder_id] == FOLDER
        assert found[IMPORTED] in state.lists
        assert list(state.folders.values()).count(FOLDER) == 1


async def test_a_dry_run_creates_nothing() -> None:
    async with brevo_stand() as stand:
        account = stand.account()
        found = await prepare(account, attributes={"NEW": "text"}, lists={"a": 40, "b": "new"}, create=False)
        await account.close()
        assert found.lists == {"a": 40}
        assert "NEW" not in found.attributes
        assert {request.method for request in stand.requests.seen} == {"GET"}


async def test_a_wrong_key_is_told_as_such() -> None:
    async with brevo_stand() as stand:
        account = stand.account(key="wrong")
        with pytest.raises(AccountPaused, match=r"brevo\.api_key"):
            await prepare(account, attributes={}, lists={})
        await account.close()
