"""The file of the original document is read as it stands, in both of its forms."""

import textwrap
from pathlib import Path

import pytest
import yaml

from schemas.settings import CartSettings
from tajo.settings import Settings, load, notices
from tajo.settings.load import MOVABLE

AS_DOCUMENTED = Path(__file__).parent / "files" / "as_documented.yml"
KEY = {"BREVO_API_KEY": "xkeysib-1"}


def _indented(tmp_path: Path) -> Path:
    """The same text, with the four parts two levels deeper."""
    text = AS_DOCUMENTED.read_text(encoding="utf-8")
    head, tail = text[: text.index("sync:")], text[text.index("sync:") :]
    file = tmp_path / "indented.yml"
    file.write_text(head + textwrap.indent(tail, "    "), encoding="utf-8")
    return file


@pytest.fixture(params=["at the top level", "under the connector"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    file = AS_DOCUMENTED if request.param == "at the top level" else _indented(tmp_path)
    return load(file, KEY)


def test_it_connects_one_store_named_after_its_hash(settings: Settings) -> None:
    (store,) = settings.connected()
    assert (store.name, store.store_hash, store.client_id) == ("your-store-hash", "your-store-hash", "your-client-id")
    assert store.access_token.get_secret_value() == "your-access-token"
    assert store.lists == {"all_customers": 40, "buyers": 41, "abandoned_cart": 42}
    (account,) = settings.accounts()
    assert (account.name, account.api_key.get_secret_value()) == ("main", "xkeysib-1")


def test_it_syncs_what_it_says(settings: Settings) -> None:
    assert settings.sync_parts() == {"customers", "orders", "products", "carts"}


def test_the_folds_get_mapping_lists_and_event_names(settings: Settings) -> None:
    written = yaml.safe_load(AS_DOCUMENTED.read_text(encoding="utf-8"))
    store = settings.fold_settings().stores["your-store-hash"]
    assert dict(store.mapping) == written["customer_mapping"]
    assert store.lists == ("all_customers", "buyers", "abandoned_cart")
    assert store.events == {hook["scope"]: hook["destination"] for hook in written["webhooks"]}
    assert store.carts == CartSettings()
    assert settings.fold_settings().accounts["main"].currency == ""


def test_both_forms_are_the_same_to_the_folds(tmp_path: Path) -> None:
    indented = load(_indented(tmp_path), KEY).fold_settings()
    assert indented.digest() == load(AS_DOCUMENTED, KEY).fold_settings().digest()


def test_the_parts_may_stand_under_the_block_bigcommerce_too(tmp_path: Path) -> None:
    file = tmp_path / "tajo.yml"
    text = AS_DOCUMENTED.read_text(encoding="utf-8")
    head, tail = text[: text.index("sync:")], text[text.index("sync:") :]
    file.write_text(head + "bigcommerce:\n" + textwrap.indent(tail, "  "), encoding="utf-8")
    assert load(file, KEY).fold_settings() == load(AS_DOCUMENTED, KEY).fold_settings()


def test_what_it_leaves_open_is_said(settings: Settings) -> None:
    said = " ".join(notices(settings))
    assert "public_url is not set" in said
    assert "the hook for store/inventory/updated is not made" in said


def test_a_part_in_two_places_is_refused_with_both_lines(tmp_path: Path) -> None:
    file = _indented(tmp_path)
    file.write_text(file.read_text(encoding="utf-8") + "sync: {orders: false}\n", encoding="utf-8")
    with pytest.raises(Exception, match=r"line 7: connectors\.bigcommerce\.sync: it stands in .*line 33 too"):
        load(file, KEY)


def test_the_parts_that_move_are_the_four_of_the_document() -> None:
    assert MOVABLE == ("sync", "lists", "customer_mapping", "webhooks")
