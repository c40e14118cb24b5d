"""A portal of a few tables in memory that can be told to misbehave: faults, redirects, pages instead of JSON.

The demonstration portal is the faithful one; this one exists for what a healthy portal never does.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

CODE = "s3cr3tc0desecret"
SCOPES = ["crm", "telephony", "user", "department"]
WRAP = {
    "crm.item.list": "items",
    "crm.stagehistory.list": "items",
    "crm.category.list": "categories",
    "crm.item.productrow.list": "productRows",
    "crm.type.list": "types",
    "catalog.catalog.list": "catalogs",
    "catalog.product.list": "products",
    "sale.order.list": "orders",
    "sale.payment.list": "payments",
    "crm.orderentity.list": "orderEntity",
}
"""Where a method's rows are, if they are not the result itself."""
REFERENCE = re.compile(r"^\$result\[(\w+)\](.*)$")
Fault = Callable[[BaseHTTPRequestHandler, dict[str, str]], bool]
"""Gets the request and its commands; True if it has answered."""


def reply(
    handler: BaseHTTPRequestHandler, status: int, body: Any, headers: dict[str, str] | None = None
) -> None:
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "text/html" if isinstance(body, str) else "application/json")
    handler.send_header("Content-Length", str(len(data)))
    for name, value in (headers or {}).items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(data)


def refuse(status: int, code: Any, text: str = "said the portal", times: int = 1) -> Fault:
    """A fault that answers the next `times` requests with an error."""
    left = [times]

    def fault(handler: BaseHTTPRequestHandler, commands: dict[str, str]) -> bool:
        if left[0] <= 0:
            return False
        left[0] -= 1
        reply(
            handler,
            status,
            code
            if isinstance(code, str) and code.startswith("<")
            else {"error": code, "error_description": text},
        )
        return True

    return fault


class FakePortal:
    """Tables are named `method` or `method:entityTypeId`; `errors` maps the same names to an error of the
    command; `single` answers methods that are no lists.
    """

    def __init__(self) -> None:
        self.tables: dict[str, list[dict[str, Any]]] = {}
        self.errors: dict[str, list[dict[str, Any] | None]] = {}
        self.single: dict[str, Callable[[dict[str, str]], Any]] = {}
        self.faults: list[Fault] = []
        self.batches: list[dict[str, str]] = []
        self.calls: Counter[str] = Counter()
        self.now = "2026-06-01T12:00:00+03:00"
        self.admin = True
        self.owner_zone = ""
        self.scopes = list(SCOPES)
        self.code = CODE
        self.after_batch: Callable[[int], None] = lambda number: None
        self.address = ""

    @property
    def webhook(self) -> str:
        return f"http://{self.address}/rest/1/{self.code}/"

    # --- the methods ----------------------------------------------------------------------------------------

    def answer(self, method: str, query: list[tuple[str, str]]) -> tuple[Any, int | None]:
        """The result of a command and its total."""
        params = dict(query)
        match method:
            case "server.time":
                return self.now, None
            case "profile":
                return {"ID": "1", "ADMIN": self.admin, "TIME_ZONE": self.owner_zone}, None
            case "scope":
                return self.scopes, None
            case "crm.settings.mode.get":
                return 1, None
        name = f"{method}:{params['entityTypeId']}" if "entityTypeId" in params else method
        rows = self.tables.get(name, [])
        filters = {m[1]: value for key, value in query if (m := re.match(r"(?i)filter\[([^\]]+)\]$", key))}
        sets: dict[str, set[str]] = {}
        for key, value in query:
            if found := re.match(r"(?i)filter\[=(\w+)\](?:\[\d+\])?$", key):
                sets.setdefault(found[1], set()).add(value)
        if method in self.single:
            return self.single[method](params), None
        for key, value in filters.items():
            if key.upper() == ">ID":
                number = next(iter(rows), {}).keys() & {"id", "ID"}
                if value.isdigit() and number:  # Anything else is a broken reference: the filter is ignored.
                    rows = rows[_position(rows, next(iter(number)), value) :]
            elif key.upper() == "<=ID":
                rows = rows[: _position(rows, key[2:], value)]
            elif key.startswith(">="):
                rows = [row for row in rows if str(row.get(key[2:]) or "") >= value]
            elif key in ("iblockId", "TYPE_ID"):
                rows = [row for row in rows if str(row.get(key)) == value]
        for name, values in sets.items():
            rows = [row for row in rows if name not in row or str(row[name]) in values]
        if any(key.lower().startswith("order") and value == "DESC" for key, value in query):
            rows = rows[::-1]
        if method == "crm.orderentity.list" and params.get("start") == "-1":
            return {"orderEntity": rows}, None
        start = int(params.get("start", params.get("START", 0)))
        page = rows[max(start, 0) : max(start, 0) + 50]
        return ({WRAP[method]: page} if method in WRAP else page), (None if start < 0 else len(rows))

    def batch(self, body: dict[str, Any]) -> dict[str, Any]:
        results: dict[str, Any] = {}
        errors: dict[str, Any] = {}
        totals: dict[str, int] = {}
        for name, command in body["cmd"].items():
            method, _, text = command.partition("?")
            query = []
            for key, value in parse_qsl(text, keep_blank_values=True):
                if found := REFERENCE.match(value):
                    value = _resolve(results.get(found[1]), re.findall(r"\[(\w+)\]", found[2]))
                query.append((key, value))
            self.calls[method] += 1
            table = f"{method}:{dict(query).get('entityTypeId')}" if "entityTypeId" in dict(query) else method
            queued = self.errors.get(table)
            if queued and (error := queued.pop(0) if len(queued) > 1 or queued[0] is None else queued[0]):
                errors[name] = error
                if body["halt"]:
                    break
                continue
            results[name], total = self.answer(method, query)
            if total is not None:
                totals[name] = total
        now = time.time()
        return {
            "result": {
                "result": results or [],
                "result_error": errors or [],
                "result_total": totals or [],
                "result_next": [],
                "result_time": [],
            },
            "time": {
                "start": now,
                "finish": now,
                "duration": 0.01,
                "operating": 1.5,
                "operating_reset_at": int(now) + 2,
            },
        }


def _position(rows: list[dict[str, Any]], field: str, value: str) -> int:
    """Where the rows above an id begin; tables are in ascending order."""
    return bisect_right(rows, int(value), key=lambda row: int(row[field]))


def _resolve(value: Any, path: list[str]) -> str:
    """The last thing reachable, as PHP's batch does it; a container makes the filter void."""
    for step in path:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return "Array"
    return str(value)


@contextmanager
def serving(portal: FakePortal) -> Iterator[FakePortal]:
    """Serve `portal` on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: Any) -> None:
            pass

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            portal.batches.append(body["cmd"])
            if any(fault(self, body["cmd"]) for fault in portal.faults):
                return
            if self.path.strip("/").split("/")[:3] != ["rest", "1", portal.code]:
                reply(self, 401, {"error": "NO_AUTH_FOUND", "error_description": "Wrong authorization data"})
                return
            reply(self, 200, portal.batch(body))
            portal.after_batch(len(portal.batches))

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A tap that is killed leaves its connection open; all else is a mistake of ours."""
            if not isinstance(sys.exc_info()[1], ConnectionError):
                super().handle_error(request, client_address)

    server = Server(("127.0.0.1", 0), Handler)
    portal.address = f"127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield portal
    finally:
        server.shutdown()
        server.server_close()
