"""The components, made from the settings: gateway, enricher, folds and sink. `tajo up`, `tajo demo` and each command of
its own run the same ones."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from aiokafka import AIOKafkaProducer
from starlette.applications import Starlette

from connectors.bigcommerce import hooks
from connectors.bigcommerce.client import Client as StoreClient
from connectors.brevo import hooks as brevo_hooks
from connectors.brevo import schema
from connectors.brevo.account import Account as BrevoAccount
from connectors.brevo.errors import BrevoError
from connectors.clock import Clock, SystemClock
from gateway.app import create_app
from gateway.config import SECRET_HEADER, AccountTrust, GatewayConfig, StoreTrust
from gateway.control.app import Control
from gateway.fleet import Place
from schemas import topics
from schemas.requests import Request
from schemas.settings import FoldSettings
from streams import topology
from streams.access import Kafka
from streams.enrich.owner import EnrichOwner
from streams.enrich.settings import EnrichSettings, HooksWanted, StoreConnection
from streams.flow import Flow
from streams.names import Names
from streams.role import Role
from streams.sink.owner import SinkOwner
from streams.sink.settings import Destination, Timings
from tajo import topics as broker_topics
from tajo.attributes import attribute_types
from tajo.persistence import until_it_works
from tajo.settings import Account, ConnectedStore, Settings

if TYPE_CHECKING:
    from streams.engine import Engine

VERSION = "v1"


@dataclass
class Components:
    """``kafka``: where the broker is. ``clock``: given to every component. ``flow``: shared by those of one process.

    ``worker``: which of ``workers`` gateway processes it is, where several share a port. ``process``: which of a
    worker's processes.
    """

    settings: Settings
    kafka: Kafka
    clock: Clock = field(default_factory=SystemClock)
    flow: Flow = field(default_factory=Flow)
    version: str = VERSION
    timings: Timings = field(default_factory=Timings)
    worker: int = 0
    workers: int = 1
    process: int = 0

    @property
    def names(self) -> Names:
        return Names(version=self.version, prefix=self.settings.kafka.prefix or "")

    @property
    def data_dir(self) -> Path:
        return self.settings.data_dir

    def fold_settings(self) -> FoldSettings:
        return self.settings.fold_settings()

    # --- what has to be there before ----------------------------------------------------------------------------------

    async def apply_topics(self, *, dry_run: bool = False) -> broker_topics.Diff:
        """Creates the topics that lack. Raises PartitionsFixed, BrokerUnreachable, TopicsError."""
        return await self._apply(topology.catalogue(self.names), dry_run)

    async def apply_version(self, names: Names) -> broker_topics.Diff:
        """The topics of one version of the folds only."""
        return await self._apply(topology.version_topics(names), dry_run=False)

    async def _apply(self, catalogue: list[topics.Topic], dry_run: bool) -> broker_topics.Diff:
        prefix = self.names.prefix
        named = [msgspec.structs.replace(topic, name=prefix + topic.name) for topic in catalogue]
        return await broker_topics.apply(
            self.kafka,
            named,
            partitions=self.settings.partitions(),
            replication=self.settings.replication(),
            dry_run=dry_run,
        )

    async def ensure_hooks(self) -> dict[str, hooks.Plan]:
        """Makes each store's webhooks what they should be; store hash -> what was done. {} without `public_url`."""
        done = {}
        for store in self.settings.connected():
            if (wanted := self.hooks_wanted(store)) is None:
                return {}
            async with self.store_client(store) as client:
                done[store.store_hash] = await hooks.ensure_hooks(
                    client, scopes=wanted.scopes, public_url=wanted.public_url, headers=wanted.headers
                )
        return done

    def hooks_wanted(self, store: ConnectedStore) -> HooksWanted | None:
        """None without `public_url`. Raises WildcardScope."""
        if self.settings.public_url is None:
            return None
        return HooksWanted(
            tuple(hooks.wanted_scopes(self.settings.sync_parts(), self.settings.event_names())),
            self.settings.public_url,
            {SECRET_HEADER: store.webhook_secret.get_secret_value()},
        )

    async def ensure_brevo_hooks(self) -> dict[str, brevo_hooks.Plan]:
        """Makes each account's webhooks what they should be; its name -> what was done.

        {} without `public_url`, and in a dry run.
        """
        if self.settings.public_url is None or self.settings.sink.mode == "dry-run":
            return {}
        done = {}
        for account in self.settings.accounts():
            async with self.account_client(account) as client:
                done[account.name] = await brevo_hooks.ensure_hooks(
                    client,
                    account_name=account.name,
                    public_url=self.settings.public_url,
                    token=account.webhook_token.get_secret_value(),
                )
        return done

    @asynccontextmanager
    async def account_client(self, account: Account) -> AsyncIterator[BrevoAccount]:
        client = BrevoAccount(
            api_key=account.api_key.get_secret_value(), clock=self.clock, base_url=self.settings.brevo.base_url
        )
        try:
            yield client
        finally:
            await client.close()

    @asynccontextmanager
    async def store_client(self, store: ConnectedStore) -> AsyncIterator[StoreClient]:
        client = StoreClient(
            store.store_hash,
            store.access_token.get_secret_value(),
            clock=self.clock,
            base_url=self.settings.bigcommerce.base_url,
        )
        try:
            yield client
        finally:
            await client.close()

    async def request(self, request: Request) -> None:
        """Asks a store's owner for something; durable when it returns."""
        producer = AIOKafkaProducer(**self.kafka.client(), acks="all", enable_idempotence=True)
        try:
            await producer.start()
            value = msgspec.json.encode(request)
            await producer.send_and_wait(self.names.topic(topics.REQUEST), value, key=request.store.encode())
        finally:
            await producer.stop()
        self.flow.written(topics.REQUEST)

    # --- the components -----------------------------------------------------------------------------------------------

    def trusted(self, settings: Settings | None = None) -> tuple[StoreTrust, ...]:
        """Whose deliveries the gateway takes, with the settings of this moment."""
        settings = settings or self.settings
        names = settings.event_names()
        return tuple(
            StoreTrust(
                store.store_hash,
                secrets=tuple(secret.get_secret_value() for secret in store.webhook_secrets),
                client_secrets=tuple(secret.get_secret_value() for secret in store.client_secrets()),
                signature=settings.signature,
                event_names=names,
            )
            for store in settings.connected()
        )

    def trusted_accounts(self, settings: Settings | None = None) -> tuple[AccountTrust, ...]:
        """Whose opt-outs the gateway takes, likewise."""
        return tuple(
            AccountTrust(account.name, tuple(token.get_secret_value() for token in account.webhook_tokens))
            for account in (settings or self.settings).accounts()
        )

    def gateway(self, spool: Path | None = None, control: Control | None = None) -> Starlette:
        settings = self.settings
        place = Place(self.data_dir, self.worker, self.workers)
        path = spool or place.spool()
        path.parent.mkdir(parents=True, exist_ok=True)
        config = GatewayConfig(
            self.trusted(),
            path,
            self.trusted_accounts(),
            orphans=() if spool else tuple(place.orphans()),
            place=place,
            spool_limit=settings.gateway.spool_limit,
            topic_prefix=settings.kafka.prefix or "",
        )
        return create_app(
            config, self.kafka.bootstrap_servers, self.clock, self.flow, security=self.kafka.security, control=control
        )

    def fold_roles(self, settings: FoldSettings | None = None) -> list[Role]:
        """``settings``: what the tables go on with (streams.versions.admit), if it is more than is configured."""
        return topology.fold_roles(settings or self.fold_settings(), self.clock)

    def store_connections(self) -> dict[str, StoreConnection]:
        """By store hash."""
        return {
            store.store_hash: StoreConnection(
                store.store_hash,
                store.access_token.get_secret_value(),
                self.settings.bigcommerce.base_url,
                self.settings.sync_parts(),
            )
            for store in self.settings.connected()
        }

    def enrich_role(self, *, watch: bool = False) -> Role:
        """``watch``: it also keeps up the webhooks of its stores, and has found again what was missed without them."""
        connections = self.store_connections()
        if watch:
            for store in self.settings.connected():
                known = connections[store.store_hash]
                connections[store.store_hash] = replace(known, hooks=self.hooks_wanted(store))
        settings = EnrichSettings(
            connections,
            reconcile_every_ms=self.settings.reconcile.every,
            reconcile_overlap_ms=self.settings.orders.unexplained_after + 5 * 60_000,
        )
        return topology.ENRICH.role(lambda parts: EnrichOwner(parts, settings, self.clock))

    @asynccontextmanager
    async def destinations(self) -> AsyncIterator[dict[str, Destination]]:
        """The Brevo accounts, checked and completed: attributes and lists are there. Raises SchemaError.

        While an account does not answer, or refuses the key or our address, it is tried again each minute: an expired
        key is an everyday event, and what comes in meanwhile waits in the log.
        """
        dry = self.settings.sink.mode == "dry-run"
        async with contextlib.AsyncExitStack() as stack:
            found = {}
            for account in self.settings.accounts():
                brevo = await stack.enter_async_context(self.account_client(account))
                stores = [store for store in self.settings.connected() if store.account == account.name]
                prepared = await until_it_works(
                    partial(
                        schema.prepare,
                        brevo,
                        attributes=attribute_types(stores),
                        lists=_list_targets(stores),
                        create=not dry,
                    ),
                    what=f"Brevo account {account.name}",
                    cured_by_waiting=(BrevoError,),
                    clock=self.clock,
                )
                found[account.name] = Destination(
                    brevo,
                    prepared.lists,
                    "dry-run" if dry else "live",
                    attributes=prepared.attributes,
                    resubscribe=self.settings.consent.resubscribe,
                )
            yield found

    def sink_role(self, destinations: Mapping[str, Destination]) -> Role:
        return topology.SINK.role(lambda parts: SinkOwner(parts, destinations, self.clock, timings=self.timings))

    def engine(self, group: str, roles: list[Role]) -> "Engine":
        """One member of the consumer group ``group`` that runs ``roles``."""
        from streams.engine import Engine  # brings Faust, which the gateway and most commands never need

        return Engine(
            self.names.group(group),
            roles,
            kafka=self.kafka,
            names=self.names,
            partitions=self.settings.partitions(),
            counts={self.names.topic(topics.PROJECTION): 1},
            data_dir=self.data_dir / (f"tables-{self.process}" if self.process else "tables"),
            flow=self.flow,
        )


def _list_targets(stores: list[ConnectedStore]) -> dict[str, int | str]:
    """List key, as commands name it -> id or name of the list."""
    targets: dict[str, int | str] = {}
    for store in stores:
        targets |= {f"{store.name}:{purpose}": target for purpose, target in store.lists.items()}
        for channel_id, channel in store.channels.items():
            own = channel.lists.configured()
            targets |= {f"{store.name}:{channel_id}:{purpose}": target for purpose, target in own.items()}
    return targets
