"""Faults that can be ordered, to see what a client does about them."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import HTMLResponse, Response

from demo.rest import errors

HTML = "<html><head><title>503 Service Temporarily Unavailable</title></head><body></body></html>"

#: Faults of a method, by the code a client sees.
BY_CODE = {
    "QUERY_LIMIT_EXCEEDED": errors.too_many_requests,
    "OPERATION_TIME_LIMIT": errors.operation_time_limit,
    "INTERNAL_SERVER_ERROR": lambda: errors.RestError(500, "INTERNAL_SERVER_ERROR", "Internal server error"),
    "ERROR_UNEXPECTED_ANSWER": lambda: errors.RestError(
        500, "ERROR_UNEXPECTED_ANSWER", "Server returned an unexpected response"
    ),
    "OVERLOAD_LIMIT": lambda: errors.RestError(503, "OVERLOAD_LIMIT", "REST API is blocked due to overload"),
    "PORTAL_DELETED": lambda: errors.RestError(500, "PORTAL_DELETED", "Portal was deleted"),
    "ACCESS_DENIED": lambda: errors.access_denied("REST API is available only on commercial plans"),
    "expired_token": lambda: errors.RestError(401, "expired_token", "The access token provided has expired"),
}


@dataclass
class Ordered:
    kind: str
    method: str
    skip: int
    count: int


class Faults:
    """``kind`` is an error code of a method, or ``HTML`` for a page instead of an answer."""

    def __init__(self) -> None:
        self._ordered: list[Ordered] = []

    def order(self, kind: str, method: str = "*", count: int = 1, skip: int = 0) -> None:
        """After ``skip`` calls of ``method`` (``*``: any) fail ``count`` of them."""
        if kind != "HTML" and kind not in BY_CODE:
            raise ValueError(f"unknown fault {kind!r}; known: HTML, {', '.join(BY_CODE)}")
        self._ordered.append(Ordered(kind, method.lower(), int(skip), int(count)))

    def waiting(self) -> int:
        return sum(fault.count for fault in self._ordered)

    def _due(self, html: bool, method: str) -> Ordered | None:
        for fault in self._ordered:
            if (fault.kind == "HTML") is not html or fault.method not in ("*", method):
                continue
            if fault.skip:
                fault.skip -= 1
                return None
            fault.count -= 1
            if not fault.count:
                self._ordered.remove(fault)
            return fault
        return None

    def strike(self, method: str) -> None:
        """Raise the error ordered for a method, if any."""
        fault = self._due(False, method)
        if fault is not None:
            raise BY_CODE[fault.kind]()

    def transport(self) -> Response | None:
        """A page of HTML instead of the answer, if one was ordered."""
        return HTMLResponse(HTML, 503) if self._due(True, "*") is not None else None
