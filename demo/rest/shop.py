"""sale.*: orders and payments of the shop (scope sale, administrators only), and the deals they belong to."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from demo.company import catalogue as c
from demo.company.records import Order, Payment
from demo.rest import errors
from demo.rest.columns import Column, Encoder, Get
from demo.rest.entities import render
from demo.rest.filters import PAGE, compile_filter, sort_records
from demo.rest.parameters import Parameters, to_int
from demo.rest.service import Answer, Service, list_work, method
from demo.rest.typed_lists import listed, selected

SYSTEMS = {system.id: system for system in c.PAY_SYSTEMS}


def _refuse_others(service: Service) -> None:
    if not service.settings.admin:
        raise errors.RestError(400, 200040300010, "Access Denied")


class _Columns:
    """Collects columns whose names are the answer's."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.made: list[Column] = []

    def add(self, name: str, kind: str, get: Get, write: Callable[[Any], Any] | None = None) -> None:
        self.made.append(Column(name, kind, get, write or self.encoder.same, upper=name))

    def constants(self, value: Any, *names: str) -> None:
        for name in names:
            self.add(name, "text" if isinstance(value, str) else "int", lambda _record: value)

    def moment(self, name: str, get: Get) -> None:
        self.add(name, "moment", get, self.encoder.moment)

    def flag(self, name: str, get: Get) -> None:
        self.add(name, "flag", get, self.encoder.flag)

    def money(self, name: str, get: Get) -> None:
        self.add(name, "money", get, self.encoder.money)


@lru_cache(maxsize=4)
def order_columns(encoder: Encoder) -> tuple[Column, ...]:
    make = _Columns(encoder)
    make.add("accountNumber", "text", lambda x: str(x.id))
    make.constants("", "additionalInfo")
    make.constants(None, "affiliateId")
    make.flag("canceled", lambda x: x.canceled)
    make.constants("", "comments")
    make.add("companyId", "int", lambda x: x.company_id, encoder.number_or_null)
    make.add("currency", "text", lambda x: x.currency)
    make.moment("dateCanceled", lambda x: x.canceled)
    make.moment("dateInsert", lambda x: x.created)
    make.constants(None, "dateLock", "dateMarked")
    make.moment("dateStatus", lambda x: x.status_time)
    make.moment("dateUpdate", lambda x: x.updated)
    make.flag("deducted", lambda x: x.status == "F")
    make.constants(0, "discountValue")
    make.add("empCanceledId", "int", lambda x: x.responsible if x.canceled else None)
    make.constants(None, "empMarkedId")
    make.add("empStatusId", "int", lambda x: x.responsible)
    make.constants("N", "externalOrder")
    make.add("id", "int", lambda x: x.id)
    make.constants("", "id1c")
    make.constants("s1", "lid")
    make.constants("", "lockedBy")
    make.constants("N", "marked")
    make.constants("", "orderTopic")
    make.flag("payed", lambda x: x.paid)
    make.constants(4, "personTypeId")
    make.constants("", "personTypeXmlId")
    make.money("price", lambda x: x.amount)
    make.add("reasonCanceled", "text", lambda x: x.cancel_reason)
    make.constants("", "reasonMarked")
    make.constants("Y", "recountFlag")
    make.constants("", "recurringId")
    make.add("responsibleId", "int", lambda x: x.responsible)
    make.add("statusId", "text", lambda x: x.status)
    make.constants("", "statusXmlId")
    make.money("taxValue", lambda x: x.amount * 20 // 120)
    make.constants("N", "updated1c")
    make.constants("", "userDescription")
    make.add("userId", "int", lambda x: x.buyer)
    make.constants(0, "version")
    make.constants("", "version1c")
    make.add("xmlId", "text", lambda x: f"bx_{x.id:013x}")
    return tuple(make.made)


@lru_cache(maxsize=4)
def payment_columns(encoder: Encoder) -> tuple[Column, ...]:
    make = _Columns(encoder)
    make.add("accountNumber", "text", lambda x: x.number)
    make.constants("", "comments")
    make.constants(None, "companyId")
    make.add("currency", "text", lambda x: x.currency)
    make.moment("dateBill", lambda x: x.billed)
    make.constants(None, "dateMarked")
    make.moment("datePaid", lambda x: x.paid_at)
    make.constants(None, "datePayBefore")
    make.moment("dateResponsibleId", lambda x: x.billed)
    make.constants(None, "empMarkedId")
    make.add("empPaidId", "int", lambda x: x.paid_by, encoder.number_or_null)
    make.add("empResponsibleId", "int", lambda x: x.responsible)
    make.add("empReturnId", "int", lambda x: x.responsible if x.returned else None)
    make.constants("N", "externalPayment")
    make.add("id", "int", lambda x: x.id)
    make.constants("", "id1c")
    make.flag("isReturn", lambda x: x.returned)
    make.constants("N", "marked")
    make.add("orderId", "int", lambda x: x.order_id)
    make.flag("paid", lambda x: x.paid)
    make.add("payReturnComment", "text", lambda x: "Возврат товара" if x.returned else "")
    make.moment("payReturnDate", lambda x: x.returned)
    make.constants("", "payReturnNum")
    make.add("paySystemId", "int", lambda x: x.system)
    make.flag("paySystemIsCash", lambda x: SYSTEMS[x.system].is_cash)
    make.add("paySystemName", "text", lambda x: SYSTEMS[x.system].name)
    make.add("paySystemXmlId", "text", lambda x: f"bx_{x.system:013x}")
    make.constants(None, "payVoucherDate")
    make.constants("", "payVoucherNum")
    make.constants("0.000000", "priceCod")
    make.constants("", "psCurrency")
    make.constants(None, "psInvoiceId", "psResponseDate")
    make.constants("", "psStatus", "psStatusCode", "psStatusDescription", "psStatusMessage")
    make.constants(None, "psSum")
    make.constants("", "reasonMarked")
    make.add("responsibleId", "int", lambda x: x.responsible)
    make.money("sum", lambda x: x.amount)
    make.constants("N", "updated1c")
    make.constants("", "version1c")
    make.add("xmlId", "text", lambda x: f"bx_{x.id:013x}")
    return tuple(make.made)


@method("sale.order.list", "sale")
def sale_order_list(service: Service, p: Parameters) -> Answer:
    _refuse_others(service)
    return listed(service, p, "order", "orders", service.portal.orders, order_columns(service.encoder))


@method("sale.payment.list", "sale")
def sale_payment_list(service: Service, p: Parameters) -> Answer:
    """Several values of a field go with ``=`` or no prefix: ``@`` is not among the documented ones here."""
    _refuse_others(service)
    columns = payment_columns(service.encoder)
    return listed(service, p, "payment", "payments", service.portal.payments, columns, refused=("@", "!@"))


def links(orders: dict[int, Order]) -> list[Order]:
    """Orders that belong to a deal, by deal."""
    return sorted((x for x in orders.values() if x.deal_id), key=lambda x: (x.deal_id, x.id))


@method("crm.orderentity.list", "crm")
def crm_orderentity_list(service: Service, p: Parameters) -> Answer:
    """Which deal an order belongs to; ``start=-1`` returns every link at once, counted."""
    _refuse_others(service)
    same = service.encoder.same
    columns = [
        Column("orderId", "int", lambda x: x.id, same),
        Column("ownerId", "int", lambda x: x.deal_id, same),
        Column("ownerTypeId", "int", lambda _x: c.DEAL, same),
    ]
    index = {column.name.lower(): column for column in columns}
    tests = compile_filter(p.mapping("filter"), index, service.encoder, lambda _name: None)
    rows = [x for x in links(service.portal.orders) if all(test(x) for test in tests)]
    order = [
        (index[name.lower()], str(direction).upper() == "DESC")
        for name, direction in p.mapping("order").items()
        if name.lower() in index
    ]
    rows = sort_records(rows, order) if order else rows
    start = to_int(p.get("start"))
    offset = max(0, start) // PAGE * PAGE
    page = rows if start < 0 else rows[offset : offset + PAGE]
    shown = selected(columns, p.names("select"))
    more = start >= 0 and offset + PAGE < len(rows)
    return Answer(
        {"orderEntity": [render(x, shown) for x in page]},
        len(rows),
        offset + PAGE if more else None,
        list_work(len(rows), len(page), True),
    )


BRIEF_PAYMENT = (
    "id",
    "accountNumber",
    "paid",
    "datePaid",
    "empPaidId",
    "paySystemId",
    "sum",
    "currency",
    "paySystemName",
)


@method("crm.item.payment.list", "crm")
def crm_item_payment_list(service: Service, p: Parameters) -> Answer:
    """Payments of one card, in brief; no pages and no total. Only deals have any."""
    for name in ("entityId", "entityTypeId"):
        if p.get(name) is None:
            raise errors.missing_parameter(name)
    kind, card_id = to_int(p.get("entityTypeId")), to_int(p.get("entityId"))
    card = service.portal.cards.get(kind, {}).get(card_id)
    visible = service.visible()
    if card is None or (visible and not visible(card)):
        raise errors.RestError(400, 0, "Недостаточно прав")
    columns = {column.name: column for column in payment_columns(service.encoder)}
    index = {name.lower(): column for name, column in columns.items()}
    tests = compile_filter(p.mapping("filter"), index, service.encoder, lambda _name: None)
    payments: list[Payment] = [
        payment
        for order in links(service.portal.orders)
        if kind == c.DEAL and order.deal_id == card_id
        for payment in service.portal.payments_of.get(order.id, ())
        if all(test(payment) for test in tests)
    ]
    return Answer([render(x, [columns[name] for name in BRIEF_PAYMENT]) for x in payments], work=0.01)
