"""``/v3/catalog``: products, their variants, and categories."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulators.bigcommerce import catalogue_shapes
from emulators.bigcommerce.answers import v3_answer, v3_error
from emulators.bigcommerce.pages import plain_page
from emulators.bigcommerce.queries import MOST, BadQuery, Query
from emulators.bigcommerce.records import Category, Product
from emulators.bigcommerce.store import Store

LIMIT_WITH_OPTIONS = 10


class CatalogueRoutes:
    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[Route]:
        return [
            Route("/catalog/products", self.products),
            Route("/catalog/products/{product_id:int}", self.product),
            Route("/catalog/products/{product_id:int}/variants", self.variants),
            Route("/catalog/trees/categories", self.categories),
        ]

    async def products(self, request: Request) -> Response:
        query, table = Query(request.query_params), self._store.catalogue.products
        include = self._parts(query)
        ids, now = query.numbers("id:in") if "id:in" in query else query.numbers("id"), self._store.clock.now()
        bounds = [query.date(f"date_modified:{end}", time_of_day_from=now) for end in ("min", "max")]
        rows = list(table.by_modified(*bounds)) if any(bounds) else list(table)
        if ids is not None:
            rows = [each for each in rows if each.id in set(ids)]
        rows = [each for each in rows if (visible := query.flag("is_visible")) is None or each.is_visible == visible]
        by_date = query.text("sort") == "date_modified"
        rows.sort(key=_by_date if by_date else _by_id, reverse=query.text("direction") == "desc")
        most = LIMIT_WITH_OPTIONS if {"options", "modifiers"} & set(include) else MOST
        return plain_page(request, query, rows, lambda each: catalogue_shapes.product(self._store, each, include), most)

    async def product(self, request: Request) -> Response:
        product = self._store.catalogue.products.get(request.path_params["product_id"])
        if product is None:
            return v3_error(404, "The product was not found.")
        return v3_answer(catalogue_shapes.product(self._store, product, self._parts(Query(request.query_params))))

    def _parts(self, query: Query) -> list[str]:
        include = query.texts("include") or []
        unknown = set(include) - catalogue_shapes.PARTS
        if unknown:
            raise BadQuery("include", ",".join(include), f"some of {', '.join(sorted(catalogue_shapes.PARTS))}")
        return include

    async def variants(self, request: Request) -> Response:
        product = self._store.catalogue.products.get(request.path_params["product_id"])
        if product is None:
            return v3_error(404, "The product was not found.")
        query = Query(request.query_params)
        return plain_page(request, query, product.variants, lambda each: catalogue_shapes.variant(product, each))

    async def categories(self, request: Request) -> Response:
        query = Query(request.query_params)
        ids, parents = query.numbers("category_id:in"), query.numbers("parent_id:in")

        def wanted(each: Category) -> bool:
            return (ids is None or each.id in ids) and (parents is None or each.parent_id in parents)

        rows = sorted(filter(wanted, self._store.catalogue.categories.values()), key=lambda each: each.id)
        return plain_page(request, query, rows, catalogue_shapes.category)


def _by_id(each: Product) -> tuple[int, int]:
    return each.id, 0


def _by_date(each: Product) -> tuple[int, int]:
    return each.date_modified, each.id
