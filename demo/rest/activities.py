"""crm.activity.*: calls, meetings, letters, tasks and to-dos."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from demo.company.records import Activity
from demo.rest import errors
from demo.rest.columns import Column, Encoder
from demo.rest.entities import render
from demo.rest.filters import is_container
from demo.rest.parameters import Parameters, to_int
from demo.rest.service import Answer, Service, list_work, method


@lru_cache(maxsize=4)
def activity_columns(encoder: Encoder) -> tuple[Column, ...]:
    columns: list[Column] = []

    def add(
        name: str,
        kind: str,
        get: Callable[[Activity], Any],
        write: Callable[[Any], Any],
        group: str = "field",
    ) -> None:
        columns.append(Column(name, kind, get, write, group, name))

    def constant(name: str, value: Any) -> None:
        add(name, "const", lambda _a: value, encoder.same)

    number, same = encoder.text_number, encoder.same
    add("ID", "int", lambda a: a.id, number)
    add("OWNER_ID", "int", lambda a: a.bindings[0][1], number)
    add("OWNER_TYPE_ID", "int", lambda a: a.bindings[0][0], number)
    add("TYPE_ID", "int", lambda a: a.type_id, number)
    add("PROVIDER_ID", "text", lambda a: a.provider, same)
    add("PROVIDER_TYPE_ID", "text", lambda a: a.provider_type, same)
    constant("PROVIDER_GROUP_ID", None)
    add("ASSOCIATED_ENTITY_ID", "int", lambda a: a.id // 2 if a.provider == "CRM_TASKS_TASK" else 0, number)
    add("SUBJECT", "text", lambda a: a.subject, same)
    add("CREATED", "moment", lambda a: a.created, encoder.moment)
    add("LAST_UPDATED", "moment", lambda a: a.updated, encoder.moment)
    add("START_TIME", "moment", lambda a: a.start, encoder.moment)
    add("END_TIME", "moment", lambda a: a.end, encoder.moment)
    add("DEADLINE", "moment", lambda a: a.deadline, encoder.deadline)
    add("COMPLETED", "flag", lambda a: a.completed, encoder.flag)
    add("STATUS", "int", lambda a: 2 if a.completed else 1, number)
    add("RESPONSIBLE_ID", "int", lambda a: a.responsible, number)
    add("PRIORITY", "int", lambda a: a.priority, number)
    constant("NOTIFY_TYPE", "1")
    constant("NOTIFY_VALUE", "15")
    add("DESCRIPTION", "text", lambda a: a.description, same)
    add("DESCRIPTION_TYPE", "int", lambda a: 3 if a.description else 1, number)
    add("DIRECTION", "int", lambda a: a.direction, number)
    constant("LOCATION", "")
    add(
        "SETTINGS",
        "const",
        lambda a: a.provider == "CRM_EMAIL",
        lambda mail: {"EMAIL_META": {"__email": "sales@example.com"}} if mail else [],
    )
    constant("ORIGINATOR_ID", None)
    add("ORIGIN_ID", "text", lambda a: a.origin, same)
    add("AUTHOR_ID", "int", lambda a: a.author, number)
    add("EDITOR_ID", "int", lambda a: a.editor, number)
    constant("PROVIDER_PARAMS", [])
    constant("PROVIDER_DATA", None)
    constant("RESULT_MARK", "0")
    constant("RESULT_VALUE", None)
    constant("RESULT_SUM", None)
    constant("RESULT_CURRENCY_ID", None)
    constant("RESULT_STATUS", "0")
    constant("RESULT_STREAM", "0")
    constant("RESULT_SOURCE_ID", None)
    constant("AUTOCOMPLETE_RULE", "0")
    add("IS_INCOMING_CHANNEL", "flag", lambda a: False, encoder.flag, "asked")
    return tuple(columns)


def communications(service: Service, activity: Activity) -> list[dict[str, Any]]:
    if activity.communication is None:
        return []
    row_id, kind, value, card_id, entity = activity.communication
    card = service.portal.cards.get(entity, {}).get(card_id)
    settings: dict[str, Any] | list[Any] = []
    if card is not None:
        company = service.portal.cards[4].get(card.company_id)
        settings = {
            "HONORIFIC": "",
            "NAME": getattr(card, "name", "") or "",
            "SECOND_NAME": getattr(card, "second_name", "") or "",
            "LAST_NAME": getattr(card, "last_name", "") or "",
            "COMPANY_TITLE": company.title if company else "",
            "COMPANY_ID": str(card.company_id),
        }
    return [
        {
            "ID": str(row_id),
            "TYPE": kind,
            "VALUE": value,
            "ENTITY_ID": str(card_id),
            "ENTITY_TYPE_ID": str(entity),
            "ENTITY_SETTINGS": settings,
        }
    ]


def _bound_to(value: Any) -> set[tuple[int, int | None]]:
    """{(entity type, id or None for any)} of a BINDINGS filter."""
    rows = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    if rows and not isinstance(rows[0], dict):
        rows = [value]
    wanted = set()
    for row in rows:
        folded = {str(key).upper(): v for key, v in row.items()}
        card = folded.get("OWNER_ID")
        wanted.add((to_int(folded.get("OWNER_TYPE_ID")), None if card is None else to_int(card)))
    return wanted


@method("crm.activity.list", "crm")
def crm_activity_list(service: Service, p: Parameters) -> Answer:
    conditions = dict(p.mapping("filter"))
    records = service.portal.activities
    bindings = next((key for key in conditions if key.upper().lstrip("=@") == "BINDINGS"), None)
    table = "activity"
    if bindings is not None:
        wanted = _bound_to(conditions.pop(bindings))
        table += repr(sorted(wanted, key=repr))
        records = {
            key: a
            for key, a in records.items()
            if any((kind, card) in wanted or (kind, None) in wanted for kind, card in a.bindings)
        }
    start = to_int(p.get("start"))
    columns = activity_columns(service.encoder)
    order = [(name, str(direction)) for name, direction in p.mapping("order").items()]
    page = service.lister.page(
        table,
        service.version,
        records,
        {col.name.lower(): col for col in columns},
        conditions,
        order,
        start,
        default_order="start_time",
    )
    names = {name.upper() for name in p.names("select")}
    everything = not names or "*" in names
    chosen = [
        col
        for col in columns
        if (everything and col.group == "field") or col.name in names or col.name == "ID"
    ]
    rows = []
    for activity in page.records:
        row = render(activity, chosen)
        if "COMMUNICATIONS" in names:
            row["COMMUNICATIONS"] = communications(service, activity)
        if "FILES" in names:
            row["FILES"] = []
        rows.append(row)
    return Answer(
        rows, page.total if start >= 0 else 0, page.next, list_work(page.scanned, len(rows), start >= 0)
    )


def _find(service: Service, value: Any) -> Activity:
    activity = service.portal.activities.get(to_int(value)) if not is_container(value) else None
    if activity is None:
        raise errors.RestError(400, "", "Activity is not found.")
    return activity


@method("crm.activity.get", "crm")
def crm_activity_get(service: Service, p: Parameters) -> Answer:
    activity = _find(service, p.get("id"))
    return Answer(
        render(activity, [col for col in activity_columns(service.encoder) if col.group == "field"]),
        work=0.01,
    )


@method("crm.activity.binding.list", "crm")
def crm_activity_binding_list(service: Service, p: Parameters) -> Answer:
    if p.get("activityId") is None:
        raise errors.missing_parameter("activityId")
    activity = service.portal.activities.get(to_int(p.get("activityId")))
    if activity is None:
        raise errors.not_found("Дело не найдено")
    return Answer([{"entityTypeId": kind, "entityId": card} for kind, card in activity.bindings], work=0.004)


ACTIVITY_TYPES = {
    "OWNER_TYPE_ID": "crm_enum_ownertype",
    "TYPE_ID": "crm_enum_activitytype",
    "STATUS": "crm_enum_activitystatus",
    "PRIORITY": "crm_enum_activitypriority",
    "NOTIFY_TYPE": "crm_enum_activitynotifytype",
    "DESCRIPTION_TYPE": "crm_enum_contenttype",
    "DIRECTION": "crm_enum_activitydirection",
    "RESPONSIBLE_ID": "user",
    "AUTHOR_ID": "user",
    "EDITOR_ID": "user",
    "SETTINGS": "object",
    "PROVIDER_PARAMS": "object",
    "COMPLETED": "char",
    "IS_INCOMING_CHANNEL": "char",
}


#: Fields that come only when they are asked for by name, if at all.
ASKED_FIELDS = (
    ("BINDINGS", "crm_activity_binding", "Привязки"),
    ("COMMUNICATIONS", "crm_activity_communication", "Канал коммуникации"),
    ("FILES", "diskfile", "Файлы"),
    ("WEBDAV_ELEMENTS", "diskfile", "Добавленные файлы"),
)


@method("crm.activity.fields", "crm")
def crm_activity_fields(service: Service, p: Parameters) -> Answer:
    kinds = {"int": "integer", "moment": "datetime"}
    rows = {
        col.name: {
            "type": ACTIVITY_TYPES.get(col.name, kinds.get(col.kind, "string")),
            "isRequired": col.name in ("TYPE_ID", "SUBJECT", "RESPONSIBLE_ID"),
            "isReadOnly": col.name in ("ID", "CREATED", "LAST_UPDATED", "AUTHOR_ID", "EDITOR_ID"),
            "isImmutable": col.name in ("OWNER_ID", "OWNER_TYPE_ID", "TYPE_ID"),
            "isMultiple": False,
            "isDynamic": False,
            "title": col.name,
        }
        for col in activity_columns(service.encoder)
    }
    for name, kind, title in ASKED_FIELDS:
        rows[name] = {
            "type": kind,
            "isRequired": name == "COMMUNICATIONS",
            "isReadOnly": name == "BINDINGS",
            "isImmutable": False,
            "isMultiple": True,
            "isDynamic": False,
            **({"isDeprecated": True} if name == "WEBDAV_ELEMENTS" else {}),
            "title": title,
        }
    return Answer(rows)
