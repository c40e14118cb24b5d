"""What is planned, what falls due today, this week, this month and the next ones, and what is overdue."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from tests.proof.checks import DAY, Check, Marts, months_on, of_grain, probabilities
from tests.proof.checks import RATIOS as PARTS
from tests.proof.plans import Line, book_of, in_kopecks
from tests.proof.truth import TYPES, Card, Truth, date_of, moment, number

KINDS = ("meeting", "call", "email", "task", "other")


class Item(NamedTuple):
    """A deal that is to close, or an activity that is to be done; only these have an hour."""

    kind: str
    manager: int
    pipeline: str
    channel: str
    day: dt.date
    hour: dt.datetime | None
    overdue: bool
    amount: Decimal
    weighted: Decimal
    share: Decimal = Decimal(0)
    sells: bool = False


def kind_of(activity: Card) -> str:
    """A call that the portal calls a to-do is a call: the type says it first."""
    kind = {"1": "meeting", "2": "call", "4": "email", "3": "task"}.get(str(activity.payload["TYPE_ID"]))
    return kind or ("task" if activity.payload["PROVIDER_ID"] == "CRM_TODO" else "other")


def planned(truth: Truth) -> Iterator[tuple[tuple[str, int], Item]]:
    """Everything that has a date and is not done: nobody expects on any day what nobody dated."""
    share = probabilities(truth)
    for deal in truth.deals.values():
        due = date_of(deal.payload.get("closedate"))
        if deal.semantic == "process" and due:
            yield (
                ("deal", deal.id),
                Item(
                    "closing", deal.manager, truth.pipelines[deal.pipeline], truth.channel(deal.source), due, None,
                    due < truth.today, deal.amount, deal.amount * round(share(deal), 10), round(share(deal), 10),
                    truth.sells(deal),
                ),
            )  # fmt: skip
    for activity in truth.activities.values():
        done, payload = truth.done_at(activity), activity.payload
        start, deadline = moment(payload["START_TIME"]), moment(payload["DEADLINE"])
        dates = [at for at in (deadline, start) if at]
        if activity.created >= truth.at or (done and done < truth.at) or not dates:
            continue
        ahead = [at for at in dates if at >= truth.at]
        at = min(ahead) if ahead else dates[0]
        pipeline, channel = "Без воронки", "Без канала"
        owner = number(payload["OWNER_ID"]) or 0
        match TYPES.get(int(payload["OWNER_TYPE_ID"])):
            case "deal" if owner in truth.deals:
                deal = truth.deals[owner]
                pipeline, channel = truth.pipelines[deal.pipeline], truth.channel(deal.source)
            case "lead" if owner in truth.leads:
                channel = truth.channel(truth.leads[owner].source)
        yield (
            ("activity", activity.id),
            Item(
                kind_of(activity), activity.manager, pipeline, channel, truth.day(at), truth.wall(at), not ahead,
                Decimal(0), Decimal(0),
            ),
        )  # fmt: skip


def choices(today: dt.date) -> dict[tuple[str, str], Callable[[dt.date], bool]]:
    """Of what is not overdue: what each choice holds."""
    monday, month = today - today.weekday() * DAY, today.replace(day=1)
    week, next_month = monday + 7 * DAY, months_on(month, 1)
    return {
        ("День", "Текущий"): lambda day: day == today,
        ("День", "Следующий"): lambda day: day == today + DAY,
        ("Неделя", "Текущий"): lambda day: today <= day < week,
        ("Неделя", "Следующий"): lambda day: week <= day < week + 7 * DAY,
        ("Месяц", "Текущий"): lambda day: today <= day < next_month,
        ("Месяц", "Следующий"): lambda day: next_month <= day < months_on(month, 2),
    }


def look_ahead(marts: Marts) -> list[Check]:
    """Each planned item, and sums of them by choice, day, manager, pipeline and channel."""
    items = dict(planned(marts.truth))
    single, sums = Check("planned: kind, day, whose, overdue"), Check("look ahead: due and overdue by day")
    columns = "manager_id, pipeline, channel, due_day, due_local, is_overdue, amount, weighted_amount"
    shown = {
        row[:2]: row[2:] for row in marts.read("fct_planned_items", f"item_type, item_id, kind, {columns}")
    }
    for key in {**shown, **items}:
        row, item = shown.get(key), items.get(key)
        if row is None or item is None:
            single.equal(key, row, item)
            continue
        single.equal(key, row[:7], item[:7])
        single.equal((key, "amount"), row[7], item.amount)
        single.equal((key, "weighted"), row[8], item.weighted)
    true: dict[Hashable, list[Any]] = defaultdict(lambda: [0, Decimal(0), Decimal(0), *[0] * len(KINDS)])
    rules = choices(marts.truth.today)
    for item in items.values():
        if item.overdue:
            found = [(grain, "Просрочено") for grain in ("День", "Неделя", "Месяц")]
        else:
            found = [choice for choice, holds in rules.items() if holds(item.day)]
        for choice in found:
            row = true[(*choice, item.day, item.manager, item.pipeline, item.channel)]
            if item.kind == "closing":
                row[0], row[1], row[2] = row[0] + 1, row[1] + item.amount, row[2] + item.weighted
            else:
                row[3 + KINDS.index(item.kind)] += 1
    measures = (
        "deals_due, deals_due_amount, deals_due_weighted, meetings_planned, calls_planned, emails_planned,"
        " tasks_planned, others_planned, activities_planned"
    )
    of_choice = marts.by_key(
        "mart_plan_fact__look_ahead",
        f"period_grain, period_choice, day, manager_id, pipeline, channel, {measures}",
        key=6,
    )
    nothing = (0, Decimal(0), Decimal(0), *[0] * (len(KINDS) + 1))
    for key in {**of_choice, **true}:
        row, real = of_choice.get(key, nothing), [*true[key], sum(true[key][3:])]
        sums.equal(key, (row[0], *row[3:]), (real[0], *real[3:]))
        sums.equal((key, "amount"), row[1], real[1])
        sums.equal((key, "weighted"), row[2], real[2])
    return [single, sums]


def targets_ahead(marts: Marts) -> list[Check]:
    """What is still to be done in the running and the next day, week and month, and what open deals promise of it."""
    truth, book, check = marts.truth, book_of(marts), Check("look ahead: what is left of the plan")
    today, rules = truth.today, choices(marts.truth.today)
    promised: dict[Hashable, Decimal] = defaultdict(Decimal)
    for item in (item for _, item in planned(truth)):
        if item.kind == "closing" and not item.overdue and item.sells:
            for choice in (choice for choice, holds in rules.items() if holds(item.day)):
                promised[(*choice, "revenue_won", item.manager)] += item.weighted
                promised[(*choice, "deals_won", item.manager)] += item.share
    starts = {grain: of_grain(grain, today) for grain in ("День", "Неделя", "Месяц")}
    following = {
        grain: of_grain(grain, day)
        for grain, day in (("День", today + DAY), ("Неделя", today + 7 * DAY), ("Месяц", months_on(today, 1)))
    }
    lines: dict[tuple[str, str, str, int], Line] = {}
    for key in book.lines(*starts):
        metric, manager, grain, start = key
        if start == starts[grain] and (line := book.line(*key)).plan is not None:
            lines[grain, "Текущий", metric, manager] = line
    to_come: dict[tuple[str, str, str, int], list[tuple[dt.date, Decimal]]] = defaultdict(list)
    for (metric, person, day), plan in book.daily.items():
        for grain, start in following.items():
            if day > today and of_grain(grain, day) == start:
                to_come[grain, "Следующий", metric, person].append((day, plan))
    for (*choice, metric, person), days in to_come.items():
        # Of a ratio the plan of the last day holds.
        plan = max(days)[1] if metric in PARTS else sum((plan for _, plan in days), Decimal(0))
        left = sum(book.known.remains(person, day) for day, _ in days)
        lines[choice[0], choice[1], metric, person] = Line(
            plan, None, Decimal(0), None, None, False, left, None
        )
    shown = marts.by_key(
        "mart_plan_fact__targets_ahead",
        "period_grain, period_choice, metric_code, manager_id, plan, value, remaining, remaining_days, remaining_per_day,"
        " expected_by_deals, not_covered",
        key=4,
    )
    for key in {*shown, *lines, *promised}:
        plan, value, left, days_left, a_day, expected, uncovered = shown.get(key, (None,) * 7)
        line, metric = lines.get(key), key[2]
        check.equal((*key, "plan"), plan, line.plan if line else None)
        # The next period has no value yet, nor has a ratio in which nothing was closed.
        check.equal((*key, "value"), value, line.value if line else None)
        rest = None
        if (
            line
            and line.plan is not None
            and metric not in PARTS
            and book.catalogue[metric]["direction"] == "more"
        ):
            rest = max(line.plan - line.fact, Decimal(0))
        check.equal((*key, "left"), left, rest)
        by_deals = promised[key] if metric in ("revenue_won", "deals_won") else None
        check.equal((*key, "promised"), expected, by_deals)
        missing = None if rest is None or by_deals is None else max(rest - by_deals, Decimal(0))
        check.equal((*key, "not promised"), uncovered, missing)
        check.equal((*key, "days"), days_left, line.days if line else None)
        needed = rest / line.days if line and rest is not None and line.days else None
        check.equal((*key, "a day"), in_kopecks(a_day, needed), True)
    return [check]
