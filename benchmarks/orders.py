"""Orders as a benchmark writes them beforehand, and what folding them must come to, computed without any engine."""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Final, NamedTuple

import msgspec
import orjson

STATUSES: Final = (0, 1, 2, 5, 10, 11)
SEED: Final = 1


def orders(count: int, customers: int) -> Iterator[tuple[bytes, bytes]]:
    """(customer's id, order of about 620 bytes): the same ones every time."""
    chance = random.Random(SEED)
    for number in range(count):
        customer = chance.randrange(customers)
        yield b"%d" % customer, orjson.dumps(_order(number, customer, chance))


def _order(number: int, customer: int, chance: random.Random) -> dict[str, object]:
    return {
        "id": number,
        "customer_id": customer,
        "status_id": chance.choice(STATUSES),
        "total_inc_tax": f"{chance.random() * 200:.4f}",
        "currency_code": "USD",
        "date_created": "2026-11-24T10:00:00Z",
        "date_modified": "2026-11-24T10:00:00Z",
        "channel_id": 1,
        "cart_id": f"a4b3c2d1-0000-4000-8000-{number:012d}",
        "billing": {
            "email": f"user{customer}@example.com",
            "first_name": "Jane",
            "last_name": "Doe",
            "city": "Austin",
            "country": "United States",
            "zip": "78701",
            "phone": "+15125550100",
        },
        "items": [_item(chance) for _ in range(2)],
    }


def _item(chance: random.Random) -> dict[str, object]:
    return {
        "product_id": chance.randrange(1000),
        "variant_id": 5,
        "name": "Able Brewing System",
        "quantity": 2,
        "price": "12.5000",
        "sku": "ABS-1",
    }


class Order(msgspec.Struct):
    id: int
    total_inc_tax: str


class Folded(NamedTuple):
    """What folding orders must come to: checksums of the outputs, per partition in order, and of all final states."""

    count: int
    outputs: tuple[str, ...]
    tables: str


class PlainLoop:
    """Folds orders as they pass. A state is `[orders,amount,last order]`, the amount in ten-thousandths."""

    def __init__(self, partition_of: Callable[[bytes], int], partitions: int) -> None:
        self._partition_of = partition_of
        self._outputs = [Checksum() for _ in range(partitions)]
        self._sums: dict[bytes, tuple[int, int, int]] = {}
        self._states: dict[bytes, bytes] = {}
        self._decode = msgspec.json.Decoder(Order).decode

    def watch(self, records: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
        """Hands them on."""
        for key, value in records:
            order = self._decode(value)
            count, amount, _ = self._sums.get(key, (0, 0, 0))
            state = count + 1, amount + int(order.total_inc_tax.replace(".", "")), order.id
            self._sums[key], self._states[key] = state, b"[%d,%d,%d]" % state
            self._outputs[self._partition_of(key)].add(key, self._states[key])
            yield key, value

    def folded(self) -> Folded:
        outputs = tuple(checksum.text() for checksum in self._outputs)
        return Folded(sum(count for count, _, _ in self._sums.values()), outputs, table_checksum(self._states))


class Checksum:
    """Of pairs in their order."""

    def __init__(self) -> None:
        self._content = sha256()

    def add(self, key: bytes, value: bytes) -> None:
        self._content.update(key + b"=" + value + b"\n")

    def text(self) -> str:
        return self._content.hexdigest()


def table_checksum(table: Mapping[bytes, bytes]) -> str:
    """Whatever the order of its keys."""
    checksum = Checksum()
    for key in sorted(table):
        checksum.add(key, table[key])
    return checksum.text()
