"""The command line. Errors are told as sentences, without a traceback, and end with their exit code.

What nobody has foreseen is told with its traceback, and ends so that a supervisor tries again: in a process that runs
for months it is rather something of the moment than of the configuration.
"""

import logging
import traceback
from typing import Annotated

import typer

from schemas.errors import TajoError
from streams.errors import EXIT_FAILED
from tajo import running
from tajo.access.commands import connections_app, token_app
from tajo.console import Bootstrap, Config, err, file_of, out, settings_of
from tajo.console import run as _run
from tajo.dlq.commands import dlq_app
from tajo.errors import exit_code
from tajo.hooks.commands import hooks_app
from tajo.settings import load_kafka
from tajo.trigger.commands import trigger

app = typer.Typer(
    name="tajo",
    help="A BigCommerce store, continuously and completely, in Brevo.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
topics_app = typer.Typer(help="The topics at the broker.", no_args_is_help=True)
rebuild_app = typer.Typer(help="Tables, built anew from the log.", no_args_is_help=True)
app.add_typer(topics_app, name="topics")
app.add_typer(rebuild_app, name="rebuild")
app.add_typer(dlq_app, name="dlq")
app.add_typer(hooks_app, name="hooks")
app.add_typer(token_app, name="token")
app.add_typer(connections_app, name="connections")
app.command()(trigger)


@app.command()
def up(config: Config = None, bootstrap_servers: Bootstrap = None) -> None:
    """Runs everything: a broker of its own unless one is named, topics, hooks, and every component, supervised."""
    from tajo.up import run

    _run(lambda: run(settings_of(config), file_of(config), bootstrap_servers))


@app.command()
def gateway(
    config: Config = None,
    bootstrap_servers: Bootstrap = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="Processes that share the port; gateway.workers unless given.")
    ] = None,
    worker: Annotated[int | None, typer.Option(min=0, hidden=True, help="Which of them this is.")] = None,
) -> None:
    """Takes webhooks and puts them into Kafka."""
    from tajo import fleet

    async def work() -> int:
        settings = settings_of(config)
        several = workers or settings.gateway.workers
        if several > 1 and worker is None:
            return await fleet.gateways(settings, file_of(config), bootstrap_servers, several)
        await running.gateway(settings, bootstrap_servers, worker or 0, several)
        return 0

    _run(work)


@app.command()
def enrich(config: Config = None, bootstrap_servers: Bootstrap = None) -> None:
    """Fetches the state behind webhooks, within the store's quota; imports and reconciles."""
    _run(lambda: running.enrich(settings_of(config), bootstrap_servers))


@app.command()
def worker(
    config: Config = None,
    bootstrap_servers: Bootstrap = None,
    processes: Annotated[
        int | None, typer.Option(min=1, max=64, help="For as many cores; worker.processes unless given.")
    ] = None,
    process: Annotated[int | None, typer.Option(min=0, hidden=True, help="Which of them this is.")] = None,
) -> None:
    """Folds facts into tables and decides what is told. Start as many processes as there are partitions, at most."""
    from tajo import fleet

    async def work() -> int:
        settings = settings_of(config)
        several = processes or settings.worker.processes
        if several > 1 and process is None:
            return await fleet.folding(file_of(config), bootstrap_servers, several)
        await running.worker(settings, bootstrap_servers, process or 0)
        return 0

    _run(work)


@app.command()
def sink(config: Config = None, bootstrap_servers: Bootstrap = None) -> None:
    """Sends commands to Brevo, each once, within the account's limits."""
    _run(lambda: running.sink(settings_of(config), bootstrap_servers))


@app.command()
def check(config: Config = None) -> None:
    """Reads the configuration, says what is wrong with it, and starts nothing."""
    settings = settings_of(config)
    stores = ", ".join(store.name for store in settings.connected()) or "none"
    out.print(f"The configuration is in order. Stores: {stores}.")


@app.command()
def topology(
    config: Config = None,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="As a Mermaid flowchart.")] = False,
) -> None:
    """Prints the graph that runs: groups, folds, tables, topics, partitions. Asks no broker, needs no store."""
    from streams.names import Names
    from tajo.topology import Graph

    settings = load_kafka(file_of(config))
    graph = Graph(Names(prefix=settings.kafka.prefix or ""), settings.partitions())
    typer.echo(graph.mermaid() if mermaid else graph.text(), nl=False)


@app.command()
def sync(
    resources: Annotated[
        list[str] | None,
        typer.Option("--resources", "-r", help="customers, subscribers, categories, products, orders."),
    ] = None,
    config: Config = None,
    bootstrap_servers: Bootstrap = None,
) -> None:
    """Asks for a whole import of resources; the enricher does it beside its other work."""
    _run(lambda: running.sync(settings_of(config), bootstrap_servers, resources))


@topics_app.command("apply")
def topics_apply(
    config: Config = None,
    bootstrap_servers: Bootstrap = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
) -> None:
    """Creates what lacks and sets what differs; never changes a number of partitions."""

    async def work() -> None:
        out.print(str(await running.components(settings_of(config), bootstrap_servers).apply_topics(dry_run=dry_run)))

    _run(work)


@rebuild_app.command("start")
def rebuild_start(
    version: Annotated[str, typer.Argument(help="Name of the new version, such as v2.")],
    config: Config = None,
    bootstrap_servers: Bootstrap = None,
) -> None:
    """Folds the whole log into the tables of a new version, silently, beside the live one."""
    from tajo.rebuilding import start

    async def work() -> int:
        return await start(await running.reached(settings_of(config), bootstrap_servers), version, out)

    _run(work)


@rebuild_app.command("diff")
def rebuild_diff(
    version: Annotated[str, typer.Argument(help="Name of the rebuilt version.")],
    config: Config = None,
    bootstrap_servers: Bootstrap = None,
) -> None:
    """Compares the tables of a rebuilt version with the live ones. Exit status 1 if they differ."""
    from tajo.rebuilding import diff

    async def work() -> int:
        return await diff(await running.reached(settings_of(config), bootstrap_servers), version, out)

    _run(work)


@app.command()
def demo(
    full: Annotated[bool, typer.Option("--full", help="All 23,570 customers and 69,659 purchases.")] = False,
    bootstrap_servers: Bootstrap = None,
    seed: Annotated[int, typer.Option(help="Another day of traffic.")] = 1,
    hours: Annotated[
        float, typer.Option(min=1, max=24, help="Length of the day; a shorter one has less traffic.")
    ] = 24,
) -> None:
    """A shop's life in front of your eyes: import, a day of traffic, a rebuild, and an independent verdict."""
    from tajo.demo.run import run

    _run(
        lambda: run(full=full, bootstrap_servers=bootstrap_servers, seed=seed, hours=hours, console=out), logging.ERROR
    )


def main() -> None:
    try:
        raise SystemExit(app(standalone_mode=False) or 0)
    except (typer.Abort, KeyboardInterrupt):
        raise SystemExit(130) from None
    except TajoError as error:
        err.print(f"tajo: {error}", markup=False, soft_wrap=True)
        raise SystemExit(exit_code(error)) from None
    except Exception as error:
        if (told := getattr(error, "format_message", None)) is None:  # click's usage errors tell themselves
            traceback.print_exception(error)
            raise SystemExit(EXIT_FAILED) from None
        err.print(f"tajo: {told()}", markup=False, soft_wrap=True)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
