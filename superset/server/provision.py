"""Roles, the dashboards' roles, row-level rules and logins, as policy.yaml and the warehouse say; safe to repeat.

Standard input, if any, is JSON: `{"admin": {"username": …, "password": …}, "director": {…}}`. Passwords are set, never
printed. `--passwords FILE`: people of the portal who have no login yet get one, with a password to change at the first
login, which is appended to that file; `--reissue LOGIN` gives one of them a new password the same way.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import login_attempts
import people
import row_rules
from bundle import BundleError, application, policy


def _role(sm: Any, name: str, extra: list[list[str]]) -> Any:
    """A role with Superset's minimal viewing rights and `extra` ([permission, view]), and nothing else."""
    from superset.models.core import Database

    from superset import db

    rights = {pvm for pvm in db.session.query(sm.permissionview_model) if sm._is_public_pvm(pvm)}
    for permission, view in extra:
        if permission == "database_access":
            # Superset names this right by the database's number; there is none where no uploads are taken.
            database = db.session.query(Database).filter_by(database_name=view).one_or_none()
            if database is None:
                continue
            view = database.perm
        found = sm.find_permission_view_menu(permission, view)
        if found is None:
            raise BundleError(
                f"policy.yaml, role {name}: this Superset knows no right {permission} on {view}"
            )
        rights.add(found)
    role = sm.add_role(name)
    role.permissions = list(rights)
    db.session.commit()
    return role


def _open_dashboard(slug: str, roles: list[Any]) -> None:
    from superset.models.dashboard import Dashboard

    from superset import db

    dashboard = db.session.query(Dashboard).filter_by(slug=slug).one_or_none()
    if dashboard is None:
        raise BundleError(
            f"policy.yaml names the dashboard {slug}, which is not in Superset: import the bundle first"
        )
    dashboard.roles = roles
    db.session.commit()


def _person(sm: Any, key: str, given: dict[str, str]) -> None:
    from werkzeug.security import check_password_hash

    try:
        known = policy()["people"][key]
        username, password = given["username"], given["password"]
    except KeyError as error:
        raise BundleError(f"standard input, {key}: unknown person or missing {error}") from None
    roles = [sm.find_role(name) for name in (known["role"], *known.get("also", []))]
    user = sm.find_user(username)
    if user is None:
        names = known["first_name"], known["last_name"], f"{username}@localhost"
        user = sm.add_user(username, *names, roles, password)
        if not user:
            raise BundleError(f"the login {username} could not be made")
    if not check_password_hash(user.password, password):
        sm.reset_password(user.id, password)
    if set(user.roles) != set(roles) or not user.is_active:
        user.roles, user.active = roles, True
        sm.update_user(user)
    if known.get("opens"):
        people.opens(user, known["opens"])


def run(given: dict[str, dict[str, str]], passwords: Path | None = None, reissue: str = "") -> str:
    """Provision; one line that says what was.

    Raises:
        BundleError: policy.yaml, the input or the warehouse names something that is not there.
    """
    wanted = policy()
    app = application()
    with app.app_context():
        from superset import db
        from superset import security_manager as sm

        login_attempts.prepare(db.session)
        roles = {name: _role(sm, name, extra) for name, extra in wanted["roles"].items()}
        datasets = row_rules.apply([sm.find_role("Admin")])
        for slug, dashboard in wanted["dashboards"].items():
            _open_dashboard(slug, [roles[name] for name in dashboard["roles"]])
        for key, person in given.items():
            _person(sm, key, person)
        number, new, closed = people.apply(roles, {p["username"] for p in given.values()}, passwords)
        if reissue:
            people.reissue(reissue, passwords)
            new += 1
    where = f" (passwords: {passwords})" if new and passwords else ""
    return (
        f"provisioned {len(roles)} roles, {len(wanted['dashboards'])} dashboards, row rules of {datasets} datasets, "
        f"{len(given) + number} logins: {new} new passwords{where}, {closed} closed"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--passwords", type=Path, help="file for the passwords of new logins")
    parser.add_argument("--reissue", default="", metavar="LOGIN", help="give this login a new password")
    arguments = parser.parse_args()
    text = "" if sys.stdin.isatty() else sys.stdin.read()
    try:
        print(run(json.loads(text) if text.strip() else {}, arguments.passwords, arguments.reissue))
    except json.JSONDecodeError:
        sys.exit("error: standard input must be JSON, or empty")
    except BundleError as error:
        sys.exit(f"error: {error}")
