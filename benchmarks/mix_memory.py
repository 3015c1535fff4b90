"""What a worker holds in memory with a million customers, and their contacts, in its tables."""

import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any, Final

from benchmarks.broker import Broker
from benchmarks.facts import STORE, Traffic
from benchmarks.folds_alone import Alone
from benchmarks.mix_runs import facts, ours, prepare, told
from benchmarks.process import running
from benchmarks.shop import COMMAND, Unseen, Watch, components
from emulators.shoppers.people import person
from projections.fold import Fold
from streams import topology

CUSTOMERS: Final = 1_000_000
BOUND: Final = 768 << 20  # bytes resident at any time, from the restore on
FACTS: Final = 40_000
SPREAD: Final = 400  # one of so many customers has a part in the facts

State = Callable[[int], tuple[bytes, bytes]]


async def memory(at: Broker, customers: int = CUSTOMERS) -> int:
    """Most bytes resident in a worker that restores such tables and then folds facts all over them."""
    prefix, side = "memory-", ours()
    await prepare(at, side, prefix)
    tables = side.tables(at, prefix)
    for name, state in _states(at).items():
        await at.fill(tables[name], _rows(state, customers))
    made = facts(FACTS, 0, at.folder / "alone", SPREAD)
    async with AsyncExitStack() as stack:
        unseen = await stack.enter_async_context(Unseen(at.kafka, prefix))
        program = await stack.enter_async_context(running(side.command(at, prefix, at.folder / prefix)))
        await program.ready(180)
        restored = program.memory()
        watch = await stack.enter_async_context(Watch(at.kafka, [*tables.values(), prefix + COMMAND]))
        await unseen.write(made.rest)

        async def all_told() -> bool:
            return await told(at, prefix) == made.told[1]

        await watch.after(unseen.show, all_told, [program])
        most = program.memory().peak
    await at.delete(prefix)
    print(f"{customers:,} customers: {restored.peak >> 20} MiB when restored, {most >> 20} MiB at most", flush=True)
    return most


def _rows(state: State, count: int) -> Iterator[tuple[bytes, bytes]]:
    return (state(number) for number in range(1, count + 1))


def _states(at: Broker) -> dict[str, State]:
    """Table -> its row of the customer of a number, as the folds leave it after the customer's fact."""
    folds = topology.folds(components(at.kafka, "memory-", at.folder / "memory-").fold_settings())
    named = {fold.name: fold for fold in folds}
    alone = Alone(folds)
    alone.run([Traffic(time.time_ns() // 1_000_000).customer()])
    return {
        "customers": _customer(named["customers"], *_only(alone.tables["customers"])),
        "contacts": _contact(named["contacts"], *_only(alone.tables["contacts"])),
    }


def _only(table: dict[bytes, bytes | None]) -> tuple[bytes, bytes]:
    ((key, row),) = table.items()
    assert row is not None
    return key, row


def _customer(fold: Fold[Any], key: bytes, row: bytes) -> State:
    def state(number: int) -> tuple[bytes, bytes]:
        customer = fold.load(key, row)
        customer.email = customer.contact = person(number).email
        return f"{STORE}/{number}".encode(), fold.dump(customer) or b""

    return state


def _contact(fold: Fold[Any], key: bytes, row: bytes) -> State:
    def state(number: int) -> tuple[bytes, bytes]:
        contact = fold.load(key, row)
        (source,) = contact.sources.values()
        source.source = f"{STORE}/{number}"
        contact.sources = {source.source: source}
        return key.partition(b"/")[0] + b"/" + person(number).email.encode(), fold.dump(contact) or b""

    return state


def figure_runs(most: int) -> list[tuple[float, float]]:
    return [(BOUND / (1 << 20), most / (1 << 20))]
