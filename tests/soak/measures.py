"""What is measured of a soak: bytes on the disk per family of topics and per store, resident memory, records behind."""

import os
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from streams.names import INNER, Names

MIB = 1 << 20
CHANGELOGS, INPUTS, KAFKA = "changelogs", "facts and outputs", "Kafka's own"


class Sample(NamedTuple):
    """``disk``: family -> bytes. ``stores``, ``memory``: bytes, worker by worker. ``behind``: records to be folded."""

    second: float
    disk: dict[str, int]
    stores: list[int]
    memory: list[int]
    behind: int

    def figures(self) -> dict[str, float]:
        """Named as they are printed; bytes are in MiB."""
        named = {**{f"{name} MiB": size / MIB for name, size in self.disk.items()}}
        for number, (store, memory) in enumerate(zip(self.stores, self.memory, strict=True), 1):
            named |= {f"store {number} MiB": store / MIB, f"RSS {number} MiB": memory / MIB}
        return {"second": self.second, **named, "behind": self.behind}


def used(folder: Path) -> int:
    """Bytes that its files occupy, as du counts them: indexes of segments are sparse. What vanishes is not counted."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(Path(path, name)).st_blocks * 512
            except FileNotFoundError:
                continue
    return total


def disk(log_dir: Path, names: Names) -> dict[str, int]:
    """Family -> bytes: each inner topic, all changelogs, the topics that grow by nature, and Kafka's own."""
    families = Counter(dict.fromkeys((*INNER, CHANGELOGS, INPUTS, KAFKA), 0))
    for folder in log_dir.iterdir():
        if folder.is_dir():
            families[_family(folder.name, names)] += used(folder)
    return dict(families)


def _family(folder: str, names: Names) -> str:
    """``folder``: `topic-partition`, or `topic-partition.id-delete` for a moment after a topic is deleted."""
    topic = folder.rpartition("-")[0]
    if not topic.startswith(names.prefix):
        return KAFKA
    if topic.endswith(".changelog"):
        return CHANGELOGS
    return next((name for name in INNER if topic == names.topic(name)), INPUTS)


def memory(pid: int) -> int:
    """Resident bytes of a process, 0 when it is gone. Linux."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except FileNotFoundError:
        return 0
    return next((int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmRSS")), 0)
