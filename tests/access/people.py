"""The people of a running installation, and their logins as they use them."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import psycopg

if TYPE_CHECKING:
    from tests.conftest import Stack

PASSWORD = "Осенний дождь 2026"


@dataclass
class Person:
    """Somebody of the mart `mart_access__people`, logged in with a browser's session."""

    login: str
    role: str
    manager_id: int | None
    visible: set[int | None]
    client: httpx.Client
    dashboards: dict[str, int] = field(default_factory=dict)


def issued(stack: Stack) -> dict[str, str]:
    """Passwords until the first login, by login; the last one issued counts."""
    with (stack.home / "new_logins.csv").open(encoding="utf-8", newline="") as file:
        return {row["Логин"]: row["Пароль до первого входа"] for row in csv.DictReader(file)}


def browser(stack: Stack) -> httpx.Client:
    return httpx.Client(base_url=stack.superset_url, timeout=60, follow_redirects=False)


def log_in(client: httpx.Client, login: str, password: str) -> httpx.Response:
    """As the login page does it."""
    answer = client.get("/login/")
    return client.post(
        "/login/", data={"username": login, "password": password, "csrf_token": csrf(client, answer.text)}
    )


def csrf(client: httpx.Client, page: str) -> str:
    """The token of a page made by Superset's server or by its browser side."""
    found = re.search(r"csrf_token[^>]*?value=\"([^\"]+)\"", page) or re.search(
        r"csrf_token&#34;:\s*&#34;([^&]+)&#34;", page
    )
    return found[1] if found else ""


def change_password(client: httpx.Client, password: str) -> httpx.Response:
    form = client.get("/resetmypassword/form")
    return client.post(
        "/resetmypassword/form",
        data={"password": password, "conf_password": password, "csrf_token": csrf(client, form.text)},
    )


def rows_of(stack: Stack, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(stack.url("BI")) as warehouse:
        return warehouse.execute(query, list(parameters)).fetchall()  # type: ignore[arg-type]


def visible_to(stack: Stack, login: str) -> set[int | None]:
    """Ids of the employees whose rows the login may see, straight from the portal's tree: nothing of the marts of access.

    Departments are read from the raw schema as the portal sent them.
    """
    with psycopg.connect(stack.warehouse_url) as warehouse:
        users = dict(
            warehouse.execute(
                "select (payload ->> 'ID')::bigint, (payload #>> '{UF_DEPARTMENT,0}')::bigint from raw_bitrix24.users"
            ).fetchall()
        )
        tree = warehouse.execute(
            "select (payload ->> 'ID')::bigint, nullif(payload ->> 'PARENT', '')::bigint,"
            " nullif(payload ->> 'UF_HEAD', '')::bigint from raw_bitrix24.departments"
        ).fetchall()
        ((manager, role),) = warehouse.execute(
            "select manager_id, role from marts.mart_access__people where login = %s", [login]
        ).fetchall()
    if role in ("director", "head_of_sales", "analyst"):
        # Spend that no employee made stands beside theirs.
        return {0, None, *users}
    if role == "marketer":
        return set()
    if role == "manager":
        return {manager}
    below = {department for department, _, head in tree if head == manager}
    while more := {department for department, parent, _ in tree if parent in below} - below:
        below |= more
    return {manager} | {user for user, department in users.items() if department in below}
