"""What each command does with one target, and with all of them. Whether all was well is the exit status."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from schemas.errors import TajoError
from streams.access import Kafka
from streams.enrich.heard import HookMemory
from tajo.components import Components
from tajo.console import err, out
from tajo.errors import SettingsError
from tajo.hooks.targets import Target, Todo, account_target, store_target
from tajo.settings import Settings

Work = Callable[[Target], Awaitable[bool]]
Agreed = Callable[[], bool]
UNKNOWN: Final = HookMemory()


async def with_all(settings: Settings, work: Work, known: Mapping[str, HookMemory] | None = None) -> int:
    """Each store, then each account; ``known`` by store hash. Raises SettingsError."""
    made = Components(settings, Kafka(""))  # it asks stores and accounts only
    well = True
    for store in settings.connected():
        async with store_target(made, store, (known or {}).get(store.store_hash, UNKNOWN)) as target:
            well &= await _with(target, work)
    for account in settings.accounts():
        if settings.sink.mode == "dry-run":
            _print(f"Brevo account {account.name}: left alone, since sink.mode is dry-run")
            continue
        async with account_target(made, account) as target:
            well &= await _with(target, work)
    return 0 if well else 1


async def _with(target: Target, work: Work) -> bool:
    """One that cannot be asked does not keep the others from it; what the configuration lacks ends all."""
    _print(f"{target.name}:")
    try:
        return await work(target)
    except SettingsError:
        raise
    except TajoError as error:
        err.print(f"  {error}", markup=False, soft_wrap=True)
        return False


async def show(target: Target) -> bool:
    for line in await target.rows() or ["no webhooks"]:
        _print(f"  {line}")
    return True


async def apply(target: Target, agreed: Agreed, *, dry_run: bool = False) -> bool:
    todo = await target.all()
    _show(todo)
    return (dry_run or await _do(todo, agreed)) and not todo.hindered


async def check(target: Target) -> bool:
    found = await target.findings()
    for sentence in found or ["All is well."]:
        _print(f"  {sentence}")
    return not found


async def repair(target: Target) -> bool:
    todo = await target.repairs()
    _show(todo)
    return await _do(todo, lambda: True) and not todo.hindered


async def remove(target: Target, agreed: Agreed) -> bool:
    todo = await target.removal()
    _show(todo)
    return await _do(todo, agreed)


def _show(todo: Todo) -> None:
    for line in [*todo.hindered, *todo.lines] or ["nothing to do"]:
        _print(f"  {line}")


async def _do(todo: Todo, agreed: Agreed) -> bool:
    """False if it was not wanted."""
    if not todo.lines:
        return True
    if not agreed():
        _print("  nothing was changed")
        return False
    await todo.carry_out()
    _print("  done")
    return True


def _print(text: str) -> None:
    out.print(text, markup=False, soft_wrap=True)
