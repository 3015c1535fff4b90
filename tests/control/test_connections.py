"""Stores connected by the control API: checked, encrypted, in every component, and gone when they are to be."""

import asyncio
import signal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from schemas import topics
from schemas.connections import Connection, Credentials
from tajo.access import register
from tajo.access.joining import stores_of
from tajo.access.vault import Vault, new_key
from tajo.cli import app
from tajo.errors import CannotOpen, NoEncryptionKey
from tajo.running import reached
from tajo.settings import ConnectedStore, load
from tests.control.away import without_kafka
from tests.control.stand import API, FILED, KEY, OTHER, OTHER_TOKEN, WISH, Stand, standing

pytestmark = pytest.mark.kafka
SECRETS = (OTHER_TOKEN, "xkeysib-own", "client-secret-of-tj4kq1w9zc")
FULL = {**WISH, "client_secret": "client-secret-of-tj4kq1w9zc", "brevo_api_key": "xkeysib-own", "name": "outlet"}


async def stores(here: Stand) -> dict[str, ConnectedStore]:
    """As a component that starts now has them, by hash."""
    made = await reached(here.made.settings, here.kafka)
    return {store.store_hash: store for store in made.settings.connected()}


async def test_a_store_is_checked_encrypted_and_in_every_component(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with standing(kafka, topic_prefix, tmp_path) as here:
        answer = await here.http.post(f"{API}/connect", json=FULL)
        assert answer.status_code == 200, answer.text
        connector = {"type": "bigcommerce", "store_hash": OTHER, "name": "outlet", "source": "control API"}
        assert answer.json() == {
            "connector": connector,
            "store_name": here.bigcommerce.store.name,
            "currency": "USD",
            "replaced": False,
        }
        assert here.bigcommerce.requests == {"GET /v2/store": 1}
        listed = (await here.http.get("/v1/connectors")).json()["connectors"]
        assert listed[1] == connector
        assert (listed[0]["store_hash"], listed[0]["source"]) == (FILED, "configuration")
        for text in (answer.text, str(listed), *map(str, await here.records(topics.CONNECTION))):
            assert not [secret for secret in SECRETS if secret in text]

        store = (await stores(here))[OTHER]
        assert store.access_token.get_secret_value() == OTHER_TOKEN
        assert (store.name, store.account) == ("outlet", "outlet")
        made = await reached(here.made.settings, here.kafka)
        assert {account.name for account in made.settings.accounts()} == {"main", "outlet"}
        assert set(made.store_connections()) == {FILED, OTHER}
        assert set(made.fold_settings().stores) == {FILED, OTHER}


async def test_new_credentials_of_a_store_of_the_file_go_before_those_until_they_are_forgotten(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    filed = f"stores: [{{store_hash: {OTHER}, access_token: old, name: outlet, lists: {{buyers: 41}}}}]\n"
    async with standing(kafka, topic_prefix, tmp_path, connectors=filed) as here:
        before = (await stores(here))[OTHER]
        answer = await here.http.post(f"{API}/connect", json=WISH)
        assert (answer.status_code, answer.json()["replaced"]) == (200, True), answer.text
        after = (await stores(here))[OTHER]
        assert after.access_token.get_secret_value() == OTHER_TOKEN
        assert after.webhook_secret == before.webhook_secret, "hooks go on as they are"
        assert (after.name, after.lists, after.rank) == (before.name, before.lists, before.rank)
        for wish, said in (({"name": "other"}, "The store is named outlet"), ({"brevo_api_key": "k"}, "stands in")):
            refused = await here.http.post(f"{API}/connect", json=WISH | wish)
            assert (refused.status_code, said in refused.text) == (409, True), refused.text
        gone = await here.http.delete(f"{API}/{OTHER}")
        assert gone.json() == {"store_hash": OTHER, "remains": True}
        assert (await stores(here))[OTHER].access_token.get_secret_value() == "old"
        again = await here.http.delete(f"{API}/{OTHER}")
        assert (again.status_code, "the configuration file has it" in again.text) == (404, True)


async def test_wrong_credentials_are_told_and_nothing_is_kept(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with standing(kafka, topic_prefix, tmp_path) as here:
        connect = f"{API}/connect"
        refused = await here.http.post(connect, json=WISH | {"access_token": "wrong-token"})
        assert (refused.status_code, "does not accept the access token" in refused.text) == (422, True)
        assert "wrong-token" not in refused.text
        unknown = await here.http.post(connect, json=WISH | {"store_hash": "nobody"})
        assert unknown.status_code == 422
        here.bigcommerce.gate.missing.add("store_v2_information")
        assert "store_v2_information" in (await here.http.post(connect, json=WISH)).text
        here.bigcommerce.gate.missing.clear()
        here.bigcommerce.store.store_hash = "another"
        other = await here.http.post(connect, json=WISH)
        assert (other.status_code, "is that of the store another" in other.text) == (422, True), other.text
        for wish in ({"store_hash": "a/../b"}, {"access_token": "with\nline"}, {"access_token": ""}):
            assert (await here.http.post(connect, json=WISH | wish)).status_code == 422
        taken = await here.http.post(connect, json=WISH | {"name": FILED})
        assert (taken.status_code, "another store is named" in taken.text) == (409, True)
        assert len(await here.records(topics.CONNECTION)) == 1, "the token of the tests"


async def test_a_bigcommerce_that_does_not_answer_is_told(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with standing(kafka, topic_prefix, tmp_path, shop="http://127.0.0.1:1") as here:
        answer = await here.http.post(f"{API}/connect", json=WISH)
        assert (answer.status_code, "BigCommerce gave no answer" in answer.text) == (502, True), answer.text


async def test_without_a_key_nothing_is_stored_and_the_variable_is_named(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with standing(kafka, topic_prefix, tmp_path, key=None) as here:
        answer = await here.http.post(f"{API}/connect", json=WISH)
        assert (answer.status_code, "TAJO_ENCRYPTION_KEY" in answer.text) == (409, True)
        assert not here.bigcommerce.requests
        assert len(await here.records(topics.CONNECTION)) == 1


async def test_keys_are_rotated_while_both_open(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with standing(kafka, topic_prefix, tmp_path) as here:
        await here.http.post(f"{API}/connect", json=WISH)
        sealed = (await register.read(here.made.kafka, here.made.names)).connections[OTHER]
        new = CliRunner().invoke(app, ["connections", "key"]).output.strip()
        code, out = await here.tajo("connections", "rotate", TAJO_ENCRYPTION_KEY=f"{new},{KEY}")
        assert (code, "1 encrypted with the first key" in out) == (0, True), out
        resealed = (await register.read(here.made.kafka, here.made.names)).connections[OTHER]
        assert resealed.sealed != sealed.sealed
        assert Vault([new]).open(resealed) == Vault([KEY]).open(sealed)
        with pytest.raises(CannotOpen):
            Vault([KEY]).open(resealed)
        code, out = await here.tajo("connections", "rotate", TAJO_ENCRYPTION_KEY=KEY)
        assert (code, f"credentials of store {OTHER} cannot be opened" in out) == (1, True), out


async def test_what_no_key_opens_is_named_and_the_other_stores_go_on(
    kafka: str, topic_prefix: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with standing(kafka, topic_prefix, tmp_path) as here:
        await here.http.post(f"{API}/connect", json=WISH)
        settings = load(here.file, {"TAJO_ENCRYPTION_KEY": new_key()})
        made = await reached(settings, here.kafka)
        assert [store.store_hash for store in made.settings.connected()] == [FILED]
        assert f"The stored credentials of store {OTHER} cannot be opened: none of the keys" in caplog.text
        code, out = await here.tajo("connections", "list", TAJO_ENCRYPTION_KEY="")
        assert (code, f"{OTHER} cannot be opened: TAJO_ENCRYPTION_KEY is not set" in out) == (1, True), out
        code, out = await here.tajo("connections", "remove", OTHER)
        assert code == 0, out
        assert set(await stores(here)) == {FILED}
        code, out = await here.tajo("connections", "remove", OTHER)
        assert (code, "No store" in out) == (1, True), out


def credentials(store_hash: str = OTHER) -> Credentials:
    return Credentials(
        store_hash=store_hash, access_token="t", client_id="c", client_secret="", webhook_secret="w", brevo_api_key="b"
    )


def connection(store_hash: str, sealed: str, **more: Any) -> Connection:
    return Connection(store_hash=store_hash, name=store_hash, sealed=sealed, connected_at=1, **more)


def test_sealed_credentials_cannot_be_moved_to_another_store_or_shown() -> None:
    vault = Vault([KEY])
    sealed = vault.seal(credentials())
    assert vault.open(connection(OTHER, sealed)) == credentials()
    with pytest.raises(CannotOpen, match="sealed for another store"):
        vault.open(connection("elsewhere", sealed))
    with pytest.raises(CannotOpen, match="none of the keys"):
        vault.open(connection(OTHER, sealed[:-8] + "AAAAAAA="))
    with pytest.raises(NoEncryptionKey, match="TAJO_ENCRYPTION_KEY"):
        Vault([]).seal(credentials())
    assert "'t'" not in repr(credentials())


def test_connected_stores_that_do_not_fit_to_the_file_are_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    environment = {"TAJO_ENCRYPTION_KEY": KEY, "BREVO_API_KEY": "k", "TAJO_SIGNATURE": "required"}
    vault, known = Vault([KEY]), register.Register()
    known.connections = {OTHER: connection(OTHER, vault.seal(credentials()))}
    assert stores_of(known, load(None, environment)) == {}
    assert "it has none; connect it again with one" in caplog.text
    assert set(stores_of(known, load(None, environment | {"TAJO_SIGNATURE": "off"}))) == {OTHER}


def test_a_record_that_cannot_be_read_is_in_nobodys_way(caplog: pytest.LogCaptureFixture) -> None:
    known = register.Register()
    good = connection(OTHER, "sealed")
    known.update({b"store/x": b"no json", good.key: msgspec.json.encode(good)})
    assert set(known.connections) == {OTHER}
    assert "cannot be read" in caplog.text


@pytest.mark.e2e
@pytest.mark.parametrize("component", ["enrich", "worker", "sink"])
async def test_a_component_ends_in_order_for_a_new_start_when_a_store_is_connected(
    kafka: str, topic_prefix: str, tmp_path: Path, component: str
) -> None:
    """The first store of an installation that was started with none."""
    async with standing(kafka, topic_prefix, tmp_path, connectors="") as here:
        log = tmp_path / "log"
        with log.open("wb") as out:
            process = await here.start(component, out)
        try:
            await here.until_member(component)
            assert (await here.http.post(f"{API}/connect", json=WISH)).status_code == 200
            assert await asyncio.wait_for(process.wait(), 40) == 75, log.read_text()
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
                await process.wait()
        assert "starts anew" in log.read_text()
        assert "Traceback" not in log.read_text()
        assert OTHER_TOKEN not in log.read_text()


def test_a_rotated_key_is_no_change_of_what_is_connected() -> None:
    """So no component starts anew for it."""
    environment = {"TAJO_ENCRYPTION_KEY": f"{new_key()},{KEY}", "BREVO_API_KEY": "k"}
    settings, before, after = load(None, environment), register.Register(), register.Register()
    first, second = environment["TAJO_ENCRYPTION_KEY"].split(",")
    before.connections = {OTHER: connection(OTHER, Vault([second]).seal(credentials()))}
    after.connections = {OTHER: connection(OTHER, Vault([first]).seal(credentials()))}
    assert settings.joined(stores_of(before, settings)) == settings.joined(stores_of(after, settings))
    assert settings.joined(stores_of(before, settings)) != settings


async def test_without_kafka_a_connection_is_refused_and_named_later(tmp_path: Path) -> None:
    async with without_kafka(tmp_path, "gateway: {control: loopback}\n") as http:
        answer = await http.post(f"{API}/connect", json=WISH)
        assert (answer.status_code, "has not been read from Kafka yet" in answer.text) == (503, True)
        assert (await http.get("/v1/connectors")).json()["connectors"][0]["store_hash"] == FILED
