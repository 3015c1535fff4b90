"""What is said of the links, and how it ends."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from schemas.commands import Command, Receipt
from schemas.facts import Fact
from tajo.dlq.letters import Letter
from tajo.trigger.log import Record


class Ending(NamedTuple):
    """``good``: it came to an answer, or there was provably nothing to tell."""

    sentence: str
    good: bool = True


class Line(NamedTuple):
    """``at``: seconds since the start."""

    link: str
    text: str
    at: float


def fact(record: Record, kind: str, found: Fact | None) -> Line:
    """``found``: its envelope; None for a tombstone."""
    name = record.key.decode(errors="replace")
    if found is None:
        told = f"a tombstone: BigCommerce has no such {kind}"
    else:
        what = dict(record.headers).get("ce_type", b"fetched").decode().rpartition(".")[2]
        many = "" if found.causes_count < 2 else f", for {found.causes_count} deliveries"
        told = f"{what} at {datetime.fromtimestamp(found.fetched_at / 1000, UTC):%H:%M:%S} UTC{many}"
    return Line("fact", f"{record.place}  {name}  {told}", record.at)


def not_kept(kind: str | None, scope: str) -> Ending:
    """``kind`` of what the delivery is about."""
    match kind:
        case None:
            return Ending(f"Nothing that {scope} is about is kept; the delivery lies in the log.")
        case "store":
            return Ending("The store's own record was read again; it is part of later facts, and none itself.")
        case "hook":
            return Ending("The enricher has noted it as a failure of that webhook; no entity is read for it.")
        case _:
            return Ending(f"The enricher passed it over: with this configuration's `sync`, no {kind} is read.")


def silence(kind: str | None, *, cut: bool, contact: bool) -> Ending:
    """No command followed. ``contact``: one was concerned."""
    if cut:
        return Ending(
            "What the folds told each other was deleted, since it was folded, before it could be read here: trigger it "
            "again.",
            good=False,
        )
    if kind == "cart":
        return Ending(
            "Nothing is to be told now: a cart that is left is announced at the times of `carts.steps`, if it is known "
            "by then whose it is."
        )
    if contact:
        return Ending(
            "Nothing is to be told to Brevo: what the contact shall hold there is what was told before, or it is no "
            "contact yet."
        )
    return Ending(
        "Nothing is to be told: what was fetched is what was known before, or nobody is known by an e-mail to whom it "
        "belongs."
    )


def row(record: Record) -> Line:
    told = "nothing is kept of it" if record.value is None else "row written"
    where = f"changelog partition {record.partition}, offset {record.offset}"
    return Line("fold", f"{record.topic}  {record.key.decode(errors='replace')}  {told}: {where}", record.at)


def answered(outcomes: Sequence[str]) -> Ending:
    count = f"{len(outcomes)} command" + ("" if len(outcomes) == 1 else "s")
    if refused := sum(outcome == "refused" for outcome in outcomes):
        return Ending(
            f"Answered: {count} since the fact, for what it is about; {refused} refused, see `tajo dlq list --topic "
            f"brevo.command`."
        )
    return Ending(f"Answered: {count} since the fact, for what it is about.")


def answer(receipt: Receipt) -> str:
    said = {
        "equal": "equal: Brevo has it already, nothing was sent",
        "superseded": "superseded: a newer command for the same was sent instead",
        "repeated": "repeated: it was sent before, and is sent once",
        "held": "held: it is in doubt whether Brevo has it, and it must not come twice",
        "expired": "expired: too old to be told",
    }.get(receipt.outcome, receipt.outcome)
    if receipt.message.startswith("dry-run"):
        return receipt.message  # it is noted as done, so that a dry run goes on
    status = f" {receipt.status}" if receipt.status else ""
    return "  ".join(part for part in (f"{said}{status}", receipt.request, receipt.message) if part)


def subject(command: Command) -> tuple[str, str]:
    """Its kind, and what it is about."""
    kind, name = str(command.__struct_config__.tag), command.id
    late = "  (from before the store was live: it may go by an import)" if getattr(command, "historical", False) else ""
    return kind, name.removeprefix(f"{kind}:") + late


def buried(letter: Letter) -> Ending:
    return Ending(
        f"It became a dead letter: {letter.reason} `tajo dlq show {letter.place}` shows it; when the cause is gone, "
        f"`tajo dlq retry {letter.place}` tries it again.",
        good=False,
    )
