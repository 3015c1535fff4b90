"""What is started and stopped by blocking calls, as a context manager, plain or async."""

import asyncio
from types import TracebackType
from typing import Self


class Embedded:
    """Base of a broker and of a cluster of them."""

    def start(self) -> None:
        """Returns when it answers; whatever it raises, nothing is left behind."""
        raise NotImplementedError

    def stop(self) -> None:
        """Harmless when it does not run."""
        raise NotImplementedError

    def give_up(self) -> None:
        """Called in another thread than a ``start`` under way, which may end sooner then."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        starting = asyncio.ensure_future(asyncio.to_thread(self.start))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            # The thread cannot be cancelled: ask it to give up, and leave only when nothing is left behind.
            self.give_up()
            await asyncio.wait([starting])
            if starting.exception() is None:
                self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await asyncio.shield(asyncio.to_thread(self.stop))
