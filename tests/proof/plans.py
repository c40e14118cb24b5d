"""Plans once more, person by person and day by day: the nearest target, evenly over working days, shared by who is left."""

from __future__ import annotations

import csv
import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from tests.proof.truth import SEEDS, Payload, Truth, moment, number
from tests.warehouse.working_days import is_worked

DAY = dt.timedelta(days=1)


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
        """All days of its day, week or month."""
        if self.period == "day":
            return [day]
        if self.period == "week":
            monday = day - day.weekday() * DAY
            return [monday + n * DAY for n in range(7)]
        first, days = day.replace(day=1), []
        while first.month == day.month:
            days.append(first)
            first += DAY
        return days

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

    def works(self, day: dt.date) -> bool:
        return self.since <= day <= self.until


class Plans:
    """What each person is to bring on each day. Nobody is absent: the demonstration has no absences."""

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
            with (SEEDS / f"{name}.csv").open(encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    until = row["valid_to"] or "9999-12-31"
                    dates = dt.date.fromisoformat(row["valid_from"]), dt.date.fromisoformat(until)
                    who = row["metric_code"], row["scope"], row["name"], row["period"]
                    found.append(Target(*who, *dates, Decimal(row["value"]), row["per_person"] == "true"))
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
            active = user["ACTIVE"] in (True, "Y", "true")
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
                )
            )
        return found

    @cached_property
    def ids(self) -> dict[str, int]:
        return {f"{u['LAST_NAME']} {u['NAME']}": int(u["ID"]) for u in self.truth.present("users")}

    def reach(self, target: Target, person: Person) -> int | None:
        """How near a target is to a person: 0 for one's own; none where it is not theirs."""
        if target.scope == "manager":
            return 0 if self.ids.get(target.name) == person.id else None
        if target.scope == "company":
            return 1000
        department = self.names[target.name]
        return 1 + person.departments.index(department) if department in person.departments else None

    def of(self, metric: str, first: dt.date, last: dt.date) -> Iterator[tuple[int, dt.date, Decimal]]:
        targets = [target for target in self.targets if target.metric == metric]
        day = first
        while day <= last:
            for person, plan in self._of_day([t for t in targets if t.holds(day)], day).items():
                yield person, day, plan
            day += DAY

    def _of_day(self, targets: list[Target], day: dt.date) -> dict[int, Decimal]:
        working = [person for person in self.people if person.works(day)]
        reached: dict[Target, list[Person]] = defaultdict(list)
        nearest: dict[int, Target] = {}
        for person in working:
            near = sorted(
                (
                    (distance, n)
                    for n, target in enumerate(targets)
                    if (distance := self.reach(target, person)) is not None
                )
            )
            for _, n in near:
                reached[targets[n]].append(person)
            if near:
                nearest[person.id] = targets[near[0][1]]
        given: dict[int, Decimal] = {}

        def width(target: Target) -> tuple[int, int]:
            """Nearest scopes first: a manager's, then the deepest departments, the company last."""
            if target.scope != "department":
                return (0 if target.scope == "manager" else 2), 0
            depth, department = 0, self.parents.get(self.names[target.name])
            while department:
                depth, department = depth + 1, self.parents.get(department)
            return 1, -depth

        for target in sorted(targets, key=width):
            people = reached[target]
            counted = [
                person
                for person in people
                if nearest[person.id] is target and (target.scope == "manager" or person.shares)
            ]
            # Who works on no day of the period carries nothing: it is theirs, and 0.
            theirs = [
                person
                for person in counted
                if any(is_worked(other) and person.works(other) for other in target.period_of(day))
            ]
            share = Decimal(0)
            ratio = target.metric in ("win_rate", "average_check")
            if ratio or target.scope == "manager" or target.per_person:
                share = target.value if ratio else target.daily(day)
            elif theirs:
                taken = sum((given.get(person.id, Decimal(0)) for person in people), Decimal(0))
                share = max(target.daily(day) - taken, Decimal(0)) / len(theirs)
            for person in counted:
                given[person.id] = share if ratio or person in theirs else Decimal(0)
        return given
