"""What tajo.connection.v1 holds now: read once by commands and at starts, followed by components that run."""

import logging
from collections.abc import Mapping

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas import topics
from schemas.connections import Connection, Credentials, Token
from streams.access import Kafka
from streams.names import Names
from streams.reading import Reader
from tajo import topics as broker_topics
from tajo.access.vault import Vault
from tajo.errors import CannotOpen, RegisterUnavailable

_WRITE_MS = 5_000
log = logging.getLogger("tajo")
_decoder = msgspec.json.Decoder(Token | Connection)


class Register:
    """``tokens`` by id, ``connections`` by store hash."""

    def __init__(self) -> None:
        self.tokens: dict[str, Token] = {}
        self.connections: dict[str, Connection] = {}

    def update(self, content: Mapping[bytes, bytes]) -> None:
        """The whole content of the topic. What cannot be read is told, and in nobody's way."""
        tokens: dict[str, Token] = {}
        connections: dict[str, Connection] = {}
        for key, value in content.items():
            try:
                record = _decoder.decode(value)
            except msgspec.MsgspecError as error:
                log.error("A record of %s cannot be read (%s, key %r): write it anew.", topics.CONNECTION, error, key)
                continue
            if isinstance(record, Token):
                tokens[record.id] = record
            else:
                connections[record.store_hash] = record
        self.tokens, self.connections = tokens, connections

    def opened(self, vault: Vault) -> dict[str, tuple[Connection, Credentials]]:
        """By store hash, those first that were connected first. One that no key opens is told, and left out."""
        found = {}
        for connection in sorted(self.connections.values(), key=lambda one: (one.connected_at, one.store_hash)):
            try:
                found[connection.store_hash] = (connection, vault.open(connection))
            except CannotOpen as error:
                log.error("%s The other stores go on.", error)
        return found


async def read(kafka: Kafka, names: Names) -> Register:
    """The present content; an installation that has not been given the topic yet has none.

    Raises BrokerUnreachable.
    """
    register, topic = Register(), names.topic(topics.CONNECTION)
    if await broker_topics.counts(kafka, [topic]):
        async with Reader(kafka) as reader:
            register.update(await reader.table(topic, 1))
    return register


async def write(kafka: Kafka, names: Names, records: Mapping[bytes, bytes | None]) -> None:
    """Durable when it returns. Raises RegisterUnavailable, or BrokerUnreachable."""
    topic = names.topic(topics.CONNECTION)
    if not await broker_topics.counts(kafka, [topic]):
        raise RegisterUnavailable(f"The topic {topic} is not there: run `tajo topics apply`.")
    producer = AIOKafkaProducer(**kafka.client(), acks="all", request_timeout_ms=_WRITE_MS)
    try:
        await producer.start()
        for key, value in records.items():
            await producer.send_and_wait(topic, value, key=key, partition=0)
    except (KafkaError, OSError, TimeoutError) as error:
        raise RegisterUnavailable(
            f"It could not be recorded in {topic} ({type(error).__name__}): see whether Kafka answers, then try again."
        ) from error
    finally:
        await producer.stop()
