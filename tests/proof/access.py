"""Who may come in, by which name and role, and whose rows each sees: from the portal's people and the files."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from tests.proof.checks import Check, Marts
from tests.proof.truth import Truth, number, words

EVERYTHING = ("director", "head_of_sales", "analyst", "administrator")


class Person(NamedTuple):
    """Who has a login; outside the portal without an id."""

    login: str
    role: str
    id: int | None


class People:
    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.users = {int(user["ID"]): user for user in truth.present("users")}
        self.departments = {int(row["ID"]): row for row in truth.present("departments")}
        self.heads = {head for row in self.departments.values() if (head := number(row.get("UF_HEAD")))}

    @cached_property
    def names(self) -> dict[int, str]:
        """Those who share a name are told apart by their numbers."""
        plain = {}
        for id, user in self.users.items():
            parts = [part for part in (words(user.get("LAST_NAME")), words(user.get("NAME"))) if part]
            plain[id] = " ".join(parts) or words(user.get("EMAIL")) or f"Сотрудник № {id}"
        counts = Counter(plain.values())
        return {id: f"{name} ({id})" if counts[name] > 1 else name for id, name in plain.items()}

    def above(self, department: int | None) -> list[int]:
        """The department and those above it; of what the portal does not return none."""
        found: list[int] = []
        while department in self.departments and department not in found:
            found.append(department)
            department = number(self.departments[department].get("PARENT"))
        return found

    def department(self, id: int) -> int | None:
        """The first of those a person is in."""
        listed = self.users[id].get("UF_DEPARTMENT") or []
        department = number(listed[0]) if listed else None
        return department if department in self.departments else None

    def is_employed(self, id: int) -> bool:
        kind = words(self.users[id].get("USER_TYPE")) or "employee"
        return id in self.truth.active and kind == "employee"

    @cached_property
    def lines(self) -> list[tuple[int | None, str | None, str]]:
        """Whom the files name; the invented company's only there, and after those of people."""
        found = []
        for name in ("people", *(["demo_people"] if self.truth.is_demonstration else [])):
            with (self.truth.seeds / f"{name}.csv").open(encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    employee = words(row["employee"])
                    id = next((id for id, known in self.names.items() if employee in (known, str(id))), None)
                    found.append((id, words(row["login"]), row["role"]))
        return found

    def address(self, id: int) -> str | None:
        """One's own e-mail where it may be a login."""
        written = [
            (words(user.get("EMAIL")) or "").lower()
            for other, user in self.users.items()
            if self.is_employed(other)
        ]
        own = (words(self.users[id].get("EMAIL")) or "").lower()
        fits = re.fullmatch(r"[a-z0-9._+@-]{1,64}", own) and "@" in own
        return own if fits and written.count(own) == 1 else None

    def all(self) -> Iterator[Person]:
        taken = {login for _, login, _ in self.lines if login}
        for id in self.users:
            if not self.is_employed(id):
                continue
            named = next(((login, role) for of, login, role in self.lines if of == id), None)
            if named:
                role = named[1]
            elif id in self.heads:
                role = "head_of_department"
            else:
                role = "manager" if self.department(id) else "none"
            own = self.address(id)
            login = (named and named[0]) or (own if own and own not in taken else f"user{id}")
            yield Person(login, role, id)
        outside: set[str] = set()
        for id, login, role in self.lines:
            if id is None and login and login not in outside:
                outside.add(login)
                yield Person(login, role, None)

    def seen_by(self, person: Person) -> set[int]:
        """Own rows, and of a head those of the departments headed and below, whoever left too."""
        if person.id is None or person.role not in ("manager", "head_of_department"):
            return set()
        headed: set[int | None] = set()
        if person.role == "head_of_department":
            headed = {
                id for id, row in self.departments.items() if number(row.get("UF_HEAD")) == person.id
            } or {self.department(person.id)}
        below = {id for id in self.users if headed & set(self.above(self.department(id)))}
        return {person.id} | below


def access(marts: Marts) -> list[Check]:
    people = People(marts.truth)
    told, entered, seen = (
        Check("people: names, departments"),
        Check("access: who, role"),
        Check("access: whose rows"),
    )
    persons = [person for person in people.all() if person.role != "none"]
    entered.same(
        marts.by_key("mart_access__people", "login, role, manager_id, person, sees_all, sees_channels"),
        {
            person.login: (
                person.role, person.id, people.names[person.id] if person.id else person.login,
                person.role in EVERYTHING, person.role in (*EVERYTHING, "marketer"),
            )
            for person in persons
        },
    )  # fmt: skip
    shown: dict[str, set[int]] = {}
    for login, id in marts.read("mart_access__visible_managers", "login, manager_id"):
        shown.setdefault(login, set()).add(id)
    seen.same(shown, {person.login: people.seen_by(person) for person in persons}, set())
    departments = {id: words(row.get("NAME")) or f"Отдел № {id}" for id, row in people.departments.items()}
    told.same(
        marts.by_key("dim_managers", "manager_id, manager, is_active, department"),
        {
            0: ("Без ответственного", True, "Без отдела"),
            **{
                id: (
                    people.names[id], id in marts.truth.active,
                    departments.get(people.department(id) or 0, "Без отдела"),
                )
                for id in people.users
            },
        },
    )  # fmt: skip
    told.same(
        marts.by_key("dim_departments", "department_id, department, head_id, depth"),
        {
            id: (name, number(people.departments[id].get("UF_HEAD")), len(people.above(id)) - 1)
            for id, name in departments.items()
        },
    )
    return [told, entered, seen]
