"""When deliveries may have been lost: opened when a hook is found down, closed when it has fired again for a minute.

A gap begins at the last moment at which the hook surely was active. Where BigCommerce had trouble delivering, it begins
49 hours before that: what had failed since was still being repeated (11 retries, 48 h), and went with the hook. It ends
a minute after the hook was made, changed or switched on, since so long may pass until it fires.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from connectors.bigcommerce.hooks import Hook, Plan
from connectors.bigcommerce.hooks_admin import BLOCK_MS, RETRIES_MS, SETTLES_MS, Admin
from streams.enrich.heard import Gap, HookMemory
from streams.enrich.settings import HooksWanted

WILL_RETRY: Final = 90_001
GIVEN_UP: Final = 90_002
BLOCKED: Final = 90_003


class Gaps:
    """One look at a store's hooks, made ``at``, and what follows from it for the memory."""

    def __init__(self, memory: HookMemory, wanted: HooksWanted, todo: Plan, admin: Admin, at: int) -> None:
        self._memory, self._wanted, self._todo, self._admin, self._at = memory, wanted, todo, admin, at
        self._right = {hook.scope: hook for hook in todo.right}
        self._hooks = {**self._right, **{one.hook.scope: one.hook for one in todo.repair}}
        self._block = admin.blocked(wanted.public_url)

    def open(self) -> None:
        """Notes where deliveries may have been lost, or still may be."""
        for scope in self._wanted.scopes:
            hook = self._right.get(scope)
            if hook is None:
                self._note(scope, self._begin(scope), self._at)
            elif (good := self._memory.good.get(scope)) is not None and _changed(hook) > good:
                self._note(scope, self._begin(scope), _changed(hook))
        if self._block is not None:
            left = self._block.time_left * 1000
            self._note_all(self._at + left - BLOCK_MS, self._at + left)
        self._draw_conclusions()

    def close(self) -> Iterator[tuple[str, int, int]]:
        """(scope, since, until) of those that are over; the others are known good now, if their hooks are."""
        memory = self._memory
        memory.gaps = {scope: gap for scope, gap in memory.gaps.items() if scope in self._wanted.scopes}
        memory.good = {scope: at for scope, at in memory.good.items() if scope in self._wanted.scopes}
        for scope, hook in self._right.items():
            gap, ends = memory.gaps.get(scope), self._ends(scope, hook)
            if self._block is not None or self._at < ends:
                continue
            if gap is not None:
                del memory.gaps[scope]
                yield scope, gap.since, ends
            memory.good[scope] = self._at
        memory.looked = self._at

    def due(self) -> int | None:
        """When the first of the open ones can be over; their hooks have been repaired by now."""
        ends = (
            self._ends(scope, self._right[scope]) if scope in self._right else gap.until + SETTLES_MS + 1_000
            for scope, gap in self._memory.gaps.items()
        )
        return min(ends, default=None)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _begin(self, scope: str) -> int | None:
        """None where nothing is known of the hook: then it was never there, and nothing was missed."""
        good = self._memory.known_good(scope)
        if good is None:
            return None
        return good - RETRIES_MS if self._failing(self._hooks.get(scope), good) else good

    def _failing(self, hook: Hook | None, good: int) -> bool:
        """Whether deliveries may have been waiting for a repetition."""
        if hook is None:
            return any(told.at >= good - RETRIES_MS for told in self._memory.told)
        told = (told.at for told in self._memory.told if told.hook_id == hook.id)
        return self._admin.deactivated(hook.id) or any(at >= good - RETRIES_MS for at in told)

    def _note(self, scope: str, since: int | None, until: int) -> None:
        known = self._memory.gaps.get(scope)
        if known is not None:
            since = known.since if since is None else min(since, known.since)
            until = max(until, known.until)
        if since is not None:
            self._memory.gaps[scope] = Gap(since, until)

    def _note_all(self, since: int, until: int) -> None:
        """A block concerns every hook of the domain. It may have begun before, so the last good look counts too."""
        for scope in self._wanted.scopes:
            good = self._memory.good.get(scope)
            self._note(scope, since if good is None else min(since, good), until)

    def _draw_conclusions(self) -> None:
        """A block or a deactivation may be over before anybody has looked; that there was one is told."""
        scopes = {hook.id: hook.scope for hook in self._hooks.values()}
        for told in self._memory.told:
            if told.taken:
                continue
            told.taken = True
            if told.code == BLOCKED:
                self._note_all(told.at, told.at + BLOCK_MS)
            elif told.code == GIVEN_UP and told.hook_id in scopes:
                self._note(scopes[told.hook_id], told.at - RETRIES_MS, told.at)

    def _ends(self, scope: str, hook: Hook) -> int:
        gap = self._memory.gaps.get(scope)
        return max(_changed(hook), gap.until if gap else 0) + SETTLES_MS


def _changed(hook: Hook) -> int:
    """The end of the second in which it was last changed."""
    return hook.updated_at * 1000 + 1000


def windows(closed: Iterable[tuple[str, int, int]]) -> dict[int, tuple[list[str], int]]:
    """Beginning -> scopes, and the last of their ends: those that were lost together are asked for together."""
    found: dict[int, tuple[list[str], int]] = {}
    for scope, since, until in closed:
        scopes, last = found.get(since, ([], until))
        found[since] = ([*scopes, scope], max(last, until))
    return found
