"""Filters, orders and pages of the list methods, with the prefixes of Bitrix24."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from demo.rest.columns import Column, Encoder
from demo.rest.errors import RestError

PAGE = 50

_PREFIX = re.compile(r"^(!><|><|!=%|!%=|!%|!=|!@|>=|<=|>|<|=%|%=|%|@|==|=|!|\?)?(.*)$", re.DOTALL)

Test = Callable[[Any], bool]
Unknown = Callable[[str], RestError | None]


def split_prefix(key: str) -> tuple[str, str]:
    """('>=', 'DATE_CREATE') of '>=DATE_CREATE'."""
    match = _PREFIX.match(key)
    return (match.group(1) or "", match.group(2)) if match else ("", key)


def is_container(value: Any) -> bool:
    """What a batch reference that led nowhere leaves behind: rows, or a map of them, instead of a value."""
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return isinstance(value, (dict, list)) and (
        not value
        or any(isinstance(v, (dict, list)) for v in values)
        or (isinstance(value, dict) and not all(k.isdigit() for k in value))
    )


def compile_filter(
    conditions: dict[str, Any], columns: dict[str, Column], encoder: Encoder, unknown: Unknown
) -> list[Test]:
    """Tests a record has to pass, all of them.

    ``columns`` is keyed by lower-case name. ``unknown`` decides about a field there is no column for: an
    error to raise, or None to drop the condition silently, as the older methods do.
    """
    logic = str(next((v for k, v in conditions.items() if k.lower() == "logic"), "AND")).upper()
    tests: list[Test] = []
    for key, value in conditions.items():
        if key.lower() == "logic":
            continue
        if key.isdigit() and isinstance(value, (dict, list)):
            nested = value if isinstance(value, dict) else {str(i): v for i, v in enumerate(value)}
            inner = compile_filter(nested, columns, encoder, unknown)
            if inner:
                tests.append(lambda record, inner=inner: all(test(record) for test in inner))
            continue
        prefix, name = split_prefix(key)
        column = columns.get(name.lower())
        if column is None:
            error = unknown(name)
            if error is not None:
                raise error
            continue
        test = condition(prefix, column, value, encoder)
        if test is not None:
            tests.append(test)
    if logic == "OR" and tests:
        return [lambda record: any(test(record) for test in tests)]
    return tests


def condition(prefix: str, column: Column, value: Any, encoder: Encoder) -> Test | None:
    """One condition; None where the portal would not have understood it and so ignores it."""
    if is_container(value):
        return None
    get, kind = column.get, column.kind
    if isinstance(value, dict):
        value = list(value.values())
    if prefix in ("><", "!><"):
        if not isinstance(value, list) or len(value) != 2:
            return None
        low, high = (encoder.parse(kind, v) for v in value)
        return _negated(prefix, lambda record: (v := get(record)) is not None and low <= v <= high)
    if prefix in (">", ">=", "<", "<="):
        if isinstance(value, list):
            value = value[0]
        if value in (None, "") and kind != "text":
            return None
        return _compare(prefix, get, encoder.parse(kind, value))
    if "%" in prefix or prefix == "?":
        return _like(prefix, get, value)
    values = value if isinstance(value, list) else [value]
    if kind == "moment" and not isinstance(value, list) and value in (None, "", False):
        wanted: set[Any] = {0, None}
    else:
        wanted = {encoder.parse(kind, v) for v in values}
    if wanted & {"", 0} or None in wanted:
        wanted |= {None} | ({""} if kind == "text" else {0} if kind != "flag" else set())
    if kind in ("ids", "texts"):
        empty = [0] if kind == "ids" else [""]
        return _negated(prefix, lambda record: bool(wanted & set(get(record) or empty)))
    return _negated(prefix, lambda record: get(record) in wanted)


def _negated(prefix: str, test: Test) -> Test:
    """The test, or its contrary where the prefix begins with an exclamation mark."""
    return (lambda record: not test(record)) if prefix.startswith("!") else test


def _compare(prefix: str, get: Callable[[Any], Any], bound: Any) -> Test | None:
    if bound is None:
        return None
    if prefix == ">":
        return lambda record: (v := get(record)) is not None and v > bound
    if prefix == ">=":
        return lambda record: (v := get(record)) is not None and v >= bound
    if prefix == "<":
        return lambda record: (v := get(record)) is not None and v < bound
    return lambda record: (v := get(record)) is not None and v <= bound


def _like(prefix: str, get: Callable[[Any], Any], value: Any) -> Test:
    """``%`` finds a part of the text, ``=%`` and ``%=`` match a pattern with % and _; letters of any case."""
    needles = [str(v).lower() for v in (value if isinstance(value, list) else [value])]
    wild = {"%": ".*", "_": "."}
    patterns = [
        re.compile("".join(wild.get(ch, re.escape(ch)) for ch in needle), re.DOTALL) for needle in needles
    ]

    def found(record: Any) -> bool:
        text = str(get(record) or "").lower()
        if "=" in prefix:
            return any(pattern.fullmatch(text) for pattern in patterns)
        return any(needle in text for needle in needles)

    return _negated(prefix, found)


def sort_records(records: Iterable[Any], order: list[tuple[Column, bool]]) -> list[Any]:
    """Sorted by several columns; the flag means descending. Nulls come first, as in MySQL."""
    rows = list(records)
    for column, descending in reversed(order):
        get = column.get
        rows.sort(
            key=lambda record: ((v := get(record)) is not None, v if v is not None else 0), reverse=descending
        )
    return rows


def sort_rows(rows: list[dict[str, Any]], order: dict[str, Any], numeric: frozenset[str]) -> None:
    """Sort finished rows of a small dictionary in place; ``numeric`` names the fields that hold numbers."""
    for name, direction in reversed(list(order.items())):
        field = name.upper()

        def key(row: dict[str, Any], field: str = field) -> Any:
            return int(row.get(field) or 0) if field in numeric else str(row.get(field) or "")

        rows.sort(key=key, reverse=str(direction).upper() == "DESC")
