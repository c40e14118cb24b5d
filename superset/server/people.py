"""Logins of the people that the warehouse's mart `mart_access__people` names: made, given their role, and closed again."""

from __future__ import annotations

import csv
import os
import secrets
from pathlib import Path
from typing import Any

import first_login
from bundle import BundleError, policy
from import_assets import warehouse_uri
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

# Has no rights: it marks the logins that are ours to close.
MARK = "Из портала"
PEOPLE = text(
    "select login, role, first_name, last_name, email from marts.mart_access__people order by login"
)


def wanted() -> list[dict[str, Any]]:
    """Rows of the mart; none before the first publication.

    Raises:
        BundleError: the warehouse does not answer.
    """
    engine = create_engine(warehouse_uri())
    try:
        with engine.connect() as warehouse:
            if not warehouse.execute(text("select to_regclass('marts.mart_access__people')")).scalar():
                return []
            return [dict(row._mapping) for row in warehouse.execute(PEOPLE)]
    except SQLAlchemyError as error:
        raise BundleError(
            f"the warehouse does not say who may enter: {type(error).__name__}; is it running?"
        ) from None
    finally:
        engine.dispose()


def _issue(path: Path, person: dict[str, Any], password: str) -> None:
    """Append a login and its password to a file that only its owner may read."""
    is_new = not path.exists()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w", newline="") as file:
        writer = csv.writer(file)
        if is_new:
            writer.writerow(("Фамилия", "Имя", "Логин", "Пароль до первого входа"))
        writer.writerow((person["last_name"], person["first_name"], person["login"], password))


def _email(sm: Any, user: Any, person: dict[str, Any]) -> str:
    """The person's address where nobody else in Superset has it: the column there is unique."""
    wish = person["email"] or f"{person['login']}@localhost"
    other = sm.find_user(email=wish)
    return wish if other is None or other == user else f"{person['login']}@localhost"


def apply(roles: dict[str, Any], kept: set[str], passwords: Path | None) -> tuple[int, int, int]:
    """Make the logins of the people, give them their roles, close those of whoever is no longer one of them.

    `roles`: Superset's roles by name. `kept`: logins that the caller provisions itself. `passwords`: file for the
    passwords of new logins; without it nobody new gets one, and only an identity provider lets them in.

    Returns: people, new logins, closed logins.

    Raises:
        BundleError: policy.yaml has no entry for a role of the warehouse.
    """
    from superset import db
    from superset import security_manager as sm

    known = policy()["portal_roles"]
    first_login.prepare(db.session)
    mark = sm.add_role(MARK)
    people, new = [person for person in wanted() if person["login"] not in kept], 0
    for person in people:
        if person["role"] not in known:
            raise BundleError(
                f"policy.yaml, portal_roles: the role {person['role']} of the warehouse is missing"
            )
        entry = known[person["role"]]
        wished = [mark, *(roles.get(name) or sm.find_role(name) for name in entry["roles"])]
        user = sm.find_user(person["login"])
        if user is None:
            password = secrets.token_urlsafe(12)
            names = person["first_name"] or person["last_name"], person["last_name"]
            user = sm.add_user(person["login"], *names, _email(sm, None, person), wished, password)
            if not user:
                raise BundleError(f"the login {person['login']} could not be made")
            first_login.remember(db.session, user)
            if passwords:
                _issue(passwords, person, password)
            new += 1
        user.first_name, user.last_name = person["first_name"] or person["last_name"], person["last_name"]
        user.email = _email(sm, user, person)
        if set(user.roles) != set(wished) or not user.is_active:
            user.roles, user.active = wished, True
        db.session.commit()
        opens(user, entry["opens"])
    closed = _close(mark, {person["login"] for person in people})
    return len(people), new, closed


def reissue(login: str, passwords: Path | None) -> None:
    """Give a person of the portal a new password, to be changed at the next login.

    Raises:
        BundleError: no such person may enter, or no file is given to write the password to.
    """
    from superset import db
    from superset import security_manager as sm

    person = next((person for person in wanted() if person["login"] == login), None)
    user = sm.find_user(login)
    if person is None or user is None:
        raise BundleError(
            f"nobody in the warehouse has the login {login}: see seeds/people.csv and the portal"
        )
    if passwords is None:
        raise BundleError("--reissue needs --passwords FILE, which the password is written to")
    password = secrets.token_urlsafe(12)
    sm.reset_password(user.id, password)
    first_login.remember(db.session, user)
    _issue(passwords, person, password)


def _close(mark: Any, wanted_logins: set[str]) -> int:
    """Close the logins that were the portal's and are no longer; their settings stay."""
    from superset import db
    from superset import security_manager as sm

    closed = 0
    for user in db.session.query(sm.user_model).filter_by(active=True):
        if mark in user.roles and user.username not in wanted_logins:
            user.active = False
            closed += 1
    db.session.commit()
    return closed


def opens(user: Any, slug: str) -> None:
    """Make a dashboard the page that the user sees after logging in."""
    from superset.models.dashboard import Dashboard
    from superset.models.user_attributes import UserAttribute

    from superset import db

    attribute = db.session.query(UserAttribute).filter_by(user_id=user.id).one_or_none()
    if attribute is None:
        attribute = UserAttribute(user_id=user.id)
        db.session.add(attribute)
    attribute.welcome_dashboard_id = db.session.query(Dashboard.id).filter_by(slug=slug).scalar()
    db.session.commit()
