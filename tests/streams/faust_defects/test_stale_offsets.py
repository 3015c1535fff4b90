"""What Kafka and a disk still hold of a table that is no more: offsets of the group, and a local store (D18)."""

from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import TopicAlreadyExistsError
from aiokafka.structs import OffsetAndMetadata

from schemas import topics
from streams.errors import PositionLost
from tests.streams import logs
from tests.streams.faust_defects.ours import Ours, owner_of
from tests.streams.faust_defects.stock import create


async def commit(ours: Ours, offset: int) -> None:
    """As an earlier table of the same version has left it in the group."""
    tp = TopicPartition(ours.names.topic(ours.input), 0)
    async with AIOKafkaConsumer(
        bootstrap_servers=ours.kafka, group_id=ours.group, enable_auto_commit=False
    ) as consumer:
        consumer.assign([tp])
        await consumer.commit({tp: OffsetAndMetadata(offset, "")})


async def test_an_offset_that_the_group_has_committed_leads_past_no_record(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    ours = Ours(kafka, topic_prefix, tmp_path)
    await ours.create()
    await ours.write(b'{"at": 0}', b'{"at": 1}')
    await commit(ours, 4)
    async with ours.running(ours.engine("one")) as engine:
        await ours.all_told(2)
        await owner_of(engine, lambda owner: owner.position == {topics.CART: 2})
        await engine.app.consumer.perform_seek()  # as Faust does at any time, to committed offsets
        await ours.write(*(b'{"at": %d}' % n for n in range(2, 6)))
        await owner_of(engine, lambda owner: owner.position == {topics.CART: 6})
        await ours.all_committed(6)
    assert await ours.told() == [b"a is set, %d so far" % (n + 1) for n in range(6)]


async def create_anew(kafka: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        await admin.delete_topics([topic])
    finally:
        await admin.close()

    async def created() -> bool:
        try:
            await create(kafka, topic, {})
        except TopicAlreadyExistsError:  # the old one is still on its way out
            return False
        return True

    await logs.until(created, f"{topic} is created anew", timeout=20)


async def test_a_local_store_beyond_the_end_of_its_changelog_stops_the_engine(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    ours = Ours(kafka, topic_prefix, tmp_path)
    await ours.create()
    await ours.write(b'{"at": 0}', b'{"at": 1}')
    async with ours.running(ours.engine("one")) as engine:
        await ours.all_told(2)
        owner = await owner_of(engine, lambda owner: owner.position == {topics.CART: 2})
        at = owner.store.offset()
    await create_anew(kafka, ours.changelog)
    async with ours.running(ours.engine("one")):
        error = await ours.failed()
    assert isinstance(error, PositionLost)
    for part in (f"{ours.changelog}/0 ends at 0", f"is at offset {at} of it", "start a rebuild under a new version"):
        assert part in str(error)


async def test_a_changelog_that_was_cut_behind_the_local_store_stops_the_engine(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    ours = Ours(kafka, topic_prefix, tmp_path)
    await ours.create()
    await ours.write(b'{"at": 0}')
    async with ours.running(ours.engine("one")) as engine:
        await ours.all_told(1)
        owner = await owner_of(engine, lambda owner: owner.position == {topics.CART: 1})
        at = owner.store.offset()
    await cut(kafka, ours.changelog)
    async with ours.running(ours.engine("one")):
        error = await ours.failed()
    assert isinstance(error, PositionLost)
    for part in (f"{ours.changelog}/0 was cut", f"no offset {at + 1} any more", "Start a rebuild under a new version"):
        assert part in str(error)


async def cut(kafka: str, topic: str) -> None:
    """Everything that is in it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=-1)})
    finally:
        await admin.close()
