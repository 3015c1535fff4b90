"""The input of a run, made from a seed: the facts of a few business days in the order in which they are written."""

import random
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec
from aiokafka.partitioner import murmur2

from projections.fold import TICK as TICK_KEY
from projections.fold import Output
from schemas import topics
from schemas.facts import CartFact
from tests.chaos import carts, stories
from tests.chaos.shop import BEGIN, DAY, SETTINGS, TICK, Shop
from tests.chaos.stories import Person, Told

PARTITIONS: Final = 4
INPUTS: Final = (
    topics.ORDER,
    topics.CART,
    topics.CUSTOMER,
    topics.SUBSCRIBER,
    topics.PRODUCT,
    topics.CATEGORY,
    topics.CONSENT,
    topics.BREVO_EVENT,
)
_POISON: Final = 0.01
_FOREIGN: Final = b"nobody"  # a store that is not configured
_BAD_VALUES: Final = (b"{no json", b"[]", b'{"store": "h1"}', b"\xff\xfe", b"")
_MIX: Final = (  # story and its share, of single persons
    (stories.buyer, 8),
    (stories.guest, 3),
    (stories.subscriber, 2),
    (stories.erased, 2),
    (carts.abandoner, 6),
    (carts.guest_cart, 3),
    (carts.forgotten_cart, 1),
)
_TELLS = [story for story, share in _MIX for _ in range(share)]


class Write(NamedTuple):
    """One record of the input; ``topic`` is the logical one."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


Day = list[Write]


def history(seed: int, *, people: int, days: int = 3) -> list[Day]:
    """The same seed gives the same days. About 9 facts a person, and a tick each half hour in each partition."""
    chance = random.Random(seed)
    shops = [Shop(store_hash, chance) for store_hash in SETTINGS.stores]
    told = [*_of_people(shops, people, days), *_of_catalogue(shops, days), *_ticks(days)]
    told.sort(key=lambda moment: moment[0])  # stable: what one story tells of one moment stays in its order
    found: list[Day] = [[] for _ in range(days)]
    for at, output in told:
        day = (at - BEGIN) // DAY
        if output.key and output.key != TICK_KEY and chance.random() < _POISON:
            found[day] += _poison(chance, output, day)
        found[day].append(_write(output))
    return found


def _of_people(shops: list[Shop], people: int, days: int) -> Iterator[tuple[int, Output]]:
    """Every tenth story is about an e-mail change, every tenth about a customer of two stores."""
    one_account = [shop for shop in shops if shop.account == shops[0].account]
    for number in range(1, people + 1):
        chance = shops[0].chance
        if number % 10 == 0:
            shop = chance.choice(shops)
            yield from stories.mover(Person(shop, number, days), Person(shop, people + number, days))
        elif number % 10 == 5:
            yield from stories.double(*(Person(shop, number, days) for shop in one_account))
        else:
            yield from chance.choice(_TELLS)(Person(chance.choice(shops), number, days))


def _of_catalogue(shops: list[Shop], days: int) -> Iterator[tuple[int, Output]]:
    for shop in shops:
        for number in range(1, carts.PRODUCTS):
            yield from carts.product(shop, number, days)
        for number in range(carts.CATEGORIES):
            yield from carts.category(shop, number, days)


def _ticks(days: int) -> Told:
    for at in range(BEGIN + TICK, BEGIN + days * DAY, TICK):
        value = msgspec.json.encode(CartFact(kind="tick", store="", id="", fetched_at=at))
        for partition in range(PARTITIONS):
            yield at, Output(topics.CART, TICK_KEY, value, partition=partition)


def _poison(chance: random.Random, beside: Output, day: int) -> Day:
    """A record that cannot be used, under the key of one that can: what is known of it must stay. (One without a key
    is refused by the broker, since nearly all these topics are compacted.)

    Not into the topic that folds write into themselves: there, offsets are no property of the input.
    """
    if beside.topic == topics.CONSENT and day:
        return []
    key = beside.key
    value: bytes | None = chance.choice(_BAD_VALUES)
    match chance.randrange(4):
        case 0:
            key = _FOREIGN + b"/1"
            value = beside.value and beside.value.replace(b'"store":"h', b'"store":"' + _FOREIGN)
        case 1 if beside.topic == topics.CART:
            return [_write(Output(topics.CART, TICK_KEY, None, partition=chance.randrange(PARTITIONS)))]
        case _:
            pass
    return [_write(Output(beside.topic, key, value, beside.headers))]


def _write(output: Output) -> Write:
    partition = output.partition
    if partition is None:
        partition = (murmur2(output.key or b"") & 0x7FFFFFFF) % PARTITIONS
    return Write(output.topic, partition, output.key, output.value, tuple(output.headers))
