"""What can go wrong with a portal, as exception classes, and the one place that maps Bitrix24's codes.

Codes are compared without case and take precedence over the HTTP status: the documents and Bitrix24's own
SDKs disagree on the status of several of them.
"""

from __future__ import annotations

from typing import Any


class PortalError(Exception):
    """A portal's refusal. `code` is Bitrix24's error code in upper case, empty where it sent none."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class Temporary(PortalError):
    """Worth another try later: overload, a broken connection, an answer that is no JSON.

    `final` says that it was tried often enough.
    """

    final = False


class RateLimited(Temporary):
    """The portal's request counter is full (QUERY_LIMIT_EXCEEDED)."""


class TooSlow(Temporary):
    """The portal gave no answer in time; a shorter batch may get one."""


class OperatingLimit(PortalError):
    """A method used up its execution time; `wait` seconds until the portal opens it again."""

    def __init__(self, message: str, code: str = "", wait: float = 60.0) -> None:
        super().__init__(message, code)
        self.wait = wait


class StreamRefused(PortalError):
    """This method is not for this webhook or portal; others may well be."""


class StreamSkipped(PortalError):
    """The portal does not have what an optional stream is about: it is empty, and nothing is wrong."""


class PortalRefused(PortalError):
    """Nothing can be read through this webhook; there is no point in asking on."""


class NotBitrix(PortalRefused):
    """Something answered, but it is no Bitrix24 REST interface."""


class Unreachable(Temporary):
    """No connection: name not resolved, connection refused, TLS failure."""


WEBHOOK_CURE = (
    "make a new inbound webhook in the portal (Developer resources → Other)"
    " and put it into BITRIX24_WEBHOOK_URL"
)
ADMIN_CURE = "let a portal administrator make the webhook"

_STOP = {
    "NO_AUTH_FOUND": f"the webhook code is wrong or was revoked: {WEBHOOK_CURE}",
    "EXPIRED_TOKEN": f"the webhook has expired: {WEBHOOK_CURE}",
    "INVALID_TOKEN": f"the webhook code is not known to the portal: {WEBHOOK_CURE}",
    "INVALID_CREDENTIALS": f"the webhook's owner has no right to REST: {ADMIN_CURE}",
    "AUTHORIZATION_ERROR": f"the webhook's owner was dismissed: {WEBHOOK_CURE}, as an active administrator",
    "USER_ACCESS_ERROR": f"the webhook's owner may not use it: {ADMIN_CURE}",
    "APPLICATION_NOT_FOUND": f"the portal does not know this webhook: {WEBHOOK_CURE}",
    "ERROR_OAUTH": f"the portal refused the authorization: {WEBHOOK_CURE}",
    "METHOD_CONFIRM_WAITING": "an administrator has to confirm this call in the portal first",
    "PAYMENT_REQUIRED": "the portal's subscription has ended: renew the Bitrix24 plan",
    "OVERLOAD_LIMIT": "Bitrix24 has blocked this portal's REST because of overload: write to its support",
    "PORTAL_DELETED": "the portal was closed: check the address in BITRIX24_WEBHOOK_URL",
    "INVALID_REQUEST": "the portal wants https: let BITRIX24_WEBHOOK_URL begin with https://",
}
_NO_REST = (
    "the portal's plan has no REST: it needs a commercial Bitrix24 plan (or the Marketplace subscription)"
)
_TEMPORARY = {"INTERNAL_SERVER_ERROR", "ERROR_UNEXPECTED_ANSWER"}
_REFUSED = {
    "INSUFFICIENT_SCOPE": "the webhook lacks the scope for it: tick the scope in the webhook's settings",
    "ACCESS_DENIED": f"the webhook's owner may not read it: {ADMIN_CURE}",
    "INVALID_CREDENTIALS": f"the webhook's owner may not read it: {ADMIN_CURE}",
    "USER_ACCESS_ERROR": f"the webhook's owner may not read it: {ADMIN_CURE}",
    "ALLOWED_ONLY_INTRANET_USER": f"the webhook's owner is not an employee: {ADMIN_CURE}",
    "": f"the webhook's owner may not read it: {ADMIN_CURE}",
    "ERROR_METHOD_NOT_FOUND": "this portal has no such method: check its name and the portal's edition",
}
NOT_OFFERED = frozenset({"ENTITY_TYPE_NOT_SUPPORTED", "NOT_FOUND", "ERROR_METHOD_NOT_FOUND"})
"""Codes that say "this portal has no such thing", which optional streams take for an empty answer."""


def classify(
    body: dict[str, Any], *, status: int = 200, command: str = "", wait: float = 60.0
) -> PortalError:
    """The exception for an error answer.

    Args:
        body: `{"error": code, "error_description": text}`; the code may be an integer, empty, in any case.
        status: HTTP status of the answer (200 for a failed command of a batch).
        command: the method of the failed batch command, empty where the request as a whole failed.
        wait: seconds until the portal's operating budget is reset, as last heard from it.
    """
    raw = body.get("error")
    code = "" if raw is None else str(raw).strip().upper()
    said = str(body.get("error_description") or "").strip()
    what = f"{command}: " if command else ""
    tail = f" ({code or 'no code'}{': ' + said if said else ''})"

    if code == "QUERY_LIMIT_EXCEEDED":
        return RateLimited(f"{what}too many requests{tail}", code)
    if code == "OPERATION_TIME_LIMIT":
        return OperatingLimit(f"{what}execution time used up{tail}", code, wait)
    if code in _TEMPORARY or (status >= 500 and code not in _STOP):
        return Temporary(f"{what}the portal failed{tail}", code)
    if not command:
        if code in _STOP:
            return PortalRefused(f"{_STOP[code]}{tail}", code)
        if code == "ACCESS_DENIED":
            return PortalRefused(f"{_NO_REST}{tail}", code)
        if status == 401:
            return PortalRefused(f"{_STOP['NO_AUTH_FOUND']}{tail}", code)
    elif code in _STOP and code not in _REFUSED:
        return PortalRefused(f"{_STOP[code]}{tail}", code)
    cure = _REFUSED.get(code, "the portal refused it")
    return StreamRefused(f"{what}{cure}{tail}", code)
