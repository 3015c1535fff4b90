"""Time limits for many short waits at once: one timer looks after all of them.

`asyncio.timeout` sets and clears a timer of its own for each wait, which costs more than the rest of a delivery's wait.
"""

import asyncio
from types import TracebackType
from typing import Any, Final

_LOOKS: Final = 20  # in the course of one limit, so a wait may last that much longer


class Patience:
    """``with patience:`` raises TimeoutError in a task that has waited in it for more than ``seconds``.

    All waits of one Patience have the same limit. It is not nested in a task, but may be in that of another.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._since: dict[asyncio.Task[Any], float] = {}  # in order of time
        self._over: set[asyncio.Task[Any]] = set()
        self._looking: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None, "Patience is had by a task."
        self._since[task] = loop.time()
        if self._looking is None:
            self._looking = loop.call_later(self.seconds / _LOOKS, self._look, loop)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._since.pop(task, None)
        if task not in self._over:
            return
        self._over.discard(task)
        # As in asyncio.timeout: a cancellation by somebody else goes first.
        if task.uncancel() == 0 and kind is asyncio.CancelledError:
            raise TimeoutError(f"It took more than {self.seconds:g} s.") from error

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        due = loop.time() - self.seconds
        while self._since:
            task, since = next(iter(self._since.items()))
            if since > due:
                break
            del self._since[task]
            self._over.add(task)
            task.cancel()
        self._looking = loop.call_later(self.seconds / _LOOKS, self._look, loop) if self._since else None
