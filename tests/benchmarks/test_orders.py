import json
from collections import defaultdict
from decimal import Decimal

from benchmarks.broker import PARTITIONS, partition_of
from benchmarks.orders import Checksum, PlainLoop, orders, table_checksum
from benchmarks.ours.fold import CustomersOfOrders
from projections.fold import Input

COUNT, CUSTOMERS = 2_000, 300


def test_orders_are_the_same_every_time_and_of_the_stated_size() -> None:
    first = list(orders(COUNT, CUSTOMERS))
    assert first == list(orders(COUNT, CUSTOMERS))
    assert 600 < sum(len(value) for _, value in first) / COUNT < 640
    assert {key for key, _ in first} <= {b"%d" % number for number in range(CUSTOMERS)}


def test_the_plain_loop_hands_every_order_on_and_sums_exactly() -> None:
    loop = PlainLoop(partition_of, PARTITIONS)
    passed = list(loop.watch(orders(COUNT, CUSTOMERS)))
    assert passed == list(orders(COUNT, CUSTOMERS))
    counts: dict[bytes, int] = defaultdict(int)
    sums: dict[bytes, Decimal] = defaultdict(Decimal)
    last: dict[bytes, int] = {}
    for key, value in passed:
        order = json.loads(value)
        counts[key] += 1
        sums[key] += Decimal(order["total_inc_tax"])
        last[key] = order["id"]
    table = {key: b"[%d,%d,%d]" % (counts[key], int(sums[key] * 10_000), last[key]) for key in counts}
    assert loop.folded().count == COUNT
    assert loop.folded().tables == table_checksum(table)


def test_our_fold_makes_the_outputs_and_states_of_the_plain_loop() -> None:
    fold, loop = CustomersOfOrders("orders"), PlainLoop(partition_of, PARTITIONS)
    table: dict[bytes, bytes] = {}
    outputs = [Checksum() for _ in range(PARTITIONS)]
    for key, value in loop.watch(orders(COUNT, CUSTOMERS)):
        state, (output,) = fold.fold(fold.load(key, table.get(key)), Input("orders", key, value, 0))
        table[key] = fold.dump(state)
        assert output.key == key
        outputs[partition_of(key)].add(key, output.value or b"")
    assert tuple(one.text() for one in outputs) == loop.folded().outputs
    assert table_checksum(table) == loop.folded().tables


def test_a_checksum_tells_one_record_that_is_missing_doubled_or_elsewhere() -> None:
    pairs = [(b"1", b"[1]"), (b"2", b"[2]"), (b"3", b"[3]")]
    variants = [pairs, pairs[:2], [*pairs, pairs[2]], [pairs[1], pairs[0], pairs[2]]]
    texts = set()
    for variant in variants:
        checksum = Checksum()
        for key, value in variant:
            checksum.add(key, value)
        texts.add(checksum.text())
    assert len(texts) == len(variants)
