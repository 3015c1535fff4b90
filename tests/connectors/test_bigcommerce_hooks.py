"""The hooks of a store become what they should be, and the difference is shown first."""

from collections.abc import AsyncIterator

import pytest

from connectors.bigcommerce.client import Client
from connectors.bigcommerce.hooks import (
    EXCEPTIONS,
    WildcardScope,
    carry_out,
    ensure_hooks,
    plan,
    present_hooks,
    wanted_scopes,
)
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
    assert about.destination not in [hook.destination for hook in hooks if hook is not about]


async def test_a_sleeping_hook_and_one_with_an_old_secret_are_repaired(shop: Shop, client: Client) -> None:
    scopes = ["store/order/created", "store/order/updated", "store/cart/updated"]
    await ensure_hooks(client, scopes=scopes, public_url=URL, headers=SECRET)
    hooks = {hook.scope: hook for hook in shop.emulator.hooks.all()}
    shop.emulator.hooks.deactivate(hooks["store/order/created"])
    hooks["store/order/updated"].headers = {"x-tajo-secret": "older"}
    done = await ensure_hooks(client, scopes=scopes, public_url=URL, headers=SECRET)
    assert sorted(hook.scope for hook in done.repair) == ["store/order/created", "store/order/updated"]
    assert all(hook.is_active and hook.headers == SECRET for hook in await present_hooks(client))


async def test_hooks_that_are_not_wanted_any_more_or_lead_to_an_old_address_go_and_those_of_others_stay(
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
    ):
        shop.emulator.hooks.create({"scope": scope, "destination": destination})
    done = await ensure_hooks(client, scopes=["store/order/created"], public_url=URL, headers=SECRET)
    assert {hook.destination for hook in await present_hooks(client)} == {others, other_store, at(shop)}
    assert sorted((hook.scope, hook.destination) for hook in done.remove) == [
        ("store/order/created", old),
        ("store/sku/updated", at(shop)),
    ]


async def test_the_difference_is_shown_without_secrets_before_anything_is_done(shop: Shop, client: Client) -> None:
    shop.emulator.hooks.create({"scope": "store/sku/updated", "destination": at(shop)})
    sleeping = shop.emulator.hooks.create({"scope": "store/cart/created", "destination": at(shop)})
    shop.emulator.hooks.deactivate(sleeping)
    scopes = ["store/order/created", "store/cart/created"]
    todo = plan(shop.store.store_hash, scopes, URL, SECRET, await present_hooks(client))
    assert todo.lines() == [
        f"+ store/order/created -> {at(shop)}",
        f"~ store/cart/created -> {at(shop)} (inactive)",
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
