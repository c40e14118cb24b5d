"""Passwords that were issued, and must be changed before anything else is shown. Superset has no such setting.

A table of our own in Superset's metadata keeps the hash of each issued password: while a person's hash is still that one,
the password is.
"""

from __future__ import annotations

from typing import Any

from requester import requester
from sqlalchemy import Column, Integer, MetaData, String, Table, delete, insert, select

ISSUED = Table(
    "voronka_issued_passwords",
    MetaData(),
    Column("user_id", Integer, primary_key=True, autoincrement=False),
    Column("password_hash", String(256), nullable=False),
)
CHANGE = "/resetmypassword/form"
# What a person needs to change the password: the form, its looks and words, and a way out.
REACHABLE = ("/static/", "/logout", "/login", "/superset/language_pack/", "/appbuilder/static/", "/health")


def prepare(session: Any) -> None:
    """Make the table where it is not yet."""
    ISSUED.create(session.connection(), checkfirst=True)
    session.commit()


def remember(session: Any, user: Any) -> None:
    """The password that `user` has now was issued, and must be changed."""
    session.execute(delete(ISSUED).where(ISSUED.c.user_id == user.id))
    session.execute(insert(ISSUED).values(user_id=user.id, password_hash=user.password))
    session.commit()


def is_issued(session: Any, user: Any) -> bool:
    """Whether the password of `user` is still the issued one."""
    return (
        session.execute(select(ISSUED.c.password_hash).where(ISSUED.c.user_id == user.id)).scalar()
        == user.password
    )


def word_the_form() -> None:
    """The form says what it is and what it takes: its own words tell that nobody looks at passwords, and we do."""
    from flask_appbuilder.security.forms import ResetPasswordForm
    from flask_appbuilder.security.views import ResetMyPasswordView

    ResetMyPasswordView.form_title = "Новый пароль"
    ResetPasswordForm.password.kwargs["description"] = "Не короче 12 знаков"


def hook() -> Any:
    """Before each request: whoever has an issued password gets the form to change it, and no data until then."""
    from flask import flash, jsonify, redirect, request, session
    from werkzeug.security import check_password_hash

    from superset import db

    path = request.path
    if path.startswith(REACHABLE):
        return None
    user = requester()
    if session.get("oauth_provider"):
        # Came in by single sign-on, without a password.
        return None
    if user is None or not is_issued(db.session, user):
        return None
    if path.rstrip("/") == CHANGE:
        if request.method == "POST" and check_password_hash(user.password, request.form.get("password", "")):
            flash("Новый пароль должен отличаться от выданного", "warning")
            return redirect(CHANGE)
        return None
    if path.startswith("/api/"):
        return jsonify({"message": "Сначала смените выданный пароль: войдите в браузере"}), 403
    # Superset has said «access denied» to whoever came without a login; what the form asks for is another matter.
    session.pop("_flashes", None)
    flash("Пароль выдан на первый раз: придумайте свой, не короче 12 знаков", "info")
    return redirect(CHANGE)
