"""A broker with settings that the shared one does not have."""

from tajo.kafka import EmbeddedKafka


class OwnBroker(EmbeddedKafka):
    """``more``: lines of its configuration, from its next start on."""

    def __init__(self, *more: str) -> None:
        super().__init__(answer_within=90)
        self.more = more

    def _prepare(self) -> bool:
        fixed = super()._prepare()
        with self._config.open("a", encoding="utf-8") as config:
            config.writelines(f"{line}\n" for line in self.more)
        return fixed
