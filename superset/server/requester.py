"""Who sends a request, before Superset itself has looked: by the browser's session, or by the token of an API client."""

from __future__ import annotations

from typing import Any


def requester() -> Any | None:
    """Superset's user; None where nobody is logged in or the token does not hold."""
    from flask_jwt_extended import get_current_user, verify_jwt_in_request
    from flask_jwt_extended.exceptions import JWTExtendedException
    from flask_login import current_user
    from jwt.exceptions import PyJWTError

    if current_user.is_authenticated:
        return current_user
    try:
        # Sessions know nothing of tokens; Superset would read this one only after the hooks.
        return get_current_user() if verify_jwt_in_request(optional=True) else None
    except (JWTExtendedException, PyJWTError):
        return None
