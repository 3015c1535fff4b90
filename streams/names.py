"""From logical topic names to those at the broker, and back."""

from typing import Final

import msgspec

from schemas import topics

INNER: Final = tuple(topics.INNER)


class Names(msgspec.Struct, frozen=True):
    """``version`` leads inner topics and the folds' changelogs; ``prefix`` leads everything (shared clusters)."""

    version: str = "v1"
    prefix: str = ""

    def topic(self, logical: str) -> str:
        if logical in INNER:
            return self.prefix + topics.inner(self.version, logical)
        return self.prefix + logical

    def dead(self, logical: str) -> str:
        """The logical name of a topic's dead letters; an inner topic's lie beside it."""
        return topics.dead(topics.inner(self.version, logical) + ".v1") if logical in INNER else topics.dead(logical)

    def group(self, of: str | None = None) -> str:
        """The consumer group of the folds of this version, or of another component."""
        return f"{self.prefix}tajo.{of or self.version}"

    def owner(self, table: str, *, versioned: bool = True) -> str:
        """With the prefix before it and `/partition` behind it the transactional id of a table's owner."""
        return f"{self.version}/{table}" if versioned else table

    def changelog(self, table: str, *, versioned: bool = True) -> str:
        return f"{self.prefix}tajo.{self.version + '.' if versioned else ''}{table}.changelog"

    def of_version(self) -> tuple[topics.Topic, ...]:
        """The topics that belong to this version alone."""
        inner = tuple(topics.inner_topic(self.version, name) for name in INNER)
        dead = (
            topics.Topic(self.dead(name), "as the source", "what could not be folded", internal=True) for name in INNER
        )
        return (*inner, *dead)
