"""voximplant.statistic.get: the call log, one row per leg, without any time of modification."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from demo.company.records import Call
from demo.rest import errors
from demo.rest.columns import Column, Encoder
from demo.rest.entities import render
from demo.rest.filters import split_prefix
from demo.rest.parameters import Parameters, to_int
from demo.rest.service import Answer, Service, list_work, method


@lru_cache(maxsize=4)
def call_columns(encoder: Encoder) -> tuple[Column, ...]:
    number, same = encoder.text_number, encoder.same
    linked = encoder.text_number_or_null

    def constant(name: str, value: Any) -> Column:
        return Column(name, "const", lambda _call: value, same)

    return (
        Column("ID", "int", lambda x: x.id, number),
        Column("PORTAL_USER_ID", "int", lambda x: x.user_id, number),
        Column("PORTAL_NUMBER", "text", lambda x: x.line, same),
        Column("PHONE_NUMBER", "text", lambda x: x.phone, same),
        Column("CALL_ID", "text", lambda x: x.call_id, same),
        constant("EXTERNAL_CALL_ID", None),
        Column("CALL_CATEGORY", "text", lambda x: x.category, same),
        Column("CALL_LOG", "text", _log, same),
        Column("CALL_DURATION", "int", lambda x: x.duration, number),
        Column("CALL_START_DATE", "moment", lambda x: x.started, encoder.moment),
        Column("CALL_RECORD_URL", "text", lambda x: None if x.external else "", same),
        Column("CALL_VOTE", "int", lambda x: x.vote, number),
        Column("COST", "text", lambda x: x.cost, same),
        Column("COST_CURRENCY", "text", lambda x: x.cost_currency, same),
        Column("CALL_FAILED_CODE", "text", lambda x: x.code, same),
        Column("CALL_FAILED_REASON", "text", lambda x: x.reason, same),
        Column("CRM_ENTITY_TYPE", "text", lambda x: x.crm_type, same),
        Column("CRM_ENTITY_ID", "int", lambda x: x.crm_id, linked),
        Column("CRM_ACTIVITY_ID", "int", lambda x: x.activity_id, linked),
        Column("REST_APP_ID", "int", lambda x: 3 if x.external else 0, linked),
        Column("REST_APP_NAME", "text", lambda x: "АТС «Горизонт»" if x.external else None, same),
        Column("TRANSCRIPT_ID", "int", lambda x: x.transcript, number),
        constant("TRANSCRIPT_PENDING", "N"),
        Column("SESSION_ID", "text", lambda x: x.session, same),
        Column("REDIAL_ATTEMPT", "int", lambda x: x.redial, number),
        constant("COMMENT", None),
        Column("RECORD_DURATION", "int", lambda x: x.record_seconds, number),
        Column("RECORD_FILE_ID", "int", lambda x: x.record_file, encoder.number),
        Column("CALL_TYPE", "int", lambda x: x.call_type, number),
    )


def _log(call: Call) -> str | None:
    """A signed address of the session's log: what a loader had better not keep."""
    if call.external:
        return None
    return f"https://storage.example.com/voximplant-logs/{call.call_id}?sessionid={call.session}"


OPERATORS = frozenset({"", "!", ">=", ">", "<=", "<", "><", "!><", "?", "=", "!=", "%", "!%"})


@method("voximplant.statistic.get", "telephony")
def voximplant_statistic_get(service: Service, p: Parameters) -> Answer:
    """Filter, sort and order are upper case; unknown fields and operators are dropped without a word."""
    columns = {col.name.lower(): col for col in call_columns(service.encoder)}
    conditions: dict[str, Any] = {}
    bindings: dict[str, Any] = {}
    for key, value in p.mapping("FILTER").items():
        prefix, name = split_prefix(key)
        if name.upper() in ("CRM_BINDINGS.ENTITY_TYPE", "CRM_BINDINGS.ENTITY_ID"):
            bindings["CRM_ENTITY_TYPE" if name.upper().endswith("TYPE") else "CRM_ENTITY_ID"] = value
        elif prefix in OPERATORS and name == name.upper() and name.lower() in columns:
            conditions[key] = value
    conditions.update(bindings)
    sort, order = p.get("SORT"), p.get("ORDER")
    ordering: list[tuple[str, str]] = []
    if isinstance(sort, str) and isinstance(order, str) and sort and order:
        if sort.upper() == "CALL_TYPE":
            raise errors.RestError(400, "ERROR_ARGUMENT", "Sorting by CALL_TYPE is not supported")
        ordering = [(sort, order)]
    start = to_int(p.get("start"))
    page = service.lister.page(
        "call", service.version, service.portal.calls, columns, conditions, ordering, start
    )
    rows = [render(call, list(columns.values())) for call in page.records]
    return Answer(
        rows, page.total if start >= 0 else 0, page.next, list_work(page.scanned, len(rows), start >= 0)
    )
