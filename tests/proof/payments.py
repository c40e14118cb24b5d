"""What money came, by each of the portal's possible records of it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable
from typing import Any

from tests.proof.truth import Card, Payment, Truth, moment

# Stages that the dictionary has no more stand behind all others.
GONE = 1_000_000


def by_stages(*stages: str) -> Callable[[Truth], Iterable[Payment]]:
    """The last time a deal came into a paid stage, unless it failed or went back before it in its pipeline."""

    def find(truth: Truth) -> Iterable[Payment]:
        order = {
            row["STATUS_ID"]: int(row["SORT"])
            for row in truth.present("statuses")
            if re.match(r"DEAL_STAGE(_\d+)?$", row["ENTITY_ID"])
        }
        for deal in truth.deals.values():
            came = None
            before = ""
            for at, stage, pipeline, _ in deal.entries:
                if stage in stages and before not in stages:
                    came = at, stage, pipeline
                before = stage
            if deal.semantic == "failure" or not (came or deal.stage in stages):
                continue
            if came and deal.semantic == "process" and deal.stage not in stages:
                _, stage, pipeline = came
                if pipeline == deal.pipeline and order.get(deal.stage, GONE) < order.get(stage, GONE):
                    continue
            modified = next(v.at for v in deal.versions if v.payload is deal.payload)
            at = came[0] if came else moment(deal.payload.get("movedTime")) or modified
            yield _of_deal(truth, deal, at, deal.payload)

    return find


def by_orders(truth: Truth) -> Iterable[Payment]:
    """Payments of orders that are paid and not returned; an order of several deals is of the first of them."""
    deals: dict[int, int] = {}
    for row in truth.present("order_owners"):
        order, owner = int(row["orderId"]), int(row["ownerId"])
        if int(row["ownerTypeId"]) == 2 and owner in truth.deals:
            deals[order] = min(owner, deals.get(order, owner))
    for _, _, row, _, _ in truth.rows("payments"):
        deal = truth.deals.get(deals.get(int(row["orderId"]), -1))
        for payment in row["payments"]:
            at, returned = moment(payment["datePaid"]), payment["isReturn"] not in ("N", None)
            if deal and at and payment["paid"] == "Y" and not returned:
                yield _of_deal(
                    truth, deal, at, {"opportunity": payment["sum"], "currencyId": payment["currency"]}
                )


def _of_deal(truth: Truth, deal: Card, at: dt.datetime, worth: dict[str, Any]) -> Payment:
    return Payment(deal.id, at, truth.responsible(deal, at), truth.in_base(worth, truth.day(at)))
