"""Viewers ask for columns and metrics by their names: SQL and templates of their own are refused.

Superset lets whoever may see a chart send conditions and expressions in SQL with the request for its data, and renders
templates in them. No dashboard of ours needs it (tests hold that charts hold no SQL), so that it would only serve to reach
around the row-level rules.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from requester import requester

NAME = re.compile(r"\w+( \w+)*")
TEMPLATE = re.compile(r"\{\{|\{%|\{#")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(key)
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _is_named(item: Any) -> bool:
    """A column or metric by its name, or an axis over a column, which the browser writes as an expression of one name."""
    if isinstance(item, dict):
        return item.get("columnType") == "BASE_AXIS" and bool(NAME.fullmatch(str(item.get("sqlExpression"))))
    return item is None or (isinstance(item, str) and bool(NAME.fullmatch(item)))


def problem(queries: Any) -> str | None:
    """What of a request's queries a viewer may not send; None for a plain one."""
    if not isinstance(queries, list) or not all(isinstance(query, dict) for query in queries):
        return "queries"
    for query in queries:
        extras = query.get("extras") or {}
        if not isinstance(extras, dict) or extras.get("where") or extras.get("having"):
            return "extras"
        named = [*(query.get("columns") or []), *(query.get("groupby") or []), *(query.get("metrics") or [])]
        named += [query.get("series_limit_metric"), query.get("timeseries_limit_metric")]
        named += [order[0] for order in query.get("orderby") or [] if isinstance(order, list) and order]
        named += [clause.get("col") for clause in query.get("filters") or [] if isinstance(clause, dict)]
        if not all(_is_named(item) for item in named):
            return "expression"
        if query.get("annotation_layers") or query.get("applied_time_extras"):
            return "annotation_layers"
        if any(TEMPLATE.search(text) for text in _texts(query)):
            return "template"
    return None


def hook() -> Any:
    """Before each request for a chart's data by anybody but an administrator."""
    from flask import jsonify, request

    if request.method != "POST" or request.path.rstrip("/") != "/api/v1/chart/data":
        return None
    user = requester()
    if user is None or any(role.name == "Admin" for role in user.roles):
        return None
    try:
        body = request.get_json(silent=True) if request.is_json else json.loads(request.form["form_data"])
    except (KeyError, ValueError):
        body = None
    found = problem(body.get("queries")) if isinstance(body, dict) else "body"
    if found:
        return jsonify({"message": f"Такой запрос к данным не разрешён ({found})"}), 403
    return None
