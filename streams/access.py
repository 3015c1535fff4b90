"""How to reach Kafka."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import streams.engine_records  # noqa: F401  # before there is any consumer


class Kafka(NamedTuple):
    """``security``: aiokafka's keyword arguments (`security_protocol`, `sasl_mechanism`, `ssl_context`, …)."""

    bootstrap_servers: str
    security: Mapping[str, Any] = {}

    def client(self) -> dict[str, Any]:
        """Keyword arguments for every aiokafka client."""
        return {"bootstrap_servers": self.bootstrap_servers, **self.security}
