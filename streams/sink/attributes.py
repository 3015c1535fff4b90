"""Attributes that no preparation can know: a total in a currency without a rate, made when the first one is met.

Brevo drops unknown attributes in silence (https://developers.brevo.com/reference/createcontact), so the attribute is
there before the contact that has it is sent.
"""

import asyncio
from collections.abc import Iterable

import msgspec

from connectors.brevo.errors import Refused
from connectors.brevo.schema import create_attribute
from projections.attributes import SPENT_IN
from schemas.commands import UpsertContact
from streams.sink.settings import Destination


class Totals:
    """Of one account. What Brevo does not take is left out of contacts until the next start, and counted."""

    def __init__(self, destination: Destination) -> None:
        self._brevo, self._known, self._counters = destination.account, destination.attributes, destination.counters
        self._refused: set[str] = set()
        self._one_at_a_time = asyncio.Lock()

    def sendable(self, command: UpsertContact) -> UpsertContact:
        """The command without totals that Brevo would drop."""
        lost = [name for name in command.attributes if self._is_lost(name)]
        if not lost:
            return command
        self._counters.lost_attributes.update(lost)
        kept = {name: value for name, value in command.attributes.items() if name not in lost}
        return msgspec.structs.replace(command, attributes=kept)

    async def create(self, names: Iterable[str]) -> bool:
        """Creates those that lack; False if Brevo refused one, so that commands are to be read again.

        Raises BrevoError if it has to be tried again.
        """
        missing = {name for name in names if SPENT_IN.fullmatch(name) and name not in self._known}
        if not missing:
            return True
        async with self._one_at_a_time:
            for name in sorted(missing - self._known.keys() - self._refused):
                try:
                    await create_attribute(self._brevo, name, "float")
                except Refused:
                    self._refused.add(name)
                else:
                    self._known[name] = "float"
        return not missing & self._refused

    def _is_lost(self, name: str) -> bool:
        if not SPENT_IN.fullmatch(name):
            return False
        return name in self._refused or self._known.get(name, "float") != "float"
