"""What the portal knows of itself, to check what a client has read: counts, and every row by its id.

Streams are named as the extract names them, ids and moments are those of its raw tables.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from demo.company import catalogue as c
from demo.company.chronicle import Chronicle
from demo.company.records import Portal
from demo.rest.columns import Encoder
from demo.rest.crm_dictionaries import statuses
from demo.rest.entities import EntityColumns
from demo.rest.fields import item_fields
from demo.rest.goods import CATALOGUES, block_of

#: Streams of cards by their type.
CARDS = {
    "leads": c.LEAD,
    "deals": c.DEAL,
    "contacts": c.CONTACT,
    "companies": c.COMPANY,
    "quotes": c.QUOTE,
    "smart_invoices": c.INVOICE,
}
PROCESSES = tuple(process.entity for process in c.SMART_PROCESSES)
HISTORIES = {
    "lead_stage_history": c.LEAD,
    "deal_stage_history": c.DEAL,
    "smart_invoice_stage_history": c.INVOICE,
}


def truth(chronicle: Chronicle, moment: int) -> dict[str, Any]:
    """Counts of the portal's rows at the clock, keyed by the streams of the extract, and sums to compare."""
    portal = chronicle.portal
    calendar = chronicle.world.calendar
    today = calendar.day_of(moment)
    month = calendar.iso(moment)[:7]
    deals, leads, invoices = (portal.cards[kind].values() for kind in (c.DEAL, c.LEAD, c.INVOICE))
    users = [
        u for u in c.USERS if u.returned and (u.hired is None or today >= chronicle.world.start_day + u.hired)
    ]
    won = [d for d in deals if d.semantic == "S" and not d.recurring]
    columns = [EntityColumns(kind, Encoder(calendar)) for kind in c.CARD_TYPES]
    return {
        "clock": calendar.iso(moment),
        "streams": {
            **{stream: len(portal.cards[kind]) for stream, kind in CARDS.items()},
            "smart_processes": len(PROCESSES),
            "smart_process_items": sum(len(portal.cards[kind]) for kind in PROCESSES),
            **{stream: len(portal.history[kind]) for stream, kind in HISTORIES.items()},
            "smart_process_stage_history": sum(len(portal.history[kind]) for kind in PROCESSES),
            "activities": len(portal.activities),
            "calls": len(portal.calls),
            "deal_product_rows": sum(len(r) for r in portal.product_rows.values()),
            "deals_with_product_rows": sum(1 for r in portal.product_rows.values() if r),
            "orders": len(portal.orders),
            "payments": len(portal.orders),
            "order_owners": sum(1 for order in portal.orders.values() if order.deal_id),
            "products": sum(1 for product in c.ASSORTMENT if block_of(product) in CATALOGUES),
            "fields": sum(len(item_fields(one)) for one in columns),
            "pipelines": len(c.PIPELINES) + 1 + sum(len(x.categories) for x in c.SMART_PROCESSES),
            "statuses": len(statuses()),
            "users": len(users),
            "departments": len(c.DEPARTMENTS),
            "currencies": len(c.CURRENCIES),
        },
        "deleted": {
            **{stream: len(portal.deleted[kind]) for stream, kind in CARDS.items()},
            "smart_process_items": sum(len(portal.deleted[kind]) for kind in PROCESSES),
            "activities": len(portal.deleted[c.ACTIVITY]),
        },
        "restored": {stream: len(portal.restored[kind]) for stream, kind in CARDS.items()},
        "call_activities": sum(1 for activity in portal.activities.values() if activity.type_id == 2),
        "single_payments": len(portal.payments),
        "deals_by_semantic": dict(sorted(Counter(d.semantic for d in deals).items())),
        "leads_by_semantic": dict(sorted(Counter(x.semantic for x in leads).items())),
        "deals_won_amount": {
            currency: total / 100
            for currency, total in sorted(
                sum((Counter({d.currency: d.amount}) for d in won), Counter()).items()
            )
        },
        "this_month": {
            "leads_created": sum(1 for x in leads if calendar.iso(x.created)[:7] == month),
            "deals_created": sum(
                1 for d in deals if calendar.iso(d.created)[:7] == month and not d.recurring
            ),
            "deals_won": sum(1 for d in won if calendar.iso(d.moved)[:7] == month),
            "invoices_paid": sum(
                1 for i in invoices if i.semantic == "S" and calendar.iso(i.moved)[:7] == month
            ),
        },
    }


# --- row by row

Row = dict[str, Any]
Tell = Callable[[Portal, Callable[[int], str]], Iterable[Row]]


def rows(chronicle: Chronicle, stream: str) -> Iterator[Row]:
    """Every row of a stream that the portal has now, by id, then those deleted.

    A living row: ``{"id", "modified_at"}``, of streams kept as sets of an owner with what the set holds (``rows``,
    ids, or ``bindings``). A deleted one: ``{"id", "deleted_at"}``. KeyError for a stream told of here not at all.
    """
    tell = _TOLD[stream]
    return iter(tell(chronicle.portal, chronicle.world.calendar.iso))


def _gone(deleted: dict[int, int], iso: Callable[[int], str], prefix: str = "") -> Iterator[Row]:
    for key, moment in sorted(deleted.items()):
        yield {"id": f"{prefix}{key}", "deleted_at": iso(moment)}


def _cards(kind: int, prefix: str = "") -> Tell:
    def tell(portal: Portal, iso: Callable[[int], str]) -> Iterator[Row]:
        for card in portal.cards[kind].values():
            yield {"id": f"{prefix}{card.id}", "modified_at": iso(card.updated)}
        yield from _gone(portal.deleted[kind], iso, prefix)

    return tell


def _history(kind: int, prefix: str = "") -> Tell:
    def tell(portal: Portal, iso: Callable[[int], str]) -> Iterator[Row]:
        for row in portal.history[kind].values():
            yield {"id": f"{prefix}{row.id}", "modified_at": iso(row.created)}

    return tell


def _each_process(make: Callable[[int, str], Tell]) -> Tell:
    def tell(portal: Portal, iso: Callable[[int], str]) -> Iterator[Row]:
        for kind in PROCESSES:
            yield from make(kind, f"{kind}:")(portal, iso)

    return tell


def _activities(portal: Portal, iso: Callable[[int], str]) -> Iterator[Row]:
    for activity in portal.activities.values():
        yield {"id": str(activity.id), "modified_at": iso(activity.updated)}
    yield from _gone(portal.deleted[c.ACTIVITY], iso)


def _bindings(portal: Portal, iso: Callable[[int], str]) -> Iterator[Row]:
    for activity in portal.activities.values():
        if activity.type_id == 2:
            bound = [{"entityTypeId": kind, "entityId": card} for kind, card in activity.bindings]
            yield {"id": str(activity.id), "modified_at": iso(activity.updated), "bindings": bound}


def _calls(portal: Portal, iso: Callable[[int], str]) -> Iterator[Row]:
    for call in portal.calls.values():
        yield {"id": str(call.id), "modified_at": iso(call.started)}


def _product_rows(portal: Portal, iso: Callable[[int], str]) -> Iterator[Row]:
    for deal in portal.cards[c.DEAL].values():
        ids = [row.id for row in portal.product_rows.get(deal.id, ())]
        yield {"id": str(deal.id), "modified_at": iso(deal.updated), "rows": ids}


def _orders(portal: Portal, iso: Callable[[int], str]) -> Iterator[Row]:
    for order in portal.orders.values():
        yield {"id": str(order.id), "modified_at": iso(order.updated)}


def _payments(portal: Portal, iso: Callable[[int], str]) -> Iterator[Row]:
    for order in portal.orders.values():
        ids = [payment.id for payment in portal.payments_of.get(order.id, ())]
        yield {"id": str(order.id), "modified_at": iso(order.updated), "rows": ids}


def _order_owners(portal: Portal, iso: Callable[[int], str]) -> Iterator[Row]:
    for order in portal.orders.values():
        if order.deal_id:
            yield {"id": f"{c.DEAL}:{order.deal_id}:{order.id}", "modified_at": None}


_TOLD: dict[str, Tell] = {
    **{stream: _cards(kind) for stream, kind in CARDS.items()},
    "smart_process_items": _each_process(_cards),
    **{stream: _history(kind) for stream, kind in HISTORIES.items()},
    "smart_process_stage_history": _each_process(_history),
    "activities": _activities,
    "activity_bindings": _bindings,
    "calls": _calls,
    "deal_product_rows": _product_rows,
    "orders": _orders,
    "payments": _payments,
    "order_owners": _order_owners,
}

__all__ = ["rows", "truth"]
