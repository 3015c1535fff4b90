"""Scopes that `webhooks:` may list, and names of events that belong to a scope."""

import difflib
from typing import Annotated, Final

from pydantic import AfterValidator

from connectors.bigcommerce.hooks import ALWAYS, NEEDED
from connectors.bigcommerce.scopes import is_known
from tajo.settings.values import Text

INVENTORY: Final = "store/inventory/updated"  # stands for BigCommerce's four real inventory scopes

# Names of the contract with Brevo (docs/events.md), and the scope that each is about; None: no scope may take it.
RESERVED: Final = {
    "order_placed": "store/order/created",
    "order_updated": "store/order/updated",
    "order_status_changed": "store/order/statusUpdated",
    "order_refunded": "store/order/refund/created",
    "customer_created": "store/customer/created",
    "customer_updated": "store/customer/updated",
    "cart_created": "store/cart/created",
    "cart_updated": "store/cart/updated",
    "cart_abandoned": "store/cart/abandoned",
    "cart_recovered": None,
    "cart_deleted": None,
    "order_completed": None,
    "back_in_stock": None,
}


def _scope(scope: str) -> str:
    if "*" in scope:
        raise ValueError("concrete scopes are registered, never wildcards: list each scope")
    if scope != INVENTORY and not is_known(scope):
        usual = [*dict.fromkeys(scope for scopes in NEEDED.values() for scope in scopes), *ALWAYS, INVENTORY]
        close = difflib.get_close_matches(scope, usual, n=1)
        raise ValueError(
            f"it is no scope that BigCommerce documents: did you mean {close[0]}?"
            if close
            else "it is no scope that BigCommerce documents: they look like store/order/created"
        )
    return scope


Scope = Annotated[Text, AfterValidator(_scope)]
