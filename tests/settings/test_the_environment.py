"""Every key is an environment variable too, and goes before the file."""

from decimal import Decimal
from pathlib import Path

import pytest

from tajo.errors import SettingsError
from tajo.settings import load
from tajo.settings.fields import keys, type_at

STORE = {
    "TAJO_CONNECTORS__BIGCOMMERCE__STORE_HASH": "h1",
    "TAJO_CONNECTORS__BIGCOMMERCE__ACCESS_TOKEN": "0123",
    "BREVO_API_KEY": "k",
}


def test_the_environment_alone_is_enough() -> None:
    (store,) = load(None, STORE).connected()
    assert (store.store_hash, store.access_token.get_secret_value()) == ("h1", "0123")


def test_lists_blocks_numbers_and_spans_are_written_as_in_the_file() -> None:
    more = {
        "TAJO_CARTS__STEPS": "[30m, 1d]",
        "TAJO_CARTS__MIN_VALUE": "19.90",
        "TAJO_RATES": "{EUR: 1.08}",
        "TAJO_LISTS__BUYERS": "41",
        "TAJO_LISTS__ALL_CUSTOMERS": "Shop",
        "TAJO_SYNC__INVENTORY": "yes",
        "TAJO_SIGNATURE": "off",
        "TAJO_GATEWAY__SPOOL_LIMIT": "64MiB",
    }
    settings = load(None, STORE | more)
    assert settings.carts.steps == (1_800_000, 86_400_000)
    assert settings.carts.min_value == Decimal("19.90")
    assert settings.fold_settings().stores["h1"].carts.min_value == 199_000
    assert settings.fold_settings().accounts["main"].rates == {"EUR": "1.08"}
    assert settings.lists.configured() == {"buyers": 41, "all_customers": "Shop"}
    assert settings.sync.inventory
    assert settings.signature == "off"
    assert settings.gateway.spool_limit == 64 << 20


def test_a_variable_goes_before_the_file_and_an_empty_one_is_none(tmp_path: Path) -> None:
    file = tmp_path / "tajo.yml"
    file.write_text("sink: {mode: dry-run}\nconsent: {unknown: leave, resubscribe: true}\n", encoding="utf-8")
    settings = load(file, STORE | {"TAJO_SINK__MODE": "", "TAJO_CONSENT__UNKNOWN": "blocklist"})
    assert settings.sink.mode == "dry-run"
    assert (settings.consent.unknown, settings.consent.resubscribe) == ("blocklist", True)


def test_the_long_name_of_the_brevo_key_goes_before_the_short_one() -> None:
    settings = load(None, STORE | {"TAJO_BREVO__API_KEY": "long"})
    assert [account.api_key.get_secret_value() for account in settings.accounts()] == ["long"]


def test_keys_of_a_store_in_a_list_have_its_place() -> None:
    environ = {
        "BREVO_API_KEY": "k",
        "TAJO_STORES": "[{store_hash: h1}, {store_hash: h2}]",
        "TAJO_STORES__0__ACCESS_TOKEN": "one",
        "TAJO_STORES__1__ACCESS_TOKEN": "two",
        "TAJO_STORES__2__STORE_HASH": "h3",
        "TAJO_STORES__2__ACCESS_TOKEN": "three",
    }
    tokens = [store.access_token.get_secret_value() for store in load(None, environ).connected()]
    assert tokens == ["one", "two", "three"]


def test_a_place_beyond_the_list_is_told() -> None:
    with pytest.raises(SettingsError, match="there are 0 entries, so the next one has the number 0"):
        load(None, STORE | {"TAJO_STORES__4__STORE_HASH": "h"})


def test_a_secret_can_lie_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from a file\n", encoding="utf-8")
    environ = STORE | {"TAJO_CONNECTORS__BIGCOMMERCE__CLIENT_SECRET_FILE": str(tmp_path / "token")}
    (store,) = load(None, environ).connected()
    assert store.client_secret is not None
    assert store.client_secret.get_secret_value() == "from a file"
    with pytest.raises(SettingsError, match=r"cannot be read .*: mount it, or give the secret itself"):
        load(None, STORE | {"TAJO_BREVO__API_KEY_FILE": str(tmp_path / "nowhere")})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("TAJO_SINK__MOD", "live", "there is no such setting: did you mean TAJO_SINK__MODE?"),
        ("TAJO_SINK_MODE", "live", "did you mean TAJO_SINK__MODE?"),
        ("TAJO_ZZZ", "1", "there is no such setting, see docs/configuration.md for all variables."),
        ("TAJO_SINK__MODE", "dead", "sink.mode: found \"dead\"; it has to be 'live' or 'dry-run'."),
        ("TAJO_CARTS__STEPS", "[1h", "it is no value in YAML's short form"),
        ("TAJO_GATEWAY__PORT", "x", 'gateway.port: found "x"; it has to be a whole number.'),
        ("TAJO_PUBLIC_URL_FILE", "/x", "there is no such setting: did you mean TAJO_PUBLIC_URL?"),
    ],
)
def test_a_wrong_variable_is_told_by_its_name(name: str, value: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(None, STORE | {name: value})
    assert str(caught.value).startswith(f"environment variable {name}: ")
    assert message in str(caught.value)


def test_a_broken_list_of_stores_is_told_without_its_secrets() -> None:
    with pytest.raises(SettingsError) as caught:
        load(None, {"TAJO_STORES": "[{access_token: s3cret"})
    assert "s3cret" not in str(caught.value)


def test_variables_of_a_container_platform_and_of_other_programs_are_left_alone() -> None:
    platform = {
        "TAJO_SERVICE_HOST": "10.0.0.1",
        "TAJO_PORT": "tcp://10.0.0.1:80",
        "TAJO_GATEWAY_PORT_8080_TCP_ADDR": "10.0.0.1",
        "TAJO_URL": "http://127.0.0.1:8080",
        "TAJO_KAFKA_LIBS": "/libs",
        "PATH": "/bin",
    }
    assert load(None, STORE | platform) == load(None, STORE)


def test_the_variable_of_every_key_leads_back_to_its_key() -> None:
    names = [key.variable for key in keys()]
    assert len(names) == len(set(names)) > 60
    for key in keys():
        path = tuple(0 if part == "*" else part for part in key.path)
        assert type_at(path) is not None, key.name


def test_every_key_has_a_sentence() -> None:
    assert [key.name for key in keys() if not key.sentence] == []
