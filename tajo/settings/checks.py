"""What single keys cannot tell: whether they fit together. Each check yields the path to blame, and a sentence."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from projections.attributes import attribute_type
from schemas.commands import AttributeType
from tajo.settings.document import Path, dotted
from tajo.settings.durations import show_duration
from tajo.settings.model import MAX_AGE_LIMIT, Credentials, CustomerMapping, Lists, Store
from tajo.settings.resolved import Settings, is_loopback, name_of
from tajo.settings.webhooks import RESERVED


class Finding(NamedTuple):
    path: Path
    sentence: str


def findings(settings: Settings) -> Iterator[Finding]:
    """All that is wrong. The stores have to be right before anything else is asked of them."""
    stores = list(_stores(settings))
    yield from stores
    for check in (_webhooks, _lists, _mappings, _carts, _rates, _kafka, _gateway, _worker):
        yield from check(settings)
    if not stores:
        yield from _accounts(settings)
        yield from _tokens(settings)
        yield from _attributes(settings)


def _stores(settings: Settings) -> Iterator[Finding]:
    single = settings.connectors.bigcommerce
    if single is None and not settings.stores and settings.encryption_key is None:
        sentence = "no store is configured; give it a store_hash and an access_token."
        yield Finding(("connectors", "bigcommerce"), sentence)
    if single is not None and single.enabled and settings.stores:
        yield Finding(("stores",), "found stores beside connectors.bigcommerce; move that store into the list.")
    names: dict[str, str] = {}
    hashes: dict[str, str] = {}
    for path, store in settings.entries():
        yield from _credentials(settings, path, store)
        yield from _once(hashes, store.store_hash or "", (*path, "store_hash"), "store")
        yield from _once(names, name_of(store), (*path, "name"), "name")
    keyless = [path for path, store in settings.entries() if settings.account_of(store)[1] is None]
    if keyless:
        yield Finding(
            ("brevo", "api_key"),
            f"it is missing, and {dotted(keyless[0])} has no account of its own; "
            "give it, or set the environment variable BREVO_API_KEY.",
        )


def _credentials(settings: Settings, path: Path, store: Credentials) -> Iterator[Finding]:
    for name in ("store_hash", "access_token"):
        if getattr(store, name) is None:
            variable = "TAJO_" + "__".join(str(part).upper() for part in (*path, name))
            sentence = f"it is missing; give it, or set the environment variable {variable}."
            yield Finding((*path, name), sentence)
    if settings.signature == "required" and store.client_secret is None:
        sentence = "it is missing, but `signature: required` checks with it; give it, or write if-present."
        yield Finding((*path, "client_secret"), sentence)


def _once(seen: dict[str, str], value: str, path: Path, what: str) -> Iterator[Finding]:
    if value and value in seen:
        yield Finding(path, f'found "{value}"; {seen[value]} has that {what} already, give each its own.')
    seen.setdefault(value, dotted(path[:-1]))


def _webhooks(settings: Settings) -> Iterator[Finding]:
    scopes: dict[str, str] = {}
    names: dict[str, str] = {}
    for place, webhook in enumerate(settings.webhooks):
        path: Path = ("webhooks", place)
        yield from _once(scopes, webhook.scope, (*path, "scope"), "scope")
        yield from _once(names, webhook.destination, (*path, "destination"), "destination")
        owner = RESERVED.get(webhook.destination, webhook.scope)
        if owner != webhook.scope:
            about = f"is the name for {owner}" if owner else "is the name of an event that no webhook brings"
            sentence = f'found "{webhook.destination}"; that {about}, choose another.'
            yield Finding((*path, "destination"), sentence)


def _lists(settings: Settings) -> Iterator[Finding]:
    yield from _apart([(("lists",), settings.lists)])
    for place, store in enumerate(settings.stores):
        path: Path = ("stores", place)
        own: list[tuple[Path, Lists]] = [((*path, "lists"), store.lists)] if store.lists else []
        channels = [((*path, "channels", id_, "lists"), channel.lists) for id_, channel in store.channels.items()]
        yield from _apart([*(own or [(("lists",), settings.lists)]), *channels] if own or channels else [])


def _apart(blocks: Iterable[tuple[Path, Lists]]) -> Iterator[Finding]:
    """Two purposes in one list: leaving one would take the contact out of the other."""
    seen: dict[int | str, str] = {}
    for path, lists in blocks:
        for purpose, target in lists.configured().items():
            if target in seen:
                sentence = f"found {target}; {seen[target]} is that list already, give each its own."
                yield Finding((*path, purpose), sentence)
            seen.setdefault(target, dotted((*path, purpose)))


def _mappings(settings: Settings) -> Iterator[Finding]:
    blocks: list[tuple[Path, CustomerMapping]] = [(("customer_mapping",), settings.customer_mapping)]
    for place, store in enumerate(settings.stores):
        blocks.append((("stores", place, "customer_mapping"), store.customer_mapping or {}))
    for head, mapping in blocks:
        seen: dict[str, str] = {}
        for source, target in mapping.items():
            path = (*head, source)
            if target == "email" and source != "email":
                sentence = 'found "email"; a contact is known by the path email only, map this one to an attribute.'
                yield Finding(path, sentence)
            elif target in seen:
                yield Finding(path, f'found "{target}"; {seen[target]} is mapped to it already, choose another.')
            seen.setdefault(target, source)


def _attributes(settings: Settings) -> Iterator[Finding]:
    """One attribute with values of two types: Brevo would drop those of one of them, without saying so."""
    seen: dict[tuple[str, str], tuple[AttributeType, str]] = {}
    told: set[Finding] = set()  # stores that share a mapping share its troubles
    for head, entry in settings.entries():
        account, _ = settings.account_of(entry)
        own = entry.customer_mapping if isinstance(entry, Store) else None
        path: Path = (*head, "customer_mapping") if own is not None else ("customer_mapping",)
        for source, target in (settings.customer_mapping if own is None else own).items():
            kind = attribute_type(source, target)
            other, where = seen.setdefault((account, target), (kind, dotted((*path, source))))
            if kind != other:
                sentence = f'found "{target}"; {where} maps values of type {other} to it and this is of type {kind}, '
                told.add(Finding((*path, source), sentence + "choose another attribute."))
    yield from sorted(told)


def _carts(settings: Settings) -> Iterator[Finding]:
    carts, steps = settings.carts, settings.carts.steps
    oldest, last = show_duration(carts.max_age), show_duration(steps[-1])
    if carts.max_age >= MAX_AGE_LIMIT:
        sentence = f"found {oldest}; carts are kept in full for 14 days, so it has to be less."
        yield Finding(("carts", "max_age"), sentence)
    for place, (earlier, later) in enumerate(pairwise(steps), start=1):
        if later <= earlier:
            sentence = f"found {show_duration(later)} after {show_duration(earlier)}; write them in rising order."
            yield Finding(("carts", "steps", place), sentence)
    if max(steps) == steps[-1] > carts.max_age:
        sentence = f"found {last}; it is later than carts.max_age, {oldest}, so it would never come."
        yield Finding(("carts", "steps", len(steps) - 1), sentence)


def _rates(settings: Settings) -> Iterator[Finding]:
    used = any(account.name == settings.brevo.account for account in settings.accounts())
    if settings.rates and settings.stores and not used:
        sentence = "no store reports to the account under `brevo`; write rates under the stores' brevo blocks."
        yield Finding(("rates",), sentence)


def _kafka(settings: Settings) -> Iterator[Finding]:
    kafka = settings.kafka
    protocol = f"security_protocol {kafka.security_protocol}"
    if kafka.security_protocol.startswith("SASL"):
        for name in ("sasl_username", "sasl_password"):
            if getattr(kafka, name) is None:
                yield Finding(("kafka", name), f"it is missing; {protocol} logs in with it.")
    if kafka.bootstrap_servers is None and kafka.security_protocol != "PLAINTEXT":
        yield Finding(("kafka", "bootstrap_servers"), f"it is missing; {protocol} is for brokers of your own.")
    if kafka.ssl_cafile is not None and not kafka.ssl_cafile.is_file():
        sentence = f'found "{kafka.ssl_cafile}"; there is no such file, mount it or correct the path.'
        yield Finding(("kafka", "ssl_cafile"), sentence)


def _gateway(settings: Settings) -> Iterator[Finding]:
    gateway = settings.gateway
    if gateway.control == "loopback" and not is_loopback(gateway.host):
        sentence = f'found "loopback", but gateway.host is {gateway.host}; listen on 127.0.0.1, or write token.'
        yield Finding(("gateway", "control"), sentence)
    for name, other in (("tls_certificate", "tls_key"), ("tls_key", "tls_certificate")):
        file = getattr(gateway, name)
        if file is None and getattr(gateway, other) is not None:
            yield Finding(("gateway", name), f"it is missing; gateway.{other} is of no use without it.")
        if file is not None and not file.is_file():
            yield Finding(("gateway", name), f'found "{file}"; there is no such file, mount it or correct the path.')


def _worker(settings: Settings) -> Iterator[Finding]:
    processes, most = settings.worker.processes, settings.partitions()
    if processes > most:
        sentence = f"found {processes}; topics have {most} partitions, so no more than {most} would have work to do."
        yield Finding(("worker", "processes"), sentence)


def _tokens(settings: Settings) -> Iterator[Finding]:
    owners: dict[str, str] = {}
    for account in settings.accounts():
        for token in {token.get_secret_value() for token in account.webhook_tokens}:
            if owners.setdefault(token, account.name) != account.name:
                sentence = f"account {owners[token]} has that token already, give each its own."
                yield Finding(_token_path(settings, account.name), sentence)


def _token_path(settings: Settings, account: str) -> Path:
    """Where an account's token stands; of several stores that share it, the first."""
    if account == settings.brevo.account:
        return ("brevo", "webhook_token")
    paths = [path for path, entry in settings.entries() if settings.account_of(entry)[0] == account]
    return (*paths[0], "brevo", "webhook_token")


def _accounts(settings: Settings) -> Iterator[Finding]:
    keys: dict[str, str] = {}
    currencies: dict[str, str] = {}
    if settings.brevo.currency is not None:
        currencies[settings.brevo.account] = settings.brevo.currency
    for path, entry in settings.entries():
        name, key = settings.account_of(entry)
        secret = key.get_secret_value() if key is not None else ""
        if keys.setdefault(name, secret) != secret:
            sentence = f'found "{name}"; that is the name of an account with another api_key, give each its own.'
            yield Finding((*path, "brevo", "account"), sentence)
        own = entry.brevo.currency if isinstance(entry, Store) and entry.brevo is not None else None
        if own is not None and currencies.setdefault(name, own) != own:
            sentence = f'found "{own}"; the account {name} reports in {currencies[name]}, and it has one currency.'
            yield Finding((*path, "brevo", "currency"), sentence)
