"""How a story is told: a generator that yields the moment (Unix ms) at which it goes on."""

import heapq
import random
from collections.abc import Callable, Iterator, Sequence

from emulators.bigcommerce.carts import Item
from emulators.clock import Clock
from emulators.shoppers.shop import Shop

Story = Iterator[int]
Teller = Callable[..., Story]

MINUTE = 60_000
HOUR = 60 * MINUTE


class Chance:
    """Seeded luck of one story, so that a story added elsewhere changes nothing in it."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)

    def minutes(self, least: float, most: float) -> int:
        """A duration in ms."""
        return self._random.randint(int(least * MINUTE), int(most * MINUTE))

    def of(self, percent: float) -> bool:
        return self._random.random() * 100 < percent

    def number(self, least: int, most: int) -> int:
        return self._random.randint(least, most)

    def item(self, shop: Shop) -> Item:
        """One to three pieces of something that is for sale."""
        products = [each for each in shop.store.catalogue.products if each.is_visible]
        product = self._random.choice(products)
        variant = self._random.choice(product.variants)
        return Item(product.id, variant.id, self._random.choice((1, 1, 1, 2, 3)))

    def pick(self, weights: dict[str, int]) -> str:
        return self._random.choices(list(weights), list(weights.values()))[0]

    def shuffled(self, numbers: Sequence[int]) -> list[int]:
        return self._random.sample(numbers, len(numbers))


async def play(clock: Clock, stories: Sequence[Callable[[], Story]], until: int) -> None:
    """Tells all stories together, each in its time, and ends at ``until``: what would come later does not happen."""
    agenda: list[tuple[int, int, Story]] = []
    for number, begin in enumerate(stories):
        _go_on(agenda, number, begin(), until)
    while agenda:
        when, number, story = heapq.heappop(agenda)
        await clock.sleep_until(when)
        _go_on(agenda, number, story, until)
    await clock.sleep_until(until)


def _go_on(agenda: list[tuple[int, int, Story]], number: int, story: Story, until: int) -> None:
    when = next(story, until)
    if when < until:
        heapq.heappush(agenda, (when, number, story))
