"""Goods, orders and payments: what is asked for, what is refused, and that the sums agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from .conftest import STORY, Portal, example
from .test_documents import everything

SELECT = ["id", "iblockId", "name", "type", "parentId", "active"]


def products(portal: Portal, block: int) -> list[dict[str, Any]]:
    return everything(portal, "catalog.product.list", select=SELECT, filter={"iblockId": block})


def test_every_catalogue_has_goods_and_rows_of_deals_refer_to_them(portal: Portal) -> None:
    catalogues = portal.rows("catalog.catalog.list")
    assert [(row["iblockId"], row["productIblockId"]) for row in catalogues] == [(15, None), (17, 15)]
    goods = {row["id"]: row for row in products(portal, 15)}
    variations = {row["id"]: row for row in products(portal, 17)}
    assert not goods.keys() & variations.keys()
    assert {int(row["parentId"]["value"]) for row in variations.values()} == {
        key for key, row in goods.items() if row["type"] == 3
    }
    assert any(row["active"] == "N" for row in goods.values())
    rows = [row for some in portal.service.portal.product_rows.values() for row in some]
    named = {row.product_id for row in rows}
    assert 0 in named, "no row in free text"
    assert named - {0} <= {key for key, row in {**goods, **variations}.items() if row["type"] != 3}
    assert all({**goods, **variations}[row.product_id]["name"] == row.name for row in rows if row.product_id)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"filter": {"iblockId": 15}}, "Required select fields: id, iblockId"),
        ({"select": ["id", "name"], "filter": {"iblockId": 15}}, "Required select fields: id, iblockId"),
        ({"select": ["id", "iblockId"], "filter": {">id": 100}}, "Required filter fields: iblockId"),
    ],
)
def test_products_want_fields_and_a_catalogue(portal: Portal, body: dict[str, Any], text: str) -> None:
    answer = portal.post("catalog.product.list", body)
    assert (answer.status_code, answer.json()) == (400, {"error": 0, "error_description": text})


def test_products_by_keyset(portal: Portal) -> None:
    where = {"iblockId": 15, ">id": 105}
    rows = portal.rows("catalog.product.list", {"select": SELECT, "filter": where, "order": {"id": "asc"}})
    ids = [row["id"] for row in rows]
    assert ids == sorted(ids) and min(ids) == 107 and set(rows[0]) == set(SELECT) - {"parentId"}


def test_the_shop_is_for_administrators_with_its_scope(moving: Callable[..., Portal]) -> None:
    small = replace(STORY, scale=0.02)
    nobody = moving(small, admin=False)
    for method in ("catalog.product.list", "catalog.catalog.list"):
        answer = nobody.post(method, {"select": SELECT, "filter": {"iblockId": 15}})
        assert (answer.status_code, answer.json()) == (400, example("errors/catalog.product.list"))
    for method in ("sale.order.list", "sale.payment.list", "crm.orderentity.list"):
        assert nobody.post(method).json()["error"] == 200040300010
    crm = moving(small, scopes=("crm",))
    for method in ("sale.order.list", "sale.payment.list", "catalog.catalog.list"):
        assert crm.post(method).json()["error"] == "insufficient_scope"
    assert crm.post("crm.orderentity.list").status_code == 200


def test_payments_add_up_to_orders_and_orders_to_deals(portal: Portal) -> None:
    orders = {row["id"]: row for row in everything(portal, "sale.order.list")}
    payments = everything(portal, "sale.payment.list")
    links = portal.call("crm.orderentity.list", {"start": -1})
    owners = {row["orderId"]: row["ownerId"] for row in links["result"]["orderEntity"]}
    assert links["total"] == len(owners) and {
        row["ownerTypeId"] for row in links["result"]["orderEntity"]
    } == {2}
    deals = {deal["id"]: deal for deal in everything(portal, "crm.item.list", entityTypeId=2)}
    invoiced = {row["parentId2"] for row in everything(portal, "crm.item.list", entityTypeId=31)}
    by_order: dict[int, list[dict[str, Any]]] = {key: [] for key in orders}
    for payment in payments:
        by_order[payment["orderId"]].append(payment)
    kinds = set()
    for key, order in orders.items():
        own = by_order[key]
        assert round(sum(payment["sum"] for payment in own), 2) == order["price"]
        assert (order["payed"] == "Y") is all(payment["paid"] == "Y" for payment in own)
        assert all((payment["datePaid"] is not None) >= (payment["paid"] == "Y") for payment in own)
        assert all(payment["paid"] == "N" for payment in own if payment["isReturn"] == "Y")
        moments = [m for payment in own for m in (payment["datePaid"], payment["payReturnDate"]) if m]
        assert order["dateUpdate"] >= max([order["dateInsert"], *moments])
        paid = [payment["paid"] for payment in own]
        kinds |= {"in parts"} if len(own) > 1 else set()
        kinds |= {"half"} if {"Y", "N"} <= set(paid) else {"whole"} if "N" not in paid else {"unpaid"}
        kinds |= {"returned"} if any(payment["isReturn"] == "Y" for payment in own) else set()
        kinds |= {"canceled"} if order["canceled"] == "Y" else set()
        if key in owners:
            assert deals[owners[key]]["categoryId"] in (33, 39, 43)
            assert owners[key] not in invoiced, "paid in the shop and by invoice too"
            brief = portal.rows("crm.item.payment.list", {"entityTypeId": 2, "entityId": owners[key]})
            assert [row["id"] for row in brief] == [payment["id"] for payment in own]
    assert {"whole", "unpaid", "in parts", "returned", "canceled"} <= kinds


def test_links_of_orders_page_by_fifty_unless_all_are_asked_for(portal: Portal) -> None:
    body = {"select": ["orderId", "ownerId"], "order": {"orderId": "desc"}}
    first = portal.call("crm.orderentity.list", body)
    rows = first["result"]["orderEntity"]
    assert len(rows) == min(50, first["total"]) and set(rows[0]) == {"orderId", "ownerId"}
    assert [row["orderId"] for row in rows] == sorted((row["orderId"] for row in rows), reverse=True)
    some = [row["ownerId"] for row in rows[:3]]
    found = portal.rows("crm.orderentity.list", {"filter": {"=ownerTypeId": 2, "@ownerId": some}})
    assert {row["ownerId"] for row in found} == set(some)


def test_several_orders_payments_go_with_equality(portal: Portal) -> None:
    orders = [row["id"] for row in portal.rows("sale.order.list")][:3]
    found = portal.rows("sale.payment.list", {"filter": {"=orderId": orders}})
    assert {row["orderId"] for row in found} == set(orders)
    dropped = portal.total("sale.payment.list", {"filter": {"@orderId": orders}})
    assert dropped == portal.total("sale.payment.list"), "an undocumented operator is dropped"
    since = "2026-03-01T00:00:00+03:00"
    changed = portal.rows("sale.order.list", {"filter": {">=dateUpdate": since}, "order": {"id": "asc"}})
    assert changed and all(row["dateUpdate"] >= "2026-03-01" for row in changed)
