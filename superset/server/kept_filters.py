"""A number that is a link opens the cards that it counts: it keeps what was chosen in the filters that reached it.

Links are texts of charts and cannot know what is chosen on the page. The page stores that under a key of its address, which the
browser sends along; a link names its chart (`from=CHART-knopki`). Over what is kept comes the link's own choice; filters that
do not reach the chart, and therefore did not make its number, fall back to their defaults.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from first_page import DASHBOARD

CHART, CHOICE, KEY = "from", "native_filters", "native_filters_key"


def is_chart(node: Any) -> bool:
    """Whether something of the layout is a chart's place: rows, tabs and the format's version lie beside them."""
    return isinstance(node, dict) and node.get("type") == "CHART"


def reaches(native: dict[str, Any], node: dict[str, Any]) -> bool:
    """Whether a chart's place lies in the scope of a filter."""
    scope = native["scope"]
    return (
        bool(set(scope["rootPath"]) & set(node["parents"]))
        and node["meta"]["chartId"] not in scope["excluded"]
    )


def _chosen_on_the_page(dashboard: Any) -> dict[str, Any]:
    """What the page that the link stands on has chosen, by filter."""
    from flask import request
    from superset.commands.dashboard.filter_state.get import GetFilterStateCommand
    from superset.commands.temporary_cache.parameters import CommandParameters
    from superset.models.dashboard import Dashboard

    page = urlsplit(request.referrer or "")
    named, key = DASHBOARD.fullmatch(page.path), parse_qs(page.query).get(KEY)
    source = Dashboard.get(named["name"]) if named and key else None
    if source is None or source.id != dashboard.id:
        return {}
    stored = GetFilterStateCommand(CommandParameters(resource_id=dashboard.id, key=key[0])).run()
    return json.loads(stored) if stored else {}


def _choice_of(text: str) -> dict[str, Any]:
    """What a link chooses, by filter; nothing where its address was cut short, on which prison fails in several ways."""
    import prison
    from prison.decoder import ParserException

    try:
        choice = prison.loads(text)
    except (ParserException, TypeError, RecursionError):
        return {}
    return choice if isinstance(choice, dict) else {}


def hook() -> Any:
    """Before each request for a dashboard by a link from a chart of it."""
    from flask import redirect, request
    from flask_login import current_user
    from superset.commands.dashboard.filter_state.create import CreateFilterStateCommand
    from superset.commands.temporary_cache.exceptions import (
        TemporaryCacheAccessDeniedError,
        TemporaryCacheResourceNotFoundError,
    )
    from superset.commands.temporary_cache.parameters import CommandParameters
    from superset.models.dashboard import Dashboard

    asked = DASHBOARD.fullmatch(request.path)
    if not asked or CHART not in request.args or not current_user.is_authenticated:
        return None
    dashboard = Dashboard.get(asked["name"])
    if dashboard is None:
        return None
    others = {name: text for name, text in request.args.items() if name not in (CHART, CHOICE, KEY)}
    filters = json.loads(dashboard.json_metadata or "{}").get("native_filter_configuration", [])
    node = dashboard.position.get(request.args[CHART])
    kept = {native["id"] for native in filters if is_chart(node) and reaches(native, node)}
    try:
        state = {name: mask for name, mask in _chosen_on_the_page(dashboard).items() if name in kept}
        state |= _choice_of(request.args.get(CHOICE, "()"))
        if state:
            stored = CommandParameters(resource_id=dashboard.id, value=json.dumps(state, ensure_ascii=False))
            others[KEY] = CreateFilterStateCommand(stored).run()
    except (TemporaryCacheAccessDeniedError, TemporaryCacheResourceNotFoundError):
        # The dashboard is closed to the person: Superset answers as without us.
        return None
    return redirect(f"{request.path}?{urlencode(others)}" if others else request.path)
