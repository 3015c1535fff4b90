"""Trouble on demand: the next requests are answered with an error, garbage, or not at all."""

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    STATUS = "status"
    LIMITED = "429 with headers"
    BARE_LIMITED = "429 without headers"
    GARBAGE = "garbage"
    HANG = "hang"


@dataclass(slots=True)
class Fault:
    kind: Kind
    status: int
    left: int
    path: str


class Faults:
    """Each call adds to the queue; ``path`` narrows it to requests whose path contains it. ``met`` counts them."""

    def __init__(self) -> None:
        self.met = 0
        self._waiting: list[Fault] = []

    def fail(self, status: int, times: int = 1, *, path: str = "") -> None:
        """The next ``times`` requests are answered with ``status`` (500, 503, 423, …)."""
        self._waiting.append(Fault(Kind.STATUS, status, times, path))

    def limit(self, times: int = 1, *, headers: bool = True, path: str = "") -> None:
        """429; without ``headers`` as BigCommerce does under load of its platform."""
        self._waiting.append(Fault(Kind.LIMITED if headers else Kind.BARE_LIMITED, 429, times, path))

    def garble(self, times: int = 1, *, path: str = "") -> None:
        """200, said to be JSON, but cut off."""
        self._waiting.append(Fault(Kind.GARBAGE, 200, times, path))

    def hang(self, times: int = 1, *, path: str = "") -> None:
        """No answer until the client gives up."""
        self._waiting.append(Fault(Kind.HANG, 0, times, path))

    def take(self, path: str) -> Fault | None:
        for fault in self._waiting:
            if fault.path in path:
                fault.left -= 1
                self.met += 1
                if not fault.left:
                    self._waiting.remove(fault)
                return fault
        return None
