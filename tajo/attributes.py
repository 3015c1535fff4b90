"""Of which type a mapped attribute's values are, so that it is created right: Brevo drops others in silence."""

from collections.abc import Iterable
from typing import Final

from connectors.brevo.schema import AttributeType
from tajo.settings import ConnectedStore

# Customer fields of customers.v3 that are no texts, and what we compute. Everything else is sent as text.
_TYPES: Final[dict[str, AttributeType]] = {
    "orders_count": "float",
    "total_spent": "float",
    "customer_group_id": "float",
    "id": "float",
    "origin_channel_id": "float",
    "date_created": "date",
    "date_modified": "date",
    "accepts_product_review_abandoned_cart_emails": "boolean",
}


def attribute_types(stores: Iterable[ConnectedStore]) -> dict[str, AttributeType]:
    """Attribute -> type, over all stores of an account. The e-mail is the identity, no attribute of ours."""
    return {
        attribute: _TYPES.get(path, "text")
        for store in stores
        for path, attribute in store.mapping.items()
        if attribute.upper() != "EMAIL"
    }
