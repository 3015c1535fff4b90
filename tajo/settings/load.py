"""From a file and the environment to settings, or to all that is wrong with them at once."""

import os
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any, Final

from pydantic import ValidationError

from tajo.errors import Problem, SettingsError
from tajo.settings import checks, problems
from tajo.settings.document import Document, parse
from tajo.settings.environment import overlay
from tajo.settings.resolved import Settings

# The original document prints these parts at the top level; indented under the connector they mean the same.
MOVABLE: Final = ("sync", "lists", "customer_mapping", "webhooks")
_KAFKA: Final = "TAJO_KAFKA__"
HOMES: Final = (("connectors", "bigcommerce"), ("bigcommerce",))


def load(path: FilePath | None, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings of a YAML file, of the environment over it, or of the environment alone (``path`` None).

    Raises SettingsError with one line for each problem: file and line or variable, key, value found, cure.
    """
    document = parse(_text(path), str(path)) if path is not None else Document()
    wrong = [*_moved(document), *overlay(document, environ)]
    try:
        settings = Settings.model_validate(document.data)
    except ValidationError as error:
        raise SettingsError([*wrong, *problems.of(error, document)]) from None
    for place, sentence in checks.findings(settings):
        origin = document.origin(place)
        wrong.append(Problem(origin.where, origin.key, sentence))
    if wrong:
        raise SettingsError(wrong)
    return settings


def load_kafka(path: FilePath | None, environ: Mapping[str, str] = os.environ) -> Settings:
    """What is said of Kafka, and defaults for all else: for what needs no store, and so none that is right.

    Raises SettingsError for what is wrong with that part, or if the file cannot be read.
    """
    document = parse(_text(path), str(path)) if path is not None else Document()
    wrong = overlay(document, {name: value for name, value in environ.items() if name.startswith(_KAFKA)})
    try:
        settings = Settings.model_validate({"kafka": document.data.get("kafka", {})})
    except ValidationError as error:
        raise SettingsError([*wrong, *problems.of(error, document)]) from None
    if wrong:
        raise SettingsError(wrong)
    return settings


def _text(path: FilePath) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise SettingsError(
            [Problem(str(path), "", "there is no such file; name another with -c, or see docs/configuration.md.")]
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            [Problem(str(path), "", f"the file cannot be read ({error}); it has to be UTF-8.")]
        ) from error


def _moved(document: Document) -> list[Problem]:
    """Brings the movable parts to the top level, keeping their lines. In two places at once they are a problem."""
    wrong: list[Problem] = []
    for home in HOMES:
        block: Any = document.data
        for part in home:
            block = block.get(part) if isinstance(block, dict) else None
        for name in [name for name in MOVABLE if isinstance(block, dict) and name in block]:
            old = (*home, name)
            if name in document.data:
                origin, other = document.origins[old], document.origins[(name,)]
                wrong.append(Problem(origin.where, origin.key, f"it stands in {other.where} too; keep one of them."))
                block.pop(name)
                continue
            document.data[name] = block.pop(name)
            for place in [place for place in document.origins if place[: len(old)] == old]:
                document.origins[place[len(home) :]] = document.origins.pop(place)
    return wrong


def notices(settings: Settings) -> list[str]:
    """What works otherwise than a reader of the file may expect; nothing of it is wrong."""
    said = []
    if settings.public_url is None:
        said.append(
            "public_url is not set: no webhooks are made, changes are found by reconcile alone, and opt-outs made at "
            "Brevo are not heard of."
        )
    if "store/inventory/updated" in settings.event_names() and not settings.sync.inventory:
        said.append("sync.inventory is false: the hook for store/inventory/updated is not made.")
    if settings.carts.both:
        said.append("carts.both is true: shoppers may get a reminder from our events and one from Brevo's workflow.")
    if settings.sink.mode == "dry-run":
        said.append("sink.mode is dry-run: nothing is sent to Brevo.")
    single = settings.connectors.bigcommerce
    if single is not None and not single.enabled:
        said.append("connectors.bigcommerce.enabled is false: this store is not connected.")
    return said
