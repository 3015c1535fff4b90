"""Tasks that nobody awaits, whose failure is heard all the same."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


def watched(
    work: Coroutine[Any, Any, None], name: str, failed: Callable[[BaseException], None]
) -> "asyncio.Task[None]":
    """``failed``: called with what ``work`` raises; a cancellation is none of that."""

    def ended(task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            failed(error)

    task = asyncio.create_task(work, name=name)
    task.add_done_callback(ended)
    return task
