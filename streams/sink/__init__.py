"""From brevo.command.v1 to Brevo: what an account's commands ask for, sent once, in each contact's order."""

from streams.sink.owner import SinkOwner
from streams.sink.settings import Counters, Destination, Timings

__all__ = ["Counters", "Destination", "SinkOwner", "Timings"]
