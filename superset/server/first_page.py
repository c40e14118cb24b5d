"""The dashboard that a person's login opens, also where they follow a link to one that is open to other roles; and which ones
are closed to them, so that the navigation does not offer those.

Superset knows a user's first dashboard (provision.py sets it), but its browser side shows the list instead, and a page in
English for a dashboard that is not the user's.
"""

from __future__ import annotations

import re
from typing import Any

DASHBOARD = re.compile(r"/superset/dashboard/(?P<name>[\w-]+)/?")


def _is_closed(dashboard: Any) -> bool:
    """Whether a dashboard is for other roles than the person's; one that names no roles is not ours to judge."""
    from flask_login import current_user

    mine = {role.name for role in current_user.roles}
    theirs = {role.name for role in dashboard.roles}
    return bool(theirs) and not theirs & mine and "Admin" not in mine


def closed_dashboards() -> list[str]:
    """Slugs of the dashboards that are for other roles; none before login."""
    from flask_login import current_user
    from superset.models.dashboard import Dashboard

    from superset import db

    if not current_user.is_authenticated:
        return []
    return sorted(
        found.slug
        for found in db.session.query(Dashboard).filter(Dashboard.slug.isnot(None))
        if _is_closed(found)
    )


def hook() -> Any:
    """Before each request for a page."""
    from flask import flash, redirect, request
    from flask_login import current_user
    from superset.models.dashboard import Dashboard
    from superset.models.user_attributes import UserAttribute

    from superset import db

    asked = DASHBOARD.fullmatch(request.path)
    if not (asked or request.path == "/superset/welcome/") or not current_user.is_authenticated:
        return None
    chosen = db.session.query(UserAttribute.welcome_dashboard_id).filter_by(user_id=current_user.id).scalar()
    if not chosen:
        return None
    if asked:
        dashboard = Dashboard.get(asked["name"])
        if dashboard is None or dashboard.id == chosen or not _is_closed(dashboard):
            return None
        flash("Этот дашборд открыт другим ролям", "warning")
    return redirect(f"/superset/dashboard/{chosen}/")
