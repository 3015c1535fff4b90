"""The watch over a store's webhooks: looks at them every few minutes, puts right what is wrong, and asks for a
reconcile of what was missed.

It runs in the owner of the store, of which there is one at a time; should two overlap for a moment, they do the same
twice, which changes nothing. What it knows lies in the owner's state: a gap is committed before anything is repaired,
and the request for its reconcile is committed as one with the end of the gap, so no window is lost or asked for twice.
"""

from collections.abc import Callable, Iterable
from typing import Final

import msgspec
import structlog

from connectors.bigcommerce.client import Client
from connectors.bigcommerce.errors import BigCommerceError
from connectors.bigcommerce.hooks import Plan, carry_out, present_hooks
from connectors.bigcommerce.hooks_admin import hooks_admin
from connectors.bigcommerce.scopes import Kind, kind_of
from connectors.clock import Clock
from projections.fold import Output
from schemas import topics
from schemas.requests import Reconcile, Resource
from streams.enrich.findings import Finding, findings, moment
from streams.enrich.gaps import Gaps, windows
from streams.enrich.heard import Heard
from streams.enrich.importer import KIND_OF
from streams.enrich.settings import HooksWanted
from streams.enrich.state import State

EVERY_MS: Final = 120_000  # less than a block of a domain lasts, so that each is seen
_AGAIN_MS: Final = 60_000
_SOONEST_MS: Final = 1_000
log = structlog.get_logger("tajo.hooks")


class HookWatch:
    """``findings``: what was wrong at the last look. ``wants``: whether entities of a kind are read at all.

    ``every_ms``: from one look to the next, unless a gap can be closed before.
    """

    def __init__(
        self,
        state: State,
        client: Client,
        wanted: HooksWanted,
        heard: Heard,
        clock: Clock,
        wants: Callable[[Kind], bool],
    ) -> None:
        self.findings: list[Finding] = []
        self.under_way = False
        self.every_ms = EVERY_MS
        self._state, self._client, self._wanted = state, client, wanted
        self._heard, self._clock, self._wants = heard, clock, wants
        self._failure = ""

    async def run(self) -> None:
        """Until cancelled. While BigCommerce does not answer it is asked again each minute."""
        while True:
            try:
                self.under_way = True
                due = await self.look()
                self._failure = ""
            except BigCommerceError as error:
                self._say_failure(str(error))
                due = self._clock.now() + _AGAIN_MS
            finally:
                self.under_way = False
            await self._clock.sleep_until(due)

    async def look(self) -> int:
        """One look, and what follows from it. Returns when the next one is due. Raises BigCommerceError."""
        began = self._clock.now()
        present = await present_hooks(self._client)
        admin = await hooks_admin(self._client)
        todo = self._wanted.plan(self._state.store_hash, present)
        memory = self._heard.memory
        found = findings(self._wanted, todo, admin, memory, began)
        self._report([one for one in found if memory.looked is not None or one.kind != "missing"])
        gaps = Gaps(memory, self._wanted, todo, admin, began)
        known = set(memory.gaps)
        gaps.open()
        self._say_opened(sorted(memory.gaps.keys() - known))
        requests = [self._reconcile(scopes, *window) for window, scopes in _grouped(gaps.close())]
        outputs = [self._output(request) for request in requests if request.resources]
        await self._state.writer.write(outputs, self._heard.changes())
        await self._put_right(todo)
        regularly = began + self.every_ms
        return max(self._clock.now() + _SOONEST_MS, min(regularly, gaps.due() or regularly))

    async def _put_right(self, todo: Plan) -> None:
        if not (todo.create or todo.repair or todo.remove):
            return
        repaired = [repair.hook.scope for repair in todo.repair]
        counts = {"made": len(todo.create), "repaired": repaired, "removed": len(todo.remove)}
        log.info("webhooks are put right", store=self._state.store_hash, **counts)
        await carry_out(self._client, todo)

    # --- what was missed ----------------------------------------------------------------------------------------------

    def _reconcile(self, scopes: list[str], since: int, until: int) -> Reconcile:
        """Named by its window alone, so that the same one asked for again is the same job."""
        resources = self._resources(scopes)
        said = {"store": self._state.store_hash, "since": moment(since), "until": moment(until), "scopes": scopes}
        log.info("what was missed is asked for", **said, resources=resources)
        if "carts" in resources:
            log.warning("carts that began meanwhile are not found: BigCommerce has no list of carts", **said)
        return Reconcile(store=self._state.store_hash, at=until, since=since, until=until, resources=resources)

    def _resources(self, scopes: Iterable[str]) -> tuple[Resource, ...]:
        kinds = {kind for scope in scopes if (kind := kind_of(scope)) is not None and self._wants(kind)}
        return tuple(resource for resource, kind in KIND_OF.items() if kind in kinds)

    def _output(self, request: Reconcile) -> Output:
        return Output(topics.REQUEST, request.store.encode(), msgspec.json.encode(request))

    # --- what is said -------------------------------------------------------------------------------------------------

    def _report(self, found: list[Finding]) -> None:
        """Each once, when it is new and when it is over. That hooks are missing at the first look of all is no news."""
        before, present = ({(one.kind, one.about): one.sentence for one in these} for these in (self.findings, found))
        if new := [sentence for key, sentence in present.items() if key not in before]:
            log.warning("something is wrong with webhooks", store=self._state.store_hash, found=new)
        if over := [sentence for key, sentence in before.items() if key not in present and key[0] != "exception"]:
            log.info("this is over", store=self._state.store_hash, found=over)
        self.findings = found

    def _say_opened(self, scopes: list[str]) -> None:
        if scopes:
            log.warning("deliveries may have been lost", store=self._state.store_hash, scopes=scopes)

    def _say_failure(self, said: str) -> None:
        if said != self._failure:
            log.warning("webhooks cannot be looked at", store=self._state.store_hash, error=said)
            self._failure = said


def _grouped(closed: Iterable[tuple[str, int, int]]) -> list[tuple[tuple[int, int], list[str]]]:
    return [((since, until), scopes) for since, (scopes, until) in windows(closed).items()]
