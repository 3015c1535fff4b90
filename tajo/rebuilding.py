"""`tajo rebuild`: a new version beside the live one, silent, and the comparison."""

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from streams import rebuild, topology, versions
from streams.rebuild import Difference
from tajo.components import Components


async def start(made: Components, version: str, console: Console) -> int:
    """Returns when everything that lies in the log now is folded."""
    names = msgspec.structs.replace(made.names, version=version)
    settings = made.fold_settings()
    folds = topology.folds(settings)
    await made.apply_version(names)
    recorded = versions.Version(
        version=version, phase="rebuilding", digest=settings.digest(), settings=settings, at=made.clock.now()
    )
    await versions.record(made.kafka, names, recorded)
    job = rebuild.Rebuild(
        folds,
        kafka=made.kafka,
        names=names,
        partitions=made.settings.partitions(),
        data_dir=made.data_dir / "tables",
    )
    columns = (
        TextColumn("rebuilding"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("offsets"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=None)
        await job.run(lambda progress: bar.update(task, completed=progress.folded, total=progress.total))
    return 0


async def diff(made: Components, version: str, console: Console) -> int:
    """0 if all tables are equal, else 1."""
    names = msgspec.structs.replace(made.names, version=version)
    found = await rebuild.compare(
        topology.folds(made.fold_settings()),
        kafka=made.kafka,
        live=made.names,
        rebuilt=names,
        partitions=made.settings.partitions(),
    )
    console.print(drawn(found))
    return 0 if all(difference.equal for difference in found) else 1


def drawn(found: list[Difference]) -> Table:
    table = Table("table", "rows", "rebuilt", "missing", "extra", "changed", "for example")
    for one in found:
        counts = (one.rows, one.rebuilt_rows, one.missing, one.extra, one.changed)
        table.add_row(one.table, *(f"{count:,}" for count in counts), ", ".join(one.examples))
    return table
