"""Who stands where: places of managers by attainment and in each metric, and the sheet of each of a month."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from tests.proof.checks import (
    OWN,
    PREVIOUS,
    Check,
    Marts,
    Period,
    half_up,
    quantile,
    usual_days,
)
from tests.proof.plans import Book, Line, book_of, in_kopecks
from tests.proof.truth import Truth

SHOWN = ("revenue_won", "deals_won", "leads_created", "deals_created", "calls_successful")
# Thirds of a plan are no reason to stand before one another.
DIGITS = Decimal("0.000000000001")


@dataclass
class Place:
    """What a manager did in a period; who has no place still has a row, so that rows add up to the whole."""

    manager: int
    sums: Counter[str]
    before: Decimal
    plan: Decimal | None
    attainment: Decimal | None
    is_ranked: bool

    @property
    def check(self) -> Decimal | None:
        won = self.sums["deals_won"]
        return half_up(Decimal(self.sums["revenue_won"]) / won) if won else None

    @property
    def rating(self) -> tuple[bool, Decimal, int]:
        """Who has a plan first, then by how much of it, else by revenue, then by deals."""
        has_plan = self.attainment is not None
        merit = (self.attainment or Decimal(0)).quantize(DIGITS) if has_plan else self.revenue
        return has_plan, merit, self.sums["deals_won"]

    @property
    def revenue(self) -> Decimal:
        return Decimal(self.sums["revenue_won"])

    @property
    def rated_by(self) -> str:
        if not self.is_ranked:
            return "—"
        return "выручка" if self.attainment is None else "выполнение плана"


def sellers(truth: Truth) -> set[int]:
    """Who ever led a deal of a selling pipeline: now, when it was made, or when it was closed."""
    found = set()
    for deal in truth.deals.values():
        if truth.sells(deal):
            found |= {deal.manager, truth.responsible(deal, deal.created)}
            if deal.closed_at:
                found.add(truth.responsible(deal, deal.closed_at))
    return found


def attained(book: Book, period: Period, manager: int) -> tuple[Decimal | None, Decimal | None]:
    """Plan of revenue and how much of it was brought: of a quarter and a year in the months that have a plan."""
    starts = [(period.grain, period.start)]
    if period.grain in ("Квартал", "Год"):
        starts = [("Месяц", start) for start in book.months if period.start <= start < period.end]
    lines = [book.line("revenue_won", manager, *start) for start in starts]
    planned = [line for line in lines if line.plan is not None]
    if not planned:
        return None, None
    plan = sum((line.plan or Decimal(0) for line in planned), Decimal(0))
    return plan, sum((line.fact for line in planned), Decimal(0)) / plan if plan else None


@lru_cache(maxsize=1)
def places(marts: Marts) -> dict[tuple[str, dt.date], list[Place]]:
    truth, book = marts.truth, book_of(marts)
    sums: dict[tuple[str, dt.date, int], Counter[str]] = defaultdict(Counter)
    before: dict[tuple[str, dt.date, int], Counter[str]] = defaultdict(Counter)
    for event in truth.events:
        if event.metric in SHOWN:
            for period, window in marts._windows_of_day(truth.day(event.at)):
                of_window = {OWN: sums, PREVIOUS: before}.get(window)
                if of_window is not None:
                    of_window[period.grain, period.start, event.manager][event.metric] += event.worth
    sell = sellers(truth)
    found: dict[tuple[str, dt.date], list[Place]] = defaultdict(list)
    for period in marts.periods:
        for manager in truth.users | {0}:
            key = period.grain, period.start, manager
            plan, attainment = attained(book, period, manager)
            if (
                key in sums
                or (key in before and (not manager or manager in truth.active))
                or (plan and manager in sell)
            ):
                revenue = Decimal(before[key]["revenue_won"]) if key in before else Decimal(0)
                place = Place(
                    manager,
                    sums.get(key, Counter()),
                    revenue,
                    plan,
                    attainment,
                    manager != 0 and manager in sell,
                )
                found[key[:2]].append(place)
    return found


def rank(one: Place, others: Iterable[Place], worth: Callable[[Place], object]) -> int | None:
    """1 and how many are better; equal ones stand together, and who is worth nothing to say has no place."""
    if not one.is_ranked or worth(one) is None:
        return None
    better = [
        other
        for other in others
        if other.is_ranked and worth(other) is not None and worth(other) > worth(one)  # type: ignore[operator]
    ]
    return 1 + len(better)


def rating(marts: Marts) -> list[Check]:
    """Sums of each manager, attainment, and the places: in all and in each metric."""
    sums, ranks = Check("rating of managers: sums, attainment"), Check("rating of managers: places")
    columns = (
        "revenue_won, deals_won, leads_created, deals_created, calls_successful, average_check, revenue_previous,"
        " revenue_plan, attainment, rated_by, managers_ranked, rank_rating, rank_revenue, rank_deals_won,"
        " rank_leads_created, rank_deals_created, rank_calls_successful, rank_average_check"
    )
    shown = marts.by_key(
        "mart_kpi__manager_rating", f"period_grain, period_start, manager_id, {columns}", key=3
    )
    true = {
        (*period, place.manager): (place, of_period)
        for period, of_period in places(marts).items()
        for place in of_period
    }
    for key in {**shown, **true}:
        if key not in shown or key not in true:
            sums.equal(key, key in shown, key in true)
            continue
        row, (place, others) = shown[key], true[key]
        for name, value in zip(SHOWN, row, strict=False):
            sums.equal((*key, name), value, Decimal(place.sums[name]))
        for name, value, real in zip(
            ("check", "before", "plan", "attainment", "rated by"), row[5:],
            (place.check, place.before, place.plan, place.attainment, place.rated_by), strict=False,
        ):  # fmt: skip
            sums.equal((*key, name), value, real)
        merits: list[Callable[[Place], object]] = [
            lambda one: one.rating,
            lambda one: (one.revenue, one.sums["deals_won"]),
            *(lambda one, name=name: one.sums[name] for name in SHOWN[1:]),  # type: ignore[misc]
            lambda one: one.check,
        ]
        ranks.equal((*key, "ranked"), row[10], sum(other.is_ranked for other in others))
        ranks.equal(key, row[11:], tuple(rank(place, others, worth) for worth in merits))
    return [sums, ranks]


def sheet(marts: Marts) -> list[Check]:
    """Of each metric and month: plan, fact, gap, place among those ranked, and the usual day."""
    book, usual = book_of(marts), usual_days(marts.truth)
    figures, ranks = Check("manager's sheet: plan, fact, usual day"), Check("manager's sheet: places")
    columns = (
        "plan, plan_to_date, fact, fact_divisor, value, gap, deviation, attainment, attainment_to_date, remaining_per_day,"
        " median_per_day, upper_quartile_per_day, is_unmet, remaining_days, metric_rank, managers_ranked, rank_rating"
    )
    shown = marts.by_key(
        "mart_plan_fact__manager_sheet",
        f"period_start, metric_code, manager_id, {columns}",
        "period_grain = 'Месяц'",
        key=3,
    )
    told = {
        (start, metric, manager)
        for metric, manager, _, start in book.lines("Месяц")
        if start in book.months and book.line(metric, manager, "Месяц", start).says_something
    }
    metrics = {metric for _, metric, _ in told} | set(filter(book.is_on_top, book.catalogue))
    months = {start: of_period for (grain, start), of_period in places(marts).items() if grain == "Месяц"}
    wanted = told | {
        (start, metric, place.manager)
        for start, of_month in months.items()
        for place in of_month
        for metric in metrics
        if place.is_ranked
    }
    lines: dict[Hashable, Line] = {}
    for start, metric, manager in {*shown, *wanted}:
        lines[start, metric, manager] = book.line(metric, manager, "Месяц", start)
    for key in {*shown, *wanted}:
        if key not in shown:
            figures.equal(key, None, lines[key])
            continue
        (start, metric, manager), row, line = key, shown[key], lines[key]
        quartiles = usual.get((metric, manager))
        expected = (
            line.plan, line.to_date, line.fact, line.divisor, line.value, line.beyond(line.plan),
            line.beyond(line.to_date), line.attainment, line.attainment_to_date,
        )  # fmt: skip
        for place, (value, real) in enumerate(zip(row, expected, strict=False)):
            if place == 3 and not line.divisor:
                # A line made of nothing has no divisor, or 0.
                value, real = value or 0, real or 0
            figures.equal((*key, columns.split(", ")[place]), value, real)
        figures.equal((*key, "a day"), in_kopecks(row[9], line.a_day), True)
        for value, share in zip(row[10:12], (Decimal("0.5"), Decimal("0.75")), strict=True):
            figures.equal((*key, share), value, quantile(quartiles, share) if quartiles else None)
        figures.equal((*key, "judged"), row[12:14], (line.unmet, line.days))
        of_month = [place for place in months.get(start, []) if place.is_ranked]
        own = next((place for place in of_month if place.manager == manager), None)

        def worth(place: Place, metric: str = metric, start: dt.date = start) -> object:
            value = book.line(metric, place.manager, "Месяц", start).value
            if value is None:
                return None
            if book.catalogue[metric]["unit"] == "money":
                value = half_up(value)
            merit = -value if book.catalogue[metric]["direction"] == "less" else value
            return merit, place.sums["deals_won"] if metric == "revenue_won" else 0

        ranks.equal((*key, "place"), row[14], rank(own, of_month, worth) if own else None)
        ranks.equal((*key, "of"), row[15], len(of_month))
        ranks.equal((*key, "rating"), row[16], rank(own, of_month, lambda one: one.rating) if own else None)
    return [figures, ranks]
