"""Faults on request: answers that Brevo gives on a bad day.

A target is an endpoint family (``events``, ``contacts``, ``orders``, ``products``, ``other``, ``tracker``), one
endpoint (``POST /events/batch``, as routes are written) or ``*``. Faults of one target are used up in the order in
which they were asked for, after the api key and the limits were checked.
"""

import asyncio
from dataclasses import dataclass, field

HTML = "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>Bad gateway</h1></body></html>"


@dataclass
class Hang:
    """Requests that get no answer until ``release``; a client that gives up is let go."""

    waiting: int = 0
    _released: asyncio.Event = field(default_factory=asyncio.Event)
    _reached: asyncio.Event = field(default_factory=asyncio.Event)
    _left: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self) -> None:
        self._released.set()

    async def reached(self) -> None:
        """Returns once a request hangs here (or has hung)."""
        await self._reached.wait()

    async def left(self) -> None:
        """Returns once a request that hung here went on or was given up."""
        await self._left.wait()

    async def hold(self) -> None:
        self.waiting += 1
        self._reached.set()
        try:
            await self._released.wait()
        finally:
            self.waiting -= 1
            self._left.set()


@dataclass
class Fault:
    target: str
    times: int
    status: int = 0
    html: bool = False
    reset: int = 1
    hang: Hang | None = None
    accepts: bool = False


class Faults:
    def __init__(self) -> None:
        self.unrecognised_address = False
        """While true every call is answered 401, as for an egress address that the account has not authorised."""
        self._faults: list[Fault] = []
        self._partial: list[frozenset[int]] = []

    def answer(self, target: str, status: int, *, times: int = 1, reset: int = 1) -> Fault:
        """The next ``times`` requests are refused with ``status``; a 429 says ``reset`` seconds."""
        fault = Fault(target, times, status, reset=reset)
        self._faults.append(fault)
        return fault

    def withdraw(self, fault: Fault) -> None:
        """Ends it before it was met as often as it was asked for. Harmless when it is over."""
        self._faults = [other for other in self._faults if other is not fault]

    def garbage(self, target: str, *, status: int = 502, times: int = 1) -> None:
        """The next ``times`` requests are answered with a page of HTML, as from a proxy."""
        self._faults.append(Fault(target, times, status, html=True))

    def hang(self, target: str, *, times: int = 1) -> Hang:
        """The next ``times`` requests are not looked at before the release; those given up by then never were."""
        hang = Hang()
        self._faults.append(Fault(target, times, hang=hang))
        return hang

    def accept_then_hang(self, target: str, *, times: int = 1) -> Hang:
        """The next ``times`` requests are carried out, but their answers wait for the release."""
        hang = Hang()
        self._faults.append(Fault(target, times, hang=hang, accepts=True))
        return hang

    def partial(self, *indexes: int) -> None:
        """The next events batch fails for the events at these places (from 0) and answers 207."""
        self._partial.append(frozenset(indexes))

    def next_partial(self) -> frozenset[int]:
        return self._partial.pop(0) if self._partial else frozenset()

    def next_for(self, endpoint: str, family: str) -> Fault | None:
        for fault in self._faults:
            if fault.target in (endpoint, family, "*"):
                fault.times -= 1
                if fault.times <= 0:
                    self._faults.remove(fault)
                return fault
        return None
