"""Whoever guesses passwords is told to wait. Superset's own limit counts in each process for itself, and not the API's logins.

Failed logins stand in a table of our own in Superset's metadata, so that all processes count together. Successful ones are
not counted: an office behind one address may come in at nine.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from sqlalchemy import Column, DateTime, MetaData, String, Table, and_, delete, func, insert, select

FAILURES = Table(
    "voronka_failed_logins",
    MetaData(),
    Column("failed_at", DateTime(timezone=True), nullable=False, index=True),
    Column("address", String(64), nullable=False),
    Column("login", String(64), nullable=False),
)
WINDOW = timedelta(minutes=10)
# Failures within the window: of one login from one address, from one address, of one login from anywhere.
OF_BOTH, OF_ADDRESS, OF_LOGIN = 10, 60, 100
FORM, API = "/login", "/api/v1/security/login"
REFUSAL = "Слишком много неудачных попыток входа. Подождите десять минут и попробуйте снова."


def prepare(session: Any) -> None:
    """Make the table where it is not yet."""
    FAILURES.create(session.connection(), checkfirst=True)
    session.commit()


def _who() -> tuple[str, str] | None:
    """Address and login of a request that tries a password; None for any other."""
    from flask import request

    path = request.path.rstrip("/")
    if request.method != "POST" or path not in (FORM, API):
        return None
    given = request.form if path == FORM else request.get_json(silent=True)
    login = str(given.get("username", "")) if hasattr(given, "get") else ""
    return (request.remote_addr or "")[:64], login[:64].lower()


def before() -> Any:
    """Before each request: refuse a password that comes after too many wrong ones."""
    from flask import jsonify, request

    from superset import db

    who = _who()
    if who is None:
        return None
    address, login = FAILURES.c.address == who[0], FAILURES.c.login == who[1]
    counts = select(
        *(func.count().filter(condition) for condition in (and_(address, login), address, login))
    ).where(FAILURES.c.failed_at > datetime.now(timezone.utc) - WINDOW)
    with db.engine.connect() as connection:
        of_both, of_address, of_login = connection.execute(counts).one()
    if of_both < OF_BOTH and of_address < OF_ADDRESS and of_login < OF_LOGIN:
        return None
    body = jsonify({"message": REFUSAL}) if request.path.startswith("/api/") else REFUSAL
    return body, 429, {"Retry-After": str(int(WINDOW.total_seconds()))}


def after(response: Any) -> Any:
    """After each request: remember a password that was wrong."""
    from flask import request
    from flask_login import current_user

    from superset import db

    who = _who()
    if who is None:
        return response
    if request.path.startswith("/api/"):
        failed = response.status_code == 401
    else:
        failed = response.status_code in (200, 302) and not current_user.is_authenticated
    if failed:
        now = datetime.now(timezone.utc)
        with db.engine.begin() as connection:
            connection.execute(insert(FAILURES).values(failed_at=now, address=who[0], login=who[1]))
            connection.execute(delete(FAILURES).where(FAILURES.c.failed_at < now - WINDOW))
    return response
