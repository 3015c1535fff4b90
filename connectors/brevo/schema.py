"""What the account must have before the first contact is sent: attributes with their types, lists, our folder.

Brevo drops unknown attributes and values of a wrong type in silence, so everything is checked here, before anything
starts (https://developers.brevo.com/reference/createcontact).
"""

from collections.abc import Mapping
from typing import NamedTuple

from connectors.brevo.account import Account, Attribute
from connectors.brevo.errors import Refused
from schemas.commands import AttributeType
from schemas.errors import TajoError

FOLDER = "Tajo"
IMPORTED = "tajo:imported"  # the list key of contacts that came by an import and are in no other list
_IMPORTED_NAME = "Tajo contacts"
_BUILT_IN = {"EMAIL", "SMS", "WHATSAPP", "LANDLINE_NUMBER", "EXT_ID"}  # texts; not every account lists them

# The default attributes are named in the account's language (https://help.brevo.com, article 208729849).
_TRANSLATIONS = {
    "FIRSTNAME": ("PRENOM", "VORNAME", "NOMBRE", "NOME"),
    "LASTNAME": ("NOM", "NAME", "NACHNAME", "APELLIDO", "APELLIDOS", "COGNOME", "SOBRENOME"),
}


class SchemaError(TajoError):
    """The account cannot take what the configuration wants to send. ``problems``: one sentence each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class Prepared(NamedTuple):
    """``lists``: list key -> id, with IMPORTED for rows without a list. ``attributes``: all, name -> type."""

    lists: dict[str, int]
    attributes: dict[str, str]


async def prepare(
    account: Account, *, attributes: Mapping[str, AttributeType], lists: Mapping[str, int | str], create: bool = True
) -> Prepared:
    """Checks and completes the account, and says what it has.

    ``attributes``: attribute -> type of the values that will be sent. ``lists``: list key -> id of an existing list, or
    a name, which is created in the folder `Tajo` if missing. ``create`` False (dry-run) changes nothing: missing lists
    get no id. Raises SchemaError with everything that is wrong, before it creates anything; BrevoError.
    """
    found = {attribute.name.upper(): attribute for attribute in await account.attributes()}
    existing = {item.id: item.name for item in await account.lists()}
    problems = [*_wrong_attributes(attributes, found), *_missing_lists(lists, existing)]
    if problems:
        raise SchemaError(problems)
    there = {name: attribute.type for name, attribute in found.items()}
    if create:
        for name, kind in attributes.items():
            if name not in found and name not in _BUILT_IN:
                await create_attribute(account, name, kind)
                there[name] = kind
    return Prepared(await _lists(account, {**lists, IMPORTED: _IMPORTED_NAME}, existing, create), there)


async def create_attribute(account: Account, name: str, kind: AttributeType) -> None:
    """Does nothing if there is one of that name. Raises Refused if Brevo does not take it; BrevoError."""
    try:
        await account.create_attribute(name, kind)
    except Refused as error:
        if "must be unique" not in str(error):  # somebody was quicker
            raise


def _wrong_attributes(wanted: Mapping[str, AttributeType], found: Mapping[str, Attribute]) -> list[str]:
    problems = []
    for name, kind in wanted.items():
        attribute = found.get(name)
        if attribute is None:
            if translated := next((other for other in _TRANSLATIONS.get(name, ()) if other in found), None):
                problems.append(
                    f"The Brevo account has no attribute {name}, but {translated}: it was made in another language. "
                    f"Write {translated} in place of {name} in customer_mapping."
                )
        elif attribute.category not in ("normal", ""):
            problems.append(
                f"The Brevo attribute {name} is of the category {attribute.category}, which takes no values from "
                f"outside. Map the field to another attribute."
            )
        elif name not in _BUILT_IN and attribute.type != kind:
            problems.append(
                f"The Brevo attribute {name} is of type {attribute.type or 'unknown'}, but values of type {kind} would "
                f"be sent, which Brevo drops without saying so. Map the field to another attribute, or delete this one "
                f"in Brevo: it is then created with its type."
            )
    return problems


def _missing_lists(wanted: Mapping[str, int | str], existing: Mapping[int, str]) -> list[str]:
    return [
        f"{_shown(key)} is {number}, but the Brevo account has no list with that id. Use the id of an existing list, "
        f"or a name: then it is created."
        for key, number in wanted.items()
        if isinstance(number, int) and number not in existing
    ]


def _shown(key: str) -> str:
    """The list key `store:purpose` or `store:channel:purpose` as the user wrote it."""
    store, *channel, purpose = key.split(":")
    where = f"channels.{channel[0]}." if channel else ""
    return f"{where}lists.{purpose} of the store {store}"


async def _lists(
    account: Account, wanted: Mapping[str, int | str], existing: Mapping[int, str], create: bool
) -> dict[str, int]:
    """Ids as they are; names found, or created in our folder, each once."""
    ids = {name: number for number, name in sorted(existing.items(), reverse=True)}  # of equal names the oldest
    missing = [name for name in wanted.values() if isinstance(name, str) and name not in ids]
    if missing and create:
        folder = await _folder(account)
        for name in dict.fromkeys(missing):
            ids[name] = await account.create_list(name, folder)
    found = {key: ids.get(item) if isinstance(item, str) else item for key, item in wanted.items()}
    return {key: number for key, number in found.items() if number is not None}


async def _folder(account: Account) -> int:
    for folder in await account.folders():
        if folder.name == FOLDER:
            return folder.id
    return await account.create_folder(FOLDER)
