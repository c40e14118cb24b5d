"""What a portal does not offer: skipped where the stream is optional, refused where it is not.

Both sources count: the scopes that the webhook says it has, and the error codes of the answers.
"""

from __future__ import annotations

from tap_bitrix24.catalogue import Spec
from tap_bitrix24.errors import ADMIN_CURE, NOT_OFFERED, StreamRefused, StreamSkipped
from tap_bitrix24.portal import Portal

NO_SCOPE = "INSUFFICIENT_SCOPE"
DENIED = frozenset({"ACCESS_DENIED", "200040300010"})
"""Codes of a refusal by rights. To an administrator it means that the portal's plan lacks the feature."""


def admit(spec: Spec, portal: Portal) -> None:
    """Compare a stream's scopes with those of the webhook, before anything is asked.

    Raises:
        StreamSkipped: the webhook has none of an optional stream's scopes.
        StreamRefused: the same of a stream that must not be missing.
    """
    if portal.scopes is None or not spec.scope or set(spec.scope) & set(portal.scopes):
        return
    wanted = " or ".join(spec.scope)
    if spec.optional:
        raise StreamSkipped(f"the webhook has no scope {wanted}", NO_SCOPE)
    raise StreamRefused(
        f"the webhook lacks the scope {wanted}: tick it in the webhook's settings ({NO_SCOPE})", NO_SCOPE
    )


def judge(spec: Spec, portal: Portal, error: Exception) -> Exception:
    """What an error means for a stream: StreamSkipped where an optional feature is not there, else the error."""
    if not (spec.optional and isinstance(error, StreamRefused)):
        return error
    if error.code in NOT_OFFERED or error.code == NO_SCOPE:
        return StreamSkipped(f"not offered by this portal: {error}", error.code)
    if error.code in DENIED:
        if portal.is_admin:
            return StreamSkipped(f"not in this portal's plan: {error}", error.code)
        return StreamRefused(f"{error}: {ADMIN_CURE}", error.code)
    return error
