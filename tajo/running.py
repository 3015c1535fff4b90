"""Each component as a process of its own: started, told to stop by SIGTERM or SIGINT, stopped in order."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, get_args

import uvicorn
from aiokafka.errors import KafkaError, KafkaTimeoutError

from connectors.bigcommerce.errors import BigCommerceError
from schemas.requests import Resource, Sync
from streams import versions
from streams.engine import Engine
from tajo import topics
from tajo.components import Components
from tajo.errors import BrokerUnreachable, GatewayNotStarted, Problem, SettingsError
from tajo.persistence import until_it_works
from tajo.settings import Settings

INITIAL = "initial"  # id of the first import of a store: the same id twice is one job


def components(settings: Settings, bootstrap_servers: str | None) -> Components:
    """Raises SettingsError when no broker is named."""
    if not (bootstrap_servers or settings.kafka.bootstrap_servers):
        sentence = (
            "name brokers here or with --bootstrap-servers; only `tajo up` and `tajo demo` start one of their own."
        )
        raise SettingsError([Problem("configuration", "kafka.bootstrap_servers", sentence)])
    return Components(settings, settings.kafka_access(bootstrap_servers))


async def reached(settings: Settings, bootstrap_servers: str | None) -> Components:
    """As ``components``, once the broker has answered. Raises BrokerUnreachable."""
    made = components(settings, bootstrap_servers)
    await topics.brokers(made.kafka)
    return made


async def told_to_stop() -> None:
    """Returns at the first SIGTERM or SIGINT; a second one ends the process at once."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()

    def stop(number: signal.Signals) -> None:
        told.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    await told.wait()


@asynccontextmanager
async def running(engine: Engine) -> AsyncIterator[None]:
    """Raises BrokerUnreachable, which a supervisor cures by a new start, if the broker goes away during the start."""
    starting = asyncio.create_task(_started(engine))
    try:
        await asyncio.shield(starting)  # a start that is cut off could not be undone
        yield
    finally:
        await starting
        await engine.stop()


async def _started(engine: Engine) -> None:
    try:
        await engine.start()
    except KafkaError as error:
        if not (error.retriable or isinstance(error, KafkaTimeoutError)):
            raise
        raise BrokerUnreachable(f"The broker went away while this component started ({error!r}).") from error


async def gateway(settings: Settings, bootstrap_servers: str | None) -> None:
    made = components(settings, bootstrap_servers)
    listener = _listener(settings.gateway.host, settings.gateway.port)
    config = uvicorn.Config(
        made.gateway(),
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=10,
    )
    server = _Server(config)
    stop = asyncio.create_task(told_to_stop())
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await asyncio.wait((stop, serving), return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    await serving
    await _ended(stop)
    if not server.started:
        raise GatewayNotStarted("The gateway did not start; the line above says why.")


def _listener(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise GatewayNotStarted(
            f"The gateway cannot listen on {host}:{port} ({error}): choose another gateway.host or gateway.port, "
            f"or end what uses it."
        ) from error
    return listener


class _Server(uvicorn.Server):
    """Signals are ours: uvicorn would raise them again after its end, and the exit status would be theirs."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def enrich(settings: Settings, bootstrap_servers: str | None) -> None:
    await _until_told(_enrich(settings, bootstrap_servers))


async def _enrich(settings: Settings, bootstrap_servers: str | None) -> None:
    made = await reached(settings, bootstrap_servers)
    for store in settings.connected():
        job = Sync(store=store.store_hash, id=INITIAL, at=made.clock.now(), resources=synced(settings))
        await made.request(job)
    async with running(made.engine("enrich", [made.enrich_role()])):
        await _keep_hooks(made)
        await _for_ever()


async def _keep_hooks(made: Components) -> None:
    """Makes the hooks, however long it takes: until then reconcile finds what happens."""
    await until_it_works(made.ensure_hooks, what="webhooks", cured_by_waiting=(BigCommerceError,), clock=made.clock)


def synced(settings: Settings) -> tuple[Resource, ...]:
    """What the enabled parts of `sync` import, in the order in which it is needed."""
    parts = settings.sync_parts()
    wanted: list[Resource] = []
    if "customers" in parts:
        wanted += ["subscribers", "customers"]  # consents before contacts are created
    if parts & {"products", "inventory"}:
        wanted += ["categories", "products"]
    if "orders" in parts:
        wanted.append("orders")
    return tuple(wanted)


async def worker(settings: Settings, bootstrap_servers: str | None) -> None:
    await _until_told(_worker(settings, bootstrap_servers))


async def _worker(settings: Settings, bootstrap_servers: str | None) -> None:
    made = await reached(settings, bootstrap_servers)
    await versions.admit(made.kafka, made.names, made.fold_settings(), made.clock.now())
    async with running(made.engine(made.version, made.fold_roles())):
        await _for_ever()


async def sink(settings: Settings, bootstrap_servers: str | None) -> None:
    await _until_told(_sink(settings, bootstrap_servers))


async def _sink(settings: Settings, bootstrap_servers: str | None) -> None:
    made = await reached(settings, bootstrap_servers)
    async with made.destinations() as destinations, running(made.engine("sink", [made.sink_role(destinations)])):
        await _for_ever()


async def _until_told(work: Coroutine[Any, Any, None]) -> None:
    """Runs ``work`` until it fails, or until told to stop, whatever it waits for then; it ends in order."""
    stop, task = asyncio.create_task(told_to_stop()), asyncio.create_task(work)
    try:
        await asyncio.wait((stop, task), return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _ended(stop)
        await _ended(task)  # raises what it failed with


async def _for_ever() -> None:
    await asyncio.Event().wait()


async def _ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def sync(settings: Settings, bootstrap_servers: str | None, resources: Sequence[str] | None) -> None:
    """Asks every store's owner for an import."""
    known: tuple[Resource, ...] = get_args(Resource)
    if unknown := [name for name in resources or () if name not in known]:
        sentence = f"there is no resource {unknown[0]}; there are {', '.join(known)}."
        raise SettingsError([Problem("command line", "--resources", sentence)])
    made = await reached(settings, bootstrap_servers)
    for store in settings.connected():
        now = made.clock.now()
        job = Sync(store=store.store_hash, id=f"sync-{now}", at=now)
        if resources:
            job.resources = tuple(name for name in known if name in resources)
        await made.request(job)
