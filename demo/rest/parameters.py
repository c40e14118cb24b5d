"""Request parameters as PHP sees them: nested maps out of ``filter[>ID]=5&select[]=ID`` or JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

_BRACKETS = re.compile(r"\[([^\]]*)\]")


def parse_query(query: str) -> dict[str, Any]:
    """Like PHP's ``parse_str``: brackets nest, ``[]`` appends, the last of equal names wins."""
    return nest(parse_qsl(query, keep_blank_values=True))


def nest(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    root: dict[str, Any] = {}
    for name, value in pairs:
        head, bracket, rest = name.partition("[")
        head = head.strip().replace(".", "_").replace(" ", "_")
        if not head:
            continue
        path = [head, *_BRACKETS.findall(bracket + rest)] if bracket else [head]
        node = root
        for key in path[:-1]:
            key = str(_next_index(node)) if key == "" else key
            child = node.get(key)
            if not isinstance(child, dict):
                child = node[key] = {}
            node = child
        last = path[-1]
        node[str(_next_index(node)) if last == "" else last] = value
    return root


def _next_index(node: dict[str, Any]) -> int:
    return max((int(key) + 1 for key in node if key.isdigit()), default=0)


class Parameters:
    """Named parameters of one call. Names are found as written, else in lower, else in any case."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    def get(self, name: str, default: Any = None) -> Any:
        if name in self.values:
            return self.values[name]
        folded = {key.lower(): key for key in reversed(list(self.values))}
        key = name.lower() if name.lower() in self.values else folded.get(name.lower())
        return default if key is None else self.values[key]

    def mapping(self, name: str) -> dict[str, Any]:
        """A map parameter; anything that is not one counts as empty."""
        value = self.get(name)
        if isinstance(value, dict):
            return value
        if isinstance(value, list):
            return {str(i): item for i, item in enumerate(value)}
        return {}

    def names(self, name: str) -> list[str]:
        """A list of names, sent as a list or as a map with numeric keys."""
        value = self.get(name)
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, str):
            value = [value] if value else []
        return [str(item) for item in value] if isinstance(value, list) else []

    def integer(self, name: str, default: int = 0) -> int:
        return to_int(self.get(name), default)


def to_int(value: Any, default: int = 0) -> int:
    """PHP's ``intval``: leading digits of a text, 0 of anything else (1 of a non-empty array)."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, (int, float)):
        return int(value)
    if isinstance(value, str):
        match = re.match(r"\s*([+-]?\d+)", value)
        return int(match.group(1)) if match else default
    if isinstance(value, (dict, list)):
        return int(bool(value))
    return default


def php_array(values: dict[str, Any]) -> dict[str, Any] | list[Any]:
    """How PHP serialises an associative array: ``[]`` when empty, a list when the keys are 0…n-1 in order."""
    if all(key == str(i) for i, key in enumerate(values)):
        return list(values.values())
    return values
