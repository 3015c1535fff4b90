"""What flows: records written and folded per topic, for the live view, for lag, and for the demo's clock."""

from collections import Counter


class Flow:
    """Counts of one process. A topic is at rest once everything that this process wrote into it was folded here."""

    def __init__(self) -> None:
        self.written_records: Counter[str] = Counter()
        self.folded_records: Counter[str] = Counter()
        self.consumed: set[str] = set()

    def consumes(self, topic: str) -> None:
        """Says that an owner of this process reads the topic."""
        self.consumed.add(topic)

    def written(self, topic: str, count: int = 1) -> None:
        self.written_records[topic] += count

    def folded(self, topic: str, count: int = 1) -> None:
        self.folded_records[topic] += count

    def lag(self) -> int:
        """Records that were written and are still to be folded here."""
        return sum(max(0, self.written_records[topic] - self.folded_records[topic]) for topic in self.consumed)
