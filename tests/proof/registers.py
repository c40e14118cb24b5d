"""Rows behind the figures: the registers of events, missed calls, norms, and what channels and tags brought to the funnel."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Hashable
from decimal import Decimal
from typing import Any

from tests.proof.checks import RATIOS, Check, Marts, Wait, waits, working_seconds
from tests.proof.funnel import LABELS, Funnel
from tests.proof.plans import book_of
from tests.proof.truth import Card, number, words

NORM_SECONDS = 30 * 60
SHORT = ("День", "Неделя", "Месяц")


def events(marts: Marts) -> list[Check]:
    """How many rows each register holds, and what they are worth."""
    truth, book = marts.truth, book_of(marts)
    every, aimed, paid = (
        Check("register: events"),
        Check("register of plan and fact"),
        Check("register: payments"),
    )
    rows: dict[Hashable, list[Any]] = defaultdict(lambda: [0, Decimal(0)])
    payments: dict[Hashable, list[Any]] = defaultdict(lambda: [0, Decimal(0)])
    lines: dict[Hashable, list[Any]] = defaultdict(lambda: [0, Decimal(0), Decimal(0)])
    parts = {metric: RATIOS.get(metric, ((metric,), ())) for metric in book.shown}
    for event in truth.events:
        for period in marts.own_periods(truth.day(event.at)):
            where = period.grain, period.start, event.manager, event.pipeline, event.channel
            _add(rows[(event.metric, *where)], event.worth)
            if period.grain in SHORT and event.metric == "payments_received":
                _add(payments[where], event.worth)
            for metric, (above, below) in parts.items():
                if period.grain in SHORT and event.metric in (*above, *below):
                    line = lines[metric, period.grain, period.start, event.manager]
                    line[0] += 1
                    line[1] += event.worth * (event.metric in above)
                    line[2] += event.worth * (event.metric in below)
    keys = "period_grain, period_start, manager_id, pipeline, channel"
    for check, true, mart, grouped in (
        (every, rows, "mart_kpi__register", f"metric_code, {keys}"),
        (paid, payments, "mart_plan_fact__payments", keys),
    ):
        width = grouped.count(",") + 1
        shown = marts.by_key(mart, f"{grouped}, count(*), sum(amount)", f"true group by {grouped}", key=width)
        for key in {**shown, **true}:
            count, worth = shown.get(key, (0, Decimal(0)))
            check.equal((key, "rows"), count, true[key][0])
            check.equal((key, "worth"), worth, true[key][1])
    grouped = "metric_code, period_grain, period_start, manager_id"
    told = marts.by_key(
        "mart_plan_fact__register",
        f"{grouped}, count(*), coalesce(sum(amount) filter (where is_above), 0),"
        " coalesce(sum(amount) filter (where is_below), 0)",
        f"true group by {grouped}",
        key=4,
    )
    for key in {**told, **lines}:
        row = told.get(key, (0, Decimal(0), Decimal(0)))
        for name, value, real in zip(("rows", "above", "below"), row, lines[key], strict=True):
            aimed.equal((key, name), value, real)
    return [every, aimed, paid]


def _add(row: list[Any], worth: Decimal) -> None:
    row[0], row[1] = row[0] + 1, row[1] + worth


def missed(marts: Marts) -> list[Check]:
    """Each missed call in its periods, and what it is called; and the norm of calls, day by day."""
    truth, calls, norm = marts.truth, Check("register: missed calls"), Check("norm of calls, by day")
    true: dict[Hashable, tuple[Any, ...]] = {}
    lost: dict[int, tuple[Wait, float]] = {}
    for wait in waits(truth):
        worked = working_seconds(truth, wait.missed[0].at, wait.talk.at if wait.talk else truth.at)
        lost.update({call.id: (wait, worked) for call in wait.missed})
    for call in truth.attempts:
        if call.direction != "inbound" or call.answered:
            continue
        wait, worked = lost.get(call.id, (None, 0.0))
        late = wait is not None and wait.outcome == "called_back" and worked > NORM_SECONDS
        row = (
            truth.known(call.operator), call.phone or "скрыт", wait is not None and wait.talk is None, late,
            wait is None, wait is not None and wait.missed[0] is not call,
            truth.wall(wait.talk.at) if wait and wait.talk else None,
        )  # fmt: skip
        for period in marts.own_periods(truth.day(call.at)):
            true[period.grain, period.start, call.id] = row
    columns = "manager_id, phone, is_open, is_late, is_hidden, is_repeat, resolved_local"
    calls.same(
        marts.by_key(
            "mart_telephony__missed_calls", f"period_grain, period_start, call_id, {columns}", key=3
        ),
        true,
    )
    book = book_of(marts)
    shown = marts.by_key(
        "mart_telephony__norm", "period_grain, period_start, manager_id, day, plan, fact", key=4
    )
    plans = {
        (who, day): plan for (metric, who, day), plan in book.daily.items() if metric == "calls_outbound"
    }
    made: dict[tuple[int, dt.date], Decimal] = defaultdict(Decimal)
    for event in truth.events:
        if event.metric == "calls_outbound":
            made[event.manager, truth.day(event.at)] += event.worth
    expected = {
        (period.grain, period.start, who, day): (plans.get((who, day)), made.get((who, day), Decimal(0)))
        for who, day in {*plans, *made}
        if day <= truth.today
        for period in marts.own_periods(day)
    }
    for key in {**shown, **expected}:
        for name, value, real in zip(
            ("plan", "fact"), shown.get(key, (None, None)), expected.get(key, (None, None)), strict=True
        ):
            norm.equal((key, name), value, real)
    return [calls, norm]


def tags(marts: Marts) -> list[Check]:
    """Journeys lost by step, and what each channel and tag brought of those created in a period."""
    truth, true = marts.truth, Funnel(marts.truth)
    losses, brought = Check("funnel: journeys lost by step"), Check("funnel: channels and tags")
    registers = Check("funnel: registers of journeys")
    by_step: dict[Hashable, int] = defaultdict(int)
    begun: dict[Hashable, int] = defaultdict(int)
    gone: dict[Hashable, int] = defaultdict(int)
    rows: dict[Hashable, list[Any]] = defaultdict(lambda: [0, 0, 0, 0, 0, 0, Decimal(0)])
    won = {deal.id: deal.amount for deal in truth.wins}
    of_lead: dict[int, Decimal] = defaultdict(Decimal)
    for deal in truth.wins:
        if lead := number(deal.payload.get("leadId")):
            of_lead[lead] += deal.amount
    for journey in true.journeys.values():
        first, status = true.first_card(journey), true.status(journey)
        entry, channel = LABELS[journey.entry], truth.channel(first.source)
        came = len(true.reached(journey))
        for period in marts.own_periods(truth.day(journey.started)):
            begun[period.grain, period.start, entry, status] += 1
        if status == "lost":
            ended = max(at for card in journey.cards if (at := card.closed_at))
            for view, at in (("Когорта", journey.started), ("Период", ended)):
                for period in marts.own_periods(truth.day(at)):
                    by_step[view, period.grain, period.start, entry, came, channel] += 1
                    gone[view, period.grain, period.start, journey.key] = 1
        for card in journey.cards:
            kind = true.kind(journey, card)
            if kind == "deal" and number(card.payload.get("leadId")) in truth.leads:
                continue
            revenue = of_lead[card.id] if kind == "lead" else won.get(card.id, Decimal(0))
            where = truth.responsible(card, card.created), truth.channel(card.source), *_tags(card)
            counts = (
                kind == "lead", card is first, *(card is first and status == one for one in ("won", "lost", "open")),
                1, revenue,
            )  # fmt: skip
            for period in marts.own_periods(truth.day(card.created)):
                row = rows[(period.grain, period.start, *where)]
                for place, count in enumerate(counts):
                    row[place] += count
    grouped = "view_kind, period_grain, period_start, entry, step_number, channel"
    losses.same(
        marts.by_key(
            "mart_funnel__loss_reasons", f"{grouped}, sum(journeys_lost)::int", f"true group by {grouped}", key=6
        ),
        {key: (count,) for key, count in by_step.items()},
    )  # fmt: skip
    registers.same(
        marts.by_key(
            "mart_funnel__lost_journeys", "view_kind, period_grain, period_start, journey_key, 1", key=4
        ),
        {key: (1,) for key in gone},
    )
    grouped = "period_grain, period_start, entry, is_won, is_lost"
    shown = {
        (grain, start, entry, "won" if won else "lost" if lost else "open"): count
        for grain, start, entry, won, lost, count in marts.read(
            "mart_funnel__journeys", f"{grouped}, count(*)", f"true group by {grouped}"
        )
    }
    registers.same(shown, begun)
    grouped = "period_grain, period_start, manager_id, channel, utm_source, utm_medium, utm_campaign"
    names = (
        "leads_created", "journeys", "journeys_won", "journeys_lost", "journeys_open", "cohort_leads", "cohort_revenue",
    )  # fmt: skip
    of_tags = marts.by_key(
        "mart_funnel__channels",
        f"{grouped}, {', '.join(f'sum({name})' for name in names)}",
        f"manager_id is not null group by {grouped}",
        key=7,
    )
    for key in {**of_tags, **rows}:
        for name, value, real in zip(names, of_tags.get(key, [0] * 7), rows[key], strict=True):
            brought.equal((key, name), Decimal(value), Decimal(real))
    return [losses, registers, brought]


def _tags(card: Card) -> tuple[str, ...]:
    return tuple(
        words(card.payload.get(name)) or "Без метки" for name in ("utmSource", "utmMedium", "utmCampaign")
    )
