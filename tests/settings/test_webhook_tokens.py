"""What makes a webhook of Brevo an account's: a token that is configured or derived, and the one before."""

from pathlib import Path

import pytest

from tajo.errors import SettingsError
from tajo.settings import Settings, load

MINE, BEFORE = "mine-" + "x" * 24, "before-" + "y" * 24
STORES = """
stores:
  - {name: us, store_hash: h1, access_token: t1}
  - {name: jp, store_hash: h2, access_token: t2, brevo: {api_key: other-key}}
"""


def _load(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "tajo.yml"
    file.write_text(text, encoding="utf-8")
    return load(file, {})


def tokens(settings: Settings) -> dict[str, list[str]]:
    return {one.name: [token.get_secret_value() for token in one.webhook_tokens] for one in settings.accounts()}


def test_each_account_has_one_of_its_own_that_every_component_derives_from_its_key(tmp_path: Path) -> None:
    text = "brevo: {api_key: main-key}" + STORES
    found = tokens(_load(tmp_path, text))
    assert found == tokens(_load(tmp_path, text))
    assert found.keys() == {"main", "jp"}
    assert all(len(own) == 1 and len(own[0]) == 64 for own in found.values())
    assert found["main"] != found["jp"]
    assert found["main"] != tokens(_load(tmp_path, text.replace("main-key", "a-new-key")))["main"]
    assert "main-key" not in found["main"][0]


def test_a_configured_one_goes_before_it_and_the_previous_one_after(tmp_path: Path) -> None:
    text = f"brevo: {{api_key: main-key, webhook_token: {MINE}, previous_webhook_token: {BEFORE}}}" + STORES
    settings = _load(tmp_path, text)
    assert tokens(settings)["main"] == [MINE, BEFORE]
    assert next(iter(settings.accounts())).webhook_token.get_secret_value() == MINE
    assert len(tokens(settings)["jp"]) == 1, "a store's own account does not take them over"
    own = text.replace("api_key: other-key", f"api_key: other-key, webhook_token: {'z' * 24}")
    assert tokens(_load(tmp_path, own))["jp"] == ["z" * 24]


def test_what_was_derived_from_the_key_before_is_accepted_while_it_is_replaced(tmp_path: Path) -> None:
    text = "brevo: {api_key: main-key}" + STORES.replace("other-key", "other-key, previous_api_key: older-key")
    (before,) = tokens(_load(tmp_path, text))["main"]
    settings = _load(tmp_path, text.replace("main-key", "new-key, previous_api_key: main-key"))
    present, previous = tokens(settings)["main"]
    assert (previous, present != before) == (before, True)
    assert len(set(tokens(settings)["jp"])) == 2


def test_none_of_them_is_shown(tmp_path: Path) -> None:
    text = f"brevo: {{api_key: main-key, webhook_token: {MINE}, previous_webhook_token: {BEFORE}}}" + STORES
    settings = _load(tmp_path, text)
    assert MINE not in repr(settings) + repr(settings.accounts())
    assert BEFORE not in repr(settings) + repr(settings.accounts())


@pytest.mark.parametrize("token", ["short", "with/a/slash/and/long/enough", "with a blank and long enough", "ü" * 30])
def test_what_cannot_be_the_secret_end_of_an_address_is_refused_without_showing_it(tmp_path: Path, token: str) -> None:
    with pytest.raises(SettingsError, match="a token has letters, digits, _ and - only, and 24 to 128") as refused:
        _load(tmp_path, f'brevo: {{api_key: main-key, webhook_token: "{token}"}}' + STORES)
    assert token not in str(refused.value)


def test_two_accounts_with_the_same_token_are_told_apart_by_nobody(tmp_path: Path) -> None:
    text = f"brevo: {{api_key: main-key, webhook_token: {MINE}}}" + STORES
    twice = text.replace("api_key: other-key", f"api_key: other-key, previous_webhook_token: {MINE}")
    with pytest.raises(
        SettingsError, match=r"webhook_token: account main has that token already, give each its own"
    ) as e:
        _load(tmp_path, twice)
    assert MINE not in str(e.value)
