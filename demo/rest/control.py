"""The control room of the portal, ``/__demo/…``: what the portal knows of itself, and orders to it."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from demo.company.world import parse_moment
from demo.rest.answers import HEADERS, answer_json
from demo.rest.errors import RestError, method_not_found, no_auth
from demo.rest.filters import PAGE
from demo.rest.parameters import Parameters, parse_query
from demo.rest.service import METHODS
from demo.rest.tally import Tally
from demo.truth import rows as truth_rows
from demo.truth import truth

if TYPE_CHECKING:
    from demo.rest.app import PortalApp

Handler = Callable[[dict[str, Any]], Response]


class ControlRoom:
    """Answers everybody who knows the webhook's code."""

    def __init__(self, portal: PortalApp) -> None:
        self.portal, self.service = portal, portal.service

    def routes(self) -> list[Route]:
        return [
            Route("/__demo/truth/{stream}", self.truth_of, methods=["GET"]),
            Route("/__demo/rows/{method}", self.rows_of, methods=["GET"]),
            Route("/__demo/{what}", self.control, methods=["GET", "POST", "DELETE"]),
        ]

    def refused(self, request: Request) -> Response | None:
        header = request.headers.get("Authorization", "").removeprefix("Bearer ")
        given = header or request.query_params.get("token", "")
        if hmac.compare_digest(given.encode(), self.service.settings.token.encode()):
            return None
        return answer_json(no_auth().body(), 401)

    async def control(self, request: Request) -> Response:
        """One of the calls below, by its name; a wrong order is a 400 that says what is wrong."""
        if refused := self.refused(request):
            return refused
        handlers: dict[tuple[str, str], Handler] = {
            ("GET", "truth"): self.truth,
            ("GET", "clock"): self.clock,
            ("POST", "clock"): self.set_clock,
            ("POST", "faults"): self.order_fault,
            ("GET", "faults"): self.faults,
            ("DELETE", "faults"): self.clear_faults,
            ("POST", "change"): self.order_change,
            ("GET", "change"): self.changes,
            ("DELETE", "change"): self.clear_changes,
            ("GET", "requests"): self.requests,
            ("DELETE", "requests"): self.forget_requests,
        }
        handler = handlers.get((request.method, request.path_params["what"]))
        if handler is None:
            return answer_json(method_not_found().body(), 404)
        try:
            values = orjson.loads(await request.body() or b"{}") if request.method == "POST" else {}
            return handler(values)
        except (TypeError, ValueError) as error:
            code = f"INVALID_{request.path_params['what'].upper().removesuffix('S')}"
            return answer_json({"error": code, "error_description": str(error)}, 400)

    # --- the truth

    def truth(self, _values: dict[str, Any]) -> Response:
        """The company's counts, those of bulk tables in their places."""
        self.service.refresh()
        told = truth(self.service.chronicle, int(self.service.now()))
        if self.service.bulk is not None:
            told["streams"].update(self.service.bulk.counts())
            told["deleted"].update(self.service.bulk.deleted())
        return answer_json(told)

    async def truth_of(self, request: Request) -> Response:
        """Ids and moments of a stream, a JSON object a line, living rows first and then the deleted ones."""
        if refused := self.refused(request):
            return refused
        self.service.refresh()
        stream = request.path_params["stream"]
        told = self.service.bulk.truth(stream) if self.service.bulk is not None else None
        if told is not None:
            return raw_lines(told)
        try:
            return lines(list(truth_rows(self.service.chronicle, stream)))
        except KeyError:
            return answer_json({"error": "NO_STREAM", "error_description": f"no truth about {stream!r}"}, 404)

    async def rows_of(self, request: Request) -> Response:
        """Every row of a list method as it answers with them, a line each: no limit, latency or fault applies."""
        if refused := self.refused(request):
            return refused
        self.service.refresh()
        entry = METHODS.get(request.path_params["method"].lower())
        if entry is None:
            return answer_json(method_not_found().body(), 404)
        given = parse_query(request.url.query)
        asked = (
            self.service.bulk.asked(entry.name, Parameters(given)) if self.service.bulk is not None else None
        )
        try:
            if asked is not None:
                bulk, old = asked
                return raw_lines(bulk.all_rows(Parameters(given).names("select"), old))
            return lines(self._walk(entry.name, given))
        except RestError as error:
            return answer_json(error.body(), error.status)

    def _walk(self, method: str, given: dict[str, Any]) -> list[Any]:
        """The rows of a method that pages by offset, or gives everything at once."""
        rows: list[Any] = []
        while True:
            answer = METHODS[method].run(self.service, Parameters({**given, "start": len(rows)}))
            page = answer.result if isinstance(answer.result, list) else next(iter(answer.result.values()))
            rows += page
            if answer.next is None or len(page) < PAGE:
                return rows

    # --- the clock

    def clock(self, _values: dict[str, Any]) -> Response:
        self.service.refresh()
        moment = self.service.encoder.moment(int(self.service.now()))
        return answer_json({"clock": moment, "frozen": self.service.frozen is not None})

    def set_clock(self, values: dict[str, Any]) -> Response:
        moment = values.get("clock")
        self.service.set_clock(None if moment in (None, "real") else parse_moment(str(moment)))
        return self.clock(values)

    # --- orders

    def order_fault(self, values: dict[str, Any]) -> Response:
        self.portal.faults.order(**values)
        return answer_json({"ordered": self.portal.faults.waiting()})

    def faults(self, _values: dict[str, Any]) -> Response:
        faults = self.portal.faults
        return answer_json({"standing": faults.standing(), "struck": dict(faults.struck)})

    def clear_faults(self, values: dict[str, Any]) -> Response:
        self.portal.faults.clear()
        return self.faults(values)

    def order_change(self, values: dict[str, Any]) -> Response:
        self.portal.changes.order(**values)
        return self.changes(values)

    def changes(self, _values: dict[str, Any]) -> Response:
        changes = self.portal.changes
        return answer_json({"waiting": changes.waiting(), "applied": changes.applied})

    def clear_changes(self, values: dict[str, Any]) -> Response:
        self.portal.changes.clear()
        return self.changes(values)

    # --- what was asked

    def requests(self, _values: dict[str, Any]) -> Response:
        return answer_json({**self.portal.tally.told(), "faults": dict(self.portal.faults.struck)})

    def forget_requests(self, values: dict[str, Any]) -> Response:
        self.portal.tally = Tally()
        self.portal.faults.struck.clear()
        return self.requests(values)


def lines(rows: Iterable[Any]) -> Response:
    return raw_lines([orjson.dumps(row) for row in some] for some in _some(rows))


def _some(rows: Iterable[Any], size: int = 5_000) -> Iterable[list[Any]]:
    rest = iter(rows)
    while some := list(islice(rest, size)):
        yield some


def raw_lines(chunks: Iterable[list[bytes]]) -> Response:
    """Lines some thousand at a time, so that neither memory nor other requests wait for the last of them."""

    async def told() -> AsyncIterator[bytes]:
        rest = iter(chunks)
        while (some := await run_in_threadpool(next, rest, None)) is not None:
            yield b"".join(line + b"\n" for line in some)

    return StreamingResponse(told(), headers=HEADERS, media_type="application/x-ndjson")
