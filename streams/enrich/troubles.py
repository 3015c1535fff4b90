"""What cannot be read of a store, since when, and why: told by status, doctor and console. Part of the state."""

from collections.abc import Mapping
from typing import Final, Literal

from streams.enrich.state import Changes, State, Trouble

CONNECTION: Final = "connection"  # the whole store
_TroubleKind = Literal["disconnected", "scope", "unavailable", "unreadable", "uninstalled"]


class Troubles:
    def __init__(self, state: State) -> None:
        self._state = state

    @property
    def present(self) -> Mapping[str, Trouble]:
        """By kind of entity or resource; under `connection` what concerns everything."""
        return self._state.info.trouble

    @property
    def disconnected(self) -> bool:
        found = self.present.get(CONNECTION)
        return found is not None and found.kind == "disconnected"

    def met(self, about: str, kind: _TroubleKind, message: str, now: int) -> Changes:
        """Nothing changes while the same trouble goes on."""
        known = self.present.get(about)
        if known is not None and (known.kind, known.message) == (kind, message):
            return {}
        since = known.since if known is not None and known.kind == kind else now
        self._state.info.trouble = {**self.present, about: Trouble(kind, message, since)}
        return self._state.info_changed()

    def over(self, *about: str) -> Changes:
        """Something of this was read: the trouble is over, and the token is good."""
        left = {key: trouble for key, trouble in self.present.items() if key not in about}
        if len(left) == len(self.present):
            return {}
        self._state.info.trouble = left
        return self._state.info_changed()
