"""Users and departments."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from demo.company import catalogue as c
from demo.company.catalogue import User
from demo.rest import errors
from demo.rest.filters import PAGE, is_container, split_prefix
from demo.rest.parameters import Parameters, to_int
from demo.rest.service import Answer, Service, list_work, method

#: Scopes any one of which opens the list of users; they differ in the fields they show.
USER_SCOPES = ("user", "user_basic", "user_brief")
BRIEF = (
    "ID",
    "ACTIVE",
    "NAME",
    "LAST_NAME",
    "SECOND_NAME",
    "WORK_POSITION",
    "UF_DEPARTMENT",
    "USER_TYPE",
    "IS_ONLINE",
    "TIMESTAMP_X",
    "LAST_ACTIVITY_DATE",
)


def user_row(service: Service, user: User) -> dict[str, Any]:
    world = service.chronicle.world
    today = service.today()
    active = world.employed(user, today)
    joined = (
        world.start_day + user.hired if user.hired is not None else world.start_day - 40 * (user.id % 9) - 30
    )
    last_day = today if active else world.start_day + (user.dismissed or 0) - 1
    working = active and world.calendar.in_hours(int(service.now()))
    seen = min(int(service.now()), world.calendar.midnight(last_day) + 9 * 3600)
    written = datetime.fromtimestamp(seen, world.calendar.zone)
    row: dict[str, Any] = {
        "ID": str(user.id),
        "ACTIVE": active,
        "NAME": user.name,
        "LAST_NAME": user.last_name,
        "EMAIL": f"user{user.id}@example.com",
        "LAST_LOGIN": service.encoder.moment(seen),
        "DATE_REGISTER": service.encoder.day(joined),
        "IS_ONLINE": "Y" if working else "N",
        "TIMESTAMP_X": {} if user.id % 2 == 0 else written.strftime("%d.%m.%Y %H:%M:%S"),
        "LAST_ACTIVITY_DATE": written.strftime("%Y-%m-%d %H:%M:%S") if user.id % 2 else {},
        "PERSONAL_GENDER": user.gender,
        "PERSONAL_BIRTHDAY": "",
        "WORK_POSITION": user.position,
        "UF_EMPLOYMENT_DATE": "",
        "UF_DEPARTMENT": list(user.departments),
        "USER_TYPE": "employee",
    }
    if user.id > 10:
        # Fields that were never touched are left out of the answer.
        untouched = (
            "SECOND_NAME",
            "TIME_ZONE",
            "PERSONAL_WWW",
            "PERSONAL_MOBILE",
            "PERSONAL_CITY",
            "WORK_PHONE",
        )
        row.update(dict.fromkeys(untouched, ""))
    if not set(service.settings.scopes) & {"user", "user_basic"}:
        row = {key: value for key, value in row.items() if key in BRIEF}
    return row


def _registered(service: Service) -> list[User]:
    world, today = service.chronicle.world, service.today()
    return [u for u in c.USERS if u.returned and (u.hired is None or today >= world.start_day + u.hired)]


@method("user.get", *USER_SCOPES)
def user_get(service: Service, p: Parameters) -> Answer:
    """FILTER, filter or fields at the top level; dismissed people are returned unless ACTIVE is asked for."""
    raw = p.values.get("filter", p.values.get("FILTER"))
    conditions = dict(raw) if isinstance(raw, dict) else {}
    control = {"sort", "order", "filter", "select", "admin_mode", "image_resize", "start", "auth"}
    conditions.update({key: value for key, value in p.values.items() if key.lower() not in control})
    rows = [user_row(service, user) for user in _registered(service)]
    for key, value in conditions.items():
        rows = [row for row in rows if _passes(row, key, value)]
    sort, order = p.get("sort"), p.get("order")
    name = str(sort).upper() if isinstance(sort, str) and sort else "ID"
    rows.sort(
        key=lambda row: int(row["ID"]) if name == "ID" else str(row.get(name, "")),
        reverse=isinstance(order, str) and order.upper() == "DESC",
    )
    start = to_int(p.get("start"))
    offset = max(0, start) // PAGE * PAGE
    page = rows[offset : offset + PAGE]
    names = {n.upper() for n in p.names("select")}
    if names and "*" not in names:
        page = [{key: value for key, value in row.items() if key in names or key == "ID"} for row in page]
    more = start >= 0 and offset + PAGE < len(rows)
    return Answer(
        page,
        len(rows) if start >= 0 else 0,
        offset + PAGE if more else None,
        list_work(len(rows), len(page), start >= 0),
    )


def _passes(row: dict[str, Any], key: str, value: Any) -> bool:
    prefix, name = split_prefix(key)
    name = name.upper()
    if name not in row or is_container(value):
        return True
    actual = row[name]
    values = (
        value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else [value]
    )
    if name == "ACTIVE":
        return any(actual == (v in (True, 1, "1", "Y", "true")) for v in values)
    if name == "UF_DEPARTMENT":
        return bool({to_int(v) for v in values} & set(actual))
    if name == "ID" and prefix in (">", ">=", "<", "<="):
        number, bound = int(actual), to_int(values[0])
        return {">": number > bound, ">=": number >= bound, "<": number < bound, "<=": number <= bound}[
            prefix
        ]
    if prefix == "%":
        return any(str(v).lower() in str(actual).lower() for v in values)
    found = str(actual) in {str(v) for v in values}
    return not found if prefix.startswith("!") else found


@method("user.current", *USER_SCOPES)
def user_current(service: Service, p: Parameters) -> Answer:
    user = next(u for u in c.USERS if u.id == service.settings.user)
    row = user_row(service, user)
    del row["USER_TYPE"]
    return Answer(row)


@method("department.get", "department")
def department_get(service: Service, p: Parameters) -> Answer:
    rows: list[dict[str, Any]] = []
    for department in c.DEPARTMENTS:
        row: dict[str, Any] = {"ID": str(department.id), "NAME": department.name, "SORT": 500}
        if department.parent is not None:
            row["PARENT"] = str(department.parent)
        if department.head is not None:
            row["UF_HEAD"] = str(department.head)
        rows.append(row)
    for key in ("ID", "NAME", "PARENT", "UF_HEAD", ">ID", ">=ID", "<ID", "<=ID"):
        value = p.get(key)
        if value is not None and not is_container(value):
            rows = [row for row in rows if key.lstrip("<>=") in row and _passes(row, key, value)]
    sort, order = p.get("sort"), p.get("order")
    name = str(sort).upper() if isinstance(sort, str) and sort else "ID"
    if name not in ("ID", "NAME", "SORT", "PARENT", "UF_HEAD"):
        raise errors.RestError(400, "ERROR_ARGUMENT", f"Sorting by {name} is not supported")
    rows.sort(
        key=lambda row: int(row["ID"]) if name == "ID" else str(row.get(name, "")),
        reverse=isinstance(order, str) and order.upper() == "DESC",
    )
    start = to_int(p.get("start"))
    return Answer(rows, len(rows) if start >= 0 else 0, work=0.003)
