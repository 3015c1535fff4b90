"""Each component as a process of its own: started, told to stop by SIGTERM or SIGINT, stopped in order."""

import asyncio
import contextlib
import dataclasses
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, get_args

from aiokafka.errors import KafkaError, KafkaTimeoutError

from connectors.brevo.errors import BrevoError
from gateway.serving import Server, server_config, settle
from schemas.requests import Resource, Sync
from streams import versions
from tajo.access import register
from tajo.access.joining import stores_of
from tajo.access.live import controlled
from tajo.access.watching import while_unchanged
from tajo.components import Components
from tajo.errors import BrokerUnreachable, GatewayNotStarted, Problem, SettingsError
from tajo.persistence import until_it_works
from tajo.settings import Settings

if TYPE_CHECKING:
    from streams.engine import Engine

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
    """As ``components``, once the broker has answered, with the stores that the control API has connected.

    Raises BrokerUnreachable.
    """
    made = components(settings, bootstrap_servers)
    stores = stores_of(await register.read(made.kafka, made.names), settings)
    return dataclasses.replace(made, settings=settings.joined(stores))


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
async def running(engine: "Engine") -> AsyncIterator[None]:
    """Raises BrokerUnreachable if the broker goes away during the start."""
    starting = asyncio.create_task(_started(engine))
    try:
        await asyncio.shield(starting)  # a start that is cut off could not be undone
        yield
    finally:
        await starting
        await engine.stop()


async def _started(engine: "Engine") -> None:
    with broker_stays():
        await engine.start()


@contextlib.contextmanager
def broker_stays() -> Iterator[None]:
    """Raises BrokerUnreachable, which a supervisor cures by a new start, if the broker goes away meanwhile."""
    try:
        yield
    except KafkaError as error:
        if not (error.retriable or isinstance(error, KafkaTimeoutError)):
            raise
        raise BrokerUnreachable(f"The broker went away while this component started ({error!r}).") from error


async def gateway(settings: Settings, bootstrap_servers: str | None, worker: int = 0, workers: int = 1) -> None:
    """``worker``: which of ``workers`` processes on one port it is."""
    made = dataclasses.replace(components(settings, bootstrap_servers), worker=worker, workers=workers)
    async with controlled(made) as app:
        bound = listener(settings.gateway.host, settings.gateway.port, shared=workers > 1)
        server = Server(server_config(app, app.state.endpoint.at_once, **_transport(settings)))
        settle()
        stop = asyncio.create_task(told_to_stop())
        serving = asyncio.create_task(server.serve(sockets=[bound]))
        await asyncio.wait((stop, serving), return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await serving
        await _ended(stop)
    if not server.started:
        raise GatewayNotStarted("The gateway did not start; the line above says why.")


def _transport(settings: Settings) -> dict[str, Any]:
    """How uvicorn speaks: TLS if there is a certificate, and whose word about a client's address it takes."""
    gateway = settings.gateway
    if gateway.tls_certificate is not None:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(gateway.tls_certificate, gateway.tls_key, "")
        except OSError as error:  # ssl.SSLError is one
            raise GatewayNotStarted(
                f"The certificate {gateway.tls_certificate} cannot be used with the key {gateway.tls_key} ({error}): "
                f"both have to be PEM, belong together, and the key be without a passphrase."
            ) from error
    return {
        "ssl_certfile": gateway.tls_certificate,
        "ssl_keyfile": gateway.tls_key,
        "proxy_headers": gateway.forwarded_allow_ips is not None,
        "forwarded_allow_ips": gateway.forwarded_allow_ips or "",
    }


def listener(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """Bound, not listening yet. ``shared``: with other processes of the same user. Raises GatewayNotStarted."""
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise GatewayNotStarted(
            f"The gateway cannot listen on {host}:{port} ({error}): choose another gateway.host or gateway.port, "
            f"or end what uses it."
        ) from error
    return bound


async def enrich(settings: Settings, bootstrap_servers: str | None) -> None:
    await _until_told(_enrich(settings, bootstrap_servers))


async def _enrich(settings: Settings, bootstrap_servers: str | None) -> None:
    made = await reached(settings, bootstrap_servers)
    await while_unchanged(made, _enriching(made))


async def _enriching(made: Components) -> None:
    for store in made.settings.connected():
        job = Sync(store=store.store_hash, id=INITIAL, at=made.clock.now(), resources=synced(made.settings))
        with broker_stays():
            await made.request(job)
    async with running(made.engine("enrich", [made.enrich_role(watch=True)])):
        await _for_ever()


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


async def worker(settings: Settings, bootstrap_servers: str | None, process: int = 0) -> None:
    """``process``: which of its processes it is; each has tables of its own."""
    await _until_told(_worker(settings, bootstrap_servers, process))


async def _worker(settings: Settings, bootstrap_servers: str | None, process: int) -> None:
    made = dataclasses.replace(await reached(settings, bootstrap_servers), process=process)
    await while_unchanged(made, _folding(made))


async def _folding(made: Components) -> None:
    with broker_stays():
        admitted = await versions.admit(made.kafka, made.names, made.fold_settings(), made.clock.now())
    async with running(made.engine(made.version, made.fold_roles(admitted))):
        await _for_ever()


async def sink(settings: Settings, bootstrap_servers: str | None) -> None:
    await _until_told(_sink(settings, bootstrap_servers))


async def _sink(settings: Settings, bootstrap_servers: str | None) -> None:
    made = await reached(settings, bootstrap_servers)
    await while_unchanged(made, _sending(made))


async def _sending(made: Components) -> None:
    async with made.destinations() as destinations, running(made.engine("sink", [made.sink_role(destinations)])):
        await _keep_brevo_hooks(made)
        await _for_ever()


async def _keep_brevo_hooks(made: Components) -> None:
    """Makes the hooks, however long it takes: until then opt-outs stay with Brevo, which obeys them by itself."""
    what = "webhooks of Brevo"
    await until_it_works(
        made.ensure_brevo_hooks, what=what, cured_by_waiting=(BrevoError,), clock=made.clock, minutes=10
    )


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
    for store in made.settings.connected():
        now = made.clock.now()
        job = Sync(store=store.store_hash, id=f"sync-{now}", at=now)
        if resources:
            job.resources = tuple(name for name in known if name in resources)
        with broker_stays():
            await made.request(job)
