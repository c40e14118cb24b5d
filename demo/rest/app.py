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

from demo.company.world import parse_moment
from demo.pages import Pages
from demo.rest import activities, calls, common, crm_cards, crm_dictionaries, people
from demo.rest.batch import run_batch
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
from demo.truth import truth

#: The modules whose methods are served; importing them registers their methods.
SERVED = (activities, calls, common, crm_cards, crm_dictionaries, people)

HEADERS = {"X-Voronka-Demo": "1"}


def answer_json(body: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, HEADERS, "application/json; charset=utf-8")


class PortalApp:
    """Serves one portal at ``/rest/<user>/<code>/<method>`` and its control room at ``/__demo/``."""

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
        answer = entry.run(self.service, p)
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

    # --- the control room

    def permitted(self, request: Request) -> bool:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ") or request.query_params.get(
            "token", ""
        )
        return hmac.compare_digest(given.encode(), self.service.settings.token.encode())

    async def control(self, request: Request) -> Response:
        """``truth``: the portal's own counts; ``clock``: read or move it; ``faults``: order one."""
        if not self.permitted(request):
            return answer_json(no_auth().body(), 401)
        what = request.path_params["what"]
        values = (
            orjson.loads(await request.body() or b"{}")
            if request.method == "POST"
            else dict(request.query_params)
        )
        if what == "truth":
            self.service.refresh()
            return answer_json(truth(self.service.chronicle, int(self.service.now())))
        if what == "clock":
            if request.method == "POST":
                try:
                    moment = values.get("clock")
                    self.service.set_clock(None if moment in (None, "real") else parse_moment(str(moment)))
                except ValueError as error:
                    return answer_json({"error": "INVALID_CLOCK", "error_description": str(error)}, 400)
            self.service.refresh()
            return answer_json(
                {
                    "clock": self.service.encoder.moment(int(self.service.now())),
                    "frozen": self.service.frozen is not None,
                }
            )
        if what == "faults" and request.method == "POST":
            try:
                self.faults.order(**values)
            except (TypeError, ValueError) as error:
                return answer_json({"error": "INVALID_FAULT", "error_description": str(error)}, 400)
            return answer_json({"ordered": self.faults.waiting()})
        if what == "requests":
            return answer_json({"requests": self.requests})
        return answer_json(method_not_found().body(), 404)


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
            Route("/__demo/{what}", portal.control, methods=["GET", "POST"]),
            Route("/rest/api/{rest:path}", portal.no_method, methods=["GET", "POST"]),
            Route("/rest/{user:int}/{code}/{method:path}", portal.rest, methods=["GET", "POST"]),
            Route("/rest/{rest:path}", portal.no_method, methods=["GET", "POST"]),
            *Pages(service).routes(),
        ]
    )
    app.state.portal = portal
    return app
