"""The demo's stage: emulators and the whole pipeline in one process, on one clock that stands while they work."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from emulators import cdnow
from emulators.bigcommerce import BigCommerce
from emulators.bigcommerce.store import Store
from emulators.brevo import Brevo
from emulators.clock import StandingClock
from emulators.server import Server
from streams import versions
from streams.engine import Engine
from streams.enrich.owner import EnrichOwner
from streams.sink.owner import SinkOwner
from streams.sink.settings import Destination
from tajo.components import Components
from tajo.demo.broker import Place
from tajo.kafka.ports import free_port
from tajo.running import running
from tajo.settings import load

STORE_HASH = "tj4kq1w9zc"
QUIET_LOOKS = 5
GRAIN = 10_000  # the clock goes in steps of ten seconds, so that a day takes minutes
# Values of the emulators, which nobody has to keep secret.
ACCESS_TOKEN, CLIENT_SECRET, API_KEY = "demo-access-token", "demo-client-secret", "xkeysib-demo"

CONFIGURATION = """\
connectors:
  bigcommerce:
    enabled: true
    store_hash: "{store_hash}"
    access_token: "{access_token}"
    client_id: "demo-client"
    client_secret: "{client_secret}"
brevo: {{api_key: "{api_key}", base_url: "{brevo}/v3"}}
bigcommerce: {{base_url: "{bigcommerce}"}}
public_url: "{gateway}"
signature: required
sync: {{customers: true, orders: true, products: true, carts: true, inventory: false}}
lists: {{all_customers: "All customers", buyers: "Buyers", abandoned_cart: "Abandoned cart"}}
webhooks:
  - {{scope: "store/order/created", destination: "order_placed"}}
  - {{scope: "store/order/statusUpdated", destination: "order_status_changed"}}
kafka: {{prefix: {prefix}, replication: {copies}}}
data_dir: "{data_dir}"
"""


@dataclass
class Stage:
    clock: StandingClock
    store: Store
    bigcommerce: BigCommerce
    brevo: Brevo
    components: Components
    engine: Engine
    destinations: dict[str, Destination]
    _quiet: int = 0  # looks in a row that found everything done
    _settled: "asyncio.Future[None] | None" = None

    def enrichers(self) -> list[EnrichOwner]:
        return [owner for owner in self.engine.owners() if isinstance(owner, EnrichOwner)]

    def sinks(self) -> list[SinkOwner]:
        return [owner for owner in self.engine.owners() if isinstance(owner, SinkOwner)]

    def may_jump(self) -> bool:
        """Asked by the clock when nobody works: whether the rest of the world is at rest too.

        While somebody waits in ``settled`` the clock also stands once everything is done, or it would run on for ever.
        """
        if not self._at_rest():
            self._quiet = 0
            return False
        if self._settled is None or not self._done():
            self._quiet = 0
            return True
        self._quiet += 1
        if self._quiet == QUIET_LOOKS:
            self._settled.set_result(None)
        return False

    async def settled(self) -> None:
        """Returns when everything is done that can be without further happenings in the shop; the clock stands then."""
        self._quiet, self._settled = 0, asyncio.get_running_loop().create_future()
        try:
            await self._settled
        finally:
            self._settled = None

    def _at_rest(self) -> bool:
        """Nothing that was written waits to be folded. What waits for the clock or a quota is at rest too."""
        return self.components.flow.lag() == 0 and not any(owner.working for owner in self.engine.owners())

    def _done(self) -> bool:
        """Nothing is still to be fetched or sent."""
        return not any(sink.pending for sink in self.sinks()) and not any(one.pending for one in self.enrichers())


@asynccontextmanager
async def stage(
    place: Place, folder: Path, *, full: bool, seed: int, say: Callable[[str], None]
) -> AsyncIterator[Stage]:
    """Everything is there and connected when it is entered; hooks and imports are still to be asked for."""
    clock = StandingClock(cdnow.END, grain=GRAIN)
    store = Store(clock, store_hash=STORE_HASH, seed=seed)
    cdnow.fill(store, full=full)
    say(f"shop: {len(store.customers.table):,} customers, {len(store.orders.table):,} orders of the CDNOW data")
    bigcommerce = BigCommerce(
        clock, store, access_token=ACCESS_TOKEN, client_secret=CLIENT_SECRET, seed=seed, allow_http=True
    )
    brevo = Brevo(clock, api_key=API_KEY)
    port = free_port()
    async with contextlib.AsyncExitStack() as stack:
        bigcommerce_url = await stack.enter_async_context(Server(bigcommerce.app))
        brevo_url = await stack.enter_async_context(Server(brevo.app))
        await stack.enter_async_context(bigcommerce)
        path = folder / "tajo.yml"
        path.write_text(
            CONFIGURATION.format(
                store_hash=STORE_HASH,
                access_token=ACCESS_TOKEN,
                client_secret=CLIENT_SECRET,
                api_key=API_KEY,
                brevo=brevo_url,
                bigcommerce=bigcommerce_url,
                gateway=f"http://127.0.0.1:{port}",
                prefix=json.dumps(place.prefix or None),
                copies=place.copies,
                data_dir=folder,
            )
        )
        components = Components(load(path, {}), place.kafka, clock=clock)
        await components.apply_topics()
        await versions.admit(components.kafka, components.names, components.fold_settings(), clock.now())
        await stack.enter_async_context(Server(components.gateway(), port=port))
        # Limits run on this clock from the first request on; until owners are there, nothing is in the log.
        made: Stage | None = None
        driver = asyncio.create_task(clock.run(lambda: made is None or made.may_jump()), name="the demo's clock")
        stack.callback(driver.cancel)
        destinations = await stack.enter_async_context(components.destinations())
        roles = [*components.fold_roles(), components.enrich_role(), components.sink_role(destinations)]
        engine = components.engine("demo", roles)
        made = Stage(clock, store, bigcommerce, brevo, components, engine, destinations)
        await stack.enter_async_context(running(engine))
        yield made
