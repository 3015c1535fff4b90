"""Tokens and connected stores of a running gateway: followed in the log, so that what changes counts at once."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import msgspec
from starlette.applications import Starlette

from gateway.control.app import Control
from gateway.control.models import Connect, Connected, Connector, Connectors, Disconnected
from gateway.errors import Declined
from schemas import topics
from schemas.connections import Connection, Credentials, key_of_store
from schemas.errors import TajoError
from streams.following import Follower, ended
from tajo.access import register, tokens
from tajo.access.accounts import account_for
from tajo.access.checking import check
from tajo.access.joining import misfit, store_of, stores_of, vault_of
from tajo.access.register import Register
from tajo.components import Components
from tajo.errors import BrokerUnreachable, NoEncryptionKey, RegisterUnavailable
from tajo.settings import ConnectedStore, Settings

log = logging.getLogger("tajo")


@asynccontextmanager
async def controlled(made: Components, *, patience: float = 2.0) -> AsyncIterator[Starlette]:
    """The gateway with its control API, while what is connected is followed.

    ``patience``: seconds for Kafka to say what is connected, before deliveries are taken. Without an answer those of
    the file's stores are, and others are refused until it comes; BigCommerce repeats them.
    """
    access = LiveAccess(made)
    app = made.gateway(control=Control(access, access, made.settings.gateway.control))

    def use(joined: Settings) -> None:
        app.state.endpoint.use(made.trusted(joined))
        app.state.events.use(made.trusted_accounts(joined))

    following = asyncio.create_task(access.run(use))
    following.add_done_callback(_told)
    try:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(access.loaded(), patience)
        yield app
    finally:
        await ended(following)


def _told(following: "asyncio.Task[None]") -> None:
    if not following.cancelled() and (error := following.exception()) is not None:
        log.critical("Changes of tokens and stores are not followed any more: start the gateway anew.", exc_info=error)


class LiveAccess:
    """What the control API asks (gateway.control.ports, Tokens and Stores). ``made.settings``: those of the file."""

    def __init__(self, made: Components) -> None:
        self._made, self._file, self._vault = made, made.settings, vault_of(made.settings)
        self._register = Register()
        self._follower = Follower(made.kafka, made.names.topic(topics.CONNECTION), self._heard)
        self._changing = asyncio.Lock()
        self._joined: Callable[[Settings], None] = lambda _: None
        self.settings = made.settings

    async def run(self, joined: Callable[[Settings], None]) -> None:
        """Until cancelled. ``joined`` is given the settings with the connected stores, at first and at each change."""
        self._joined = joined
        await self._follower.run()

    def _heard(self, content: Mapping[bytes, bytes]) -> None:
        self._register.update(content)
        settings = self._file.joined(stores_of(self._register, self._file))
        if settings != self.settings:
            try:
                self._joined(settings)
            except TajoError as error:
                log.error("A change of the connected stores is not taken in: %s", error)
                return
            self.settings = settings

    # --- tokens -------------------------------------------------------------------------------------------------------

    async def loaded(self) -> None:
        """Returns once tokens and stores have been read."""
        await self._follower.loaded.wait()

    @property
    def known(self) -> bool:
        return self._follower.loaded.is_set()

    def holder(self, presented: str) -> str | None:
        found = tokens.holder(self._register.tokens, presented)
        return found.name if found is not None else None

    # --- stores -------------------------------------------------------------------------------------------------------

    def listed(self) -> Connectors:
        return Connectors(connectors=[self._connector(store) for store in self.settings.connected()])

    async def connect(self, wish: Connect) -> Connected:
        async with self._changing:
            connection, credentials = self._prepared(wish)
            found = await check(wish, base_url=self._file.bigcommerce.base_url, clock=self._made.clock)
            replaced = self._store(wish.store_hash) is not None
            sealed = msgspec.structs.replace(connection, sealed=self._vault.seal(credentials))
            await self._write(sealed.key, msgspec.json.encode(sealed))
        store = self._store(wish.store_hash)
        assert store is not None
        return Connected(
            connector=self._connector(store), store_name=found.name, currency=found.currency, replaced=replaced
        )

    async def disconnect(self, store_hash: str) -> Disconnected:
        async with self._changing:
            self._known_or_declined()
            if store_hash not in self._register.connections:
                where = "; the configuration file has it, take it out there" if self._store(store_hash) else ""
                raise Declined(404, f"No store {store_hash} was connected by the control API{where}.")
            await self._write(key_of_store(store_hash), None)
        return Disconnected(store_hash=store_hash, remains=self._store(store_hash) is not None)

    def _prepared(self, wish: Connect) -> tuple[Connection, Credentials]:
        """What is to be kept, not sealed yet. Raises Declined before anybody outside is asked."""
        self._known_or_declined()
        before, present = self._register.connections.get(wish.store_hash), self._store(wish.store_hash)
        name = before.name if before else present.name if present else wish.name or wish.store_hash
        if wish.name not in (None, name):
            raise Declined(409, f"The store is named {name}, and a name leads the ids of order records: leave it so.")
        account, brevo_api_key = account_for(wish, before, self.settings, self._file, self._vault, name)
        connection = Connection(
            store_hash=wish.store_hash,
            name=name,
            sealed="",
            connected_at=before.connected_at if before else self._made.clock.now(),
            account=account,
        )
        credentials = Credentials(
            store_hash=wish.store_hash,
            access_token=wish.access_token.get_secret_value(),
            client_id=wish.client_id,
            client_secret=wish.client_secret.get_secret_value() if wish.client_secret else "",
            webhook_secret=present.webhook_secret.get_secret_value() if present else secrets.token_hex(32),
            brevo_api_key=brevo_api_key,
        )
        if trouble := misfit(self._file, store_of(connection, credentials)):
            raise Declined(409, f"The store cannot be connected: {trouble}")
        try:
            self._vault.seal(credentials)
        except NoEncryptionKey as error:
            raise Declined(409, str(error)) from None
        return connection, credentials

    async def _write(self, key: bytes, value: bytes | None) -> None:
        try:
            await register.write(self._made.kafka, self._made.names, {key: value})
        except (RegisterUnavailable, BrokerUnreachable) as error:
            raise Declined(503, str(error)) from error
        self._follower.heard(key, value)

    def _known_or_declined(self) -> None:
        if not self.known:
            raise Declined(503, "What is connected has not been read from Kafka yet: try again in a moment.")

    def _store(self, store_hash: str) -> ConnectedStore | None:
        return next((store for store in self.settings.connected() if store.store_hash == store_hash), None)

    def _connector(self, store: ConnectedStore) -> Connector:
        return Connector(
            type="bigcommerce",
            store_hash=store.store_hash,
            name=store.name,
            source="control API" if self.settings.was_joined(store.store_hash) else "configuration",
        )
