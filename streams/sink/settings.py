"""What the sink is told: where an account's commands go, how patient it is, and what it counts for the live view."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from connectors.brevo.account import Account


@dataclass
class Counters:
    """Of one account and process. ``outcomes``: receipts by outcome. ``saved``: requests not needed, by reason
    (`equal`, `superseded`, `batched`). ``unknown_lists``: list keys in commands that no list is configured for.
    ``lost_attributes``: totals of a currency that Brevo has no float attribute for, and refused to make one: contacts
    are sent without. ``phones_refused``: contacts sent without their phone.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    saved: Counter[str] = field(default_factory=Counter)
    events_sent: int = 0
    phones_refused: int = 0
    unknown_lists: Counter[str] = field(default_factory=Counter)
    lost_attributes: Counter[str] = field(default_factory=Counter)

    @property
    def held(self) -> int:
        return self.outcomes["held"]


@dataclass
class Destination:
    """A Brevo account. ``lists``: list key -> id, and ``attributes``: name -> type, as
    `connectors.brevo.schema.prepare` returns them; attributes that the sink creates are added.

    ``account.requests`` counts requests by family. Destinations outlive owners: limits and counts go on after a
    rebalance. ``resubscribe``: an opt-in lifts a blocklisting that was there before, whoever made it.
    """

    account: Account
    lists: Mapping[str, int]
    mode: Literal["live", "dry-run"] = "live"
    counters: Counters = field(default_factory=Counters)
    attributes: dict[str, str] = field(default_factory=dict)
    resubscribe: bool = False


@dataclass(frozen=True)
class Timings:
    """``*_ms`` run on the clock given, ``*_s`` on the real one.

    ``session_s``: for how long a predecessor may believe that it still owns the partition. ``close_s``: how long a stop
    waits for answers. ``quiet_ms``: a batch is sent when nothing joined it for so long; ``import_quiet_ms``: the same
    for contact imports. ``few_rows``: fewer are not worth an import. ``lookups_ms``: when Brevo is asked about an event
    in doubt, after the doubt arose. ``most_failures``: of one command, with others getting through in between each;
    then it is dead-lettered. ``most_waiting``: commands read and not settled; no more are read then.
    """

    session_s: float = 6.0
    close_s: float = 3.0
    probe_ms: int = 60_000
    quiet_ms: int = 2_000
    import_quiet_ms: int = 5_000
    import_rows: int = 5_000
    few_rows: int = 20
    workers: int = 8
    retry_ms: int = 1_000
    longest_retry_ms: int = 60_000
    most_failures: int = 8
    lookups_ms: tuple[int, ...] = (5_000, 30_000)
    most_waiting: int = 200_000
