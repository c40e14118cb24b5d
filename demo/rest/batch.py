"""``batch``: up to fifty commands in one request, with ``$result[...]`` references between them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from typing import Any

from demo.rest import errors
from demo.rest.parameters import Parameters, parse_query, php_array
from demo.rest.service import Answer

MAX_COMMANDS = 50
_PATH = re.compile(r"\[([^\]]+)\]")
_REFERENCE = re.compile(r"\$(result)([^\s]*)", re.IGNORECASE)

#: Commands come again and again but for the last id. What is parsed is never changed: ``resolve`` makes it anew.
_parsed = lru_cache(maxsize=2048)(parse_query)

#: Runs one command: (method name, parameters, position from 1) to an answer and the command's ``time`` block.
Run = Callable[[str, Parameters, int], Awaitable[tuple[Answer, dict[str, Any]]]]


def resolve(value: Any, results: dict[str, Any]) -> Any:
    """Put earlier results in place of references, the way the portal's ``processBatchElement`` does.

    A path is followed as far as it exists. A value that is nothing but a reference becomes whatever was
    reached: the last container (a page of rows, an empty list), when the path goes on but the data does not.
    Within a longer text only texts and numbers are put in.
    """
    if isinstance(value, dict):
        return {
            str(resolve(key, results)) if "$" in str(key) else key: resolve(item, results)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [resolve(item, results) for item in value]
    if not isinstance(value, str) or "$" not in value:
        return value
    for match in _REFERENCE.finditer(value):
        keys = _PATH.findall(match.group(2))
        if not keys:
            continue
        reached: Any = results
        for key in keys:
            found = _step(reached, key)
            if found is None:
                break
            reached = found
        if match.group(0) == value:
            return list(reached) if _is_list(reached) else reached
        if isinstance(reached, (str, int, float)) and not isinstance(reached, bool):
            value = value.replace(match.group(0), str(reached))
    return value


def _step(container: Any, key: str) -> Any:
    """PHP's ``isset($container[$key])``: None where there is no such key, or a null behind it."""
    if isinstance(container, dict):
        return container.get(key)
    if _is_list(container) and key.isdigit() and int(key) < len(container):
        return container[int(key)]
    return None


def _is_list(value: Any) -> bool:
    """A list, or a page of rows that behaves like one (``demo.bulk.rows.RawRows``)."""
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def commands_of(p: Parameters) -> dict[str, str]:
    cmd = p.get("cmd")
    if isinstance(cmd, list):
        cmd = {str(index): command for index, command in enumerate(cmd)}
    if not isinstance(cmd, dict):
        return {}
    if len(cmd) > MAX_COMMANDS:
        raise errors.batch_too_long()
    return {str(name): str(command) for name, command in cmd.items()}


def methods_of(p: Parameters) -> set[str]:
    """The methods that a batch calls, in lower case."""
    return {command.partition("?")[0].strip().lower() for command in commands_of(p).values()}


async def run_batch(p: Parameters, run: Run) -> dict[str, Any]:
    """The ``result`` of a batch, its commands run one after another.

    Empty maps are ``[]``, maps with keys 0…n-1 are lists, as in PHP.
    """
    halt = str(p.get("halt", 0)).lower() in ("1", "true", "y")
    results: dict[str, Any] = {}
    failures: dict[str, Any] = {}
    totals: dict[str, Any] = {}
    following: dict[str, Any] = {}
    times: dict[str, Any] = {}
    for position, (name, command) in enumerate(commands_of(p).items(), start=1):
        method, _, query = command.partition("?")
        try:
            if method.strip().lower() == "batch":
                raise errors.batch_not_allowed()
            values = resolve(_parsed(query), results)
            answer, spent = await run(method.strip(), Parameters(values), position)
        except errors.RestError as error:
            failures[name] = error.body()
            if error.code == "insufficient_scope":
                failures[name]["error_description"] = ""  # within a batch the portal says no more
            if halt:
                break
            continue
        results[name] = answer.result
        if answer.total is not None:
            totals[name] = answer.total
        if answer.next is not None:
            following[name] = answer.next
        times[name] = spent
    return {
        "result": php_array(results),
        "result_error": php_array(failures),
        "result_total": php_array(totals),
        "result_next": php_array(following),
        "result_time": php_array(times),
    }
