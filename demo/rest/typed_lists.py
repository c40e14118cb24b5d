"""Lists of the newer controllers that are not cards: smart processes, goods, orders, payments.

Rows are typed and named as the answer shows them; ``start`` counts in pages of fifty, and a negative one (which only
the lists of the CRM understand) is the first page, counted as any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from demo.rest.columns import Column
from demo.rest.entities import render
from demo.rest.filters import split_prefix
from demo.rest.parameters import Parameters, to_int
from demo.rest.service import Answer, Service, list_work


def listed(
    service: Service,
    p: Parameters,
    table: str,
    key: str,
    records: Mapping[int, Any],
    columns: Sequence[Column],
    refused: Sequence[str] = (),
) -> Answer:
    """One page of ``records`` under ``result.<key>``.

    Conditions on unknown fields are dropped, and those whose prefix is among ``refused``.
    """
    conditions = {k: v for k, v in p.mapping("filter").items() if split_prefix(k)[0] not in refused}
    page = service.lister.page(
        table,
        service.version,
        dict(records),
        {column.name.lower(): column for column in columns},
        conditions,
        [(name, str(direction)) for name, direction in p.mapping("order").items()],
        max(0, to_int(p.get("start"))),
    )
    rows = [render(record, selected(columns, p.names("select"))) for record in page.records]
    return Answer({key: rows}, page.total, page.next, list_work(page.scanned, len(rows), True))


def selected(columns: Sequence[Column], names: list[str]) -> list[Column]:
    """The columns of a ``select``: all without one or with ``*``."""
    wanted = {name.lower() for name in names}
    return [column for column in columns if not wanted or "*" in wanted or column.name.lower() in wanted]
