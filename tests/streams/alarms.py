"""A fold that wants ticks, and stumbles over records in every way: a clock that rings once per key.

Values: {"at": ms} sets the alarm, {"at": null} unsets it, a tombstone takes the key out of the table. {"bad": kind}
changes the state in place and then fails: `record`, `msgspec`, `bug`, `size` (the state), `output` (its size), `dump`;
{"jams": true} makes the state fail at its tick.
"""

import json
from typing import Any

import msgspec

from projections.fold import TICK, Input, Output
from schemas import topics
from schemas.errors import BadRecord

State = dict[str, Any]


class Alarms:
    """Tells `brevo.command.v1` of everything, and `customers` of settings.

    State: `at` (ms or None), `seen` (records folded), `rang` (times of ticks).
    """

    name = "alarms"
    inputs: tuple[str, ...] = (topics.CART,)
    outputs: tuple[str, ...] = (topics.COMMAND, "customers")

    def load(self, key: bytes, stored: bytes | None) -> State:
        return json.loads(stored) if stored else {"at": None, "seen": 0, "rang": []}

    def dump(self, state: State) -> bytes | None:
        return json.dumps(state, sort_keys=True).encode() if state else None

    def due(self, state: State) -> int | None:
        return state.get("at")

    def fold(self, state: State, record: Input) -> tuple[State, list[Output]]:
        if record.value is None:
            return {}, []
        state = state or self.load(record.key, None)  # it may have left the table in the same batch
        state["seen"] += 1
        told = json.loads(record.value)
        if told.get("kind") == TICK.decode():
            return self._ring(state, record)
        if "bad" in told:
            return self._stumble(state, record, told["bad"])
        state["at"], state["jams"] = told["at"], told.get("jams", False)
        inner = Output("customers", record.key, b"set")
        return state, [self._say(record, f"is set, {state['seen']} so far"), inner]

    @staticmethod
    def _say(record: Input, what: str) -> Output:
        """All in one partition, so that the order shows."""
        return Output(topics.COMMAND, b"account", b"%s %s" % (record.key, what.encode()))

    def _ring(self, state: State, record: Input) -> tuple[State, list[Output]]:
        state["rang"].append(record.time)
        state["at"] = None
        if state["jams"]:
            raise RuntimeError("It jams.")
        return state, [self._say(record, f"rang at {record.time}")]

    @staticmethod
    def _stumble(state: State, record: Input, kind: str) -> tuple[State, list[Output]]:
        state["at"] = 7
        match kind:
            case "record":
                raise BadRecord("It cannot be used.", stage="decode")
            case "msgspec":
                msgspec.json.decode(b"[1", type=int)
            case "bug":
                raise KeyError("missing")
            case "size":
                state["fat"] = "x" * (9 << 20)
            case "output":
                return state, [Output(topics.COMMAND, record.key, bytes(9 << 20))]
            case "dump":
                state["odd"] = {1, 2}
        return state, []
