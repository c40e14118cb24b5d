"""What goes wrong below HTTP, and pages of the web server in front of the portal."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse, RedirectResponse, Response

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

TRANSPORT_KEY = "voronka.demo.transport"
#: How long the first half of a body has to get through before the connection is reset.
HALF_SECONDS = 0.05

TITLES = {502: "502 Bad Gateway", 503: "503 Service Temporarily Unavailable", 504: "504 Gateway Time-out"}


def html_page(status: int) -> Response:
    """The page that stands in front of a portal that does not answer."""
    title = TITLES[status]
    return HTMLResponse(
        f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>", status
    )


def redirect(request: Request, to: str) -> Response:
    """A renamed portal: the same address at another ``host:port``."""
    return RedirectResponse(str(request.url.replace(netloc=to)), 302)


class Wire:
    """The outermost application: lets an answer reach the connection it goes out on, where the server has one."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[TRANSPORT_KEY] = getattr(getattr(send, "__self__", None), "transport", None)
        await self.app(scope, receive, send)


class Reset(Response):
    """Resets the connection: before a byte of the answer, or in the middle of ``body``."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport: asyncio.Transport | None = scope.get(TRANSPORT_KEY)
        if transport is None:
            raise ConnectionResetError("reset as ordered; a real connection needs `python -m demo serve`")
        if self.body:
            headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(self.body))]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            half = bytes(self.body[: len(self.body) // 2])
            await send({"type": "http.response.body", "body": half, "more_body": True})
            await asyncio.sleep(HALF_SECONDS)
        connection = transport.get_extra_info("socket")
        if connection is not None:
            # No lingering: the client sees a reset, not a polite end.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        await asyncio.sleep(0.01)  # Until the server knows that nobody waits for the rest.
