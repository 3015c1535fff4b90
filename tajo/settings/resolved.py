"""The settings as the program uses them: stores with everything that applies to them, accounts, the folds' part."""

import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address
from typing import Any, Final

from aiokafka.helpers import create_ssl_context
from pydantic import PrivateAttr, SecretStr

from schemas import money
from schemas.settings import AccountSettings, CartSettings, FoldSettings, StoreSettings
from streams.access import Kafka
from tajo.settings.model import Channel, Credentials, Registry, Store

EMBEDDED_PARTITIONS: Final = 4
PARTITIONS: Final = 32
REPLICATION: Final = 3
AFTER_THE_FILE: Final = 1 << 20
"""Rank of every store that was connected through the control API: behind those of the file, whatever their number, so
that neither who comes nor who goes moves another one's. Among them the newest profile wins."""
CONTROL_API: Final = "the control API"  # where such a store stands, instead of a place in the file


@dataclass(frozen=True)
class ConnectedStore:
    """A store with what applies to it, its own or what the file says for all. ``rank``: its place among the stores."""

    name: str
    store_hash: str
    access_token: SecretStr
    client_id: str | None
    client_secret: SecretStr | None
    webhook_secrets: tuple[SecretStr, ...]
    previous_client_secret: SecretStr | None
    account: str
    rank: int
    lists: Mapping[str, int | str]
    mapping: Mapping[str, str]
    channels: Mapping[int, Channel]

    @property
    def webhook_secret(self) -> SecretStr:
        """What hooks are registered with; the gateway accepts all of ``webhook_secrets``."""
        return self.webhook_secrets[0]

    def client_secrets(self) -> tuple[SecretStr, ...]:
        """Keys of the signature, the present one first; none without one."""
        keys = (self.client_secret, self.previous_client_secret) if self.client_secret is not None else ()
        return tuple(key for key in keys if key is not None)


@dataclass(frozen=True)
class Account:
    """A Brevo account. ``currency``: empty means that of its first store. ``webhook_tokens``: the present one first."""

    name: str
    api_key: SecretStr
    currency: str
    rates: Mapping[str, str]
    webhook_tokens: tuple[SecretStr, ...]

    @property
    def webhook_token(self) -> SecretStr:
        return self.webhook_tokens[0]


class Settings(Registry):
    """The configuration, checked: made by `load`, and completed by `joined`."""

    _replaced: dict[str, Credentials] = PrivateAttr(default_factory=dict)
    _further: tuple[Store, ...] = PrivateAttr(default=())

    def joined(self, connections: Mapping[str, Store]) -> "Settings":
        """The file's, with these stores that were connected through the control API, by hash, in their order.

        Of one that stands in the file too, only the credentials are taken.
        """
        made = self.model_copy()
        made._replaced, made._further = {}, ()
        mine = {entry.store_hash for _path, entry in made.entries()}
        made._replaced = {key: store for key, store in connections.items() if key in mine}
        made._further = tuple(store for key, store in connections.items() if key not in mine)
        return made

    def was_joined(self, store_hash: str) -> bool:
        """Whether a store's credentials are those that the control API was given."""
        return store_hash in self._replaced or any(store.store_hash == store_hash for store in self._further)

    def connected(self) -> tuple[ConnectedStore, ...]:
        """The stores, in their order. The single form is a store named after its hash."""
        return tuple(
            self._connect(AFTER_THE_FILE if path[0] == CONTROL_API else rank, path, store)
            for rank, (path, store) in enumerate(self.entries())
        )

    def entries(self) -> Iterator[tuple[tuple[str | int, ...], Credentials]]:
        """Where a store stands in the file, and its entry."""
        single = self.connectors.bigcommerce
        if single is not None and single.enabled:
            yield ("connectors", "bigcommerce"), single
        for place, store in enumerate(self.stores):
            yield ("stores", place), store
        for store in self._further:
            yield (CONTROL_API, store.store_hash or ""), store

    def accounts(self) -> tuple[Account, ...]:
        """The Brevo accounts that stores report to, each once."""
        found: dict[str, Account] = {}
        for _path, entry in self.entries():
            name, key = self.account_of(entry)
            if name not in found and key is not None:
                found[name] = Account(name, key, *self._money_of(name), self._tokens_of(name, key))
        return tuple(found.values())

    def account_of(self, entry: Credentials) -> tuple[str, SecretStr | None]:
        """Name and key. Stores with the same key share the account that is named first."""
        own = entry.brevo if isinstance(entry, Store) else None
        if own is None or own.api_key == self.brevo.api_key:
            return self.brevo.account, self.brevo.api_key
        stores = (*self.stores, *self._further)
        sharing = (store for store in stores if store.brevo is not None and store.brevo.api_key == own.api_key)
        first = next(sharing, None)
        named = first.brevo.account if first is not None and first.brevo is not None else None
        return named or name_of(first or entry), own.api_key

    def fold_settings(self) -> FoldSettings:
        """What folds depend on; its digest tells versions of the tables apart."""
        stores = {store.store_hash: self._fold_store(store) for store in self.connected()}
        accounts = {
            one.name: AccountSettings(one.name, one.currency, dict(one.rates), self.consent.resubscribe)
            for one in self.accounts()
        }
        return FoldSettings(stores, accounts)

    def kafka_access(self, bootstrap_servers: str | None = None) -> Kafka:
        """How to reach the broker; ``bootstrap_servers``: of the embedded one, or of the command line."""
        servers = bootstrap_servers or self.kafka.bootstrap_servers
        if servers is None:
            raise ValueError("There are no bootstrap servers: the embedded broker has to be started first.")
        return Kafka(servers, self._security())

    def partitions(self) -> int:
        """Of every topic that has more than one."""
        return self.kafka.partitions or (PARTITIONS if self.kafka.bootstrap_servers else EMBEDDED_PARTITIONS)

    def replication(self) -> int:
        return self.kafka.replication or (REPLICATION if self.kafka.bootstrap_servers else 1)

    def sync_parts(self) -> frozenset[str]:
        """The enabled parts of `sync`."""
        return frozenset(name for name in type(self.sync).model_fields if getattr(self.sync, name))

    def event_names(self) -> dict[str, str]:
        """Scope -> name of its event, of those that `webhooks` lists."""
        return {webhook.scope: webhook.destination for webhook in self.webhooks}

    def _connect(self, rank: int, _path: tuple[str | int, ...], entry: Credentials) -> ConnectedStore:
        assert entry.store_hash is not None
        keys = self._replaced.get(entry.store_hash, entry)
        assert keys.access_token is not None
        own = entry if isinstance(entry, Store) else Store()
        return ConnectedStore(
            name=name_of(entry),
            store_hash=entry.store_hash,
            access_token=keys.access_token,
            client_id=keys.client_id,
            client_secret=keys.client_secret,
            webhook_secrets=header_secrets(keys, entry.store_hash),
            previous_client_secret=keys.previous_client_secret,
            account=self.account_of(entry)[0],
            rank=rank,
            lists=(own.lists or self.lists).configured(),
            mapping=own.customer_mapping or self.customer_mapping,
            channels=own.channels,
        )

    def _money_of(self, account: str) -> tuple[str, Mapping[str, str]]:
        """Reporting currency and rates of an account: those of `brevo`, or of the first store that names them."""
        if account == self.brevo.account:
            return self.brevo.currency or "", _texts(self.rates)
        owners = [entry for _path, entry in self.entries() if self.account_of(entry)[0] == account]
        own = [entry.brevo for entry in owners if isinstance(entry, Store) and entry.brevo is not None]
        currency = next((one.currency for one in own if one.currency), "")
        return currency, _texts(next((one.rates for one in own if one.rates), {}))

    def _tokens_of(self, account: str, api_key: SecretStr) -> tuple[SecretStr, ...]:
        """What makes a webhook that account's: configured or derived, and the one before."""
        owners = [entry for _path, entry in self.entries() if self.account_of(entry)[0] == account]
        own = [entry.brevo for entry in owners if isinstance(entry, Store) and entry.brevo is not None]
        named = [self.brevo] if account == self.brevo.account else own
        present = next((one.webhook_token for one in named if one.webhook_token), None)
        before = [one.previous_webhook_token for one in named if one.previous_webhook_token]
        before += [derived_token(one.previous_api_key, account) for one in named if one.previous_api_key]
        return (present or derived_token(api_key, account), *before)

    def _fold_store(self, store: ConnectedStore) -> StoreSettings:
        return StoreSettings(
            name=store.name,
            store_hash=store.store_hash,
            account=store.account,
            rank=store.rank,
            mapping=tuple(store.mapping.items()),
            lists=tuple(store.lists),
            include_guests=self.include_guests,
            channels={str(id_): channel.name or str(id_) for id_, channel in store.channels.items()},
            channel_lists={str(id_): tuple(channel.lists.configured()) for id_, channel in store.channels.items()},
            on_customer_deleted=self.on_customer_deleted,
            consent_unknown=self.consent.unknown,
            counted_statuses=tuple(sorted(set(self.orders.counted_statuses))),
            unexplained_after=self.orders.unexplained_after,
            order_opt_in=self.consent.order_opt_in,
            events=self.event_names(),
            carts=self._fold_carts(),
        )

    def _fold_carts(self) -> CartSettings:
        carts = self.carts
        return CartSettings(
            carts.steps, money.parse(str(carts.min_value)), carts.min_items, carts.max_age, carts.require_consent
        )

    def _security(self) -> dict[str, Any]:
        kafka = self.kafka
        if kafka.security_protocol == "PLAINTEXT":
            return {}
        keywords: dict[str, Any] = {"security_protocol": kafka.security_protocol}
        if kafka.security_protocol.endswith("SSL"):
            keywords["ssl_context"] = create_ssl_context(cafile=str(kafka.ssl_cafile) if kafka.ssl_cafile else None)
        if kafka.security_protocol.startswith("SASL") and kafka.sasl_password is not None:
            keywords["sasl_mechanism"] = kafka.sasl_mechanism
            keywords["sasl_plain_username"] = kafka.sasl_username
            keywords["sasl_plain_password"] = kafka.sasl_password.get_secret_value()
        return keywords


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def name_of(entry: Credentials) -> str:
    """The store's name; its hash unless it has one."""
    named = entry.name if isinstance(entry, Store) else None
    return named or entry.store_hash or ""


def derived_secret(access_token: SecretStr, store_hash: str) -> SecretStr:
    """The shared header's value when none is configured: the same for every component, and no use for the token."""
    key = access_token.get_secret_value().encode()
    return SecretStr(hmac.new(key, b"webhook header of " + store_hash.encode(), sha256).hexdigest())


def derived_token(api_key: SecretStr, account: str) -> SecretStr:
    """The secret in the address of Brevo's webhooks when none is configured; as ``derived_secret``."""
    key = api_key.get_secret_value().encode()
    return SecretStr(hmac.new(key, b"webhook address of " + account.encode(), sha256).hexdigest())


def header_secrets(keys: Credentials, store_hash: str) -> tuple[SecretStr, ...]:
    """What the shared header may hold: the present value first, then those that hooks may still carry.

    Among these is the derived one even where a value is given, since hooks had it before that was given.
    """
    tokens = (token for token in (keys.access_token, keys.previous_access_token) if token is not None)
    derived = [derived_secret(token, store_hash) for token in tokens]
    present = keys.webhook_secret or derived[0]
    before = [keys.previous_webhook_secret] if keys.previous_webhook_secret is not None else []
    return tuple(dict.fromkeys([present, *before, *derived]))


def _texts(rates: Mapping[str, Any]) -> dict[str, str]:
    return {currency: format(rate, "f") for currency, rate in rates.items()}
