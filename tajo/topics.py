"""Making the broker's topics those of the catalogue: `tajo topics apply`.

What lacks is created, settings that differ are set. The number of partitions of an existing topic is not touched:
docs/partitions.md. Nothing is ever deleted but the topics that a demo lent itself on somebody's cluster.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from schemas.topics import Topic
from streams.access import Kafka
from tajo.errors import BrokerUnreachable, PartitionsFixed, TopicsError

REQUEST_SECONDS: Final = 10
SETTLE_SECONDS: Final = 30
LOOKS: Final = 10

# Kafka protocol guide, "Error codes" and DescribeConfigs "config_source".
_UNKNOWN_TOPIC: Final = 3
_ALREADY_EXISTS: Final = 36
_SET_ON_THE_TOPIC: Final = 1


@dataclass(frozen=True)
class Creation:
    topic: str
    partitions: int
    config: dict[str, str]


@dataclass(frozen=True)
class Setting:
    """``found``: what applies now, on the topic or by the broker's default."""

    topic: str
    key: str
    found: str
    wanted: str


@dataclass(frozen=True)
class Diff:
    """What `apply` changed, or would change. True if there is anything."""

    created: tuple[Creation, ...]
    changed: tuple[Setting, ...]
    unchanged: int

    def __bool__(self) -> bool:
        return bool(self.created or self.changed)

    def __str__(self) -> str:
        lines = [f"+ {new.topic} ({_partitions(new.partitions)}{_config(new.config)})" for new in self.created]
        lines += [f"~ {one.topic}: {one.key} {one.found or '(none)'} -> {one.wanted}" for one in self.changed]
        altered = len({one.topic for one in self.changed})
        lines.append(f"{len(self.created)} to create, {altered} to change, {self.unchanged} as they have to be")
        return "\n".join(lines)


async def apply(
    kafka: Kafka, catalogue: Collection[Topic], *, partitions: int, replication: int, dry_run: bool = False
) -> Diff:
    """Creates and alters topics until they are as in ``catalogue``; with ``dry_run`` only says what it would do.

    Topics with ``partitioned`` False get one partition. With three copies or more a write needs two of them. Returns
    when every partition has a leader and the broker tells the new settings. Raises PartitionsFixed before anything is
    changed, BrokerUnreachable, or TopicsError with the broker's words.
    """
    async with _admin(kafka) as admin:
        diff = await _compare(admin, catalogue, partitions, replication)
        if diff and not dry_run:
            await _create(admin, diff.created, replication)
            await _alter(admin, diff.changed)
            await _settled(admin, diff)
        return diff


async def brokers(kafka: Kafka) -> int:
    """How many there are. Raises BrokerUnreachable."""
    async with _admin(kafka) as admin:
        return len((await admin.describe_cluster())["brokers"])


async def counts(kafka: Kafka, names: Collection[str]) -> dict[str, int]:
    """How many partitions each has, of those topics that there are. Raises BrokerUnreachable."""
    async with _admin(kafka) as admin:
        found = await admin.describe_topics(list(names))
    return {entry["topic"]: len(entry["partitions"]) for entry in found if entry["error_code"] != _UNKNOWN_TOPIC}


async def delete(kafka: Kafka, prefix: str) -> int:
    """Deletes every topic whose name begins with ``prefix``; returns how many these were.

    Returns when none is left. Raises ValueError without a prefix, BrokerUnreachable, or TopicsError.
    """
    if not prefix:
        raise ValueError("The prefix is empty: all topics of the cluster would be deleted.")
    deleted: set[str] = set()
    deadline = asyncio.get_running_loop().time() + SETTLE_SECONDS
    looks = 0  # in a row that found none: what was created a moment ago is seen a moment later
    async with _admin(kafka) as admin:
        while looks < LOOKS:
            left = [name for name in await admin.list_topics() if name.startswith(prefix)]
            looks = 0 if left else looks + 1
            if left and asyncio.get_running_loop().time() > deadline:
                raise TopicsError(f"Topics that begin with {prefix} are still there after {SETTLE_SECONDS} s: {left}.")
            await _delete(admin, left)
            deleted.update(left)
            await asyncio.sleep(0.05)
    return len(deleted)


async def _delete(admin: AIOKafkaAdminClient, names: list[str]) -> None:
    if not names:
        return
    answer = await admin.delete_topics(names)
    for name, code in answer.topic_error_codes:
        if code != _UNKNOWN_TOPIC:  # it was on its way already
            _raise_if(code, f"Topic {name} could not be deleted", None)


@asynccontextmanager
async def _admin(kafka: Kafka) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**kafka.client(), request_timeout_ms=REQUEST_SECONDS * 1000)
    try:
        await admin.start()
        yield admin
    except (KafkaError, OSError, TimeoutError) as error:
        raise BrokerUnreachable(
            f"No Kafka broker answers at {kafka.bootstrap_servers} ({error}). Start it, or correct "
            "kafka.bootstrap_servers; without that setting `tajo up` starts a broker of its own."
        ) from error
    finally:
        await admin.close()


async def _compare(admin: AIOKafkaAdminClient, catalogue: Collection[Topic], partitions: int, replication: int) -> Diff:
    found = {entry["topic"]: entry for entry in await admin.describe_topics([topic.name for topic in catalogue])}
    there = [topic for topic in catalogue if found[topic.name]["error_code"] != _UNKNOWN_TOPIC]
    _refuse_other_counts({topic.name: len(found[topic.name]["partitions"]) for topic in there}, there, partitions)
    created = tuple(
        Creation(topic.name, _count(topic, partitions), _wanted(topic, replication))
        for topic in catalogue
        if topic not in there
    )
    effective = await _configs(admin, [topic.name for topic in there])
    changed = tuple(
        Setting(topic.name, key, effective[topic.name][key].value, wanted)
        for topic in there
        for key, wanted in _wanted(topic, replication).items()
        if effective[topic.name][key].value != wanted
    )
    return Diff(created, changed, len(there) - len({setting.topic for setting in changed}))


def _count(topic: Topic, partitions: int) -> int:
    return partitions if topic.partitioned else 1


def _wanted(topic: Topic, replication: int) -> dict[str, str]:
    return topic.config() | ({"min.insync.replicas": "2"} if replication >= 3 else {})


def _refuse_other_counts(found: dict[str, int], topics: Iterable[Topic], partitions: int) -> None:
    wrong = [topic for topic in topics if found[topic.name] != _count(topic, partitions)]
    if wrong:
        lines = [
            f"{topic.name} has {_partitions(found[topic.name])}, configured: {_count(topic, partitions)}"
            for topic in wrong
        ]
        raise PartitionsFixed(
            "The number of partitions of a topic cannot be changed in place, since keys would move to other ones; "
            "nothing was changed. Set kafka.partitions to what the topics have, or migrate to new topics as described "
            "in docs/partitions.md:\n" + "\n".join(lines)
        )


@dataclass(frozen=True)
class _Config:
    value: str
    own: bool  # set on the topic itself, not the broker's default


async def _configs(admin: AIOKafkaAdminClient, names: Collection[str]) -> dict[str, dict[str, _Config]]:
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    configs: dict[str, dict[str, _Config]] = {}
    for answer in await admin.describe_configs(resources):
        for code, message, _kind, name, entries in answer.resources:
            _raise_if(code, f"The settings of topic {name} could not be read", message)
            # name, value, read only, source, sensitive, synonyms (DescribeConfigs v1 and v2)
            configs[name] = {entry[0]: _Config(entry[1] or "", entry[3] == _SET_ON_THE_TOPIC) for entry in entries}
    return configs


async def _create(admin: AIOKafkaAdminClient, created: Collection[Creation], replication: int) -> None:
    if not created:
        return
    new = [NewTopic(one.topic, one.partitions, replication, topic_configs=one.config) for one in created]
    answer = await admin.create_topics(new)
    for name, code, message in answer.topic_errors:
        if code != _ALREADY_EXISTS:  # somebody applied the same catalogue at the same time
            _raise_if(code, f"Topic {name} could not be created", message)


async def _alter(admin: AIOKafkaAdminClient, changed: Collection[Setting]) -> None:
    """AlterConfigs replaces all that is set on a topic, so what others have set is sent along."""
    wanted: dict[str, dict[str, str]] = {}
    for setting in changed:
        wanted.setdefault(setting.topic, {})[setting.key] = setting.wanted
    if not wanted:
        return
    found = await _configs(admin, list(wanted))
    resources = []
    for name, settings in wanted.items():
        own = {key: config.value for key, config in found[name].items() if config.own}
        resources.append(ConfigResource(ConfigResourceType.TOPIC, name, own | settings))
    for answer in await admin.alter_configs(resources):
        for code, message, _kind, name in answer.resources:
            _raise_if(code, f"The settings of topic {name} could not be changed", message)


async def _settled(admin: AIOKafkaAdminClient, diff: Diff) -> None:
    """Waits until the broker tells what was changed: it answers a change before all that it tells has changed.

    A client that came too early would log errors and back off, and a second `apply` would find a difference.
    """
    deadline = asyncio.get_running_loop().time() + SETTLE_SECONDS
    while not (await _all_led(admin, diff.created) and await _all_told(admin, diff.changed)):
        if asyncio.get_running_loop().time() > deadline:
            raise TopicsError(
                f"The new topics have no leaders, or the new settings are not told, after {SETTLE_SECONDS} s. "
                "Look at the brokers' logs, then apply again."
            )
        await asyncio.sleep(0.05)


async def _all_led(admin: AIOKafkaAdminClient, created: Collection[Creation]) -> bool:
    names = [one.topic for one in created]
    return not names or all(_has_leaders(entry) for entry in await admin.describe_topics(names))


async def _all_told(admin: AIOKafkaAdminClient, changed: Collection[Setting]) -> bool:
    told = await _configs(admin, {one.topic for one in changed})
    return all(told[one.topic][one.key].value == one.wanted for one in changed)


def _has_leaders(entry: dict[str, Any]) -> bool:
    partitions = entry["partitions"]
    return bool(partitions) and all(partition["leader"] >= 0 for partition in partitions)


def _raise_if(code: int, what: str, message: str | None) -> None:
    if code:
        raise TopicsError(f"{what}: {message or 'the broker gives no reason'} (Kafka error {code}).")


def _partitions(count: int) -> str:
    return f"{count} partition" + ("s" if count != 1 else "")


def _config(config: dict[str, str]) -> str:
    return "".join(f", {key}={value}" for key, value in config.items())
