"""One page of a list method: filter, order, count, offset or keyset."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from demo.rest.columns import Column, Encoder
from demo.rest.errors import RestError
from demo.rest.filters import PAGE, compile_filter, is_container, sort_records, split_prefix
from demo.rest.parameters import to_int


@dataclass
class Page:
    """A page; ``total`` None when it was not counted (``start=-1``), ``next`` None on the last page."""

    records: list[Any]
    total: int | None
    next: int | None
    scanned: int = 0


class Lister:
    """Finds pages in a table. Ids that pass a filter are remembered until the portal changes.

    ``columns`` has an ``id`` among its keys: conditions on it are answered from the sorted ids, as the
    portal's primary key answers a keyset.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self._version = -1
        self._found: dict[bytes, list[int]] = {}

    def page(
        self,
        table: str,
        version: int,
        records: dict[int, Any],
        columns: dict[str, Column],
        conditions: dict[str, Any],
        order: list[tuple[str, str]],
        start: int,
        unknown_filter: Callable[[str], RestError | None] = lambda _name: None,
        unknown_order: Callable[[str], RestError | None] = lambda _name: None,
        default_order: str = "id",
        visible: Callable[[Any], bool] | None = None,
    ) -> Page:
        if version != self._version:
            self._version = version
            self._found.clear()
        keys, others = self._split(conditions)
        ids = self._ids(table, records, columns, others, unknown_filter, visible)
        scanned = len(ids)
        ids = self._by_key(ids, keys)
        sorting: list[tuple[Column, bool]] = []
        for name, direction in order or [(default_order, "ASC")]:
            column = columns.get(name.lower())
            if column is None:
                error = unknown_order(name)
                if error is not None:
                    raise error
                continue
            sorting.append((column, str(direction).upper() == "DESC"))
        offset = max(0, start) // PAGE * PAGE
        if not sorting or sorting[0][0].name.lower() == "id":
            if sorting and sorting[0][1]:
                ids = ids[::-1]
            rows = [records[i] for i in ids[offset : offset + PAGE]]
        else:
            rows = sort_records((records[i] for i in ids), sorting)[offset : offset + PAGE]
            scanned += len(ids)
        if start < 0:
            return Page(rows, None, None, len(rows))
        more = offset + PAGE < len(ids)
        return Page(rows, len(ids), offset + PAGE if more else None, scanned + offset)

    @staticmethod
    def _split(conditions: dict[str, Any]) -> tuple[list[tuple[str, Any]], dict[str, Any]]:
        """Conditions on the id, and the rest."""
        if any(key.lower() == "logic" for key in conditions):
            return [], conditions
        keys, others = [], {}
        for key, value in conditions.items():
            prefix, name = split_prefix(key)
            if name.lower() == "id" and prefix in ("", "=", "@", ">", ">=", "<", "<="):
                keys.append((prefix, value))
            else:
                others[key] = value
        return keys, others

    def _ids(
        self,
        table: str,
        records: dict[int, Any],
        columns: dict[str, Column],
        conditions: dict[str, Any],
        unknown: Callable[[str], RestError | None],
        visible: Callable[[Any], bool] | None,
    ) -> list[int]:
        cache_key = orjson.dumps(
            [
                table,
                visible is not None,
                self.encoder.iso_filters,
                sorted(conditions.items(), key=lambda kv: kv[0]),
            ],
            default=str,
        )
        found = self._found.get(cache_key)
        if found is None:
            tests = compile_filter(conditions, columns, self.encoder, unknown)
            if visible is not None:
                tests = [visible, *tests]
            if not tests:
                found = list(records)
            elif len(tests) == 1:
                only = tests[0]
                found = [key for key, record in records.items() if only(record)]
            else:
                found = [key for key, record in records.items() if all(test(record) for test in tests)]
            if len(self._found) > 200:
                self._found.clear()
            self._found[cache_key] = found
        return found

    @staticmethod
    def _by_key(ids: list[int], keys: list[tuple[str, Any]]) -> list[int]:
        for prefix, value in keys:
            if is_container(value) or value in (None, ""):
                continue
            if prefix in ("", "=", "@"):
                values = (
                    value
                    if isinstance(value, list)
                    else list(value.values())
                    if isinstance(value, dict)
                    else [value]
                )
                wanted = {to_int(v) for v in values}
                ids = [i for i in ids if i in wanted]
                continue
            bound = to_int(value[0] if isinstance(value, list) else value)
            if prefix == ">":
                ids = ids[bisect_right(ids, bound) :]
            elif prefix == ">=":
                ids = ids[bisect_left(ids, bound) :]
            elif prefix == "<":
                ids = ids[: bisect_left(ids, bound)]
            else:
                ids = ids[: bisect_right(ids, bound)]
        return ids
