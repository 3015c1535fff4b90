"""What flows: records written and folded per topic, for the live view, for lag, and for the demo's clock."""

from collections import Counter


class Flow:
    """Counts of one process. A topic is at rest once everything that this process wrote into it was folded here."""

    def __init__(self) -> None:
        self.written_records: Counter[str] = Counter()
        self.folded_records: Counter[tuple[str, str]] = Counter()  # by topic and reader

    def consumes(self, topic: str, reader: str) -> None:
        """Says that owners of this process read the topic. ``reader``: whose they are, such as a fold's."""
        self.folded_records[topic, reader] += 0

    def written(self, topic: str, count: int = 1) -> None:
        self.written_records[topic] += count

    def folded(self, topic: str, reader: str, count: int = 1) -> None:
        self.folded_records[topic, reader] += count

    def lag(self) -> int:
        """Records that were written and are still to be folded here."""
        return sum(max(0, self.written_records[topic] - done) for (topic, _), done in self.folded_records.items())
