"""The web application: paths, bodies, tokens, limits, envelopes."""

from __future__ import annotations

import hmac
import time
from datetime import datetime
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from demo.pages import Pages
from demo.rest import activities, calls, common, crm_cards, crm_dictionaries, goods, people, shop
from demo.rest.answers import answer_json
from demo.rest.batch import run_batch
from demo.rest.control import ControlRoom
from demo.rest.errors import (
    RestError,
    insufficient_scope,
    invalid_credentials,
    method_not_found,
    no_auth,
)
from demo.rest.faults import Faults
from demo.rest.limits import LeakyBucket, NoLimits, OperatingBudget
from demo.rest.parameters import Parameters, nest, parse_query, to_int
from demo.rest.service import METHODS, Answer, Service

#: The modules whose methods are served; importing them registers their methods.
SERVED = (activities, calls, common, crm_cards, crm_dictionaries, goods, people, shop)


class PortalApp:
    """Serves one portal at ``/rest/<user>/<code>/<method>``."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.bucket: LeakyBucket | NoLimits = LeakyBucket() if service.settings.limits else NoLimits()
        self.budget = OperatingBudget(480.0 if service.settings.limits else float("inf"))
        self.faults = Faults()
        self.requests = 0

    # --- one call

    def run(self, name: str, p: Parameters) -> tuple[Answer, dict[str, Any]]:
        """One method call: scope, budget, work. Raises RestError."""
        entry = METHODS.get(name.lower())
        if entry is None:
            raise method_not_found()
        if not self.service.allowed(entry.scopes):
            raise insufficient_scope()
        self.budget.check(entry.name)
        self.faults.strike(entry.name)
        started = time.perf_counter()
        begun = self.service.now()
        answer = self.service.run(entry, p)
        self.budget.spend(entry.name, answer.work)
        return answer, self.time_block(begun, time.perf_counter() - started, answer.work, entry.name)

    def time_block(self, begun: float, elapsed: float, processing: float, name: str | None) -> dict[str, Any]:
        """The ``time`` of an answer. ``operating`` is what the method has used of its ten minutes."""
        zone = self.service.chronicle.world.calendar.zone
        block: dict[str, Any] = {
            "start": begun,
            "finish": begun + elapsed,
            "duration": elapsed,
            "processing": processing,
            "date_start": datetime.fromtimestamp(begun, zone).isoformat(timespec="seconds"),
            "date_finish": datetime.fromtimestamp(begun + elapsed, zone).isoformat(timespec="seconds"),
        }
        block["operating_reset_at"] = int(begun + (self.budget.reset_in(name) if name else 600))
        block["operating"] = self.budget.used(name) if name else 0
        return block

    def call(self, name: str, p: Parameters) -> dict[str, Any]:
        """The envelope of a call, a batch included."""
        self.service.refresh()
        if name.lower() == "batch":
            started, begun = time.perf_counter(), self.service.now()
            self.faults.strike("batch")
            result = run_batch(p, self.run)
            # The outer batch is not charged: each of its commands is, to its own method.
            return {
                "result": result,
                "time": self.time_block(begun, time.perf_counter() - started, 0.001, None),
            }
        answer, spent = self.run(name, p)
        body: dict[str, Any] = {"result": answer.result}
        if answer.next is not None:
            body["next"] = answer.next
        if answer.total is not None:
            body["total"] = answer.total
        return {**body, "time": spent}

    # --- HTTP

    async def rest(self, request: Request) -> Response:
        self.requests += 1
        try:
            self.bucket.take()
            self.authorize(request.path_params["user"], request.path_params["code"])
            p = Parameters(await read_parameters(request))
            fault = self.faults.transport()
            if fault is not None:
                return fault
            return answer_json(self.call(method_of(request.path_params["method"]), p))
        except RestError as error:
            return answer_json(error.body(), error.status)

    def authorize(self, user: str, code: str) -> None:
        if not hmac.compare_digest(code.encode(), self.service.settings.token.encode()):
            raise no_auth()
        if to_int(user) != self.service.settings.user:
            raise invalid_credentials()

    async def no_method(self, request: Request) -> Response:
        """Anything else below /rest/: the portal has no REST 3.0 and no applications."""
        error = method_not_found() if request.url.path.startswith("/rest/api/") else no_auth()
        return answer_json(error.body(), error.status)


def method_of(path: str) -> str:
    """The method of a path: without the format suffix and a slash at the end."""
    name = path.strip("/")
    return name.removesuffix(".json")


async def read_parameters(request: Request) -> dict[str, Any]:
    """Parameters of the query and the body; the body wins. An unreadable body counts as none, as in PHP."""
    values = parse_query(request.url.query)
    if request.method != "POST":
        return values
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        if kind.startswith("multipart"):
            async with request.form() as form:
                values.update(nest((key, str(value)) for key, value in form.multi_items()))
        else:
            values.update(parse_query((await request.body()).decode("utf-8", "replace")))
        return values
    body = await request.body()
    try:
        sent = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError:
        sent = {}
    if isinstance(sent, dict):
        values.update(sent)
    return values


def make_app(service: Service) -> Starlette:
    portal = PortalApp(service)
    app = Starlette(
        routes=[
            *ControlRoom(portal).routes(),
            Route("/rest/api/{rest:path}", portal.no_method, methods=["GET", "POST"]),
            Route("/rest/{user:int}/{code}/{method:path}", portal.rest, methods=["GET", "POST"]),
            Route("/rest/{rest:path}", portal.no_method, methods=["GET", "POST"]),
            *Pages(service).routes(),
        ]
    )
    app.state.portal = portal
    return app
