"""What stands still in a process that otherwise lives. Nobody hears of it by itself: no error comes of a step that is
never done."""

from collections.abc import Mapping


class Stillness:
    """``most``: looks in a row at which something may be as it was."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen: dict[str, tuple[object, int]] = {}

    def look(self, now: Mapping[str, object]) -> list[str]:
        """What stands still. ``now``: what has to come on -> how far it is; what is missing begins anew later."""
        before = self._seen
        self._seen = {}
        for what, how_far in now.items():
            last, times = before.get(what, (None, 0))
            self._seen[what] = (how_far, times + 1 if last == how_far else 0)
        return [what for what, (_, times) in self._seen.items() if times >= self._most]
