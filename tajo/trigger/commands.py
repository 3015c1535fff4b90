"""`tajo trigger SCOPE --id N`."""

import asyncio
import logging
import re
import time
from collections.abc import Callable
from typing import Annotated, Final

import typer

from streams.reading import Reader
from tajo import running
from tajo.components import Components
from tajo.console import Bootstrap, Config, out, run, settings_of
from tajo.dlq.shown import visible
from tajo.errors import Problem, SettingsError, TriggerError
from tajo.settings import ConnectedStore, Settings
from tajo.settings.durations import parse_duration
from tajo.trigger.bodies import Asked, make
from tajo.trigger.broker import embedded
from tajo.trigger.chain import Awaited, Chain, Delivered
from tajo.trigger.concerned import entities_of
from tajo.trigger.diagnosis import why
from tajo.trigger.log import Log, log_of
from tajo.trigger.posting import Door, own_door, post
from tajo.trigger.words import Ending, Line

_PAUSE_S: Final = 0.05
_EMAIL: Final = re.compile(r"([^\s/:;,<>'\"()=@])[^\s/:;,<>'\"()=@]*@([^\s/:;,<>'\"()=@]*[^\s/:;,<>'\"()=.@])")
_PAIR: Final = re.compile(r"([0-9]{1,3}):([0-9]{1,3})")


def trigger(
    scope: Annotated[str, typer.Argument(metavar="SCOPE", help="Such as store/customer/updated.")],
    id_: Annotated[
        str, typer.Option("--id", help="Of the entity that is fetched: customer, order, product, …; a cart's UUID.")
    ] = "",
    store: Annotated[str | None, typer.Option("--store", help="Its name or hash, if there are several.")] = None,
    status: Annotated[
        str | None, typer.Option("--status", help="FROM:TO of statusUpdated; it is believed, and told as an event.")
    ] = None,
    order: Annotated[int | None, typer.Option("--order", min=1, help="Which order took the cart of converted.")] = None,
    url: Annotated[str | None, typer.Option("--url", help="Of the gateway, if not at gateway.host and port.")] = None,
    timeout: Annotated[str, typer.Option("--timeout", help="How long the whole way may take.")] = "60s",
    emails: Annotated[bool, typer.Option("--emails", help="Shows e-mail addresses in full.")] = False,
    config: Config = None,
    bootstrap_servers: Bootstrap = None,
) -> None:
    """Makes a signed delivery to the own gateway and follows it: delivery, fact, folds, commands, Brevo's answers."""

    asked = Asked(scope, id_, order, _pair(status))
    seconds = _seconds(timeout)
    make(asked, "", 0)  # what is wrong with it is told before anything is asked

    async def work() -> int:
        settings = settings_of(config)
        named = bootstrap_servers or settings.kafka.bootstrap_servers or embedded(settings.data_dir)
        made = await running.reached(settings, named)
        door = Door(url) if url else own_door(settings)
        show = _printer(emails)
        ending = await _Run(made, _store_named(made.settings, store), door, show).run(asked, seconds)
        if not ending.good:
            raise TriggerError(visible(ending.sentence if emails else masked(ending.sentence)))
        show(ending.sentence)
        return 0

    run(work, logging.WARNING)


class _Run:
    def __init__(self, made: Components, store: ConnectedStore, door: Door, show: Callable[[str], None]) -> None:
        self._made, self._store, self._door, self._show = made, store, door, show

    async def run(self, asked: Asked, seconds: float) -> Ending:
        """Raises TriggerError if the gateway does not take the delivery, BrokerUnreachable, TopicsError."""
        delivery = make(asked, self._store.store_hash, self._made.clock.now())
        connection = self._made.store_connections()[self._store.store_hash]
        entities = entities_of(delivery.dirty, connection) if delivery.dirty else []
        async with Reader(self._made.kafka) as reader:
            log = await log_of(self._made, reader, self._store.store_hash, self._store.account, entities)
            await log.begin()
            answer = await post(self._door, delivery, self._store, time.time())
            self._say(Line("gateway", f"answered {answer}; hash {delivery.hash}", log.seconds))
            kind = delivery.dirty.kind if delivery.dirty else None
            its = Delivered(
                delivery.scope, delivery.hash, kind, self._store.store_hash, self._store.name, tuple(entities)
            )
            return await self._followed(Chain(its, log.seen, self._made.names, self._say), log, reader, seconds)

    async def _followed(self, chain: Chain, log: Log, reader: Reader, seconds: float) -> Ending:
        following = chain.follow()
        awaited = next(following)
        try:
            async with asyncio.timeout(max(0.0, seconds - log.seconds)):
                while True:
                    await log.sweep()
                    awaited = next(following)
                    await asyncio.sleep(_PAUSE_S)
        except StopIteration as ended:
            ending: Ending = ended.value
            return ending
        except TimeoutError:
            return Ending(await self._missed(awaited, seconds), good=False)

    async def _missed(self, awaited: Awaited, seconds: float) -> str:
        told = f"Within {seconds:g} s this did not come: {awaited.what}."
        async with Reader(self._made.kafka) as reader:  # the other one was left in the middle of its reading
            return f"{told} {await why(self._made, reader, awaited, self._store.store_hash)}"

    def _say(self, line: Line) -> None:
        self._show(f"{line.at:7.2f} s  {line.link:<8}  {line.text}")


def masked(text: str) -> str:
    """Of e-mail addresses the first character and the domain: `a***@example.com`."""
    return _EMAIL.sub(r"\1***@\2", text)


def _printer(emails: bool) -> Callable[[str], None]:
    def show(text: str) -> None:
        out.print(visible(text if emails else masked(text)), markup=False, soft_wrap=True)

    return show


def _store_named(settings: Settings, named: str | None) -> ConnectedStore:
    stores = settings.connected()
    found = [one for one in stores if named in (None, one.name, one.store_hash)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(store.name for store in stores) or "none"
    sentence = f"there is no store {named!r}" if named else "say which store is meant"
    raise _wrong("--store", f"{sentence}; there are: {names}.")


def _pair(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    if (found := _PAIR.fullmatch(text)) is None:
        raise _wrong("--status", f"{text!r} is no pair of status ids: it looks like 11:2.")
    return int(found[1]), int(found[2])


def _seconds(text: str) -> float:
    try:
        return parse_duration(text) / 1000
    except ValueError as error:
        raise _wrong("--timeout", f"{text!r} is no span: {error}.") from None


def _wrong(key: str, sentence: str) -> SettingsError:
    return SettingsError([Problem("command line", key, sentence)])
