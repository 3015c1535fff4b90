"""Products, variants, categories and stock."""

from decimal import Decimal

from emulators.bigcommerce.events import Events, NoSuchThing
from emulators.bigcommerce.records import Category, Image, Product, Variant
from emulators.bigcommerce.table import Table


class Catalogue:
    def __init__(self, events: Events) -> None:
        self.products: Table[Product] = Table()
        self.categories: dict[int, Category] = {}
        self._events = events

    def load(self, product: Product) -> None:
        """Puts a product of the past in place, and tells nobody."""
        self.products.add(product)

    def get(self, product_id: int) -> Product:
        product = self.products.get(product_id)
        if product is None:
            raise NoSuchThing(f"There is no product {product_id}: it never was, or is deleted.")
        return product

    def variant(self, product_id: int, variant_id: int) -> Variant:
        for variant in self.get(product_id).variants:
            if variant.id == variant_id:
                return variant
        raise NoSuchThing(f"Product {product_id} has no variant {variant_id}.")

    def add_product(self, product: Product) -> None:
        self.load(product)
        self._emit("created", product.id)

    def edit_product(
        self,
        product_id: int,
        *,
        name: str | None = None,
        price: Decimal | None = None,
        sale_price: Decimal | None = None,
        description: str | None = None,
        is_visible: bool | None = None,
        availability: str | None = None,
    ) -> None:
        """What is None stays. Identical values fire nothing."""
        given = {
            "name": name,
            "price": price,
            "sale_price": sale_price,
            "description": description,
            "is_visible": is_visible,
            "availability": availability,
        }
        product = self.get(product_id)
        changes = {key: value for key, value in given.items() if value is not None and value != getattr(product, key)}
        for key, value in changes.items():
            setattr(product, key, value)
        if changes:
            self._touch(product)
            self._emit("updated", product_id)

    def change_mpn(self, product_id: int, mpn: str) -> None:
        """Bumps ``date_modified`` and fires nothing, as for GTIN, tax code, files and customs data."""
        product = self.get(product_id)
        product.mpn = mpn
        self._touch(product)

    def add_image(self, product_id: int, file: str) -> Image:
        """Fires nothing: image changes are seen by a reconcile only."""
        product, now = self.get(product_id), self._events.second()
        image = Image(
            id=product_id * 100 + len(product.images) + 1,
            file=file,
            is_thumbnail=not product.images,
            date_modified=now,
        )
        product.images.append(image)
        self._touch(product)
        return image

    def edit_variant(self, product_id: int, variant_id: int, *, price: Decimal | None) -> None:
        """Fires ``sku/updated`` only."""
        variant = self.variant(product_id, variant_id)
        if variant.price != price:
            variant.price = price
            self._touch(self.get(product_id))
            data = {"type": "sku", "id": variant.sku_id, "sku": {"product_id": product_id, "variant_id": variant_id}}
            self._events.emit("store/sku/updated", data)

    def delete_product(self, product_id: int) -> None:
        self.get(product_id)
        self.products.remove(product_id)
        self._emit("deleted", product_id)

    def rename_category(self, category_id: int, name: str) -> None:
        category = self.categories[category_id]
        if category.name != name:
            category.name = name
            self._events.emit("store/category/updated", {"type": "category", "id": category_id})

    def set_stock(self, product_id: int, variant_id: int, level: int) -> None:
        """By the merchant. Fires nothing when stock is not tracked."""
        self._stock(product_id, variant_id, level, "updated")

    def sold(self, product_id: int, variant_id: int, quantity: int) -> None:
        """By an order. Stock does not fall below 0: what is sold beyond it is on back order."""
        product = self.products.get(product_id)
        if product is None:
            return
        level = product.stock if product.tracking == "product" else self.variant(product_id, variant_id).stock
        self._stock(product_id, variant_id, max(0, level - quantity), "order/updated")

    def _stock(self, product_id: int, variant_id: int, level: int, what: str) -> None:
        product = self.get(product_id)
        inventory = {"product_id": product_id, "method": "absolute", "value": level}
        if product.tracking == "product" and product.stock != level:
            product.stock = level
            self._touch(product)
            data = {"type": "product", "id": product_id, "inventory": inventory}
            self._events.emit(f"store/product/inventory/{what}", data)
        elif product.tracking == "variant":
            variant = self.variant(product_id, variant_id)
            if variant.stock == level:
                return
            variant.stock = level
            product.stock = sum(each.stock for each in product.variants)
            self._touch(product)
            data = {"type": "sku", "id": variant.sku_id, "inventory": {**inventory, "variant_id": variant_id}}
            self._events.emit(f"store/sku/inventory/{what}", data)

    def _touch(self, product: Product) -> None:
        self.products.touch(product, self._events.second())

    def _emit(self, what: str, product_id: int) -> None:
        self._events.emit(f"store/product/{what}", {"type": "product", "id": product_id})
