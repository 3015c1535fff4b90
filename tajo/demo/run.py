"""The demo's acts, in order: stage, import, a day of traffic, a rebuild, the verdict."""

import asyncio
import tempfile
import time
from functools import partial
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
from tajo.demo.broker import place
from tajo.demo.live import beside, live_view
from tajo.demo.stage import STORE_HASH, Stage, stage
from tajo.demo.troubles import make_trouble, met
from tajo.rebuilding import drawn

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
STEPS = (HOUR, DAY, 3 * DAY)  # the default of carts.steps
CLEAR = 2 * MINUTE  # no cart is due this close to the end
LEAST_DELIVERIES = 700  # in a short day too, so that events wait in crowds when Brevo pauses
# Endpoints of Brevo, as its emulator counts them.
IMPORT, SINGLE = "POST /contacts/import", ("POST /contacts", "PUT /contacts/{identifier}")


async def run(*, full: bool, bootstrap_servers: str | None, seed: int, hours: float, console: Console) -> int:
    """0 when the verdict found nothing and the rebuilt tables are equal, else 1."""
    began, say = time.monotonic(), partial(console.print, soft_wrap=True)
    with tempfile.TemporaryDirectory(prefix="tajo-demo-") as name:
        folder = Path(name)
        async with (
            place(bootstrap_servers, folder, say) as kafka,
            stage(kafka, folder, full=full, seed=seed, say=say) as set_up,
        ):
            history, ledger, live_since = _history(set_up), Ledger(), set_up.clock.now()
            await _import(set_up, console)
            end = await _live(set_up, ledger, seed, hours, console)
            rebuilt = await _rebuild(set_up, folder, console)
            found = _judge(set_up, history, ledger, live_since, end, full)
            _saved(set_up, console)
    say(f"the demo took {time.monotonic() - began:.0f} s")
    say(found.report(), markup=False)
    return outcome(found, rebuilt)


class Rebuilt(NamedTuple):
    """``requests``: how many Brevo saw while the tables were built; there must be none."""

    differences: list[rebuild.Difference]
    requests: int

    @property
    def equal(self) -> bool:
        return all(difference.equal for difference in self.differences)


def outcome(found: verdict.Verdict, rebuilt: Rebuilt) -> int:
    """The exit status."""
    return 0 if found.passed and rebuilt.equal and not rebuilt.requests else 1


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
    brevo = set_up.brevo.state
    console.print(f"imported: {len(brevo.contacts):,} contacts and {len(brevo.orders):,} order records are in Brevo")
    single = sum(brevo.requests_of(endpoint=name) for name in SINGLE)
    console.print(f"by {brevo.requests_of(endpoint=IMPORT)} contact imports and {single} requests for single contacts")


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
    start = clock.now() + MINUTE
    async with live_view(set_up, console), beside(make_trouble(set_up, start, hours)):
        await play_day(
            set_up.store,
            clock,
            ledger,
            seed=seed,
            start=start,
            hours=hours,
            deliveries_at_least=max(LEAST_DELIVERIES, round(2_000 * hours / 24)),
            carts=round(300 * hours / 24),
            buyers=round(110 * hours / 24),
        )
        clock.limit = end = _clear_moment(ledger, clock.now() + 70 * MINUTE)
        await clock.sleep_until(end)
        await set_up.settled()
    counters = set_up.bigcommerce.deliveries.counters
    console.print(
        f"webhooks: {counters.sent:,} deliveries, {counters.duplicates} twice, {counters.reordered} out of order",
        soft_wrap=True,
    )
    console.print(met(set_up), soft_wrap=True)
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


async def _rebuild(set_up: Stage, folder: Path, console: Console) -> Rebuilt:
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
    differences = await rebuild.compare(
        folds, kafka=components.kafka, live=components.names, rebuilt=names, partitions=components.settings.partitions()
    )
    rebuilt = Rebuilt(differences, set_up.brevo.state.requests.total() - sent)
    console.print(drawn(differences))
    console.print(
        f"rebuilt in {time.monotonic() - began:.0f} s: {'equal to' if rebuilt.equal else 'NOT equal to'} the live "
        f"tables; Brevo saw {rebuilt.requests} requests of it",
        soft_wrap=True,
    )
    return rebuilt


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
        console.print(f"Brevo: {sent:,} requests, {counters.events_sent:,} events; saved: {saved}", soft_wrap=True)
