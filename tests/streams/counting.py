"""Two small folds with re-keying between them: entries per entity, sums per group, a line per change of a sum."""

import json
from typing import Any

from projections.fold import Input, Output
from schemas import topics
from schemas.errors import BadRecord


class Entries:
    """`commerce.order.v1` -> `customers`: an entity's amount may change or move; its group hears of the whole of it."""

    name = "entries"
    inputs = (topics.ORDER,)
    outputs = ("customers",)

    def load(self, key: bytes, stored: bytes | None) -> dict[str, Any]:
        return json.loads(stored) if stored else {}

    def dump(self, state: dict[str, Any]) -> bytes | None:
        return json.dumps(state, sort_keys=True).encode() if state else None

    def fold(self, state: dict[str, Any], record: Input) -> tuple[dict[str, Any], list[Output]]:
        new = self._decode(record.value)
        outputs = []
        if state and state.get("group") != new.get("group"):
            outputs.append(self._tell(state["group"], record.key, -state["amount"]))
            state = {}
        if new:
            outputs.append(self._tell(new["group"], record.key, new["amount"] - state.get("amount", 0)))
        return new, outputs

    @staticmethod
    def _decode(value: bytes | None) -> dict[str, Any]:
        if value is None:
            return {}
        try:
            return dict(json.loads(value))
        except ValueError as error:
            raise BadRecord(f"{value!r} is no JSON object.", stage="decode") from error

    @staticmethod
    def _tell(group: str, key: bytes, difference: int) -> Output:
        return Output("customers", group.encode(), json.dumps([key.decode(), difference]).encode())

    def due(self, state: dict[str, Any]) -> int | None:
        return None


class Sums:
    """`customers` -> `brevo.command.v1`: the sum of a group, and how many differences made it."""

    name = "sums"
    inputs = ("customers",)
    outputs = (topics.COMMAND,)

    def load(self, key: bytes, stored: bytes | None) -> list[int]:
        return json.loads(stored) if stored else [0, 0]

    def dump(self, state: list[int]) -> bytes | None:
        return json.dumps(state).encode()

    def fold(self, state: list[int], record: Input) -> tuple[list[int], list[Output]]:
        assert record.value is not None
        _, difference = json.loads(record.value)
        state = [state[0] + difference, state[1] + 1]
        return state, [Output(topics.COMMAND, record.key, json.dumps(state).encode())]

    def due(self, state: list[int]) -> int | None:
        return None
