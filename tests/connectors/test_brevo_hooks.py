"""The two hooks of a Brevo account become what they should be, and the difference is shown first, without the token."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from connectors.brevo.account import Account
from connectors.brevo.errors import BrevoError, of_response
from connectors.brevo.hooks import (
    EVENTS,
    Hook,
    NotHttps,
    carry_out,
    ensure_hooks,
    plan,
    present_hooks,
    removal,
)
from tests.connectors.brevo_stand import KEY, Stand, brevo_stand
from tests.openapi import validate_response

URL = "https://tajo.example.com"
TOKEN = "the-token-of-the-account-main"
OURS = f"{URL}/webhooks/brevo/{TOKEN}"
SHOWN = f"{URL}/webhooks/brevo/***"
OTHERS = "https://elsewhere.example.com/brevo"


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    async with brevo_stand() as stand:
        yield stand


@pytest.fixture
async def account(stand: Stand) -> AsyncIterator[Account]:
    account = stand.account()
    yield account
    await account.close()


async def made(account: Account) -> Any:
    return await ensure_hooks(account, account_name="main", public_url=URL + "/", token=TOKEN)


def add(stand: Stand, url: str, kind: str = "marketing", **fields: Any) -> int:
    """A hook that is there already."""
    number = 100 + len(stand.brevo.state.webhooks)
    hook = {"id": number, "type": kind, "url": url, "events": ["spam"], "isActive": True, **fields}
    stand.brevo.state.webhooks[number] = hook
    return number


async def test_missing_hooks_are_created_and_a_second_time_nothing_is_done(stand: Stand, account: Account) -> None:
    done = await made(account)
    assert done.lines() == [f"+ marketing -> {SHOWN}", f"+ transactional -> {SHOWN}"]
    hooks = await present_hooks(account)
    assert {(hook.type, hook.url, tuple(hook.events)) for hook in hooks} == {
        ("marketing", OURS, EVENTS),
        ("transactional", OURS, EVENTS),
    }
    assert [hook.description for hook in hooks] == ["Opt-outs for Tajo, account main"] * 2
    again = await made(account)
    assert again.lines() == []
    assert len(again.right) == 2
    assert len(stand.requests.to("POST", "/webhooks")) == 2


async def test_the_listing_is_as_described(stand: Stand, account: Account) -> None:
    await made(account)
    async with httpx.AsyncClient(base_url=f"{stand.url}/v3", headers={"api-key": KEY}) as http:
        for kind in ("marketing", "transactional"):
            answer = await http.get("/webhooks", params={"type": kind})
            validate_response("brevo/webhooks.yml", "get", "/webhooks", 200, answer.json())
            assert len(answer.json()["webhooks"]) == 1


async def test_other_events_are_put_right_and_an_inactive_hook_is_made_anew(stand: Stand, account: Account) -> None:
    few = add(stand, OURS)
    sleeping = add(stand, OURS, "transactional", isActive=False)
    done = await made(account)
    assert done.lines() == [
        f"+ transactional -> {SHOWN}",
        f"~ marketing -> {SHOWN}",
        f"- transactional -> {SHOWN} (inactive)",
    ]
    hooks = {hook.type: hook for hook in await present_hooks(account)}
    assert hooks["marketing"].id == few
    assert hooks["transactional"].id != sleeping
    assert all(hook.is_active and tuple(hook.events) == EVENTS for hook in hooks.values())
    assert [request.method for request in stand.requests.seen if request.method != "GET"] == ["DELETE", "POST", "PUT"]


async def test_ours_of_another_address_or_an_older_token_or_twice_go_and_those_of_others_stay(
    stand: Stand, account: Account
) -> None:
    await made(account)
    older, moved = f"{URL}/webhooks/brevo/an-older-token", "https://old.example.com/tajo/webhooks/brevo/x"
    gone = [add(stand, older), add(stand, moved, "transactional"), add(stand, OURS)]
    kept = [
        add(stand, OTHERS),
        add(stand, f"{OTHERS}?to=/webhooks/brevo/x"),
        add(stand, f"{URL}/webhooks/bigcommerce/h"),
    ]
    done = await made(account)
    assert sorted(hook.id for hook in done.remove) == gone
    assert {hook.id for hook in await present_hooks(account)} >= set(kept)
    assert sorted(hook.url for hook in await present_hooks(account) if hook.ours) == [OURS, OURS]


async def test_no_moment_lacks_a_hook_when_the_token_changes(stand: Stand, account: Account) -> None:
    for kind in ("marketing", "transactional"):
        add(stand, f"{URL}/webhooks/brevo/an-older-token", kind)
    await made(account)
    methods = [request.method for request in stand.requests.seen if request.method != "GET"]
    assert methods == ["POST", "POST", "DELETE", "DELETE"]


async def test_the_difference_is_shown_before_anything_is_done(stand: Stand, account: Account) -> None:
    add(stand, f"{URL}/webhooks/brevo/an-older-token")
    todo = plan("main", URL, TOKEN, await present_hooks(account))
    assert todo.lines() == [f"+ marketing -> {SHOWN}", f"+ transactional -> {SHOWN}", f"- marketing -> {SHOWN}"]
    assert [hook.url for hook in await present_hooks(account)] == [f"{URL}/webhooks/brevo/an-older-token"]
    await carry_out(account, todo)
    assert {hook.url for hook in await present_hooks(account)} == {OURS}


async def test_all_of_ours_are_removed_and_a_second_time_none(stand: Stand, account: Account) -> None:
    await made(account)
    kept = add(stand, OTHERS)
    todo = removal(await present_hooks(account))
    assert len(todo.remove) == 2
    await carry_out(account, todo)
    present = await present_hooks(account)
    assert [hook.id for hook in present] == [kept]
    assert removal(present).remove == []


async def test_a_hook_that_went_meanwhile_is_no_trouble(stand: Stand, account: Account) -> None:
    number = add(stand, f"{URL}/webhooks/brevo/an-older-token")
    todo = plan("main", URL, TOKEN, await present_hooks(account))
    del stand.brevo.state.webhooks[number]
    await carry_out(account, todo)
    assert len(await present_hooks(account)) == 2


async def test_a_refusal_ends_it_and_says_no_token(stand: Stand, account: Account) -> None:
    stand.brevo.api_key = "another"
    with pytest.raises(BrevoError) as refused:
        await made(account)
    assert TOKEN not in str(refused.value)


def test_an_address_that_brevo_repeats_in_a_refusal_is_not_repeated_by_us() -> None:
    body = {"code": "invalid_parameter", "message": f"url {OURS} is not reachable"}
    error = of_response(httpx.Response(400, json=body), "POST /webhooks")
    assert TOKEN not in str(error)
    assert "url <url> is not reachable" in str(error)


def test_the_token_is_in_no_representation() -> None:
    hook = Hook(id=1, type="marketing", url=OURS, events=["spam"])
    assert SHOWN in repr(hook)
    todo = plan("main", URL, TOKEN, [hook])
    assert todo.repair == [hook]
    assert TOKEN not in repr(todo)
    assert TOKEN not in "".join(todo.lines())


def test_an_address_without_encryption_is_refused_but_on_this_machine() -> None:
    with pytest.raises(NotHttps, match=r"public_url is http://tajo\.example\.com.*give an https address"):
        plan("main", "http://tajo.example.com", TOKEN, [])
    assert [hook.url for hook in plan("main", "http://127.0.0.1:8080", "t", []).create] == [
        "http://127.0.0.1:8080/webhooks/brevo/t"
    ] * 2
