"""`tajo dlq list | show | retry | drop`."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from typing import Annotated, Any

import msgspec
import typer
from aiokafka.errors import ProducerFenced

from streams.reading import Reader
from tajo import running
from tajo.components import Components
from tajo.console import Bootstrap, Config, out, run, settings_of
from tajo.dlq import deciding, shown
from tajo.dlq.deciding import Outcome
from tajo.dlq.letters import SOURCES, Place, place_named, topic_named
from tajo.dlq.standing import survey
from tajo.errors import Problem, SettingsError
from tajo.settings.durations import parse_duration

dlq_app = typer.Typer(help="Dead letters: what could not be used, and what becomes of it.", no_args_is_help=True)

Ids = Annotated[list[str] | None, typer.Argument(metavar="ID...", help="As `list` shows them: commerce.order:2:17.")]
Topic = Annotated[str | None, typer.Option("--topic", help="Only of this source, such as commerce.order.")]


@dlq_app.command("list")
def list_letters(
    topic: Topic = None,
    since: Annotated[str | None, typer.Option("--since", help="Only the last 30s, 5m, 2h, 7d.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also what is settled: superseded, dropped, sent.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    config: Config = None,
    bootstrap_servers: Bootstrap = None,
) -> None:
    """Shows the dead letters that wait for a decision, or for what a retry fetches; the newest last."""

    sources, span = [topic_named(topic)] if topic else SOURCES, _span(since) if since else None

    async def work(made: Components) -> int:
        begins = 0 if span is None else made.clock.now() - span
        async with Reader(made.kafka) as reader:
            found = (await survey(made, reader, sources)).all()
        letters = [one for one in found if one.letter.at >= begins]
        listed = [one for one in letters if everything or one.waits]
        for one in listed:
            for row in [msgspec.json.encode(shown.line(one)).decode()] if as_json else shown.rows(one):
                _print(row)
        if not as_json:
            _print(_summary(len(listed), len(letters) - len(listed)))
        return 0

    _work(work, config, bootstrap_servers)


@dlq_app.command("show")
def show(
    letter: Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it: commerce.order:2:17.")],
    whole: Annotated[bool, typer.Option("--whole", help="The value too, however long it is.")] = False,
    config: Config = None,
    bootstrap_servers: Bootstrap = None,
) -> None:
    """Shows everything about a dead letter. Its value may hold personal data."""

    place = place_named(letter)

    async def work(made: Components) -> int:
        async with Reader(made.kafka) as reader:
            found = await survey(made, reader, [place.topic])
        if place not in found.letters:
            raise deciding.unknown(place)
        most = len(found.letters[place].value or b"") * 8 if whole else shown.MOST
        for row in shown.whole(found.standing(place), made.names, most=most):
            _print(row)
        return 0

    _work(work, config, bootstrap_servers)


@dlq_app.command("retry")
def retry(
    ids: Ids = None,
    topic: Topic = None,
    everything: Annotated[bool, typer.Option("--all", help="All open letters of --topic.")] = False,
    config: Config = None,
    bootstrap_servers: Bootstrap = None,
) -> None:
    """Fetches again what facts and deliveries are about; commands go to Brevo again, unless superseded."""

    if bool(ids) == bool(topic) or bool(topic) != everything:
        raise SettingsError([Problem("command line", "", "name letters by their ids, or a --topic with --all.")])
    places, source = _places(ids or []), topic_named(topic) if topic else None

    async def work(made: Components) -> int:
        return _told(await (deciding.retry_all(made, source) if source else deciding.retry(made, places)))

    _work(work, config, bootstrap_servers)


@dlq_app.command("drop")
def drop(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="As `list` shows them: commerce.order:2:17.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept with the decision.")] = "",
    config: Config = None,
    bootstrap_servers: Bootstrap = None,
) -> None:
    """Decides that nothing is to be done about these letters; who, when and why is kept."""

    places = _places(ids)

    async def work(made: Components) -> int:
        return _told(await deciding.drop(made, places, reason))

    _work(work, config, bootstrap_servers)


def _work(work: Callable[[Components], Coroutine[Any, Any, int]], config: Config, bootstrap: Bootstrap) -> None:
    async def reached() -> int:
        asyncio.get_running_loop().set_exception_handler(_unheard)
        return await work(await running.reached(settings_of(config), bootstrap))

    run(reached, logging.WARNING)


def _unheard(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A fenced producer of aiokafka 0.14.0 leaves futures behind that nobody can ask; the fence itself is told."""
    if not isinstance(context.get("exception"), ProducerFenced):
        loop.default_exception_handler(context)


def _places(ids: Iterable[str]) -> list[Place]:
    """Each once."""
    return list(dict.fromkeys(map(place_named, ids)))


def _told(outcomes: list[Outcome]) -> int:
    """Exit status 1 if one was not decided as asked."""
    for outcome in outcomes:
        _print(f"{outcome.place}  {outcome.said}")
    return 0 if all(outcome.done for outcome in outcomes) else 1


def _summary(listed: int, settled: int) -> str:
    letters = f"{listed:,} dead letter" + ("" if listed == 1 else "s")
    return letters + (f"; {settled:,} settled, which --all shows" if settled else "")


def _span(text: str) -> int:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise SettingsError([Problem("command line", "--since", f"{text!r} is no span: {error}.")]) from None


def _print(text: str) -> None:
    out.print(text, markup=False, soft_wrap=True)
