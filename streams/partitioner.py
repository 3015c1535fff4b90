"""Which partition a key belongs to: murmur2 as in the Java client, so that other Kafka consumers can join."""

from typing import Final

from murmurhash2 import murmurhash2

_SEED: Final = 0x9747B28C  # org.apache.kafka.common.utils.Utils.murmur2


def partition_of(key: bytes | None, partitions: int) -> int:
    """Where aiokafka's default partitioner puts ``key``; a record without one belongs with the empty key."""
    return (murmurhash2(key or b"", _SEED) & 0x7FFFFFFF) % partitions
