"""What the record shop sells: 60 releases on CD, vinyl and cassette, in eight categories."""

from decimal import Decimal

from emulators.bigcommerce.records import Category, Image, Product, Variant
from emulators.bigcommerce.store import Store

CATEGORIES = ("Rock", "Jazz", "Classical", "Electronic", "Folk", "Soul", "Soundtracks", "Box Sets")
ADJECTIVES = ["Amber", "Broken", "Crimson", "Distant", "Electric", "Faded", "Golden", "Hollow", "Ivory", "Jagged"]
NOUNS = ["Harbor", "Letters", "Meridian", "Orchard", "Parade", "Station"]
FORMATS = (("CD", "CD", Decimal(0)), ("LP", "Vinyl", Decimal("9.00")), ("MC", "Cassette", Decimal("-2.00")))
FIRST_PRODUCT = 101
TRACKING = ("none", "product", "variant")


def stock_up(store: Store, opened: int) -> None:
    """Puts the whole assortment into the store, as of ``opened`` (Unix ms)."""
    for place, name in enumerate(CATEGORIES):
        store.catalogue.categories[place + 1] = Category(id=place + 1, name=name)
    for place in range(len(ADJECTIVES) * len(NOUNS)):
        store.catalogue.load(_product(place, opened))


def _product(place: int, opened: int) -> Product:
    product_id = FIRST_PRODUCT + place
    name = f"{ADJECTIVES[place % 10]} {NOUNS[place // 10]}"
    price = Decimal(7 + place % 12) + Decimal("0.99")
    variants = _variants(product_id, place, price)
    return Product(
        id=product_id,
        name=name,
        sku=f"SSR-{product_id}",
        price=price,
        sale_price=price - 2 if place % 9 == 4 else Decimal(0),
        categories=[place % 8 + 1],
        date_created=opened,
        date_modified=opened,
        description=f"<p>{name}, remastered.</p>",
        tracking=TRACKING[place % 3],
        stock=sum(variant.stock for variant in variants),
        path=f"/{name.lower().replace(' ', '-')}/",
        mpn=f"SP{product_id:05d}",
        variants=variants,
        images=[
            Image(id=product_id * 100 + 1, file=f"cover-{product_id}", is_thumbnail=True, date_modified=opened),
            Image(id=product_id * 100 + 2, file=f"back-{product_id}", is_thumbnail=False, date_modified=opened),
        ],
    )


def _variants(product_id: int, place: int, price: Decimal) -> list[Variant]:
    """One to three formats; a single one carries the product's own SKU and price."""
    formats = FORMATS[: place % 3 + 1]
    return [
        Variant(
            id=product_id * 10 + number,
            product_id=product_id,
            sku=f"SSR-{product_id}" if len(formats) == 1 else f"SSR-{product_id}-{code}",
            sku_id=None if len(formats) == 1 else product_id * 10 + number + 5000,
            label=label,
            price=None if not extra else price + extra,
            stock=400 + place * 7,
        )
        for number, (code, label, extra) in enumerate(formats)
    ]
