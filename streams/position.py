"""From where an owner reads on, checked against what the log still holds."""

from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.errors import PositionLost
from streams.names import INNER
from streams.owner import Owner

CURE = "start a rebuild under a new version"


async def checked_position(owner: Owner, probe: AIOKafkaConsumer) -> dict[str, int]:
    """Logical topic -> next offset: as the store has it, else the beginning. ``owner`` is restored.

    Raises PositionLost: going on elsewhere would lose or double records in silence.
    """
    beginnings = await probe.beginning_offsets(list(owner.inputs))
    ends = await probe.end_offsets(list(owner.inputs))
    _check_store(owner)
    stored = owner.stored_position()
    for tp, topic in owner.inputs.items():
        _check_input(owner, tp, topic, stored, (beginnings[tp], ends[tp]))
    return {topic: stored.get(topic, beginnings[tp]) for tp, topic in owner.inputs.items()}


def _check_store(owner: Owner) -> None:
    if not owner.position and owner.store.offset() > owner.restored_at:  # it has not begun: its mark is the newest
        raise PositionLost(
            f"{owner.changelog.topic}/{owner.partition} ends at {owner.restored_at}, but the local store is at "
            f"offset {owner.store.offset()} of it. The changelog was created anew, and holds the table no more: {CURE}."
        )


def _check_input(
    owner: Owner, tp: TopicPartition, topic: str, stored: Mapping[str, int], held: tuple[int, int]
) -> None:
    first, end = held
    if topic in stored and not first <= stored[topic] <= end:
        raise PositionLost(
            f"{tp.topic}/{tp.partition} holds offsets {first} to {end}, but {owner.changelog.topic} was built up to "
            f"{stored[topic]}. The topic was cut or created anew: {CURE}."
        )
    if topic in INNER and topic not in stored and first:
        raise PositionLost(
            f"{tp.topic}/{tp.partition} begins at {first}, since what was folded is deleted, but "
            f"{owner.changelog.topic} holds no position in it: the table is lost. {CURE.capitalize()}."
        )
