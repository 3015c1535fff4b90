"""A component works with the stores it was started with; when one is connected or leaves, it ends and starts anew."""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any

from schemas import topics
from streams.following import Follower, ended
from tajo.access.joining import stores_of
from tajo.access.register import Register
from tajo.components import Components
from tajo.errors import ConnectionsChanged


async def while_unchanged(made: Components, work: Coroutine[Any, Any, None]) -> None:
    """Runs ``work``, and ends it in order when connections change. Raises ConnectionsChanged, which is no failure.

    Raises too what following them failed with: a component that does not hear of changes must not go on.
    """
    working, changed = asyncio.create_task(work), asyncio.create_task(_change(made))
    try:
        await asyncio.wait((working, changed), return_when=asyncio.FIRST_COMPLETED)
        if not changed.done():
            await working
    finally:
        await ended(changed)
        working.cancel()  # once: what it still has to do in order takes its time
        await asyncio.wait([working])
    if not changed.cancelled():
        changed.result()


async def _change(made: Components) -> None:
    """Raises ConnectionsChanged."""
    register, changed = Register(), asyncio.Event()
    file = made.settings.joined({})

    def heard(content: Mapping[bytes, bytes]) -> None:
        register.update(content)
        if file.joined(stores_of(register, file)) != made.settings:
            changed.set()

    following = asyncio.create_task(Follower(made.kafka, made.names.topic(topics.CONNECTION), heard).run())
    waiting = asyncio.create_task(changed.wait())
    try:
        await asyncio.wait((following, waiting), return_when=asyncio.FIRST_COMPLETED)
        if following.done():
            following.result()  # raises why nobody hears of changes any more
    finally:
        waiting.cancel()
        await ended(following)
    raise ConnectionsChanged("A store was connected, replaced or left: this component starts anew with it.")
