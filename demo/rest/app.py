"""The web application: paths, bodies, tokens, limits, envelopes."""

from __future__ import annotations

import asyncio
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
from demo.rest.answers import HEADERS, JSON, answer_json, json_bytes
from demo.rest.batch import methods_of, run_batch
from demo.rest.changes import Changes
from demo.rest.columns import Encoder
from demo.rest.control import ControlRoom
from demo.rest.errors import (
    RestError,
    insufficient_scope,
    invalid_credentials,
    method_not_found,
    no_auth,
)
from demo.rest.faults import Faults
from demo.rest.limits import LeakyBucket, OperatingBudget
from demo.rest.parameters import Parameters, nest, parse_query, to_int
from demo.rest.service import METHODS, Answer, Service
from demo.rest.tally import Tally
from demo.rest.wire import Reset, html_page, redirect

#: The modules whose methods are served; importing them registers their methods.
SERVED = (activities, calls, common, crm_cards, crm_dictionaries, goods, people, shop)

HTML_PAGES = {"HTML_502": 502, "HTML_503": 503, "HTML_504": 504}


class PortalApp:
    """Serves one portal at ``/rest/<user>/<code>/<method>``."""

    def __init__(self, service: Service) -> None:
        settings = service.settings
        self.service, self.settings = service, settings
        self.bucket = LeakyBucket(settings.drain, settings.burst if settings.limits else float("inf"))
        limit = settings.operating_limit if settings.limits else float("inf")
        self.budget = OperatingBudget(limit, settings.operating_window)
        self.faults = Faults()
        self.changes = Changes(service)
        self.tally = Tally()

    # --- one call

    async def command(self, name: str, p: Parameters, position: int) -> tuple[Answer, dict[str, Any]]:
        """One command of a batch, whose refusals are counted apart: the request itself succeeds."""
        try:
            return await self.run(name, p, position)
        except RestError as error:
            self.tally.command_errors[str(error.code)] += 1
            raise

    async def run(
        self, name: str, p: Parameters, position: int | None = None
    ) -> tuple[Answer, dict[str, Any]]:
        """One method call, at a ``position`` of a batch or alone: scope, budget, work. Raises RestError."""
        entry = METHODS.get(name.lower())
        if entry is None:
            raise method_not_found()
        if not self.service.allowed(entry.scopes):
            raise insufficient_scope()
        self.tally.commands[entry.name] += 1
        billed = entry.name if position is None or not self.settings.bill_batch else "batch"
        if billed != "batch":
            self.budget.check(billed)
        strike = self.faults.strike("command", {entry.name.lower()}, position)
        strike.error()
        started, begun = time.perf_counter(), self.service.now()
        with self.service.encoder.reading_iso("ISO_FILTERS_IGNORED" not in strike.kinds):
            answer = self.service.run(entry, p)
        if "TEXT_HISTORY_IDS" in strike.kinds and entry.name == "crm.stagehistory.list":
            answer.result["items"] = [as_texts(row) for row in answer.result["items"]]
        cost, seconds = self.settings.costs.charged(answer.work), self.settings.costs.passing(answer.work)
        self.budget.spend(billed, cost)
        if seconds:
            await asyncio.sleep(max(0.0, seconds - (time.perf_counter() - started)))
        spent = self.time_block(begun, time.perf_counter() - started, cost, billed)
        self.changes.step("command")
        return answer, spent

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
        reset_in = self.budget.reset_in(name) if name else self.settings.operating_window
        block["operating_reset_at"] = int(begun + reset_in)
        block["operating"] = self.budget.used(name) if name else 0
        return block

    async def call(self, name: str, p: Parameters) -> dict[str, Any]:
        """The envelope of a call, a batch included."""
        self.service.refresh()
        if name.lower() == "batch":
            billed = "batch" if self.settings.bill_batch else None
            if billed:
                self.budget.check(billed)
            started, begun = time.perf_counter(), self.service.now()
            result = await run_batch(p, self.command)
            elapsed = time.perf_counter() - started
            # As documented, the batch itself is not charged: each of its commands is, to its own method.
            return {"result": result, "time": self.time_block(begun, elapsed, 0.001, billed)}
        answer, spent = await self.run(name, p)
        body: dict[str, Any] = {"result": answer.result}
        if answer.next is not None:
            body["next"] = answer.next
        if answer.total is not None:
            body["total"] = answer.total
        return {**body, "time": spent}

    # --- HTTP

    async def rest(self, request: Request) -> Response:
        """One request, from the bucket to the bytes; counted whatever becomes of it."""
        with self.tally.request():
            try:
                self.bucket.take()
                self.authorize(request.path_params["user"], request.path_params["code"])
                answer = await self.answer(request)
            except RestError as error:
                self.tally.errors[str(error.code)] += 1
                answer = answer_json(error.body(), error.status)
            self.tally.statuses["reset" if isinstance(answer, Reset) else str(answer.status_code)] += 1
            return answer

    async def answer(self, request: Request) -> Response:
        """What an authorized request gets, struck by whatever was ordered for it. Raises RestError."""
        name = method_of(request.path_params["method"])
        p = Parameters(await read_parameters(request))
        methods = {name.lower()} | (methods_of(p) if name.lower() == "batch" else set())
        strike = self.faults.strike("request", methods, host=request.headers.get("host", ""))
        try:
            strike.error()
            if "REDIRECT" in strike.kinds:
                return redirect(request, strike.to)
            for kind, status in HTML_PAGES.items():
                if kind in strike.kinds:
                    return html_page(status)
            await asyncio.sleep(strike.seconds)
            if strike.kinds & {"RESET", "TIMEOUT"}:
                return Reset()
            body = await asyncio.wait_for(self.call(name, p), self.settings.wall_seconds)
        except asyncio.TimeoutError:
            return html_page(504)
        finally:
            self.changes.step("request")
        text = json_bytes(as_elsewhere(body, strike.kinds, self.service.encoder))
        if "RESET_IN_BODY" in strike.kinds:
            return Reset(text)
        if "TRUNCATED" in strike.kinds:
            text = text[: len(text) // 2]
        return Response(text, 200, HEADERS, JSON)

    def authorize(self, user: str, code: str) -> None:
        if not hmac.compare_digest(code.encode(), self.settings.token.encode()):
            raise no_auth()
        if to_int(user) != self.settings.user:
            raise invalid_credentials()

    async def no_method(self, request: Request) -> Response:
        """Anything else below /rest/: the portal has no REST 3.0 and no applications."""
        error = method_not_found() if request.url.path.startswith("/rest/api/") else no_auth()
        return answer_json(error.body(), error.status)


def as_texts(row: dict[str, Any]) -> dict[str, Any]:
    """A row with its numbers as texts, as older portals have stage history."""
    return {key: str(value) if isinstance(value, int) else value for key, value in row.items()}


def as_elsewhere(body: dict[str, Any], quirks: set[str], encoder: Encoder) -> dict[str, Any]:
    """An envelope as portals with such quirks have it."""
    result = body["result"] if isinstance(body["result"], dict) and "result_time" in body["result"] else {}
    if "NO_TOTALS" in quirks:
        body.pop("total", None)
        result.pop("result_total", None)
    times = result.get("result_time", [])
    if "ISO_RESET_AT" in quirks:
        for block in (body["time"], *(times.values() if isinstance(times, dict) else times)):
            block["operating_reset_at"] = encoder.moment(block["operating_reset_at"])
    if "NO_TIME" in quirks:
        del body["time"]
        result.pop("result_time", None)
    return body


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
