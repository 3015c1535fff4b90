"""Stores that were connected through the control API, as the settings of a component."""

import logging

from pydantic import SecretStr

from schemas.connections import Connection, Credentials
from tajo.access.register import Register
from tajo.access.vault import Vault
from tajo.settings import Settings
from tajo.settings.model import Store, StoreBrevo
from tajo.settings.resolved import name_of

log = logging.getLogger("tajo")


def vault_of(settings: Settings) -> Vault:
    keys = settings.encryption_key
    return Vault(keys.get_secret_value().split(",") if keys is not None else ())


def stores_of(register: Register, settings: Settings) -> dict[str, Store]:
    """By store hash. What does not fit to the file's settings is told and left out; the others go on."""
    settings = settings.joined({})
    found: dict[str, Store] = {}
    for store_hash, (connection, credentials) in register.opened(vault_of(settings)).items():
        store = store_of(connection, credentials)
        if (trouble := misfit(settings, store)) is not None:
            log.error("The connected store %s is left out: %s", store_hash, trouble)
        else:
            found[store_hash] = store
    return found


def misfit(settings: Settings, store: Store) -> str | None:
    """Why a connected store cannot be used with the settings of the file, as a sentence with the cure; else None."""
    file = {entry.store_hash: name_of(entry) for _path, entry in settings.entries()}
    if settings.signature == "required" and store.client_secret is None:
        return "`signature: required` checks with a client_secret, and it has none; connect it again with one."
    if store.store_hash in file:
        return None  # only its credentials count
    if store.name in file.values():
        return f"another store is named {store.name} in the configuration; connect it under another name."
    if settings.brevo.api_key is None and store.brevo is None:
        return "it has no Brevo account to report to; set brevo.api_key, or connect it with a brevo_api_key."
    return None


def store_of(connection: Connection, credentials: Credentials) -> Store:
    """Made without the checks of a file: what was connected has passed those of the request."""
    own = credentials.brevo_api_key
    return Store.model_construct(
        store_hash=connection.store_hash,
        name=connection.name,
        access_token=SecretStr(credentials.access_token),
        client_id=credentials.client_id,
        client_secret=SecretStr(credentials.client_secret) if credentials.client_secret else None,
        webhook_secret=SecretStr(credentials.webhook_secret),
        brevo=StoreBrevo.model_construct(account=connection.account, api_key=SecretStr(own)) if own else None,
    )
