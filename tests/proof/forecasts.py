"""Grades of forecasts: what the beginning of each month would have foretold of its deals, and what was won."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Hashable
from decimal import Decimal
from itertools import groupby, pairwise
from typing import Any, NamedTuple

from tests.proof.checks import DAY, Check, Marts, months_on
from tests.proof.stays import FEW, Stay, stays_of
from tests.proof.truth import Card, Truth, date_of


class Closing(NamedTuple):
    """A deal was won or lost from `at` until it was reopened."""

    pipeline: int
    won: bool
    at: dt.datetime
    undone: dt.datetime | None


def closings(truth: Truth, deal: Card) -> list[Closing]:
    """The present one as the card has it, and those of its history that came to an end."""
    found = []
    runs = [list(run) for _, run in groupby(deal.entries, key=lambda entry: entry[3])]
    for run, following in pairwise(runs):
        (start, _, pipeline, semantic), end = run[0], following[0][0]
        if semantic != "process" and start < end and start != deal.closed_at:
            found.append(
                Closing(pipeline, semantic == "success" and pipeline not in truth.not_selling, start, end)
            )
    if deal.closed_at:
        found.append(
            Closing(deal.pipeline, bool(deal.success_at) and truth.sells(deal), deal.closed_at, None)
        )
    return found


class Forecasts:
    """Deals, their stays and closings, to be asked what was known at the beginning of a month."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.stays = {deal.id: stays_of(truth, deal) for deal in truth.deals.values()}
        self.closings = {deal.id: closings(truth, deal) for deal in truth.deals.values()}

    def shares(self, at: dt.datetime) -> Callable[[Stay], Decimal]:
        """Share won of those that stood in the stage and were closed in the 365 days before `at`."""
        outcomes: dict[Hashable, list[bool]] = defaultdict(list)
        last = self.truth.day(at) - DAY
        for id, of_deal in self.closings.items():
            for closing in of_deal:
                if not last - 365 * DAY < self.truth.day(closing.at) <= last:
                    continue
                if closing.undone and closing.undone < at:
                    continue
                stood = {
                    stay.stage
                    for stay in self.stays[id]
                    if stay.pipeline == closing.pipeline and stay.since <= closing.at
                }
                for stage in (None, *stood):
                    outcomes[closing.pipeline, stage].append(closing.won)

        def share(stay: Stay) -> Decimal:
            known = outcomes[stay.pipeline, stay.stage]
            if len(known) < FEW:
                known = outcomes[stay.pipeline, None]
            return round(Decimal(sum(known)) / len(known), 10) if known else Decimal(0)

        return share

    def open_at(self, at: dt.datetime) -> dict[int, Stay]:
        return {
            id: stay
            for id, stays in self.stays.items()
            for stay in stays
            if stay.since < at and (stay.until is None or at <= stay.until)
        }


def grades(marts: Marts) -> list[Check]:
    """By beginning of a month, month forecast, manager and pipeline."""
    truth, known = marts.truth, Forecasts(marts.truth)
    check = Check("forecasts: what was foretold, what was won")
    names = (
        "forecast_deals", "unproven_deals", "forecast_amount", "weighted_amount", "won_deals", "won_amount",
        "won_open_amount",
    )  # fmt: skip
    true: dict[Hashable, dict[str, Any]] = defaultdict(lambda: defaultdict(Decimal))
    this_month = truth.today.replace(day=1)
    for month in (months_on(this_month, -n) for n in range(13)):
        at = truth.midnight(month)
        share, in_work = known.shares(at), known.open_at(at)
        for id, stay in in_work.items():
            deal = truth.deals[id]
            kept = [version for version in deal.versions if version.at < at]
            payload = kept[-1].payload if kept else deal.payload
            due = date_of(payload.get("closedate"))
            if not due or not 0 <= (ahead := _months_between(month, due)) <= 2:
                continue
            row = true[month, ahead, truth.known(payload.get("assignedById")), stay.pipeline]
            amount = truth.in_base(payload, month - DAY)
            adds = {
                "forecast_deals": 1, "unproven_deals": int(not kept), "forecast_amount": amount,
                "weighted_amount": amount * share(stay),
            }  # fmt: skip
            for name, value in adds.items():
                row[name] += value
        for deal in truth.wins:
            assert deal.success_at
            ahead = _months_between(month, truth.day(deal.success_at))
            if 0 <= ahead <= 2:
                row = true[month, ahead, truth.responsible(deal, deal.success_at), deal.pipeline]
                row["won_deals"] += 1
                row["won_amount"] += deal.amount
                row["won_open_amount"] += deal.amount if deal.id in in_work else 0
    shown = marts.by_key(
        "mart_pipeline__forecast_backtest",
        f"forecast_month, months_ahead, manager_id, pipeline_id, is_complete, {', '.join(names)}",
        key=4,
    )
    for key in {**shown, **true}:
        over, *values = shown.get(key, (None, *[Decimal(0)] * len(names)))
        check.equal((key, "over"), over, months_on(key[0], key[1] + 1) <= truth.today + DAY)
        for name, value in zip(names, values, strict=True):
            check.equal((key, name), Decimal(value), Decimal(true[key][name]))
    return [check]


def _months_between(month: dt.date, day: dt.date) -> int:
    return (day.year - month.year) * 12 + day.month - month.month
