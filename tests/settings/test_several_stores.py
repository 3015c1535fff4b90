"""Stores, accounts and channels: what applies to which."""

from pathlib import Path

import pytest

from streams.access import Kafka
from tajo.errors import SettingsError
from tajo.settings import Settings, load

FILE = """
brevo: {api_key: main-key, currency: USD}
rates: {EUR: 1.08}
lists: {buyers: 1}
stores:
  - {name: us, store_hash: h1, access_token: t1}
  - name: eu
    store_hash: h2
    access_token: t2
    lists: {buyers: 2, abandoned_cart: Carts}
    customer_mapping: {email: email, first_name: VORNAME}
    channels: {2: {name: outlet, url: "https://outlet.example.com", lists: {buyers: 3}}, 3: {}}
  - {name: jp, store_hash: h3, access_token: t3, brevo: {api_key: other-key, currency: JPY, rates: {USD: 150}}}
  - {name: kr, store_hash: h4, access_token: t4, brevo: {api_key: other-key}}
  - {name: ca, store_hash: h5, access_token: t5, brevo: {api_key: main-key}}
"""


def _load(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "tajo.yml"
    file.write_text(text, encoding="utf-8")
    return load(file, {})


def test_stores_with_one_key_share_an_account(tmp_path: Path) -> None:
    settings = _load(tmp_path, FILE)
    assert [(store.name, store.account, store.rank) for store in settings.connected()] == [
        ("us", "main", 0),
        ("eu", "main", 1),
        ("jp", "jp", 2),
        ("kr", "jp", 3),
        ("ca", "main", 4),
    ]
    money = {account.name: (account.currency, account.rates) for account in settings.accounts()}
    assert money == {"main": ("USD", {"EUR": "1.08"}), "jp": ("JPY", {"USD": "150"})}


def test_a_store_has_its_own_lists_and_mapping_or_those_of_all(tmp_path: Path) -> None:
    us, eu, *_ = _load(tmp_path, FILE).connected()
    assert (us.lists, eu.lists) == ({"buyers": 1}, {"buyers": 2, "abandoned_cart": "Carts"})
    assert us.mapping["addresses[0].zip"] == "ZIP"
    assert eu.mapping == {"email": "email", "first_name": "VORNAME"}


def test_channels_are_told_to_the_folds_by_id(tmp_path: Path) -> None:
    store = _load(tmp_path, FILE).fold_settings().stores["h2"]
    assert store.channels == {"2": "outlet", "3": "3"}
    assert store.channel_lists == {"2": ("buyers",), "3": ()}


def test_every_setting_of_the_folds_changes_their_digest(tmp_path: Path) -> None:
    digests = {_load(tmp_path, FILE).fold_settings().digest()}
    changes = [
        "include_guests: true",
        "on_customer_deleted: delete",
        "consent: {unknown: leave}",
        "consent: {resubscribe: true}",
        "consent: {order_opt_in: true}",
        "carts: {min_items: 2}",
        "carts: {steps: [2h]}",
        "orders: {counted_statuses: [2, 10]}",
        "orders: {unexplained_after: 20m}",
        "webhooks: [{scope: store/order/updated, destination: changed}]",
        "customer_mapping: {email: email}",
    ]
    digests |= {_load(tmp_path, FILE + change).fold_settings().digest() for change in changes}
    assert len(digests) == len(changes) + 1


def test_secrets_and_addresses_do_not_change_the_digest_of_the_folds(tmp_path: Path) -> None:
    other = FILE.replace("t1", "t9") + "public_url: https://x.example.com\nsink: {mode: dry-run}\n"
    assert _load(tmp_path, other).fold_settings().digest() == _load(tmp_path, FILE).fold_settings().digest()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name: eu", "name: us", r'stores\[1\]\.name: found "us"; stores\[0\] has that name already'),
        (
            "store_hash: h2",
            "store_hash: h1",
            r'stores\[1\]\.store_hash: found "h1"; stores\[0\] has that store already',
        ),
        ("name: eu", "name: a/b", r'stores\[1\]\.name: found "a/b"; a name has letters, digits'),
        ("buyers: 3", "buyers: 2", r"stores\[1\]\.channels\.2\.lists\.buyers: found 2; stores\[1\]\.lists\.buyers is"),
        ("{2: {name", "{two: {name", r"stores\[1\]\.channels\.two"),
        (
            "api_key: other-key}}",
            "api_key: third-key, account: main}}",
            r'found "main"; that is the name of an account',
        ),
        ("api_key: main-key}}", "api_key: main-key, currency: CAD}}", r'found "CAD"; the account main reports in USD'),
        ("brevo: {api_key: main-key, currency: USD}\n", "", r"brevo\.api_key: it is missing, and stores\[0\] has no"),
    ],
)
def test_what_does_not_fit_together_is_told(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in FILE
    with pytest.raises(SettingsError, match=message):
        _load(tmp_path, FILE.replace(old, new, 1))


def test_rates_that_nobody_uses_are_told(tmp_path: Path) -> None:
    text = "rates: {EUR: 1.08}\nstores: [{store_hash: h, access_token: t, brevo: {api_key: k}}]\n"
    with pytest.raises(SettingsError, match="rates: no store reports to the account under `brevo`"):
        _load(tmp_path, text)


def test_a_switched_off_connector_leaves_no_store(tmp_path: Path) -> None:
    settings = _load(tmp_path, "connectors: {bigcommerce: {enabled: false, store_hash: h, access_token: t}}\n")
    assert settings.connected() == ()
    assert settings.accounts() == ()


def test_the_shared_header_is_the_same_for_every_component_and_changes_with_the_token(tmp_path: Path) -> None:
    first, second = (_load(tmp_path, FILE).connected()[0].webhook_secret for _ in range(2))
    other = _load(tmp_path, FILE.replace("t1", "t9")).connected()[0].webhook_secret
    assert first.get_secret_value() == second.get_secret_value() != other.get_secret_value()
    assert "t1" not in first.get_secret_value()
    own = FILE.replace("access_token: t1", "access_token: t1, webhook_secret: mine")
    assert _load(tmp_path, own).connected()[0].webhook_secret.get_secret_value() == "mine"


def test_a_broker_of_ones_own_has_32_partitions_and_three_copies(tmp_path: Path) -> None:
    embedded, own = _load(tmp_path, FILE), _load(tmp_path, FILE + "kafka: {bootstrap_servers: 'a:1,b:2'}\n")
    assert (embedded.partitions(), embedded.replication()) == (4, 1)
    assert (own.partitions(), own.replication()) == (32, 3)
    assert own.kafka_access() == Kafka("a:1,b:2")
    assert embedded.kafka_access("127.0.0.1:9") == Kafka("127.0.0.1:9")


def test_a_login_at_the_broker_is_handed_to_the_client(tmp_path: Path) -> None:
    kafka = "kafka: {bootstrap_servers: 'a:1', security_protocol: SASL_PLAINTEXT, sasl_username: u, sasl_password: p}\n"
    security = _load(tmp_path, FILE + kafka).kafka_access().security
    assert security == {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": "u",
        "sasl_plain_password": "p",
    }


def test_an_attribute_that_two_stores_of_an_account_fill_with_different_types_is_refused(tmp_path: Path) -> None:
    text = FILE.replace("first_name: VORNAME", "customer_group.name: CUSTOMER_GROUP")
    with pytest.raises(SettingsError) as caught:
        _load(tmp_path, text)
    assert (
        'stores[1].customer_mapping.customer_group.name: found "CUSTOMER_GROUP"; customer_mapping.customer_group_id '
        "maps values of type float to it and this is of type text, choose another attribute."
    ) in str(caught.value)
    other = text.replace("token: t2\n", "token: t2\n    brevo: {api_key: third-key}\n")
    assert len(_load(tmp_path, other).accounts()) == 3  # in another account it is another attribute
