"""The demo's acts, in order: stage, import, a day of traffic, a rebuild, the verdict."""

import asyncio
import contextlib
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from emulators import cdnow, verdict
from emulators.ledger import CartChanged, Ledger
from emulators.shoppers.day import play_day
from schemas.requests import Sync
from streams import rebuild, topology
from streams.access import Kafka
from tajo.demo.live import live_view
from tajo.demo.stage import STORE_HASH, Stage, stage
from tajo.kafka import EmbeddedKafka
from tajo.rebuilding import drawn

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
STEPS = (HOUR, DAY, 3 * DAY)  # the default of carts.steps
CLEAR = 2 * MINUTE  # no cart is due this close to the end


async def run(*, full: bool, bootstrap_servers: str | None, seed: int, hours: float, console: Console) -> int:
    """0 when the verdict found nothing and the rebuilt tables are equal, else 1."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tajo-demo-") as name:
        async with contextlib.AsyncExitStack() as stack:
            folder = Path(name)
            if bootstrap_servers is None:
                console.print("starting Apache Kafka from its jars")
                broker = await stack.enter_async_context(EmbeddedKafka(folder / "kafka"))
                bootstrap_servers = broker.bootstrap_servers
            kafka = Kafka(bootstrap_servers)
            set_up = await stack.enter_async_context(stage(kafka, folder, full=full, seed=seed, say=console.print))
            history, ledger, live_since = _history(set_up), Ledger(), set_up.clock.now()
            await _import(set_up, console)
            end = await _live(set_up, ledger, seed, hours, console)
            equal = await _rebuild(set_up, folder, console)
            found = _judge(set_up, history, ledger, live_since, end, full)
            _saved(set_up, console)
            console.print(f"the demo took {time.monotonic() - began:.0f} s")
            console.print(found.report(), markup=False)
    return 0 if found.passed and equal else 1


# --- import ---------------------------------------------------------------------------------------------------------


async def _import(set_up: Stage, console: Console) -> None:
    plans = await set_up.components.ensure_hooks()
    console.print(f"hooks: {sum(len(plan.create) for plan in plans.values())} installed")
    await set_up.components.request(Sync(store=STORE_HASH, id="initial", at=set_up.clock.now()))
    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(),
        TextColumn("{task.completed:>6,.0f} of {task.total:,.0f}"),
        TextColumn("{task.fields[rate]:>7,.0f}/s"),
        TextColumn("{task.fields[quota]:>4.0%} of the API quota"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        tasks: dict[str, TaskID] = {}
        began = time.monotonic()
        settled = asyncio.create_task(set_up.settled())
        while not settled.done():
            _draw(set_up, bar, tasks, began)
            await asyncio.wait([settled], timeout=0.2)
        await settled
        _draw(set_up, bar, tasks, began)
    contacts = len(set_up.brevo.state.contacts)
    console.print(f"imported: {contacts:,} contacts and {len(set_up.brevo.state.orders):,} order records are in Brevo")


def _draw(set_up: Stage, bar: Progress, tasks: dict[str, TaskID], began: float) -> None:
    for owner in set_up.enrichers():
        for name, progress in owner.progress.items():
            resource, usage = name.rpartition("/")[2], owner.stores[STORE_HASH].client.limiter.usage
            if resource not in tasks:
                tasks[resource] = bar.add_task(resource, total=0, rate=0.0, quota=0.0)
            bar.update(
                tasks[resource],
                completed=progress.count,
                total=progress.total or progress.count,
                rate=progress.count / max(0.001, time.monotonic() - began),
                quota=max(bar.tasks[tasks[resource]].fields["quota"], usage.share),
            )


# --- a day of traffic -------------------------------------------------------------------------------------------------


async def _live(set_up: Stage, ledger: Ledger, seed: int, hours: float, console: Console) -> int:
    """Plays a day and lets the clock run to a moment around which no cart is due; returns that moment."""
    clock = set_up.clock
    set_up.bigcommerce.faults.limit(1)
    set_up.brevo.faults.partial(0)
    async with live_view(set_up, console):
        await play_day(
            set_up.store,
            clock,
            ledger,
            seed=seed,
            start=clock.now() + MINUTE,
            hours=hours,
            deliveries_at_least=round(2_000 * hours / 24),
            carts=round(300 * hours / 24),
            buyers=round(110 * hours / 24),
        )
        clock.limit = end = _clear_moment(ledger, clock.now() + 70 * MINUTE)
        await clock.sleep_until(end)
        await set_up.settled()
    counters = set_up.bigcommerce.deliveries.counters
    console.print(
        f"webhooks: {counters.sent:,} deliveries, {counters.duplicates} twice, {counters.reordered} out of order"
    )
    return end


def _clear_moment(ledger: Ledger, after: int) -> int:
    """The first full minute after ``after`` with no cart due within two minutes of it."""
    due = sorted(
        happening.at + step for happening in ledger.happenings if isinstance(happening, CartChanged) for step in STEPS
    )
    moment = after
    while any(abs(when - moment) < CLEAR for when in due):
        moment += MINUTE
    return moment


# --- rebuild and verdict ----------------------------------------------------------------------------------------------


async def _rebuild(set_up: Stage, folder: Path, console: Console) -> bool:
    components = set_up.components
    names = msgspec.structs.replace(components.names, version="v2")
    folds = topology.folds(components.fold_settings())
    await components.apply_version(names)
    sent = set_up.brevo.state.requests.total()
    job = rebuild.Rebuild(
        folds,
        kafka=components.kafka,
        names=names,
        partitions=components.settings.partitions(),
        data_dir=folder / "tables",
    )
    began = time.monotonic()
    with Progress(TextColumn("rebuilding all tables from the log"), BarColumn(), console=console) as bar:
        task = bar.add_task("", total=None)
        await job.run(lambda progress: bar.update(task, completed=progress.folded, total=progress.total))
    found = await rebuild.compare(
        folds, kafka=components.kafka, live=components.names, rebuilt=names, partitions=components.settings.partitions()
    )
    console.print(drawn(found))
    equal = all(difference.equal for difference in found)
    requests = set_up.brevo.state.requests.total() - sent
    console.print(
        f"rebuilt in {time.monotonic() - began:.0f} s: {'equal to' if equal else 'NOT equal to'} the live tables; "
        f"Brevo saw {requests} requests of it"
    )
    return equal and not requests


class History(NamedTuple):
    """The shop before the played traffic; order ids by customer, oldest first."""

    customers: dict[int, verdict.Customer]
    subscribers: dict[int, verdict.Subscriber]
    order_ids: dict[int, list[int]]


def _history(set_up: Stage) -> History:
    store = set_up.store
    customers = list(store.customers.table)
    return History(
        {one.id: verdict.Customer(one.email, one.date_created) for one in customers},
        {
            one.id: verdict.Subscriber(one.email, tuple(one.consents), one.date_modified)
            for one in store.subscribers.table
        },
        {one.id: list(store.orders.of_customer(one.id)) for one in customers},
    )


def _judge(set_up: Stage, history: History, ledger: Ledger, live_since: int, end: int, full: bool) -> verdict.Verdict:
    path = cdnow.data_file(cdnow.MASTER if full else cdnow.SAMPLE)
    purchases = verdict.read_purchases(path, history.order_ids)
    store = next(iter(set_up.components.settings.connected()))
    lists = set_up.destinations[store.account].lists
    rules = verdict.Rules(
        end=end,
        live_since=live_since,
        steps=STEPS,
        lists={purpose: lists[f"{store.name}:{purpose}"] for purpose in ("all_customers", "buyers", "abandoned_cart")},
    )
    return verdict.judge(
        purchases,
        ledger,
        set_up.brevo.state,
        customers=history.customers,
        subscribers=history.subscribers,
        rules=rules,
    )


def _saved(set_up: Stage, console: Console) -> None:
    for destination in set_up.destinations.values():
        counters = destination.counters
        saved = ", ".join(f"{count:,} {reason}" for reason, count in counters.saved.most_common())
        sent = sum(destination.account.requests.values())
        console.print(f"Brevo: {sent:,} requests, {counters.events_sent:,} events; saved: {saved}")
