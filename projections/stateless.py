"""Folds that keep nothing: what they tell depends on the record alone, so a replay tells it again."""


class Stateless:
    """The part of a fold (projections.fold) that is about its state."""

    def load(self, key: bytes, stored: bytes | None) -> None:
        return None

    def dump(self, state: None) -> bytes | None:
        return None

    def due(self, state: None) -> int | None:
        return None
