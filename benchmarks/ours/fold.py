"""python -m benchmarks.ours.fold BOOTSTRAP PREFIX DATA INPUT [MIB]: the fold of benchmarks/fold.py on our engine.

MIB: what the stores may hold in memory, a quarter of it in write buffers; by default as in production.
"""

import sys

import msgspec

from benchmarks.orders import Order
from benchmarks.ours.worker import fold_role, run
from projections.fold import Input, Output
from streams.engine_rocks import SharedMemory


class State(msgspec.Struct, array_like=True):
    """``amount``: in ten-thousandths of the currency."""

    orders: int = 0
    amount: int = 0
    last: int = 0


class CustomersOfOrders:
    """`source` -> `out`: each order is answered by its customer's new state."""

    name = "customers"
    outputs: tuple[str, ...] = ("out",)

    def __init__(self, source: str) -> None:
        self.inputs: tuple[str, ...] = (source,)
        self._order = msgspec.json.Decoder(Order).decode
        self._state = msgspec.json.Decoder(State).decode
        self._encode = msgspec.json.Encoder().encode

    def load(self, key: bytes, stored: bytes | None) -> State:
        return State() if stored is None else self._state(stored)

    def dump(self, state: State) -> bytes:
        return self._encode(state)

    def fold(self, state: State, record: Input) -> tuple[State, list[Output]]:
        assert record.value is not None
        order = self._order(record.value)
        state.orders += 1
        state.amount += int(order.total_inc_tax.replace(".", ""))
        state.last = order.id
        return state, [Output("out", record.key, self._encode(state))]

    def due(self, state: State) -> None:
        return None


if __name__ == "__main__":
    bootstrap, prefix, data, source, *mib = sys.argv[1:]
    stores = SharedMemory(int(mib[0]) << 20, int(mib[0]) << 18) if mib else None
    run(bootstrap, prefix, data, [fold_role(CustomersOfOrders(source))], shared=[source], stores=stores)
