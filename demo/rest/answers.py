"""Answers as JSON, with the pages of bulk tables put in as the bytes they are."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.responses import Response

from demo.bulk.rows import RawRows

HEADERS = {"X-Voronka-Demo": "1"}
JSON = "application/json; charset=utf-8"


def answer_json(body: Any, status: int = 200) -> Response:
    return Response(json_bytes(body), status, HEADERS, JSON)


def json_bytes(body: Any) -> bytes:
    return orjson.dumps(body, default=_raw)


def _raw(page: Any) -> Any:
    if isinstance(page, RawRows):
        return page.fragment()
    raise TypeError(f"{type(page).__name__} is no JSON")
