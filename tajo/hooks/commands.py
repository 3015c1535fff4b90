"""`tajo hooks list | apply | check | repair | remove`."""

import logging
from functools import partial
from typing import Annotated

import typer

from streams.enrich.heard import HookMemory
from tajo import running
from tajo.console import Bootstrap, Config, err, run, settings_of
from tajo.hooks import doing
from tajo.hooks.memory import memories

hooks_app = typer.Typer(
    help="Webhooks at BigCommerce and Brevo: those there are, and those there should be.", no_args_is_help=True
)
Yes = Annotated[bool, typer.Option("--yes", help="Do it without asking.")]


@hooks_app.command("list")
def list_hooks(config: Config = None, bootstrap_servers: Bootstrap = None) -> None:
    """Shows all webhooks of the API accounts, ours and others'; never a secret."""
    _run(doing.show, config, bootstrap_servers)


@hooks_app.command("apply")
def apply(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the difference.")] = False,
    yes: Yes = False,
    config: Config = None,
    bootstrap_servers: Bootstrap = None,
) -> None:
    """Shows how the webhooks differ from the configuration, asks, and makes them so."""
    _run(partial(doing.apply, agreed=_agreed(yes), dry_run=dry_run), config, bootstrap_servers)


@hooks_app.command("check")
def check(config: Config = None, bootstrap_servers: Bootstrap = None) -> None:
    """Says what is wrong with the webhooks, and what went wrong with deliveries of late. Exit status 1 if anything."""
    _run(doing.check, config, bootstrap_servers)


@hooks_app.command("repair")
def repair(config: Config = None, bootstrap_servers: Bootstrap = None) -> None:
    """Makes what is missing and puts right what is wrong, without asking; removes nothing."""
    _run(doing.repair, config, bootstrap_servers)


@hooks_app.command("remove")
def remove(yes: Yes = False, config: Config = None, bootstrap_servers: Bootstrap = None) -> None:
    """Removes all of our webhooks, after asking; a running enricher would make them again."""
    _run(partial(doing.remove, agreed=_agreed(yes)), config, bootstrap_servers)


def _run(work: doing.Work, config: Config, bootstrap_servers: Bootstrap) -> None:
    """The broker knows the stores that the control API has connected, and what the watch knows.

    That which `tajo up` starts itself has to be named to be asked.
    """

    async def all_of_it() -> int:
        settings, known = settings_of(config), dict[str, HookMemory]()
        if bootstrap_servers or settings.kafka.bootstrap_servers:
            made = await running.reached(settings, bootstrap_servers)
            settings = made.settings
            known = await memories(made, [store.store_hash for store in settings.connected()])
        else:
            said = "stores of the control API, and how deliveries went of late, are known with --bootstrap-servers."
            err.print(f"note: {said}", soft_wrap=True)
        return await doing.with_all(settings, work, known)

    run(all_of_it, logging.WARNING)


def _agreed(yes: bool) -> doing.Agreed:
    def asked() -> bool:
        try:
            return typer.confirm("  Do this?")
        except typer.Abort:  # nobody is there to answer
            return False

    return (lambda: True) if yes else asked
