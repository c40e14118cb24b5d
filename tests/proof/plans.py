"""Plans once more, person by person and day by day: the nearest target, evenly over working days, shared by who is there."""

from __future__ import annotations

import csv
import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property, lru_cache
from typing import Any, NamedTuple

from tests.proof.checks import DAY, Check, Marts, months_on, of_grain
from tests.proof.checks import RATIOS as PARTS
from tests.proof.truth import SEEDS, Payload, Truth, moment, number
from tests.warehouse.working_days import is_worked


@cache
def days_of(period: str, day: dt.date) -> list[dt.date]:
    """All days of its day, week or month."""
    if period == "day":
        return [day]
    if period == "week":
        monday = day - day.weekday() * DAY
        return [monday + n * DAY for n in range(7)]
    first, days = day.replace(day=1), []
    while first.month == day.month:
        days.append(first)
        first += DAY
    return days


@dataclass(frozen=True)
class Target:
    metric: str
    scope: str
    name: str
    period: str
    since: dt.date
    until: dt.date
    value: Decimal
    per_person: bool

    def holds(self, day: dt.date) -> bool:
        return self.since <= day <= self.until

    def period_of(self, day: dt.date) -> list[dt.date]:
        return days_of(self.period, day)

    def daily(self, day: dt.date) -> Decimal:
        if not is_worked(day):
            return Decimal(0)
        return self.value / sum(is_worked(other) for other in self.period_of(day))


@dataclass(frozen=True)
class Person:
    id: int
    departments: tuple[int, ...]
    """From the nearest up."""

    shares: bool
    since: dt.date
    until: dt.date
    away: tuple[tuple[dt.date, dt.date], ...] = ()
    """First and last days of absences."""

    def works(self, day: dt.date) -> bool:
        """Employed then, on a day off and away too."""
        return self.since <= day <= self.until

    def is_absent(self, day: dt.date) -> bool:
        return any(first <= day <= last for first, last in self.away)

    def is_there(self, day: dt.date) -> bool:
        """Can bring something."""
        return self.works(day) and is_worked(day) and not self.is_absent(day)


class Plans:
    """What each person is to bring on each day."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        rows = truth.present("departments")
        self.parents = {int(row["ID"]): number(row.get("PARENT")) for row in rows}
        self.names = {row["NAME"]: int(row["ID"]) for row in rows}
        self.heads = {number(row.get("UF_HEAD")) for row in rows}

    @cached_property
    def targets(self) -> list[Target]:
        files = ["targets", *(["demo_targets"] if self.truth.is_demonstration else [])]
        found = []
        for name in files:
            with (self.truth.seeds / f"{name}.csv").open(encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    until = row["valid_to"] or "9999-12-31"
                    dates = dt.date.fromisoformat(row["valid_from"]), dt.date.fromisoformat(until)
                    who = row["metric_code"], row["scope"], row["name"], row["period"]
                    found.append(Target(*who, *dates, Decimal(row["value"]), row["per_person"] == "true"))
        return found

    @cached_property
    def absences(self) -> dict[int, list[tuple[dt.date, dt.date]]]:
        found = defaultdict(list)
        with (self.truth.seeds / "absences.csv").open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                days = row["from_day"], row["to_day"] or "9999-12-31"
                first, last = map(dt.date.fromisoformat, days)
                found[self.person(row["employee"])].append((first, last))
        return found

    @cached_property
    def traces(self) -> dict[int, list[dt.datetime]]:
        found: dict[int, list[dt.datetime]] = defaultdict(list)
        for _, _, call, _, _ in self.truth.rows("calls"):
            if (who := number(call["PORTAL_USER_ID"])) and (at := moment(call["CALL_START_DATE"])):
                found[who].append(at)
        for activity in self.truth.activities.values():
            if who := number(activity.payload["RESPONSIBLE_ID"]):
                found[who].append(activity.created)
        return found

    def path(self, user: Payload) -> tuple[int, ...]:
        listed = user.get("UF_DEPARTMENT") or []
        department, found = number(listed[0]) if listed else None, []
        while department in self.parents and department not in found:
            found.append(department)
            department = self.parents[department]
        return tuple(found)

    @cached_property
    def people(self) -> list[Person]:
        """Names by which targets call them are looked up where they are needed."""
        found = []
        for user in self.truth.present("users"):
            id = int(user["ID"])
            active = id in self.truth.active
            seen = sorted(self.traces.get(id, []))
            if not active and not seen:
                continue
            begins = [at for at in (moment(user.get("DATE_REGISTER")), *seen[:1]) if at]
            departments = self.path(user)
            found.append(
                Person(
                    id,
                    departments,
                    bool(departments)
                    and user.get("USER_TYPE", "employee") == "employee"
                    and id not in self.heads,
                    self.truth.day(min(begins)) if begins else dt.date.min,
                    dt.date.max if active else self.truth.day(seen[-1]),
                    tuple(self.absences[id]),
                )
            )
        return found

    @cached_property
    def by_id(self) -> dict[int, Person]:
        return {person.id: person for person in self.people}

    def remains(self, person: int, day: dt.date) -> bool:
        """Whether something can still be brought then: the work of a day is over at 18:00."""
        now = self.truth.wall(self.truth.at - dt.timedelta(microseconds=1))
        comes = day > self.truth.today or (day == self.truth.today and now.time() < dt.time(18))
        return comes and self.by_id[person].is_there(day)

    @cached_property
    def ids(self) -> dict[str, int]:
        return {f"{u['LAST_NAME']} {u['NAME']}": int(u["ID"]) for u in self.truth.present("users")}

    def person(self, written: str) -> int:
        """Files call people by their names or ids."""
        return int(written) if written.isdigit() else self.ids[written]

    def department(self, written: str) -> int:
        return int(written) if written.isdigit() else self.names[written]

    @cached_property
    def near(self) -> dict[Target, dict[int, int]]:
        """Of each target whose it is, and how near it is to each of them."""
        found: dict[Target, dict[int, int]] = {}
        for target in self.targets:
            reached = {person.id: self.reach(target, person) for person in self.people}
            found[target] = {id: distance for id, distance in reached.items() if distance is not None}
        return found

    def reach(self, target: Target, person: Person) -> int | None:
        """How near a target is to a person: 0 for one's own; none where it is not theirs."""
        if target.scope == "manager":
            return 0 if self.person(target.name) == person.id else None
        if target.scope == "company":
            return 1000
        department = self.department(target.name)
        return 1 + person.departments.index(department) if department in person.departments else None

    def of(self, metric: str, first: dt.date, last: dt.date) -> Iterator[tuple[int, dt.date, Decimal]]:
        """Plans of all people between two days, which are all that is known."""
        targets = [target for target in self.targets if target.metric == metric]
        days = [first + n * DAY for n in range((last - first).days + 1)]
        chosen = {day: self._nearest([t for t in targets if t.holds(day)], day) for day in days}
        # What a person would have had in a period of a target: on days of absence too.
        had: dict[tuple[int, Target, dt.date], dict[dt.date, Decimal]] = defaultdict(dict)
        for day in days:
            for person, (target, amount) in self._of_day(chosen, targets, day).items():
                had[person, target, target.period_of(day)[0]][day] = amount
        for (id, target, _), amounts in had.items():
            person, ratio = self.by_id[id], target.metric in PARTS
            there = {day: amount for day, amount in amounts.items() if person.is_there(day)}
            missed = Decimal(0) if ratio else sum(amounts.values()) - sum(there.values())
            left = sum(there.values())
            for day, amount in amounts.items():
                if ratio:
                    yield id, day, amount
                elif day not in there:
                    yield id, day, Decimal(0)
                else:
                    part = amount / left if left else Decimal(1) / len(there)
                    yield id, day, amount + missed * part

    def _nearest(self, targets: list[Target], day: dt.date) -> dict[int, Target]:
        """Of each person who works here the target that counts."""
        found = {}
        for person in self.people:
            near = [
                (self.near[target][person.id], n)
                for n, target in enumerate(targets)
                if person.id in self.near[target]
            ]
            if near and person.works(day):
                found[person.id] = targets[min(near)[1]]
        return found

    def _of_day(
        self, chosen: dict[dt.date, dict[int, Target]], targets: list[Target], day: dt.date
    ) -> dict[int, tuple[Target, Decimal]]:
        given: dict[int, tuple[Target, Decimal]] = {}
        for target in sorted((t for t in targets if t.holds(day)), key=self._width):
            people = [
                person for person in self.people if person.id in self.near[target] and person.works(day)
            ]
            counted = [
                person
                for person in people
                if chosen[day][person.id] is target and (target.scope == "manager" or person.shares)
            ]
            # Who is there on no day of the period on which the target counts carries nothing: it is theirs, and 0.
            theirs = [
                person
                for person in counted
                if any(
                    person.is_there(other) and chosen.get(other, {}).get(person.id) is target
                    for other in target.period_of(day)
                )
            ]
            share = Decimal(0)
            ratio = target.metric in PARTS
            if ratio or target.scope == "manager" or target.per_person:
                share = target.value if ratio else target.daily(day)
            elif theirs:
                taken = sum((given[person.id][1] for person in people if person.id in given), Decimal(0))
                share = max(target.daily(day) - taken, Decimal(0)) / len(theirs)
            for person in counted:
                given[person.id] = target, share if ratio or person in theirs else Decimal(0)
        return given

    def _width(self, target: Target) -> tuple[int, int]:
        """Nearest scopes first: a manager's, then the deepest departments, the company last."""
        if target.scope != "department":
            return (0 if target.scope == "manager" else 2), 0
        depth, department = 0, self.parents.get(self.department(target.name))
        while department:
            depth, department = depth + 1, self.parents.get(department)
        return 1, -depth


def in_kopecks(shown: Decimal | None, true: Decimal | None) -> bool:
    """Whether what is shown in kopecks is the amount, or neither is there."""
    if shown is None or true is None:
        return shown is true
    return abs(shown - true) < Decimal("0.0051")


def beats(one: Decimal, other: Decimal) -> bool:
    """Greater by more than what rounding of thirds makes."""
    return one - other > Decimal("0.000000001")


class Line(NamedTuple):
    """What a person was to bring in a period and brought: of a ratio neither plan nor value is summed."""

    plan: Decimal | None
    to_date: Decimal | None
    fact: Decimal
    divisor: Decimal | None
    value: Decimal | None
    unmet: bool
    days: int
    a_day: Decimal | None

    @property
    def attainment(self) -> Decimal | None:
        return self.value / self.plan if self.plan and self.value is not None else None

    @property
    def attainment_to_date(self) -> Decimal | None:
        return self.value / self.to_date if self.to_date and self.value is not None else None

    @property
    def says_something(self) -> bool:
        """Where nothing was planned, and what happened adds up to nothing, no row is needed."""
        return self.plan is not None or bool(self.fact) or bool(self.divisor)

    def beyond(self, plan: Decimal | None) -> Decimal | None:
        return None if self.value is None or plan is None else self.value - plan


class Book:
    """Plans of all days that are shown beside the facts, summed by day, week and month."""

    def __init__(self, marts: Marts) -> None:
        truth = self.truth = marts.truth
        self.known = Plans(truth)
        with (SEEDS / "metric_catalogue.csv").open(encoding="utf-8") as file:
            self.catalogue = {row["metric_code"]: row for row in csv.DictReader(file)}
        self.aimed_at = {target.metric for target in self.known.targets}
        self.months = {period.start for period in marts.periods if period.grain == "Месяц"}
        first = min(self.months, default=truth.today)
        last = months_on(truth.today.replace(day=1), 2) - DAY
        self.daily = {
            (metric, person, day): plan
            for metric in self.aimed_at
            for person, day, plan in self.known.of(metric, first, last)
        }
        self.facts: dict[tuple[str, int, str, dt.date], Decimal] = defaultdict(Decimal)
        for event in truth.events:
            for period in marts.own_periods(truth.day(event.at)):
                self.facts[event.metric, event.manager, period.grain, period.start] += event.worth
        self._sums: dict[tuple[str, int, str, dt.date], Decimal] = defaultdict(Decimal)
        self._to_date: dict[tuple[str, int, str, dt.date], Decimal] = defaultdict(Decimal)
        self._left: dict[tuple[str, int, str, dt.date], int] = defaultdict(int)
        for (metric, person, day), plan in sorted(self.daily.items()):
            for grain in ("День", "Неделя", "Месяц"):
                key = metric, person, grain, of_grain(grain, day)
                self._left[key] += self.known.remains(person, day)
                if metric not in PARTS:
                    self._sums[key] += plan
                    self._to_date[key] += plan if day <= truth.today else 0
                elif day <= truth.today:
                    # The last day's holds.
                    self._sums[key] = self._to_date[key] = plan

    @property
    def shown(self) -> set[str]:
        """With a target for anybody, on top of dashboard 1, or the norm of dashboard 2."""
        return self.aimed_at | set(filter(self.is_on_top, self.catalogue)) | {"calls_outbound"}

    def is_on_top(self, metric: str) -> bool:
        return self.catalogue[metric]["on_dashboard_1"] == "true"

    def fact(self, metric: str, *where: Any) -> tuple[Decimal, Decimal | None]:
        """Above and below the line."""
        if metric not in PARTS:
            return self.facts.get((metric, *where), Decimal(0)), None
        above, below = (
            sum((self.facts.get((part, *where), Decimal(0)) for part in parts), Decimal(0))
            for parts in PARTS[metric]
        )
        return above, below

    def line(self, metric: str, manager: int, grain: str, start: dt.date) -> Line:
        key = metric, manager, grain, start
        plan, to_date, left = self._sums.get(key), self._to_date.get(key), self._left.get(key, 0)
        fact, divisor = self.fact(*key)
        value = fact if divisor is None else fact / divisor if divisor else None
        fewer = self.catalogue[metric]["direction"] == "less"
        judged = self.catalogue[metric]["unit"] != "money" or grain == "Месяц"
        unmet = a_day = None
        if judged and value is not None and to_date is not None:
            unmet = beats(value, to_date) if fewer else beats(to_date, value)
        if plan is not None and divisor is None and not fewer and left:
            a_day = max(plan - fact, Decimal(0)) / left
        return Line(plan, to_date, fact, divisor, value, bool(unmet), left, a_day)

    def lines(self, *grains: str) -> set[tuple[str, int, str, dt.date]]:
        """Where something was planned or happened."""
        made_of: dict[str, set[str]] = defaultdict(set)
        for metric in self.shown:
            for part in {part for parts in PARTS.get(metric, [[metric]]) for part in parts}:
                made_of[part].add(metric)
        happened = {(metric, *where) for of, *where in self.facts for metric in made_of[of]}
        return {key for key in {*happened, *self._sums} if key[2] in grains}


@lru_cache(maxsize=1)
def book_of(marts: Marts) -> Book:
    return Book(marts)


def plans(marts: Marts) -> list[Check]:
    """Plan of each person and day, and what was attained of it by period."""
    daily, attained = Check("plans of a person and a day"), Check("attainment, by day, week and month")
    paces = Check("attainment: plan to date, days left")
    book = book_of(marts)
    true, known = book.daily, book.known
    shown = {
        row[:3]: row[3:]
        for row in marts.read(
            "mart_plan_fact__daily", "metric_code, manager_id, day, plan, is_absent", "plan is not null"
        )
    }
    daily.same({key: row[0] for key, row in shown.items()}, true)
    for key in {**shown, **true}:
        daily.equal((*key, "absent"), shown.get(key, (None, None))[1], known.by_id[key[1]].is_absent(key[2]))
    starts = {(period.grain, period.start) for period in marts.periods}
    lines = marts.by_key(
        "mart_plan_fact__attainment",
        "metric_code, manager_id, period_grain, period_start, plan, fact, fact_divisor, value, attainment, plan_to_date,"
        " remaining_days, remaining_per_day, deviation, attainment_to_date, is_unmet, has_plan",
        key=4,
    )
    for key in {*lines, *book.lines("День", "Неделя", "Месяц")}:
        if key[2:] not in starts:
            continue
        line = book.line(*key)
        if key not in lines:
            attained.equal(key, None, line if line.says_something else None)
            continue
        row = lines[key]
        for name, value, real in zip(
            ("plan", "fact", "divisor", "value", "attainment"), row,
            (line.plan, line.fact, line.divisor, line.value, line.attainment), strict=False,
        ):  # fmt: skip
            attained.equal((*key, name), value, real)
        to_date, days, a_day, deviation, pace, unmet, has_plan = row[5:]
        paces.equal((*key, "to date"), to_date, line.to_date)
        paces.equal((*key, "days left"), days, line.days)
        paces.equal((*key, "a day"), in_kopecks(a_day, line.a_day), True)
        paces.equal((*key, "deviation"), deviation, line.beyond(line.to_date))
        paces.equal((*key, "pace"), pace, line.attainment_to_date)
        paces.equal((*key, "judged"), (unmet, has_plan), (line.unmet, line.plan is not None))
    return [daily, attained, paces]
