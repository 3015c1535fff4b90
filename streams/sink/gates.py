"""Pauses: after a 401 nothing of the account is sent, after a 403 nothing of that stream; one probe a minute.

The probe is the next real request, so that no other permission is needed for it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from connectors.brevo.errors import AccountPaused, BrevoError, StreamPaused
from connectors.clock import Clock

_ALARM_MS = 7 * 86_400_000  # half of the time for which commands are kept
log = logging.getLogger("tajo.sink")


class Gate:
    """Open, or closed for a ``reason`` since ``since`` (Unix ms); a closed one lets one request through at a time."""

    def __init__(self, name: str, clock: Clock, probe_ms: int) -> None:
        self.name, self.reason, self.since = name, "", 0
        self._clock, self._probe_ms = clock, probe_ms
        self._probe_at = 0
        self._probing = False
        self._changed = asyncio.Event()

    async def enter(self) -> bool:
        """Returns when a request may pass: True if it is the probe, whose end must be told."""
        while self.reason:
            if self._probing:
                self._changed.clear()
                await self._changed.wait()
            elif self._clock.now() < self._probe_at:
                await self._clock.sleep_until(self._probe_at)
            else:
                self._probing = True
                return True
        return False

    async def due(self) -> bool:
        """Returns when ``enter`` would; True if that would be a probe."""
        while self.reason and (self._probing or self._clock.now() < self._probe_at):
            if self._probing:
                self._changed.clear()
                await self._changed.wait()
            else:
                await self._clock.sleep_until(self._probe_at)
        return bool(self.reason)

    def open(self) -> None:
        if self.reason:
            log.warning("%s goes on; it was paused: %s", self.name, self.reason)
        self.reason = ""
        self._wake()

    def close(self, error: BrevoError) -> None:
        if not self.reason:
            self.since = self._clock.now()
            log.error("%s is paused: %s", self.name, error)
        elif self._clock.now() - self.since >= _ALARM_MS:
            log.critical("%s has been paused for a week; after two, commands are lost: %s", self.name, error)
        self.reason = str(error)
        self.wait()

    def wait(self) -> None:
        """The next probe goes after a pause."""
        self._probe_at = self._clock.now() + self._probe_ms
        self._wake()

    def let_go(self) -> None:
        """The probe was not sent after all."""
        self._wake()

    def _wake(self) -> None:
        self._probing = False
        self._changed.set()


class Gates:
    """The account's gate and one per stream. ``pauses``: name -> (reason, since)."""

    def __init__(self, account: str, streams: tuple[str, ...], clock: Clock, probe_ms: int) -> None:
        self._account = Gate(f"The Brevo account {account}", clock, probe_ms)
        self._streams = {
            name: Gate(f"The stream {name} of the Brevo account {account}", clock, probe_ms) for name in streams
        }

    @property
    def pauses(self) -> dict[str, tuple[str, int]]:
        named = {"account": self._account, **self._streams}
        return {name: (gate.reason, gate.since) for name, gate in named.items() if gate.reason}

    async def ready(self, stream: str) -> bool:
        """Returns when a request may pass, without sending one; True if it would be a probe."""
        return any([await gate.due() for gate in (self._streams[stream], self._account)])

    @asynccontextmanager
    async def through(self, stream: str) -> AsyncIterator[None]:
        """Around a request: what it raises says which gate it closes or opens."""
        gate = self._streams[stream]
        probes = [one for one in (gate, self._account) if await one.enter()]
        try:
            yield
        except AccountPaused as error:
            self._account.close(error)
            gate.let_go()
            raise
        except StreamPaused as error:
            gate.close(error)
            self._account.open()
            raise
        except BrevoError as error:
            # An answer other than 401 and 403 shows that the way is open; without an answer nothing is known.
            for one in probes:
                one.open() if error.status else one.wait()
            raise
        except BaseException:
            for one in probes:
                one.let_go()
            raise
        for one in probes:
            one.open()
