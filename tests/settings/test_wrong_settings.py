"""What is wrong is told before anything starts: file, line, key, the value found, and the cure."""

from pathlib import Path

import pytest

from tajo.errors import SettingsError, exit_code
from tajo.settings import load

KEY = {"BREVO_API_KEY": "xkeysib-1"}
STORE = "connectors: {bigcommerce: {store_hash: h1, access_token: t0ken}}\n"


def _told(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> str:
    """The message for a file that starts with a good store; its lines count from 2."""
    file = tmp_path / "tajo.yml"
    file.write_text(STORE + text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load(file, KEY if environ is None else environ)
    assert exit_code(caught.value) == 2
    return str(caught.value).replace(str(file), "tajo.yml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sync: {oders: true}", "tajo.yml, line 2: sync.oders: this key is not known here; did you mean orders?"),
        ("\nsnyc: {}", "tajo.yml, line 3: snyc: this key is not known here; did you mean sync?"),
        ("sync: {orders: maybe}", 'sync.orders: found "maybe"; it has to be true or false.'),
        ("sync: [orders]", "sync: found a list; it has to be a block of keys."),
        ("sink: {mode: dry}", "sink.mode: found \"dry\"; it has to be 'live' or 'dry-run'."),
        ("lists: {buyers: 0}", "lists.buyers: found 0; it has to be the id of a list at Brevo, a whole number above 0"),
        ("lists: {buyers: -3}", "lists.buyers: found -3; it has to be the id"),
        ("lists: {buyers: true}", "lists.buyers: found true; it has to be the id"),
        ("lists: {buyers: '41'}", 'lists.buyers: found "41"; it is a number in quotes: write it without them'),
        ("lists: {buyers: 4.5}", "lists.buyers: found 4.5; it has to be the id"),
        ("lists: {a: 1}", "lists.a: this key is not known here; there are all_customers, buyers, abandoned_cart."),
        ("lists: {buyers: 41, all_customers: 41}", "lists.buyers: found 41; lists.all_customers is that list already"),
        (
            "customer_mapping:\n  email: email\n  adresses[0].city: CITY",
            'tajo.yml, line 4: customer_mapping.adresses[0].city: found "adresses[0].city"; '
            "adresses is no field that BigCommerce documents there: did you mean addresses?",
        ),
        ("customer_mapping: {addresses: A}", "leads to a list of objects: choose one of them and a field, as [0]."),
        ("customer_mapping: {'first_name[': A}", "the path is no JMESPath expression"),
        ("customer_mapping: {first_name: Vorname}", 'found "Vorname"; a Brevo attribute has capital letters, digits'),
        ("customer_mapping: {first_name: Vor-name}", "write VOR_NAME."),
        (f"customer_mapping: {{first_name: {'A' * 51}}}", "at most 50 of them"),
        ("customer_mapping: {first_name: A, last_name: A}", 'last_name: found "A"; first_name is mapped to it already'),
        ("customer_mapping: {phone: EMAIL}", "a contact is known by the path email only"),
        (
            "webhooks:\n  - {scope: store/custmer/created, destination: x}",
            'line 3: webhooks[0].scope: found "store/custmer/created"; it is no scope that BigCommerce documents: '
            "did you mean store/customer/created?",
        ),
        ("webhooks: [{scope: store/cart/*, destination: x}]", "concrete scopes are registered, never wildcards"),
        ("webhooks: [{scope: store/order/created}]", "webhooks[0].destination: it is missing; give it a value."),
        ("webhooks: [{scope: store/order/created, destination: a b}]", "an event's name has letters, digits, _ and -"),
        (
            "webhooks:\n- {scope: store/order/created, destination: x}\n- {scope: store/order/updated, destination: x}",
            'line 4: webhooks[1].destination: found "x"; webhooks[0] has that destination already, give each its own.',
        ),
        (
            "webhooks:\n- {scope: store/order/created, destination: x}\n- {scope: store/order/created, destination: y}",
            'webhooks[1].scope: found "store/order/created"; webhooks[0] has that scope already',
        ),
        (
            "webhooks: [{scope: store/order/updated, destination: order_placed}]",
            'found "order_placed"; that is the name for store/order/created, choose another.',
        ),
        ("webhooks: [{scope: store/order/updated, destination: cart_recovered}]", "an event that no webhook brings"),
        ("carts: {max_age: 5}", "carts.max_age: found 5; it has to be a span of time with its unit, as 30s, 5m, 1h"),
        ("carts: {max_age: 0d}", 'carts.max_age: found "0d"; it has to be a span of time'),
        (
            "carts: {max_age: 14d}",
            "carts.max_age: found 14d; carts are kept in full for 14 days, so it has to be less.",
        ),
        ("carts: {steps: []}", "carts.steps: found a list; the list must not be empty."),
        ("carts: {steps: 1h}", "carts.steps: found a single value; it has to be a list, as [a, b]."),
        ("carts: {steps: [2h, 1h]}", "carts.steps[1]: found 1h after 2h; write them in rising order."),
        (
            "carts: {steps: [8d]}",
            "carts.steps[0]: found 8d; it is later than carts.max_age, 7d, so it would never come.",
        ),
        ("carts: {min_value: -1}", "carts.min_value: found -1; it has to be a number that is not negative"),
        ("carts: {min_value: 0.00001}", "money has at most four decimals"),
        ("rates: {eur: 1.08}", 'rates.eur: found "eur"; a currency is three capital letters, as EUR.'),
        ("rates: {EUR: 0}", "rates.EUR: found 0; a rate has to be greater than 0."),
        ("orders: {counted_statuses: [77]}", "77 is no order status: there are 0 to 14 (docs/order-statuses.md)."),
        ("orders: {counted_statuses: [0]}", "status 0, Incomplete, never counts"),
        ("public_url: http://shop.example.com", "it has to be an https address without query"),
        ("public_url: https://shop.example.com:8443/x", "BigCommerce delivers webhooks to port 443 only"),
        ("kafka: {bootstrap_servers: localhost}", 'found "localhost"; it has to be host:port'),
        ("kafka: {partitions: 0}", "kafka.partitions: found 0; it has to be a whole number of at least 1."),
        ("kafka: {security_protocol: SASL_SSL, bootstrap_servers: 'b:9092'}", "kafka.sasl_password: it is missing"),
        ("kafka: {security_protocol: SSL}", "kafka.bootstrap_servers: it is missing"),
        ("kafka: {ssl_cafile: /no/such/ca.pem}", 'found "/no/such/ca.pem"; there is no such file'),
        ("worker: {processes: 5}", "worker.processes: found 5; topics have 4 partitions, so no more than 4 would have"),
        ("gateway: {port: 99999}", "gateway.port: found 99999; it has to be less than or equal to 65535."),
        ("gateway: {spool_limit: 5}", "it has to be a size with its unit, as 64KiB, 256MiB or 1GiB."),
        ("signature: required", "connectors.bigcommerce.client_secret: it is missing, but `signature: required`"),
        ("stores: [{store_hash: h2, access_token: t}]", "stores: found stores beside connectors.bigcommerce; move"),
        ("sync: {orders: true}\nsync: {}", "line 3: sync: the key stands already in line 2; keep one of them."),
        ("sync: {orders: true", "this is not YAML: "),
        ("sync: &a {orders: *a}", "sync.orders: an alias leads to a block that it stands in"),
        ("sync: {<<: {orders: true}}", "merge keys (<<) are not understood"),
        ("? [a]\n: 1", "a key has to be plain text."),
        ("brevo: {rates: {}}", "brevo.rates: this key is not known here; there are account, api_key"),
    ],
)
def test_a_wrong_value_is_told_with_its_place_and_the_cure(tmp_path: Path, text: str, message: str) -> None:
    assert message in _told(tmp_path, text)


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    told = _told(tmp_path, "sync: {oders: true}\ncarts: {max_age: 5}\n", {**KEY, "TAJO_SINK__MOD": "live"})
    assert [line.split(": ")[0] for line in told.splitlines()] == [
        "environment variable TAJO_SINK__MOD",
        "tajo.yml, line 2",
        "tajo.yml, line 3",
    ]


def test_a_missing_brevo_key_names_both_ways_to_give_it(tmp_path: Path) -> None:
    told = _told(tmp_path, "", {})
    assert "brevo.api_key: it is missing, and connectors.bigcommerce has no account of its own" in told
    assert "BREVO_API_KEY" in told


def test_without_any_store_nothing_starts(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"connectors\.bigcommerce: no store is configured; give it a store_hash"):
        load(None, KEY)


def test_a_store_without_a_token_names_the_variable_too(tmp_path: Path) -> None:
    file = tmp_path / "tajo.yml"
    file.write_text("connectors: {bigcommerce: {store_hash: h1}}", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"access_token: it is missing.*TAJO_CONNECTORS__BIGCOMMERCE__ACCESS_TOKEN"):
        load(file, KEY)


def test_a_store_hash_of_digits_has_to_be_in_quotes(tmp_path: Path) -> None:
    file = tmp_path / "tajo.yml"
    file.write_text("connectors: {bigcommerce: {store_hash: 0123, access_token: t}}", encoding="utf-8")
    with pytest.raises(SettingsError, match="it has to be text: put it in quotes, so that no zero is lost"):
        load(file, KEY)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.yml: there is no such file; name another with -c"):
        load(tmp_path / "nowhere.yml", KEY)


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin.yml").write_bytes(b"public_url: \xe4\n")
    with pytest.raises(SettingsError, match=r"latin\.yml: the file cannot be read .*it has to be UTF-8"):
        load(tmp_path / "latin.yml", KEY)


@pytest.mark.parametrize(
    "text",
    [
        "brevo: {api_kay: xkeysib-secret}",
        "brevo: xkeysib-secret",
        "brevo: [xkeysib-secret]",
        "brevo: {api_key: {x: xkeysib-secret}}",
        "stores: xkeysib-secret",
        "stores: [xkeysib-secret]",
        "kafka: {sasl_password: [xkeysib-secret]}",
        "connectors: xkeysib-secret",
    ],
)
def test_no_message_shows_what_may_be_a_secret(tmp_path: Path, text: str) -> None:
    file = tmp_path / "tajo.yml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load(file, {})
    assert "xkeysib-secret" not in str(caught.value)


def test_settings_do_not_show_secrets(tmp_path: Path) -> None:
    file = tmp_path / "tajo.yml"
    file.write_text(STORE, encoding="utf-8")
    settings = load(file, {"BREVO_API_KEY": "xkeysib-secret"})
    shown = repr(settings) + repr(settings.connected()) + repr(settings.accounts()) + settings.model_dump_json()
    assert "xkeysib-secret" not in shown
    assert "t0ken" not in shown
