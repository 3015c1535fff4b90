"""The maps `products` and `categories`: from facts to Brevo's catalogue, without any state.

Ids at Brevo are led by the store's name, since stores may share an account; a variant is a product with a parent.
Fields: Brevo, `POST /v3/products` and `POST /v3/categories`; BigCommerce, catalog v3.
"""

from typing import Any, Final

import msgspec

from projections.cloudevents import public
from projections.fold import Input, Output
from projections.identity import catalogue_id, catalogue_variant_id, split
from projections.reading import of_store, read
from projections.stateless import Stateless
from projections.times import iso
from schemas import topics
from schemas.commands import PutCategory, PutProduct
from schemas.errors import BadRecord
from schemas.facts import CategoryFact, ProductFact
from schemas.settings import FoldSettings, StoreSettings

Document = dict[str, object]
Number = int | float
UNTRACKED: Final = "none"
_OF_THE_PRODUCT: Final = ("url", "imageUrl", "categories", "price", "metaInfo", "isDeleted")


class CustomUrl(msgspec.Struct, kw_only=True):
    url: str = ""


class Image(msgspec.Struct, kw_only=True):
    url_standard: str = ""
    is_thumbnail: bool = False


class OptionValue(msgspec.Struct, kw_only=True):
    label: str = ""


class Variant(msgspec.Struct, kw_only=True):
    """Without option values it is the product itself."""

    id: int
    sku: str | None = ""
    calculated_price: Number | None = None
    inventory_level: int = 0
    image_url: str | None = ""
    option_values: list[OptionValue] = []


class Product(msgspec.Struct, kw_only=True):
    """``inventory_tracking`` none: the levels mean nothing."""

    id: int
    name: str
    sku: str = ""
    price: Number = 0
    calculated_price: Number | None = None
    categories: list[int] = []
    inventory_level: int = 0
    inventory_tracking: str = UNTRACKED
    is_visible: bool = True
    availability: str = "available"
    custom_url: CustomUrl | None = None
    images: list[Image] = []
    variants: list[Variant] = []


class CategoryUrl(msgspec.Struct, kw_only=True):
    path: str = ""


class Category(msgspec.Struct, kw_only=True):
    category_id: int
    name: str
    url: CategoryUrl | None = None


class _Map(Stateless):
    """BadRecord: as in the folds."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...] = (topics.COMMAND,)

    def __init__(self, settings: FoldSettings) -> None:
        self._stores = settings.stores

    def fold(self, state: None, record: Input) -> tuple[None, list[Output]]:
        store_hash, number = split(record.key)
        store = of_store(self._stores, store_hash, f"{record.topic} {number}")
        commands = self._deleted(store, number, record.time) if record.value is None else self._put(store, record)
        return None, [_told(store, command) for command in commands]

    def _put(self, store: StoreSettings, record: Input) -> list[PutProduct | PutCategory]:
        raise NotImplementedError

    def _deleted(self, store: StoreSettings, number: str, at: int) -> list[PutProduct | PutCategory]:
        raise NotImplementedError


class ProductsFold(_Map):
    """A product and its variants. A tombstone names the product only: Brevo's variants hang on their parent."""

    name = "products"
    inputs: tuple[str, ...] = (topics.PRODUCT,)

    def __init__(self, settings: FoldSettings) -> None:
        super().__init__(settings)
        self._facts = msgspec.json.Decoder(ProductFact)
        self._products = msgspec.json.Decoder(Product)

    def _put(self, store: StoreSettings, record: Input) -> list[PutProduct | PutCategory]:
        fact = read(self._facts, record)
        product = _entity(self._products, fact.entity, record)
        parent = _product(store, product, fact)
        own = [variant for variant in product.variants if variant.option_values]
        documents = [parent, *(_variant(store, product, variant, parent) for variant in own)]
        return [
            PutProduct(id=f"product:{document['id']}", document=document, at=fact.fetched_at) for document in documents
        ]

    def _deleted(self, store: StoreSettings, number: str, at: int) -> list[PutProduct | PutCategory]:
        document = _gone(store, number, at)
        return [PutProduct(id=f"product:{document['id']}", document=document, deleted=True, at=at)]


class CategoriesFold(_Map):
    name = "categories"
    inputs: tuple[str, ...] = (topics.CATEGORY,)

    def __init__(self, settings: FoldSettings) -> None:
        super().__init__(settings)
        self._facts = msgspec.json.Decoder(CategoryFact)
        self._categories = msgspec.json.Decoder(Category)

    def _put(self, store: StoreSettings, record: Input) -> list[PutProduct | PutCategory]:
        fact = read(self._facts, record)
        category = _entity(self._categories, fact.entity, record)
        path = category.url.path if category.url else ""
        document = _filled(
            id=catalogue_id(store.name, category.category_id), name=category.name, url=_url(fact.url, path)
        )
        return [PutCategory(id=f"category:{document['id']}", document=document, at=fact.fetched_at)]

    def _deleted(self, store: StoreSettings, number: str, at: int) -> list[PutProduct | PutCategory]:
        document = _gone(store, number, at)
        return [PutCategory(id=f"category:{document['id']}", document=document, deleted=True, at=at)]


def _product(store: StoreSettings, product: Product, fact: ProductFact) -> Document:
    path = product.custom_url.url if product.custom_url else ""
    document = _filled(
        id=catalogue_id(store.name, product.id),
        name=product.name,
        url=_url(fact.url, path),
        imageUrl=_image(product.images),
        sku=product.sku,
        categories=[catalogue_id(store.name, category) for category in product.categories],
    )
    document["price"] = _price(product.calculated_price, product.price)
    if product.inventory_tracking != UNTRACKED:
        document["stock"] = max(product.inventory_level, 0)
    document["metaInfo"] = _filled(
        store=store.name,
        currency=fact.store_currency,
        availability=product.availability,
        visible=product.is_visible,
    )
    document["isDeleted"] = False  # it may have been, and come back
    return document


def _variant(store: StoreSettings, product: Product, variant: Variant, parent: Document) -> Document:
    """What a variant does not have of its own is its product's."""
    options = ", ".join(value.label for value in variant.option_values if value.label)
    document: Document = {key: parent[key] for key in _OF_THE_PRODUCT if key in parent}
    document |= _filled(
        id=catalogue_variant_id(store.name, product.id, variant.id),
        parentId=parent["id"],
        name=f"{product.name} ({options})" if options else product.name,
        sku=variant.sku or "",
        imageUrl=variant.image_url or "",
    )
    if variant.calculated_price is not None:
        document["price"] = variant.calculated_price
    if product.inventory_tracking == "variant":
        document["stock"] = max(variant.inventory_level, 0)
    return document


def _price(calculated: Number | None, price: Number) -> Number:
    """What the shopper pays: the sale price where there is one. A number as BigCommerce wrote it."""
    return price if calculated is None else calculated


def _image(images: list[Image]) -> str:
    chosen = next((image for image in images if image.is_thumbnail), images[0] if images else None)
    return chosen.url_standard if chosen else ""


def _url(storefront: str, path: str) -> str:
    return f"{storefront.rstrip('/')}/{path.lstrip('/')}" if storefront and path else ""


def _gone(store: StoreSettings, number: str, at: int) -> Document:
    return {"id": catalogue_id(store.name, number), "isDeleted": True, "deletedAt": iso(at)}


def _filled(**fields: object) -> Document:
    """Without what is empty: Brevo refuses empty URLs and names."""
    return {name: value for name, value in fields.items() if value not in ("", [], None)}


def _entity(decoder: Any, entity: msgspec.Raw, record: Input) -> Any:
    try:
        return decoder.decode(entity)
    except msgspec.DecodeError as error:
        raise BadRecord(
            f"{record.topic} {record.key!r} cannot be read: {error}. Fetch it again.", stage="decode"
        ) from error


def _told(store: StoreSettings, command: PutProduct | PutCategory) -> Output:
    kind = f"brevo.command.{command.__struct_config__.tag}"
    occasion = f"{command.id}:{command.at}"
    return public(
        topics.COMMAND,
        store.account.encode(),
        command,
        event_id=occasion,
        source="tajo/catalogue",
        kind=kind,
        at=command.at,
    )
