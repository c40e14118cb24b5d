"""The warehouse's marts against the truth, figure by figure."""

from __future__ import annotations

import bisect
import calendar
import csv
import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from functools import cache, cached_property, lru_cache
from typing import Any

import psycopg

from tests.proof.funnel import Funnel, journeys_at_steps
from tests.proof.truth import TYPES, UTC, Attempt, Card, Truth, moment, number, phone_of, words
from tests.warehouse.working_days import is_worked

EXACT = Decimal("0.0001")
DAY = dt.timedelta(days=1)
OWN, PREVIOUS, PREVIOUS_CUT, AGO, AGO_CUT = range(5)
RATIOS = {
    "average_check": (("revenue_won",), ("deals_won",)),
    "win_rate": (("deals_won",), ("deals_won", "deals_lost")),
    "lead_quality_rate": (("leads_qualified",), ("leads_qualified", "leads_junk")),
    "repeat_sales_share": (("repeat_deals_won",), ("deals_won",)),
    "outbound_success_rate": (("calls_outbound_successful",), ("calls_outbound",)),
    "answer_rate": (("calls_inbound_answered",), ("calls_inbound",)),
}


@dataclass
class Check:
    """What was compared under one name, and where the warehouse differs."""

    name: str
    compared: int = 0
    differences: list[str] = field(default_factory=list)

    def equal(self, what: object, shown: object, true: object) -> None:
        self.compared += 1
        if isinstance(shown, Decimal | float) or isinstance(true, Decimal | float):
            same = shown is not None and true is not None and abs(Decimal(shown) - Decimal(true)) <= EXACT
        else:
            same = shown == true
        if not same:
            self.differences.append(f"{what}: {shown!r} in the warehouse, {true!r} in truth")

    def same(
        self, shown: Mapping[Hashable, Any], true: Mapping[Hashable, Any], nothing: object = None
    ) -> None:
        for key in {**shown, **true}:
            self.equal(key, shown.get(key, nothing), true.get(key, nothing))


def half_up(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


def months_on(day: dt.date, months: int) -> dt.date:
    """The same day of another month, or its last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


@dataclass(frozen=True)
class Period:
    grain: str
    start: dt.date
    end: dt.date
    before: dt.date
    ago: dt.date
    ago_end: dt.date

    @classmethod
    def at(cls, grain: str, start: dt.date) -> Period:
        if grain == "День":
            ago = months_on(start, -12)
            return cls(grain, start, start + DAY, start - DAY, ago, ago + DAY)
        if grain == "Неделя":
            week = 7 * DAY
            return cls(grain, start, start + week, start - week, start - 52 * week, start - 51 * week)
        length = {"Месяц": 1, "Квартал": 3, "Год": 12}[grain]
        return cls(
            grain, start, months_on(start, length), months_on(start, -length), months_on(start, -12),
            months_on(start, length - 12),
        )  # fmt: skip


@cache
def of_grain(grain: str, day: dt.date) -> dt.date:
    """First day of the period of a day."""
    return {
        "День": day, "Неделя": day - day.weekday() * DAY, "Месяц": day.replace(day=1),
        "Квартал": day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1), "Год": day.replace(month=1, day=1),
    }[grain]  # fmt: skip


class Marts:
    """The marts in `schema`, and the truth they are compared with."""

    def __init__(self, connection: psycopg.Connection, truth: Truth, schema: str = "marts") -> None:
        self.connection, self.truth, self.schema = connection, truth, schema

    def read(self, mart: str, columns: str, where: str = "true") -> list[tuple[Any, ...]]:
        return self.connection.execute(f"select {columns} from {self.schema}.{mart} where {where}").fetchall()

    def by_key(
        self, mart: str, columns: str, where: str = "true", *, key: int = 1
    ) -> dict[Any, tuple[Any, ...]]:
        """Rows by their first column, or by the first `key` of them; no two may have the same."""
        rows = self.read(mart, columns, where)
        found = {row[0] if key == 1 else tuple(row[:key]): tuple(row[key:]) for row in rows}
        assert len(found) == len(rows), f"{mart} has rows with the same {columns.split(',')[:key]}"
        return found

    @cached_property
    def periods(self) -> list[Period]:
        rows = self.read("dim_periods", "period_grain, period_start")
        return [Period.at(grain, start) for grain, start in rows]

    @cached_property
    def _windows(self) -> dict[str, list[tuple[Period, int, dt.date, dt.date]]]:
        found = defaultdict(list)
        for period in self.periods:
            found["all"] += [
                (period, OWN, period.start, period.end),
                (period, PREVIOUS, period.before, period.start),
                (period, AGO, period.ago, period.ago_end),
            ]
        return found

    @cached_property
    def touches(self) -> Touches:
        return Touches(self.truth)

    def is_running(self, period: Period) -> bool:
        return period.start <= self.truth.today < period.end

    def own_periods(self, day: dt.date) -> Iterable[Period]:
        for grain in ("День", "Неделя", "Месяц", "Квартал", "Год"):
            period = self._by_start.get((grain, of_grain(grain, day)))
            if period:
                yield period

    @cached_property
    def _by_start(self) -> dict[tuple[str, dt.date], Period]:
        return {(period.grain, period.start): period for period in self.periods}

    @cached_property
    def _windows_of_day(self) -> Callable[[dt.date], list[tuple[Period, int]]]:
        known: dict[dt.date, list[tuple[Period, int]]] = {}

        def find(day: dt.date) -> list[tuple[Period, int]]:
            if day not in known:
                known[day] = [
                    (period, window)
                    for period, window, start, end in self._windows["all"]
                    if start <= day < end
                ]
            return known[day]

        return find

    def cut(self, start: dt.date, end: dt.date, period: Period) -> dt.datetime:
        """The moment up to which a running period is compared: the same days and time in, at most the end."""
        elapsed = self.truth.wall(self.truth.at) - dt.datetime.combine(period.start, dt.time())
        until = min(dt.datetime.combine(start, dt.time()) + elapsed, dt.datetime.combine(end, dt.time()))
        return until.replace(tzinfo=self.truth.zone).astimezone(UTC)


Who = tuple[int, str, str]


def ledger(marts: Marts) -> list[Check]:
    """Every event metric by day, manager, pipeline and channel."""
    truth = marts.truth
    shown: dict[str, dict[Hashable, Decimal]] = defaultdict(dict)
    for metric, *key, value in marts.read(
        "mart_kpi__daily", "metric_code, event_date, manager_id, pipeline, channel, value"
    ):
        shown[metric][tuple(key)] = value
    true: dict[str, dict[Hashable, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for event in truth.events:
        true[event.metric][truth.day(event.at), event.manager, event.pipeline, event.channel] += event.worth
    checks = []
    for (metric,) in sorted(marts.read("dim_metrics", "metric_code", "kind = 'event'")):
        check = Check(f"{metric}, by day")
        check.same(shown[metric], true[metric], Decimal(0))
        checks.append(check)
    return checks


def growth(marts: Marts) -> list[Check]:
    """Every metric, ratios too, in all periods with their four comparisons, by manager, pipeline and channel."""
    truth = marts.truth
    true: dict[tuple[str, str, dt.date, Who], list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 5)
    by_day: dict[tuple[str, dt.date, Who], Decimal] = defaultdict(Decimal)
    for event in truth.events:
        by_day[event.metric, truth.day(event.at), event[2:5]] += event.worth
    for (metric, day, who), worth in by_day.items():
        for period, window in marts._windows_of_day(day):
            values = true[metric, period.grain, period.start, who]
            values[window] += worth
            if not marts.is_running(period) and window in (PREVIOUS, AGO):
                values[window + 1] += worth
    events = sorted(truth.events, key=lambda event: event.at)
    moments = [event.at for event in events]
    for period in filter(marts.is_running, marts.periods):
        for window, start, end in (
            (PREVIOUS_CUT, period.before, period.start),
            (AGO_CUT, period.ago, period.ago_end),
        ):
            first = bisect.bisect_left(moments, truth.midnight(start))
            for event in events[first : bisect.bisect_left(moments, marts.cut(start, end, period))]:
                true[event.metric, period.grain, period.start, event[2:5]][window] += event.worth
    names = "value", "previous_value", "previous_to_date_value", "year_ago_value", "year_ago_to_date_value"
    columns = ", ".join([*names, *(f"{name}_divisor" for name in names)])
    shown: dict[tuple[str, str, dt.date, Who], tuple[list[Decimal], list[Decimal]]] = {}
    for metric, grain, start, manager, pipeline, channel, *values in marts.read(
        "mart_kpi__period",
        f"metric_code, period_grain, period_start, manager_id, pipeline, channel, {columns}",
    ):
        shown[metric, grain, start, (manager, pipeline, channel)] = values[:5], values[5:]
    checks = {}
    for metric in sorted({key[0] for key in (*shown, *true)} | set(RATIOS)):
        checks[metric] = Check(f"{metric}, by period")
    nothing = [Decimal(0)] * 5
    for key in {key for key in (*shown, *true) if key[0] not in RATIOS}:
        for name, value, real in zip(
            names, shown.get(key, (nothing, []))[0], true.get(key, nothing), strict=True
        ):
            checks[key[0]].equal((*key, name), value, real)
    for metric, parts in RATIOS.items():
        keys = {key[1:] for key in true if key[0] in (*parts[0], *parts[1])}
        for key in keys | {key[1:] for key in shown if key[0] == metric}:
            both = shown.get((metric, *key), (nothing, nothing))
            for part, values in zip(parts, both, strict=True):
                sums = [sum((true.get((of, *key), nothing)[n] for of in part), Decimal(0)) for n in range(5)]
                for name, value, real in zip(names, values, sums, strict=True):
                    checks[metric].equal((metric, *key, name), value, real)
    return list(checks.values())


def checks_and_cycles(marts: Marts) -> list[Check]:
    """Cycle of each won deal, and from the lead's creation."""
    truth, check = marts.truth, Check("cycle of won deals, days")
    every_lead = truth.cards("leads")

    def days(since: dt.datetime, until: dt.datetime) -> Decimal:
        return max(Decimal((until - since).total_seconds()) / 86400, Decimal(0))

    shown = marts.by_key("mart_kpi__won_deals", "distinct deal_id, cycle_days, lead_to_won_days")
    true = {}
    for deal in truth.wins:
        assert deal.success_at
        lead = every_lead.get(number(deal.payload.get("leadId")) or -1)
        if any(marts.own_periods(truth.day(deal.success_at))):
            true[deal.id] = (
                days(deal.created, deal.success_at), days(lead.created, deal.success_at) if lead else None
            )  # fmt: skip
    for id in {**shown, **true}:
        for name, value, real in zip(
            ("cycle", "from lead"), shown.get(id, (None,) * 2), true.get(id, (None,) * 2), strict=True
        ):
            check.equal((id, name), value, real)
    return [check]


def loss_reasons(marts: Marts) -> list[Check]:
    """Lost deals and their amounts by reason: the failure stage's name."""
    truth, check = marts.truth, Check("loss reasons, by period")
    true: dict[Hashable, list[Any]] = defaultdict(lambda: [0, Decimal(0), 0])
    for deal in truth.lost:
        assert deal.failure_at
        who = (
            truth.responsible(deal, deal.failure_at),
            truth.pipelines[deal.pipeline],
            truth.channel(deal.source),
        )
        reason = truth.stages["deal", deal.stage][0]
        for period, window in marts._windows_of_day(truth.day(deal.failure_at)):
            row = (period.grain, period.start, *who, reason)
            if window == OWN:
                true[row][0] += 1
                true[row][1] += deal.amount
            elif window == PREVIOUS:
                true[row][2] += 1
    shown = marts.by_key(
        "mart_kpi__loss_reasons",
        "period_grain, period_start, manager_id, pipeline, channel, loss_reason, deals_lost, amount_lost,"
        " previous_deals_lost",
        key=6,
    )
    for key in {**shown, **true}:
        for value, real in zip(
            shown.get(key, (0, Decimal(0), 0)), true.get(key, (0, Decimal(0), 0)), strict=True
        ):
            check.equal(key, value, real)
    return [check]


def spend_of(marts: Marts) -> dict[tuple[str, dt.date, str], Decimal]:
    """Spend of each channel in each period: a month's is spread over its days, those to come cost nothing yet."""
    truth = marts.truth
    names = ["ad_spend", *(["demo_ad_spend"] if truth.is_demonstration else [])]
    found: dict[tuple[str, dt.date, str], Decimal] = defaultdict(Decimal)
    first = min((period.start for period in marts.periods if period.grain == "Месяц"), default=truth.today)
    for name in names:
        with (truth.seeds / f"{name}.csv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        day = first
        while day <= truth.today:
            month = day.replace(day=1)
            for row in rows:
                until = dt.date.fromisoformat(row["to_month"]) if row["to_month"] else dt.date.max
                if dt.date.fromisoformat(row["from_month"]) <= month <= until:
                    daily = Decimal(row["amount_per_month"]) / calendar.monthrange(day.year, day.month)[1]
                    for period in marts.own_periods(day):
                        found[period.grain, period.start, row["channel"]] += daily
            day += DAY
    return found


def channels(marts: Marts) -> list[Check]:
    """What each channel brought: events of the period, the cohort created in it, and what it cost."""
    truth = marts.truth
    cohort: dict[Hashable, list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 6)
    order = ("leads_created", "deals_created", "deals_won", "revenue_won")
    for event in truth.events:
        if event.metric in order:
            for period in marts.own_periods(truth.day(event.at)):
                row = (period.grain, period.start, event.manager, event.pipeline, event.channel)
                cohort[row][order.index(event.metric)] += event.worth
    revenue: dict[int, Decimal] = defaultdict(Decimal)
    for deal in truth.wins:
        if lead := number(deal.payload.get("leadId")):
            revenue[lead] += deal.amount
    sold = {deal.id for deal in truth.wins}
    members = [(lead, "Без воронки", revenue[lead.id]) for lead in truth.leads.values()] + [
        (deal, truth.pipelines[deal.pipeline], deal.amount if deal.id in sold else Decimal(0))
        for deal in truth.deals.values()
        if number(deal.payload.get("leadId")) not in truth.leads
    ]
    for card, pipeline, brought in members:
        who = truth.responsible(card, card.created), pipeline, truth.channel(card.source)
        for period in marts.own_periods(truth.day(card.created)):
            cohort[(period.grain, period.start, *who)][4] += 1
            cohort[(period.grain, period.start, *who)][5] += brought
    columns = "leads_created, deals_created, deals_won, revenue_won, cohort_leads, cohort_revenue"
    keys = "period_grain, period_start, manager_id, pipeline, channel"
    events, cohorts = Check("channels: leads, deals, revenue"), Check("channels: cohorts and their revenue")
    shown = marts.by_key("mart_kpi__channel_economics", f"{keys}, {columns}", "spend is null", key=5)
    for key in {**shown, **cohort}:
        pairs = list(zip(shown.get(key, [Decimal(0)] * 6), cohort.get(key, [Decimal(0)] * 6), strict=True))
        for number_of, (value, real) in enumerate(pairs):
            (events if number_of < 4 else cohorts).equal((key, number_of), value, real)
    costs = Check("channels: spend and ROMI")
    spend = spend_of(marts)
    for grain, start, channel, spent, known in marts.connection.execute(
        "select period_grain, period_start, channel, sum(spend), sum(spend_known_revenue)"
        f" from {marts.schema}.mart_kpi__channel_economics group by 1, 2, 3"
    ):
        true_spend = spend.get((grain, start, channel))
        costs.equal((grain, start, channel, "spend"), spent, half_up(true_spend) if true_spend else None)
        brought = sum(
            (row[5] for key, row in cohort.items() if (key[0], key[1], key[4]) == (grain, start, channel)), Decimal(0)
        ) if true_spend else Decimal(0)  # fmt: skip
        costs.equal((grain, start, channel, "revenue of what was paid for"), known, brought)
    return [events, cohorts, costs]


def win_rate(marts: Marts) -> list[Check]:
    """Deals closed by count and amount, and what became of those created, by period."""
    truth, check = marts.truth, Check("win rate: by count, amount, cohort")
    names = (
        "deals_won",
        "deals_lost",
        "amount_won",
        "amount_lost",
        "cohort_won",
        "cohort_lost",
        "cohort_open",
    )
    true: dict[Hashable, Counter[str]] = defaultdict(Counter)
    for deal in truth.deals.values():
        if not truth.sells(deal):
            continue
        state = "won" if deal.success_at else "lost" if deal.failure_at else "open"
        counts = [(deal.created, {f"cohort_{state}": 1})]
        if deal.closed_at:
            counts.append((deal.closed_at, {f"deals_{state}": 1, f"amount_{state}": deal.amount}))
        for at, adds in counts:
            who = truth.responsible(deal, at), truth.pipelines[deal.pipeline], truth.channel(deal.source)
            for period in marts.own_periods(truth.day(at)):
                true[(period.grain, period.start, *who)].update(adds)
    keys = "period_grain, period_start, manager_id, pipeline, channel"
    shown = marts.by_key("mart_pipeline__win_rate", f"{keys}, {', '.join(names)}", key=5)
    for key in {**shown, **true}:
        for name, value in zip(names, shown.get(key, (0,) * 7), strict=True):
            check.equal((key, name), Decimal(value), Decimal(true[key][name]))
    return [check]


def quantile(values: list[Decimal], share: Decimal) -> Decimal:
    """Of sorted values, between two of them in proportion."""
    place = share * (len(values) - 1)
    low = int(place)
    return values[low] + (values[min(low + 1, len(values) - 1)] - values[low]) * (place - low)


def usual_days(truth: Truth) -> dict[tuple[str, int | None], list[Decimal]]:
    """What each working day of the last 90 brought, smallest first: to all, and to each who works here since they began."""
    worked = [day for n in range(90) if is_worked(day := truth.today - n * DAY)]
    sums: dict[tuple[str, int | None, dt.date], Decimal] = defaultdict(Decimal)
    began: dict[int, dt.date] = {}
    for event in truth.events:
        day = truth.day(event.at)
        began[event.manager] = min(began.get(event.manager, day), day)
        for whose in (None, event.manager):
            sums[event.metric, whose, day] += event.worth
    found = {}
    for metric in {metric for metric, _, _ in sums}:
        for whose in [None, *sorted(truth.active & set(began))]:
            days = [day for day in worked if whose is None or began[whose] <= day]
            values = sorted(sums.get((metric, whose, day), Decimal(0)) for day in days)
            if sum(values, Decimal(0)) > 0:
                found[metric, whose] = values
    return found


def norms(marts: Marts) -> list[Check]:
    """Median and upper quartile per working day of the last 90 days, of all together and of each."""
    check, true = Check("norms: median, upper quartile of a working day"), usual_days(marts.truth)
    shown = marts.by_key(
        "mart_kpi__norm_baseline",
        "metric_code, manager_id, median_per_day, upper_quartile_per_day, working_days, total",
        key=2,
    )
    for key in {**shown, **true}:
        middle, upper, counted, total = shown.get(key, (None,) * 4)
        values = true.get(key, [])
        check.equal((*key, "days"), counted, len(values))
        check.equal((*key, "total"), total, sum(values, Decimal(0)))
        if values:
            check.equal((*key, "median"), middle, quantile(values, Decimal("0.5")))
            check.equal((*key, "quartile"), upper, quantile(values, Decimal("0.75")))
    return [check]


# Missed calls

WORK_FROM, WORK_UNTIL = dt.time(9), dt.time(18)


def working_seconds(truth: Truth, since: dt.datetime, until: dt.datetime) -> float:
    total, day = 0.0, truth.day(since)
    while day <= truth.day(until):
        if is_worked(day):
            opens = dt.datetime.combine(day, WORK_FROM, truth.zone).astimezone(UTC)
            closes = dt.datetime.combine(day, WORK_UNTIL, truth.zone).astimezone(UTC)
            total += max((min(until, closes) - max(since, opens)).total_seconds(), 0)
        day += DAY
    return total


@dataclass
class Wait:
    """Missed calls that belong to one another, and what became of them."""

    missed: list[Attempt]
    talk: Attempt | None

    @property
    def outcome(self) -> str:
        if self.talk is None:
            return "open"
        return "client_reached_us" if self.talk.direction == "inbound" else "called_back"


@lru_cache(maxsize=1)
def waits(truth: Truth) -> list[Wait]:
    by_phone: dict[str, list[Attempt]] = defaultdict(list)
    by_client: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in truth.attempts:
        if attempt.phone:
            by_phone[attempt.phone].append(attempt)
        if client := truth.callers[attempt.id]:
            by_client[client].append(attempt)

    def after(attempt: Attempt) -> Attempt | None:
        kin = [*by_phone[attempt.phone or ""], *by_client[truth.callers[attempt.id] or ""]]
        talks = [o for o in kin if o.successful and (o.at, o.id) > (attempt.at, attempt.id)]
        return min(talks, key=lambda other: (other.at, other.id), default=None)

    missed = [a for a in truth.attempts if a.direction == "inbound" and not a.answered and a.phone]
    groups: dict[Hashable, list[Attempt]] = defaultdict(list)
    talks: dict[Hashable, Attempt | None] = {}
    first_open: dict[str, tuple[dt.datetime, int, Hashable]] = {}
    for attempt in sorted(missed, key=lambda a: (a.at, a.id)):
        talk, client = after(attempt), truth.callers[attempt.id]
        key: Hashable = ("talk", talk.id) if talk else ("open", attempt.id)
        if not talk:
            # It belongs to what the first call of its number or client belongs to.
            names = [f"number {attempt.phone}", *([f"client {client}"] if client else [])]
            key = min(
                (first_open[name] for name in names if name in first_open), default=(attempt.at, 0, key)
            )[2]
            for name in names:
                first_open.setdefault(name, (attempt.at, attempt.id, key))
        groups[key].append(attempt)
        talks[key] = talk
    return [Wait(group, talks[key]) for key, group in groups.items()]


def missed_calls(marts: Marts) -> list[Check]:
    """Outcome of every missed call, within the norm or late, and what was tried."""
    truth = marts.truth
    outcomes, measures = Check("missed calls: outcome"), Check("missed calls: norm, waiting, attempts")
    shown = marts.by_key(
        "fct_missed_calls",
        "call_id, resolution, first_call_id, resolved_call_id, missed_count, attempts_count, working_seconds,"
        " is_within_norm, manager_id",
    )
    true: dict[int, tuple[Any, ...]] = {}
    dials = [a for a in truth.attempts if a.direction in ("outbound", "callback") and not a.successful]
    for wait in waits(truth):
        since = wait.missed[0].at
        until = wait.talk.at if wait.talk else truth.at
        phones = {a.phone for a in wait.missed}
        clients = {truth.callers[a.id] for a in wait.missed} - {None}
        tried = [
            d for d in dials if since < d.at < until and (d.phone in phones or truth.callers[d.id] in clients)
        ]
        worked = working_seconds(truth, since, until)
        for call in wait.missed:
            true[call.id] = (
                wait.outcome, wait.missed[0].id, wait.talk.id if wait.talk else None, len(wait.missed), len(tried),
                round(worked), worked <= 30 * 60, truth.known(call.operator),
            )  # fmt: skip
    for attempt in truth.attempts:
        if attempt.direction == "inbound" and not attempt.answered and not attempt.phone:
            true[attempt.id] = ("hidden", *[None] * 6, truth.known(attempt.operator))
    for id in {**shown, **true}:
        here, there = shown.get(id, (None,) * 8), true.get(id, (None,) * 8)
        outcomes.equal(id, (*here[:3], here[7]), (*there[:3], there[7]))
        measures.equal(id, (*here[3:5], here[6]), (*there[3:5], there[6]))
        if here[5] is not None and there[5] is not None:
            measures.equal((id, "working seconds"), abs(here[5] - there[5]) <= 1, True)
    return [outcomes, measures, *lost_clients(marts)]


def lost_clients(marts: Marts) -> list[Check]:
    """Who called in vain in a period and is not reached yet."""
    truth, check = marts.truth, Check("lost clients, by period")
    shown = {
        (grain, start, first): (calls, at)
        for grain, start, first, calls, at in marts.read(
            "mart_telephony__lost_clients",
            "period_grain, period_start, lost_client_id, calls_by_them, first_missed_at",
        )
    }
    true = {}
    for wait in waits(truth):
        for call in wait.missed if not wait.talk else []:
            for period in marts.own_periods(truth.day(call.at)):
                first = wait.missed[0]
                true[period.grain, period.start, first.id] = len(wait.missed), first.at
    check.same(shown, true)
    return [check]


def telephony(marts: Marts) -> list[Check]:
    """Calls of each manager by period, and by weekday and hour."""
    truth = marts.truth
    by_period, by_hour = Check("telephony: calls, by period"), Check("telephony: load by weekday and hour")
    names = (
        "inbound",
        "inbound_answered",
        "missed",
        "outbound",
        "outbound_successful",
        "callbacks",
        "talks",
        "talk_seconds",
    )
    of_period: dict[Hashable, Counter[str]] = defaultdict(Counter)
    of_hour: dict[Hashable, Counter[str]] = defaultdict(Counter)
    for call in truth.attempts:
        adds = Counter({"callbacks" if call.direction == "callback" else call.direction: 1})
        if call.direction == "inbound":
            adds["inbound_answered" if call.answered else "missed"] = 1
        if call.direction == "outbound":
            adds["outbound_successful"] = int(call.successful)
        adds["talks"], adds["talk_seconds"] = int(call.answered), call.seconds
        local = truth.wall(call.at)
        for period in marts.own_periods(local.date()):
            whose = period.grain, period.start, truth.known(call.operator)
            of_period[whose].update(adds)
            of_hour[(*whose, local.isoweekday(), local.hour)].update(adds)
    keys = "period_grain, period_start, manager_id"
    for check, mart, more, true in (
        (by_period, "mart_telephony__overview", "", of_period),
        (by_hour, "mart_telephony__hourly_load", ", weekday, call_hour", of_hour),
    ):
        width = 3 + more.count(",")
        shown = marts.by_key(mart, f"{keys}{more}, {', '.join(names)}", key=width)
        for key in {**shown, **true}:
            check.equal(key, tuple(shown.get(key, (0,) * 8)), tuple(true[key][name] for name in names))
    return [by_period, by_hour]


# What is in work


def probabilities(truth: Truth) -> Callable[[Card], Decimal]:
    """Share won of the deals of the pipeline that stood in the stage and closed in 365 days; of few, the pipeline's."""
    outcomes: dict[Hashable, list[bool]] = defaultdict(list)
    for deal in truth.deals.values():
        if not deal.closed_at or truth.day(deal.closed_at) <= truth.today - 365 * DAY:
            continue
        won = bool(deal.success_at) and truth.sells(deal)
        stood = {
            stage
            for at, stage, pipeline, semantic in deal.entries
            if semantic == "process" and pipeline == deal.pipeline and at <= deal.closed_at
        }
        for stage in (None, *stood):
            outcomes[deal.pipeline, stage].append(won)

    def share(deal: Card) -> Decimal:
        known = outcomes[deal.pipeline, deal.stage]
        if len(known) < 20:
            known = outcomes[deal.pipeline, None]
        return Decimal(sum(known)) / len(known) if known else Decimal(0)

    return share


def open_deals(marts: Marts) -> list[Check]:
    """Register, horizons, months and weights of what is in work."""
    truth = marts.truth
    share = probabilities(truth)
    deals = {deal.id: deal for deal in truth.deals.values() if deal.semantic == "process"}
    due = {id: _due(deal) for id, deal in deals.items()}
    register = Check("open deals: amount, stage, date, weight")
    shown = marts.by_key(
        "mart_pipeline__open_deals",
        "deal_id, pipeline_id, stage_id, manager_id, expected_close_date, is_overdue, channel, amount, probability,"
        " weighted_amount",
    )
    for id in {**shown, **deals}:
        if id not in shown or id not in deals:
            register.equal(id, id in shown, id in deals)
            continue
        deal, row = deals[id], shown[id]
        register.equal(id, row[:6], (
            deal.pipeline, deal.stage, deal.manager, due[id], bool(due[id] and due[id] < truth.today),
            truth.channel(deal.source),
        ))  # fmt: skip
        register.equal((id, "amount"), row[6], deal.amount)
        register.equal((id, "probability"), row[7], share(deal))
        register.equal((id, "weighted"), row[8], deal.amount * round(share(deal), 10))
    horizons = Check("open deals: today, week, months, overdue")
    today, next_month = truth.today, months_on(truth.today.replace(day=1), 1)
    sunday, after_next = today + (6 - today.weekday()) * DAY, months_on(next_month, 1)
    rules: dict[str, Callable[[dt.date | None], bool]] = {
        "Все": lambda day: True,
        "Сегодня": lambda day: day == today,
        "Эта неделя": lambda day: day is not None and today <= day <= sunday,
        "Этот месяц": lambda day: day is not None and today <= day < next_month,
        "Следующий месяц": lambda day: day is not None and next_month <= day < after_next,
        "Просрочены": lambda day: day is not None and day < today,
        "Без даты": lambda day: day is None,
    }
    listed = defaultdict(set)
    for horizon, id in marts.read("mart_pipeline__open_deal_horizons", "horizon, deal_id"):
        listed[horizon].add(id)
    for horizon, belongs in rules.items():
        horizons.equal(horizon, listed[horizon], {id for id in deals if belongs(due[id])})
    months = Check("forecast by month: deals, amount, weighted")
    true: dict[Hashable, list[Any]] = defaultdict(lambda: [0, Decimal(0), Decimal(0)])
    for id, deal in deals.items():
        day = due[id]
        ahead = (day.year - today.year) * 12 + day.month - today.month if day else 0
        place = 1000 if day is None else 0 if day < today else 999 if ahead > 6 else 1 + ahead
        row = true[place, deal.manager, truth.pipelines[deal.pipeline], truth.channel(deal.source)]
        row[0], row[1] = row[0] + 1, row[1] + deal.amount
        row[2] += deal.amount * round(share(deal), 10)
    for *key, count, amount, weighted in marts.read(
        "mart_pipeline__forecast_months",
        "due_sort, manager_id, pipeline, channel, open_deals, amount, weighted_amount",
    ):
        real = true.pop(tuple(key), [0, Decimal(0), Decimal(0)])
        for value, real_value in zip((count, amount, weighted), real, strict=True):
            months.equal(key, value, real_value)
    for key in true:
        months.equal(key, None, true[key])
    return [register, horizons, months, *silence(marts, deals)]


def _due(deal: Card) -> dt.date | None:
    text = deal.payload.get("closedate")
    return dt.date.fromisoformat(text[:10]) if text else None


def bucket(days: int | None) -> str:
    bounds = (0, 3, 7, 14, 30)
    if days is None:
        return "никогда"
    for first, last in zip((0, *(bound + 1 for bound in bounds[:-1])), bounds, strict=True):
        if days <= last:
            return str(last) if first == last else f"{first}–{last}"
    return "31+"


def silence(marts: Marts, deals: dict[int, Card]) -> list[Check]:
    """Days since the last talk and activity, its bucket, and the next step, of deals and leads in work."""
    truth, touches = marts.truth, marts.touches
    check = Check("silence: last call and activity, bucket, next step")
    leads = {lead.id: lead for lead in truth.leads.values() if lead.semantic == "process"}
    for kind, cards, key in (("deal", deals, "deal_id"), ("lead", leads, "lead_id")):
        shown = marts.by_key(
            f"mart_pipeline__open_{kind}s",
            f"{key}, days_since_call, call_bucket, days_since_activity, has_no_next_step, next_step_local",
        )
        for id, card in cards.items():
            call, activity, step = touches.around(kind, card)
            days = [(truth.today - truth.day(at)).days if at else None for at in (call, activity)]
            local = truth.wall(step) if step else None
            check.equal((kind, id), shown.get(id), (days[0], bucket(days[0]), days[1], step is None, local))
        check.equal(f"{kind}s in work", set(shown), set(cards))
    return [check]


class Touches:
    """Talks and activities of cards, and of what stands around them."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.calls: dict[tuple[str, int], dt.datetime] = {}
        self.about: dict[int, set[tuple[str, int]]] = {}
        """Cards of each attempt, talked or not."""
        self.done: dict[tuple[str, int], dt.datetime] = {}
        self.planned: dict[tuple[str, int], dt.datetime] = {}
        bindings = {
            int(row["activityId"]): row["bindings"] for _, _, row, _, _ in truth.rows("activity_bindings")
        }
        self._calls(bindings)
        self._activities(bindings)
        self.staff: dict[str, set[tuple[str, int]]] = defaultdict(set)
        for kind, of_kind in (("contact", truth.contacts), ("company", truth.companies)):
            for id in of_kind:
                if client := truth.client_of_card(kind, id):
                    self.staff[client].add((kind, id))
        for kind, id in {**self.calls, **self.done, **self.planned}:
            if (kind == "contact" and id not in truth.contacts) or (
                kind == "company" and id not in truth.companies
            ):
                self.staff[f"{kind}:{id}"].add((kind, id))

    @staticmethod
    def _later(into: dict[tuple[str, int], dt.datetime], card: tuple[str, int], at: dt.datetime) -> None:
        into[card] = max(into.get(card, at), at)

    def _calls(self, bindings: dict[int, list[dict[str, Any]]]) -> None:
        truth = self.truth
        owners = truth.activities
        by_origin: dict[str, list[int]] = defaultdict(list)
        for id, activity in owners.items():
            if origin := words(activity.payload.get("ORIGIN_ID")):
                by_origin[origin].append(id)
        numbers: dict[str, set[str]] = defaultdict(set)
        for kind, of_kind in (("contact", truth.contacts), ("company", truth.companies)):
            for id, card in of_kind.items():
                phone = phone_of((card.payload.get("phone") or "").split(",")[0])
                client = truth.client_of_card(kind, id)
                if phone and client and card.created < truth.at:
                    numbers[phone].add(client)
        for attempt in truth.attempts:
            caller = truth.callers[attempt.id]
            if attempt.phone and caller and not caller.startswith("lead:"):
                numbers[attempt.phone].add(caller)
        for attempt in truth.attempts:
            named: set[tuple[str, int]] = set()
            for leg in attempt.legs:
                kind, id = (leg["CRM_ENTITY_TYPE"] or "").lower(), number(leg["CRM_ENTITY_ID"])
                if kind in TYPES.values() and id:
                    named.add((kind, id))
                activity = number(leg["CRM_ACTIVITY_ID"])
                for one in [activity] if activity else by_origin.get(f"VI_{leg['CALL_ID']}", []):
                    if one in owners:
                        owner = owners[one].payload
                        named.add((self.kind(owner["OWNER_TYPE_ID"]), number(owner["OWNER_ID"]) or 0))
                    for binding in bindings.get(one, []):
                        named.add((self.kind(binding["entityTypeId"]), int(binding["entityId"])))
            named = {card for card in named if card[1] and card[0] != "smart_process_0"}
            clients = numbers.get(attempt.phone or "", set())
            if not named and len(clients) == 1:
                kind, id_text = next(iter(clients)).split(":")
                named = {(kind, int(id_text))}
            self.about[attempt.id] = named
            for card in named if attempt.successful else ():
                self._later(self.calls, card, attempt.at)

    @staticmethod
    def kind(type_id: object) -> str:
        return TYPES.get(int(str(type_id)), f"smart_process_{type_id}")

    def _activities(self, bindings: dict[int, list[dict[str, Any]]]) -> None:
        truth = self.truth
        for id, activity in truth.activities.items():
            if activity.created >= truth.at:
                continue
            row, done = activity.payload, truth.done_at(activity)
            cards = {(self.kind(row["OWNER_TYPE_ID"]), number(row["OWNER_ID"]) or 0)}
            cards |= {(self.kind(b["entityTypeId"]), int(b["entityId"])) for b in bindings.get(id, [])}
            ahead = [
                at for name in ("START_TIME", "DEADLINE") if (at := moment(row[name])) and at >= truth.at
            ]
            for card in cards:
                if done and done < truth.at:
                    self._later(self.done, card, done)
                elif ahead:
                    self.planned[card] = min(self.planned.get(card, min(ahead)), min(ahead))

    def around(
        self, kind: str, card: Card
    ) -> tuple[dt.datetime | None, dt.datetime | None, dt.datetime | None]:
        """Last talk, last activity of any kind (a talk is one), next step."""
        contacts = {
            number(card.payload.get("contactId")),
            *map(number, card.payload.get("contactIds") or []),
        } - {None}
        near = {(kind, card.id), *(("contact", id) for id in contacts if id)}
        if card.client:
            near |= self.staff[card.client]
        talks = [self.calls[c] for c in near if c in self.calls]
        done = [self.done[c] for c in near if c in self.done]
        steps = [self.planned[c] for c in near if c in self.planned]
        return max(talks, default=None), max([*talks, *done], default=None), min(steps, default=None)


def funnel(marts: Marts) -> list[Check]:
    """Which cards a journey holds and what became of it, when it came to each step, and how many did."""
    truth, true = marts.truth, Funnel(marts.truth)
    journeys, steps = Check("funnel: journeys"), Check("funnel: steps of journeys")
    sums, reasons = Check("funnel: steps by period and channel"), Check("funnel: loss reasons")
    columns = "journey_key, entry_code, started_at, start_manager_id, channel, status_code, deals_count, revenue, loss_reason"
    shown = marts.by_key("fct_journeys", columns)
    for key in {**shown, **true.journeys}:
        journey = true.journeys.get(key)
        if journey is None or key not in shown:
            journeys.equal(key, shown.get(key), journey)
            continue
        first, row = true.first_card(journey), shown[key]
        expected = (
            journey.entry, journey.started, truth.responsible(first, first.created), truth.channel(first.source),
            true.status(journey), sum(true.kind(journey, card) == "deal" for card in journey.cards),
        )  # fmt: skip
        journeys.equal(key, row[:6], expected)
        journeys.equal((key, "revenue"), row[6], true.revenue(journey))
        reason = true.last_reason(journey) if expected[4] == "lost" else row[7]
        if reason is not None:
            reasons.equal(key, row[7], reason)
    came: dict[str, dict[int, tuple[Any, ...]]] = defaultdict(dict)
    for key, place, *row in marts.read(
        "fct_journey_steps", "journey_key, step_number, reached_at, is_skipped, manager_id"
    ):
        came[key][place] = tuple(row)
    for journey in true.journeys.values():
        reached = true.reached(journey)
        steps.equal((journey.key, "steps"), sorted(came[journey.key]), list(range(1, len(reached) + 1)))
        for place, step in enumerate(reached, 1):
            row = came[journey.key].get(place, (None, None, None))
            steps.equal((journey.key, place), row[:2], (step.at, step.skipped))
            steps.equal((journey.key, place, "manager"), row[2] in step.managers, True)
    grouped = "view_kind, period_grain, period_start, entry, step_number, channel"
    sums.same(
        {
            tuple(row[:6]): int(row[6])
            for row in marts.read(
                "mart_funnel__steps", f"{grouped}, sum(entered)", f"entered > 0 group by {grouped}"
            )
        },
        journeys_at_steps(
            true, lambda day: ((period.grain, period.start) for period in marts.own_periods(day))
        ),
        0,
    )
    return [journeys, steps, sums, reasons]


def links(marts: Marts) -> list[Check]:
    """Whatever a person typed into a title, a link is a link into the portal and nothing else."""
    check = Check("links into the portal")
    safe = r"""^(—|<a href="https?://[a-z0-9.:-]+/crm/[a-z0-9/]+" target="_blank">Открыть</a>)$"""
    tables = marts.connection.execute(
        "select table_name from information_schema.columns where table_schema = %s and column_name = 'crm_link'",
        [marts.schema],
    ).fetchall()
    for (table,) in tables:
        for (link,) in marts.read(table, "distinct crm_link", f"crm_link !~ '{safe}'"):
            check.equal(table, link, "a link")
        check.compared += marts.read(table, "count(*)")[0][0]
    return [check]


ALL: tuple[Callable[[Marts], list[Check]], ...] = (
    ledger, growth, checks_and_cycles, loss_reasons, channels, win_rate, norms, missed_calls, telephony,
    open_deals, funnel, links,
)  # fmt: skip


def compare(marts: Marts) -> list[Check]:
    """All figures of the marts that are worked out twice."""
    return [check for part in ALL for check in part(marts)]
