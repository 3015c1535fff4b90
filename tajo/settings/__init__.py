"""The configuration: one registry that drives the file, the environment and the reference."""

from tajo.settings.load import load, load_kafka, notices
from tajo.settings.resolved import Account, ConnectedStore, Settings

__all__ = ["Account", "ConnectedStore", "Settings", "load", "load_kafka", "notices"]
