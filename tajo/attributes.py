"""The attributes that an account's stores map to, with their types."""

from collections.abc import Iterable

from projections.attributes import attribute_type
from schemas.commands import AttributeType
from tajo.settings import ConnectedStore


def attribute_types(stores: Iterable[ConnectedStore]) -> dict[str, AttributeType]:
    """Attribute -> type, over all stores of an account. The e-mail is the identity, no attribute of ours."""
    return {
        attribute: attribute_type(path, attribute)
        for store in stores
        for path, attribute in store.mapping.items()
        if attribute.upper() != "EMAIL"
    }
