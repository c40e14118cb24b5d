"""catalog.*: the catalogues of goods and what is in them (scope catalog, administrators only)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from demo.company import catalogue as c
from demo.company.calendar import DAY
from demo.rest import errors
from demo.rest.columns import Column, Encoder, Get
from demo.rest.filters import split_prefix
from demo.rest.parameters import Parameters, to_int
from demo.rest.service import Answer, Service, method
from demo.rest.typed_lists import listed

#: Types of goods: plain, with variations, a variation.
PLAIN, PARENT, VARIATION = 1, 3, 4
_PARENTS = {variant.parent for variant in c.VARIANTS}
#: Catalogues by the id of their information block.
CATALOGUES = {c.GOODS: "Товарный каталог CRM", c.VARIATIONS: "Товарный каталог CRM (предложения)"}


def _refuse_others(service: Service) -> None:
    if not service.settings.admin:
        raise errors.RestError(400, 200040300010, "Access denied")


@method("catalog.catalog.list", "catalog")
def catalog_catalog_list(service: Service, p: Parameters) -> Answer:
    _refuse_others(service)
    rows = {number: (number, name) for number, name in CATALOGUES.items()}
    same = service.encoder.same

    def of_variations(value: int) -> Get:
        return lambda row: value if row[0] == c.VARIATIONS else None

    columns = (
        Column("iblockId", "int", lambda row: row[0], same),
        Column("iblockTypeId", "int", lambda _row: 0, same),
        Column("id", "int", lambda row: row[0], same),
        Column("lid", "text", lambda _row: "s1", same),
        Column("name", "text", lambda row: row[1], same),
        Column("productIblockId", "int", of_variations(c.GOODS), same),
        Column("skuPropertyId", "int", of_variations(97), same),
        Column("subscription", "text", lambda _row: "N", same),
        Column("vatId", "int", lambda _row: 1, same),
    )
    return listed(service, p, "catalog", "catalogs", rows, columns)


def kind_of(product: c.Product) -> int:
    return VARIATION if product.parent else PARENT if product.id in _PARENTS else PLAIN


def block_of(product: c.Product) -> int:
    return c.VARIATIONS if product.parent else c.GOODS


@lru_cache(maxsize=4)
def product_columns(encoder: Encoder, made: int, variations: bool) -> tuple[Column, ...]:
    """Columns of catalog.product.list; goods were made before the story, at ``made``. There are no prices here."""
    columns: list[Column] = []

    def add(name: str, kind: str, get: Get, write: Callable[[Any], Any] = encoder.same) -> None:
        columns.append(Column(name, kind, get, write, upper=name))

    def constant(name: str, value: Any) -> None:
        add(name, "text" if isinstance(value, str) else "int", lambda _product: value)

    def stored(value: Any) -> Get:
        return lambda x: value if x.measure[0] == 796 and x.price > 50_000 else None

    add("active", "flag", lambda x: x.active, encoder.flag)
    add("available", "flag", lambda x: x.active, encoder.flag)
    constant("barcodeMulti", "N")
    constant("bundle", "N")
    constant("canBuyZero", "Y")
    add("code", "text", lambda x: f"tovar-{x.id}")
    constant("createdBy", c.WEBHOOK_USER)
    add("dateActiveFrom", "moment", lambda x: made if x.price > 50_000 else None, encoder.moment)
    add("dateActiveTo", "moment", lambda x: None if x.active else made + 5 * DAY, encoder.moment)
    add("dateCreate", "moment", lambda _x: made, encoder.moment)
    add("detailPicture", "const", lambda x: x, _picture("detailPicture", 6000))
    constant("detailText", None)
    constant("detailTextType", "text")
    add("height", "number", stored(120))
    add("iblockId", "int", block_of)
    add("iblockSectionId", "int", lambda x: None if x.parent else 47)
    add("id", "int", lambda x: x.id)
    add("length", "number", stored(600))
    constant("measure", 5)
    constant("modifiedBy", c.WEBHOOK_USER)
    add("name", "text", lambda x: x.name)
    if variations:
        add("parentId", "const", lambda x: x.parent, lambda value: _property(value, 9800 + value))
    add("previewPicture", "const", lambda x: x, _picture("previewPicture", 6001))
    constant("previewText", None)
    constant("previewTextType", "text")
    add("property111", "const", lambda x: x.id, lambda value: _property(f"Г-{value}", 9000 + value))
    add(
        "property113",
        "const",
        lambda x: x.id,
        lambda value: [_property(text, 9400 + value * 2 + i) for i, text in enumerate(("Склад", "Витрина"))],
    )
    constant("purchasingCurrency", "RUB")
    add("purchasingPrice", "number", lambda x: x.price * 6 // 10)
    add("quantity", "number", lambda x: 40 if x.active else 0)
    constant("quantityReserved", 0)
    constant("quantityTrace", "N")
    constant("recurSchemeLength", 0)
    constant("recurSchemeType", "D")
    constant("sort", 100)
    constant("subscribe", "D")
    add("timestampX", "moment", lambda _x: made + DAY, encoder.moment)
    constant("trialPriceId", 0)
    add("type", "int", kind_of)
    constant("vatId", 1)
    constant("vatIncluded", "Y")
    add("weight", "number", stored(900))
    add("width", "number", stored(400))
    constant("withoutOrder", "N")
    add("xmlId", "text", lambda x: str(x.id))
    return tuple(columns)


def _property(value: Any, value_id: int) -> dict[str, Any]:
    return {"value": value, "valueId": str(value_id)}


def _picture(field: str, offset: int) -> Callable[[Any], Any]:
    def write(product: c.Product) -> dict[str, str] | None:
        if product.parent or product.price < 50_000:
            return None
        number = offset + product.id * 2
        url = (
            f"/rest/catalog.product.download?fields%5BfieldName%5D={field}"
            f"&fields%5BfileId%5D={number}&fields%5BproductId%5D={product.id}"
        )
        return {"id": str(number), "url": url, "urlMachine": url}

    return write


@method("catalog.product.list", "catalog")
def catalog_product_list(service: Service, p: Parameters) -> Answer:
    """``select`` must name id and iblockId, the filter an iblockId; variations are in a block of their own."""
    _refuse_others(service)
    conditions = {split_prefix(key): value for key, value in p.mapping("filter").items()}
    block = next(
        (v for (prefix, name), v in conditions.items() if name == "iblockId" and prefix in ("", "=")), None
    )
    block = list(block.values()) if isinstance(block, dict) else block
    blocks = {to_int(v) for v in (block if isinstance(block, list) else [block])} - {0}
    made = service.chronicle.world.start - 30 * DAY
    columns = product_columns(service.encoder, made, blocks == {c.VARIATIONS})
    if not {"id", "iblockId"} <= set(p.names("select")):
        raise errors.RestError(400, 0, "Required select fields: id, iblockId")
    if not blocks:
        raise errors.RestError(400, 0, "Required filter fields: iblockId")
    products = {x.id: x for x in c.ASSORTMENT if block_of(x) in blocks}
    return listed(service, p, f"product{sorted(blocks)}", "products", products, columns)
