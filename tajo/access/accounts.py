"""To which Brevo account a store reports that is being connected: its name in topics never changes afterwards."""

from gateway.control.models import Connect
from gateway.errors import Declined
from schemas.connections import Connection
from tajo.access.vault import Vault
from tajo.errors import CannotOpen
from tajo.settings import Settings


def account_for(
    wish: Connect, before: Connection | None, settings: Settings, file: Settings, vault: Vault, name: str
) -> tuple[str, str]:
    """Name and key of the store's own account; '' and '' for the one under `brevo`. Raises Declined (409).

    ``before``: the connection that gets new credentials. ``settings``: with all stores, ``file``: without connected
    ones. ``name``: of the store.
    """
    key = wish.brevo_api_key.get_secret_value() if wish.brevo_api_key else ""
    main = settings.brevo.api_key.get_secret_value() if settings.brevo.api_key else ""
    entry = next((entry for _path, entry in file.entries() if entry.store_hash == wish.store_hash), None)
    if entry is not None:
        of_file = file.account_of(entry)[1]
        if key and (of_file is None or key != of_file.get_secret_value()):
            raise Declined(409, "The store stands in the configuration file, which says where it reports to.")
        return "", ""
    if before is not None:
        return _as_before(key, main, before, vault)
    if key in ("", main):
        return "", ""
    accounts = {account.name: account.api_key.get_secret_value() for account in settings.accounts()}
    shared = next((account for account, its in accounts.items() if its == key), None)
    if shared is None and name in (*accounts, settings.brevo.account):
        raise Declined(409, f"Another Brevo account is named {name}: give the store another name.")
    return shared or name, key


def _as_before(key: str, main: str, before: Connection, vault: Vault) -> tuple[str, str]:
    if not before.account:
        if key not in ("", main):
            raise Declined(409, "The store reports to the account under `brevo`, and stays there: leave the key out.")
        return "", ""
    if key:
        return before.account, key
    try:
        return before.account, vault.open(before).brevo_api_key
    except CannotOpen as error:
        raise Declined(409, f"{error} With it goes the brevo_api_key of its account {before.account}.") from None
