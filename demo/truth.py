"""What the portal knows of itself: counts per stream, to check what a client has read."""

from __future__ import annotations

from collections import Counter
from typing import Any

from demo.company import catalogue as c
from demo.company.chronicle import Chronicle


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
    return {
        "clock": calendar.iso(moment),
        "streams": {
            "leads": len(portal.cards[c.LEAD]),
            "deals": len(portal.cards[c.DEAL]),
            "contacts": len(portal.cards[c.CONTACT]),
            "companies": len(portal.cards[c.COMPANY]),
            "smart_invoices": len(portal.cards[c.INVOICE]),
            "lead_stage_history": len(portal.history[c.LEAD]),
            "deal_stage_history": len(portal.history[c.DEAL]),
            "smart_invoice_stage_history": len(portal.history[c.INVOICE]),
            "activities": len(portal.activities),
            "calls": len(portal.calls),
            "deal_product_rows": sum(len(r) for r in portal.product_rows.values()),
            "deals_with_product_rows": sum(1 for r in portal.product_rows.values() if r),
            "users": len(users),
            "departments": len(c.DEPARTMENTS),
            "pipelines": len(c.PIPELINES) + 1,
            "currencies": len(c.CURRENCIES),
        },
        "deleted": {
            "leads": portal.deleted[c.LEAD],
            "deals": portal.deleted[c.DEAL],
            "contacts": portal.deleted[c.CONTACT],
            "companies": portal.deleted[c.COMPANY],
        },
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
