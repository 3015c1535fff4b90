"""Imports and reconciles: whole lists, page by page, job after job, within the quota that live traffic leaves.

A page's facts and the place where the list goes on are committed as one, so a job that was interrupted goes on there.
An entity that was marked, or was being read, at any moment since its page was asked for is not written from that page:
its own read is newer, and comes.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from connectors.bigcommerce.errors import BigCommerceError, MissingScope, Unauthorized
from connectors.bigcommerce.limits import Priority
from connectors.bigcommerce.pages import Page
from connectors.bigcommerce.reads import Listed, Window
from connectors.bigcommerce.scopes import Kind
from schemas.facts import Origin
from schemas.requests import Reconcile, Resource, Sync
from streams.enrich.lanes import RETRY_SCOPE_MS, Token
from streams.enrich.source import Desk, Listing, Written
from streams.enrich.state import JOBS_REMEMBERED, CartMemory, Changes, Job, job_name, merged
from streams.enrich.troubles import CONNECTION, Troubles
from streams.enrich.waiting import first_of

_FIRST_DELAY_MS, _LONGEST_DELAY_MS = 2_000, 5 * 60_000
KIND_OF: Mapping[Resource, Kind] = {
    "customers": "customer",
    "subscribers": "subscriber",
    "orders": "order",
    "products": "product",
    "categories": "category",
    "carts": "cart",
}
log = structlog.get_logger("tajo.enrich")


@dataclass(slots=True)
class Progress:
    """Of one resource, for a progress bar. Times in ms of the clock. ``total`` None: not known (yet)."""

    started_at: int
    count: int = 0
    total: int | None = None
    requests: int = 0
    finished_at: int | None = None

    def rate(self, now: int) -> float:
        """Entities a second of the clock."""
        return self.count * 1000 / max(1, (self.finished_at or now) - self.started_at)


class Importer:
    def __init__(self, desk: Desk, listings: Mapping[Resource, Listing], *, troubles: Troubles, token: Token) -> None:
        self.progress: dict[Resource, Progress] = {}
        self._sleeping_until: int | None = 0  # None: for news
        self._asleep = False
        self._desk, self._listings = desk, listings
        self._troubles, self._token = troubles, token
        self._jobs = [job for _, job in desk.state.scan("job/", Job)]
        self._failures, self._resume_at = 0, 0
        self._not_before: dict[Resource, int] = {}  # resources whose OAuth scope is missing
        self._news = asyncio.Event()

    @property
    def jobs(self) -> list[Job]:
        """Those that are not finished, in their order."""
        return list(self._jobs)

    @property
    def sleeping(self) -> bool:
        """Whether ``run`` waits for the clock, or for news, and neither has come."""
        until = self._sleeping_until
        return self._asleep and not self._news.is_set() and (until is None or until > self._desk.clock.now())

    def stir(self) -> None:
        """What a job waits for may have come."""
        self._news.set()

    def add(self, request: Sync | Reconcile) -> Changes:
        """Takes a job on; the same one again changes nothing."""
        window = None if isinstance(request, Sync) else (request.since, request.until)
        id_ = request.id if isinstance(request, Sync) else f"reconcile:{request.since}-{request.until}@{request.at}"
        if id_ in self._desk.state.info.jobs_done or any(job.id == id_ for job in self._jobs):
            return {}
        left = [
            resource
            for resource in dict.fromkeys(request.resources)
            if resource in self._listings or resource == "carts"
        ]
        job = Job(id=id_, at=request.at, left=left, window=window)
        self._jobs.append(job)
        self._news.set()
        return self._desk.state.change(job_name(job), job)

    async def run(self) -> None:
        """Goes on with what is to be done, until cancelled."""
        while True:
            self._news.clear()
            job = next((job for job in self._jobs if job.left), None)
            if job is None:
                for done in self._jobs:
                    await self._finish(done)
                await self._sleep(None)
                continue
            now = self._desk.clock.now()
            if now < max(self._resume_at, self._token.try_at or 0):
                await self._sleep(max(self._resume_at, self._token.try_at or 0))
                continue
            resource = next((each for each in job.left if self._not_before.get(each, 0) <= now), None)
            if resource is None:
                await self._sleep(min(self._not_before[each] for each in job.left))
            elif not self._desk.state.info.asked:
                await self._sleep(None)  # currency and country of the store are part of every fact
            else:
                await self._step(job, resource)

    async def _step(self, job: Job, resource: Resource) -> None:
        try:
            await (self._mark_open_carts(job) if resource == "carts" else self._page(job, resource))
        except BigCommerceError as error:
            await self._failed(resource, error)
        else:
            self._failures = 0
            self._token.good()
            if changes := self._troubles.over(CONNECTION, resource):
                await self._desk.state.writer.write([], changes)
            if not job.left:
                await self._finish(job)

    async def _page(self, job: Job, resource: Listed) -> None:
        desk, listing = self._desk, self._listings[resource]
        before = desk.reads.client.requests
        progress = await self._begin(job, resource)
        seen = desk.marks.watch(KIND_OF[resource])
        try:
            window = Window(*job.window) if job.window else None
            page = await desk.reads.page(resource, job.places.get(resource, ""), Priority.BACKGROUND, window)
            rows = {listing.id_of(row): row for row in page.rows}
            prepared = await listing.prepare(rows)
            marks = desk.marks
            mine = {
                id_: row for id_, row in rows.items() if id_ not in seen and not marks.marked(KIND_OF[resource], id_)
            }
            origin: Origin = "reconcile" if job.window else "import"
            told = listing.written(mine, prepared, page.started_at, origin)
            await desk.state.writer.write(told.outputs, self._moved(job, resource, page, told))
        finally:
            desk.marks.unwatch(seen)
        progress.requests += desk.reads.client.requests - before
        progress.count, progress.total = job.counts[resource], job.totals.get(resource)
        if resource not in job.left:
            progress.finished_at = desk.clock.now()

    async def _begin(self, job: Job, resource: Listed) -> Progress:
        """The resource's progress; a new one when its first page, or the first after a restart, is asked for."""
        known = self.progress.get(resource)
        if known is None or known.finished_at is not None:
            known = self.progress[resource] = Progress(self._desk.clock.now(), job.counts.get(resource, 0))
        if resource == "orders" and resource not in job.totals and job.window is None:
            job.totals[resource] = await self._desk.reads.orders_count(Priority.BACKGROUND)
        return known

    def _moved(self, job: Job, resource: Listed, page: Page, told: Written) -> Changes:
        """The job's next place, with what the page changes."""
        job.counts[resource] = job.counts.get(resource, 0) + len(page.rows)
        if page.total is not None:
            job.totals.setdefault(resource, page.total)
        if page.next is None:
            job.left = [each for each in job.left if each != resource]
            job.places.pop(resource, None)
        else:
            job.places[resource] = page.next
        return merged(told.changes, self._desk.state.change(job_name(job), job))

    async def _mark_open_carts(self, job: Job) -> None:
        """There is no list of carts at BigCommerce: those that we know of are looked at again."""
        desk, now = self._desk, self._desk.clock.now()
        open_carts = [id_ for id_, cart in desk.state.scan("cart/", CartMemory) if cart.order_id is None]
        changes = merged(*(desk.marks.add("cart", id_, now) for id_ in open_carts))
        job.left = [each for each in job.left if each != "carts"]
        job.counts["carts"] = len(open_carts)
        self.progress["carts"] = Progress(now, len(open_carts), len(open_carts), finished_at=now)
        await desk.state.writer.write([], merged(changes, desk.state.change(job_name(job), job)))

    async def _finish(self, job: Job) -> None:
        info = self._desk.state.info
        info.jobs_done = [*info.jobs_done, job.id][-JOBS_REMEMBERED:]
        self._jobs.remove(job)
        await self._desk.state.writer.write(
            [], merged(self._desk.state.change(job_name(job), None), self._desk.state.info_changed())
        )

    async def _failed(self, resource: Resource, error: BigCommerceError) -> None:
        now = self._desk.clock.now()
        log.warning("page failed", store=self._desk.state.store_hash, resource=resource, error=str(error))
        if isinstance(error, Unauthorized):
            self._token.lost(now)
            changes = self._troubles.met(CONNECTION, "disconnected", str(error), now)
        elif isinstance(error, MissingScope):
            self._not_before[resource] = now + RETRY_SCOPE_MS
            changes = self._troubles.met(resource, "scope", str(error), now)
        else:
            self._resume_at = now + min(_LONGEST_DELAY_MS, _FIRST_DELAY_MS << min(self._failures, 20))
            self._failures += 1
            changes = self._troubles.met(resource, "unavailable", str(error), now)
        if changes:
            await self._desk.state.writer.write([], changes)

    async def _sleep(self, until: int | None) -> None:
        """Until this time of the clock, or until there is news."""
        self._asleep, self._sleeping_until = True, until
        try:
            await first_of(self._news, self._desk.clock, until)
        finally:
            self._asleep = False
