"""The hooks of a store become what they should be, and the difference is shown first."""

from collections.abc import AsyncIterator

import pytest

from connectors.bigcommerce.client import Client
from connectors.bigcommerce.errors import Refused
from connectors.bigcommerce.hooks import (
    EXCEPTIONS,
    MOST_PER_SCOPE,
    WildcardScope,
    carry_out,
    ensure_hooks,
    plan,
    present_hooks,
    removal,
    wanted_scopes,
)
from connectors.bigcommerce.hooks_admin import hooks_admin
from connectors.bigcommerce.scopes import entity_of, is_known
from tests.connectors.bigcommerce_shop import Shop, emulated_shop

URL = "https://tajo.example.com"
SECRET = {"x-tajo-secret": "s3cret"}


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with emulated_shop() as shop:
        yield shop


@pytest.fixture
async def client(shop: Shop) -> AsyncIterator[Client]:
    client = shop.client()
    yield client
    await client.close()


def at(shop: Shop) -> str:
    return f"{URL}/webhooks/bigcommerce/{shop.store.store_hash}"


async def test_missing_hooks_are_created_with_the_secret_and_a_second_time_nothing_is_done(
    shop: Shop, client: Client
) -> None:
    scopes = wanted_scopes(["customers", "orders", "carts", "products", "inventory"])
    done = await ensure_hooks(client, scopes=scopes, public_url=URL + "/", headers=SECRET)
    hooks = await present_hooks(client)
    assert {hook.scope for hook in hooks} == set(scopes)
    assert {hook.destination for hook in hooks if hook.scope != EXCEPTIONS} == {at(shop)}
    assert all(hook.headers == SECRET and hook.is_active for hook in hooks)
    assert len(done.create) == len(scopes)
    again = await ensure_hooks(client, scopes=scopes, public_url=URL, headers=SECRET)
    assert again.lines() == []
    assert len(again.right) == len(scopes)


async def test_the_hook_about_hooks_has_a_destination_of_its_own(client: Client) -> None:
    await ensure_hooks(client, scopes=wanted_scopes([]), public_url=URL, headers=SECRET)
    hooks = await present_hooks(client)
    (about,) = [hook for hook in hooks if hook.scope == EXCEPTIONS]
    assert about.destination == f"{hooks[0].destination}/exceptions"
    assert about.destination not in [hook.destination for hook in hooks if hook is not about]


async def test_the_hook_about_hooks_of_an_older_path_is_led_to_the_new_one_since_there_can_be_no_second(
    shop: Shop, client: Client
) -> None:
    old = shop.emulator.hooks.create({"scope": EXCEPTIONS, "destination": at(shop) + "?about=hooks"})
    done = await ensure_hooks(client, scopes=[EXCEPTIONS], public_url=URL, headers=SECRET)
    assert [one.faults for one in done.repair] == [(f"leads to {old.destination}", "another secret header")]
    (hook,) = await present_hooks(client)
    assert (hook.id, hook.destination) == (old.id, at(shop) + "/exceptions")


async def test_a_sleeping_hook_and_one_with_an_old_secret_are_repaired(shop: Shop, client: Client) -> None:
    scopes = ["store/order/created", "store/order/updated", "store/cart/updated"]
    await ensure_hooks(client, scopes=scopes, public_url=URL, headers=SECRET)
    hooks = {hook.scope: hook for hook in shop.emulator.hooks.all()}
    shop.emulator.hooks.deactivate(hooks["store/order/created"])
    hooks["store/order/updated"].headers = {"x-tajo-secret": "older"}
    done = await ensure_hooks(client, scopes=scopes, public_url=URL, headers=SECRET)
    assert sorted((one.hook.scope, one.faults) for one in done.repair) == [
        ("store/order/created", ("inactive",)),
        ("store/order/updated", ("another secret header",)),
    ]
    assert all(hook.is_active and hook.headers == SECRET for hook in await present_hooks(client))


async def test_hooks_that_are_not_wanted_any_more_go_one_of_an_old_address_is_led_here_and_those_of_others_stay(
    shop: Shop, client: Client
) -> None:
    others = "https://elsewhere.example.com/bigcommerce"
    old = f"https://old.example.com/webhooks/bigcommerce/{shop.store.store_hash}"
    other_store = f"{URL}/webhooks/bigcommerce/zzzzzzzzzz"
    for scope, destination in (
        ("store/order/created", others),
        ("store/order/created", old),
        ("store/order/created", other_store),
        ("store/sku/updated", at(shop)),
        ("store/sku/deleted", old),
    ):
        shop.emulator.hooks.create({"scope": scope, "destination": destination})
    done = await ensure_hooks(client, scopes=["store/order/created"], public_url=URL, headers=SECRET)
    assert {hook.destination for hook in await present_hooks(client)} == {others, other_store, at(shop)}
    assert sorted((hook.scope, hook.destination) for hook in done.remove) == [
        ("store/sku/deleted", old),
        ("store/sku/updated", at(shop)),
    ]
    assert [(one.hook.destination, one.wanted.destination) for one in done.repair] == [(old, at(shop))]
    assert done.create == []


async def test_of_two_hooks_of_ours_for_a_scope_the_one_that_leads_here_stays(shop: Shop, client: Client) -> None:
    old = f"https://old.example.com/webhooks/bigcommerce/{shop.store.store_hash}"
    for destination in (old, at(shop)):
        shop.emulator.hooks.create({"scope": "store/cart/created", "destination": destination, "headers": SECRET})
    done = await ensure_hooks(client, scopes=["store/cart/created"], public_url=URL, headers=SECRET)
    assert done.lines() == [f"- store/cart/created -> {old}"]
    assert [hook.destination for hook in await present_hooks(client)] == [at(shop)]


async def test_a_scope_without_room_is_told_before_anything_is_done_and_the_others_are_made(
    shop: Shop, client: Client
) -> None:
    for number in range(MOST_PER_SCOPE):
        destination = f"https://others.example.com/{number}"
        shop.emulator.hooks.create({"scope": "store/order/created", "destination": destination})
    scopes = ["store/order/created", "store/order/updated"]
    done = await ensure_hooks(client, scopes=scopes, public_url=URL, headers=SECRET)
    assert done.full == ["store/order/created"]
    assert done.lines() == [
        "! store/order/created: this API account has 10 webhooks for it that are not ours, and BigCommerce takes no "
        "more: remove one of them, or use another API account.",
        f"+ store/order/updated -> {at(shop)}",
    ]
    assert [hook.scope for hook in await present_hooks(client) if hook.destination == at(shop)] == [
        "store/order/updated"
    ]
    assert [method for method, *_ in shop.requests.seen if method != "GET"] == ["POST"]


async def test_one_of_ten_that_is_ours_is_repaired_where_an_eleventh_would_be_refused(
    shop: Shop, client: Client
) -> None:
    old = f"https://old.example.com/webhooks/bigcommerce/{shop.store.store_hash}"
    for destination in (*(f"https://others.example.com/{number}" for number in range(9)), old):
        shop.emulator.hooks.create({"scope": "store/order/created", "destination": destination})
    done = await ensure_hooks(client, scopes=["store/order/created"], public_url=URL, headers=SECRET)
    assert (done.full, len(done.repair)) == ([], 1)
    assert at(shop) in {hook.destination for hook in await present_hooks(client)}


async def test_a_plan_that_another_has_carried_out_meanwhile_is_refused_only_where_it_is(
    shop: Shop, client: Client
) -> None:
    scopes = ["store/order/created", "store/cart/created"]
    todo = plan(shop.store.store_hash, scopes, URL, SECRET, await present_hooks(client))
    shop.emulator.hooks.create({"scope": "store/order/created", "destination": at(shop), "headers": SECRET})
    with pytest.raises(Refused, match="already"):
        await carry_out(client, todo)
    assert {hook.scope for hook in await present_hooks(client)} == set(scopes)


async def test_all_of_ours_are_removed_and_those_of_others_stay(shop: Shop, client: Client) -> None:
    others = "https://elsewhere.example.com/bigcommerce"
    shop.emulator.hooks.create({"scope": "store/order/created", "destination": others})
    await ensure_hooks(client, scopes=wanted_scopes(["orders"]), public_url=URL, headers=SECRET)
    todo = removal(shop.store.store_hash, await present_hooks(client))
    assert len(todo.lines()) == len(wanted_scopes(["orders"]))
    await carry_out(client, todo)
    assert [hook.destination for hook in await present_hooks(client)] == [others]


async def test_the_value_of_a_header_is_in_no_representation(shop: Shop, client: Client) -> None:
    await ensure_hooks(client, scopes=["store/order/created"], public_url=URL, headers=SECRET)
    present = await present_hooks(client)
    other = plan(shop.store.store_hash, ["store/order/created"], URL, {"x-tajo-secret": "n3w"}, present)
    assert not any(secret in f"{present} {other} {other.lines()}" for secret in ("s3cret", "n3w"))


async def test_the_administrative_view_tells_who_switched_a_hook_off_and_which_domains_are_blocked(
    shop: Shop, client: Client
) -> None:
    await ensure_hooks(client, scopes=["store/order/created", "store/cart/created"], public_url=URL, headers=SECRET)
    orders, carts = await present_hooks(client)
    assert (await hooks_admin(client)).blocked(URL) is None
    for hook_id, give_up in ((orders.id, True), (carts.id, False)):
        hook = shop.emulator.hooks.get(hook_id)
        assert hook is not None
        if give_up:
            shop.emulator.hooks.deactivate(hook)
        else:
            shop.emulator.hooks.change(hook, {"is_active": False})
    for _ in range(100):
        shop.emulator.deliveries.blocklist.attempted(at(shop), "Non-200 response received (500)")
    admin = await hooks_admin(client)
    assert (admin.deactivated(orders.id), admin.deactivated(carts.id)) == (True, False)
    block = admin.blocked(URL)
    assert block is not None
    assert (block.destination, block.time_left) == (URL, 180)
    assert [(one.failure_description, one.count) for one in block.reasons or ()] == [
        ("Non-200 response received (500)", 100)
    ]
    assert admin.blocked("https://elsewhere.example.com") is None


async def test_the_difference_is_shown_without_secrets_before_anything_is_done(shop: Shop, client: Client) -> None:
    shop.emulator.hooks.create({"scope": "store/sku/updated", "destination": at(shop)})
    sleeping = shop.emulator.hooks.create({"scope": "store/cart/created", "destination": at(shop)})
    shop.emulator.hooks.deactivate(sleeping)
    scopes = ["store/order/created", "store/cart/created"]
    todo = plan(shop.store.store_hash, scopes, URL, SECRET, await present_hooks(client))
    assert todo.lines() == [
        f"+ store/order/created -> {at(shop)}",
        f"~ store/cart/created -> {at(shop)} (inactive, another secret header)",
        f"- store/sku/updated -> {at(shop)}",
    ]
    assert {hook.scope for hook in await present_hooks(client)} == {"store/sku/updated", "store/cart/created"}
    await carry_out(client, todo)
    assert {hook.scope for hook in await present_hooks(client)} == {"store/order/created", "store/cart/created"}


def test_listed_scopes_are_added_and_take_nothing_away() -> None:
    scopes = wanted_scopes(["orders"], ["store/shipment/created", "store/order/created", "store/inventory/updated"])
    assert "store/shipment/created" in scopes
    assert "store/order/refund/created" in scopes
    assert "store/inventory/updated" not in scopes
    assert len(scopes) == len(set(scopes))


def test_a_wildcard_is_refused_with_the_cure() -> None:
    with pytest.raises(WildcardScope, match=r"store/cart/\* has a wildcard.*list the concrete scopes"):
        wanted_scopes(["carts"], ["store/cart/*"])


def test_every_scope_that_we_ask_for_is_one_that_we_understand() -> None:
    scopes = wanted_scopes(["customers", "orders", "carts", "products", "inventory"])
    assert [scope for scope in scopes if not is_known(scope)] == []
    assert entity_of("store/app/uninstalled", {"type": "store"}) is not None
