"""Reads and checks `streams.yml`, the declarative list of what is loaded, and the overrides of the setting
`streams`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema
import yaml

from tap_bitrix24.batch import Listing

_TEXT = {"type": "string", "minLength": 1}
_TEXTS = {"type": "array", "items": _TEXT, "minItems": 1}
_PARAMS = {"type": "object", "additionalProperties": {"type": ["string", "integer"]}}
MODES = ("incremental", "append", "window", "full", "snapshot", "owners")
BOOKMARKED = ("incremental", "append", "window", "owners")
VERSIONED = ("incremental", "snapshot")
"""Modes whose key is (id, modified_at); the others' is id."""

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "method", "mode", "id"],
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"},
        "method": _TEXT,
        "scope": _TEXTS,
        "mode": {"enum": list(MODES)},
        "id": _TEXT,
        "modified": _TEXTS,
        "result": _TEXT,
        "params": _PARAMS,
        "each": {"type": "array", "items": _PARAMS, "minItems": 1},
        "filter": _TEXT,
        "order": _PARAMS,
        "start": _TEXT,
        "paging": {"enum": ["keyset", "whole"]},
        "drop": _TEXTS,
        "optional": {"type": "boolean"},
        "dated": {"type": "boolean"},
        "every_hours": {"type": "number", "exclusiveMinimum": 0},
        "again_days": {"type": "number", "exclusiveMinimum": 0},
        "owners": {
            "type": "object",
            "additionalProperties": False,
            "required": ["stream", "type", "type_filter", "id_filter", "field"],
            "properties": {
                "stream": _TEXT,
                "type": _TEXT,
                "type_filter": _TEXT,
                "id_filter": _TEXT,
                "field": _TEXT,
                "per_command": {"type": "integer", "minimum": 1, "maximum": 50},
            },
        },
    },
    "allOf": [
        {
            "if": {"properties": {"mode": {"enum": ["incremental", "append", "window"]}}},
            "then": {"required": ["modified"], "properties": {"paging": {"const": "keyset"}}},
        },
        {"if": {"properties": {"mode": {"const": "owners"}}}, "then": {"required": ["owners"]}},
    ],
}


class CatalogueError(ValueError):
    """The stream catalogue cannot be used; the text names stream, field and cure."""


@dataclass(frozen=True)
class Owners:
    """How a list is asked for by owner: the listing of owners, their type code, and the filters' names."""

    listing: Listing
    modified: tuple[str, ...]
    type: str
    id_filter: str
    field: str
    per_command: int


@dataclass(frozen=True)
class Spec:
    """One stream of the catalogue. `listings` has one element, or one for each variant of `each`."""

    name: str
    method: str
    mode: str
    id: str
    listings: tuple[Listing, ...]
    scope: tuple[str, ...]
    modified: tuple[str, ...]
    paging: str
    drop: frozenset[str]
    optional: bool
    dated: bool
    owners: Owners | None
    every_hours: float | None
    again_days: float | None

    @property
    def key(self) -> list[str]:
        return ["id", "modified_at"] if self.mode in VERSIONED else ["id"]

    @property
    def bookmarked(self) -> bool:
        return self.mode in BOOKMARKED


def _pairs(params: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(key, str(value)) for key, value in params.items()]


def _listing(entry: Mapping[str, Any], variant: Mapping[str, Any] | None = None) -> Listing:
    order = entry.get("order", {f"order[{entry['id']}]": "ASC"} if "{" not in entry["id"] else {})
    return Listing(
        method=entry["method"],
        id=entry["id"] if "{" not in entry["id"] else "id",
        result=entry.get("result", ""),
        filter=entry.get("filter", "filter"),
        order=_pairs(order),
        params=_pairs({**entry.get("params", {}), **(variant or {})}),
        start=entry.get("start", "start"),
    )


def _owners(entry: Mapping[str, Any], entries: Mapping[str, Mapping[str, Any]], where: str) -> Owners | None:
    given = entry.get("owners")
    if given is None:
        return None
    owner = entries.get(given["stream"])
    if owner is None or owner["mode"] != "incremental":
        raise CatalogueError(
            f"{where}: stream '{entry['name']}': owners.stream '{given['stream']}' is no incremental stream"
        )
    # Only what is needed of an owner: its id and its moment.
    params = {key: value for key, value in owner.get("params", {}).items() if not key.startswith("select")}
    params |= {"select[0]": owner["id"]} | {
        f"select[{i}]": name for i, name in enumerate(owner["modified"], 1)
    }
    return Owners(
        listing=_listing({**owner, "params": params}),
        modified=tuple(owner["modified"]),
        type=given["type"],
        id_filter=given["id_filter"],
        field=given["field"],
        per_command=given.get("per_command", 20),
    )


def _check(entry: Any, where: str) -> None:
    name = entry.get("name", "?") if isinstance(entry, Mapping) else "?"
    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(SCHEMA).iter_errors(entry))
    if error is not None:
        field = ".".join(str(step) for step in error.absolute_path)
        raise CatalogueError(f"{where}: stream '{name}'{': ' + field if field else ''}: {error.message}")


def build(entries: Iterable[Any], where: str = "streams.yml") -> list[Spec]:
    """Check stream definitions and make them usable.

    Raises:
        CatalogueError: one is malformed, or a name comes twice.
    """
    known: dict[str, dict[str, Any]] = {}
    for entry in entries:
        _check(entry, where)
        if entry["name"] in known:
            raise CatalogueError(f"{where}: stream '{entry['name']}' is defined twice")
        known[entry["name"]] = entry
    specs = []
    for entry in known.values():
        owners = _owners(entry, known, where)
        own = (
            {
                **entry,
                "params": {
                    **entry.get("params", {}),
                    f"{entry.get('filter', 'filter')}[{entry['owners']['type_filter']}]": entry["owners"][
                        "type"
                    ],
                },
            }
            if owners
            else entry
        )
        specs.append(
            Spec(
                name=entry["name"],
                method=entry["method"],
                mode=entry["mode"],
                id=entry["id"],
                listings=tuple(_listing(own, variant) for variant in entry.get("each", [None])),
                scope=tuple(entry.get("scope", ())),
                modified=tuple(entry.get("modified", ())),
                paging=entry.get("paging", "keyset"),
                drop=frozenset(entry.get("drop", ())),
                optional=entry.get("optional", False),
                dated=entry.get("dated", False),
                owners=owners,
                every_hours=entry.get("every_hours"),
                again_days=entry.get("again_days"),
            )
        )
    return specs


@cache
def _shipped() -> tuple[dict[str, Any], ...]:
    document = yaml.safe_load(files("tap_bitrix24").joinpath("streams.yml").read_text(encoding="utf-8"))
    return tuple(document["streams"])


def load(wanted: list[Any] | None = None) -> list[Spec]:
    """The shipped catalogue, or the part of it that the setting `streams` names.

    Args:
        wanted: names of the catalogue, or definitions with a `name`: one of the catalogue's with fields to
        replace, or
            a new one. Only the listed streams are loaded.

    Raises:
        CatalogueError: an unknown name, or a malformed definition.
    """
    shipped = {entry["name"]: entry for entry in _shipped()}
    if not wanted:
        return build(shipped.values())
    chosen: dict[str, Any] = {}
    for item in wanted:
        entry = {"name": item} if isinstance(item, str) else item
        if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str):
            raise CatalogueError("setting streams: each item is a stream's name, or a definition with a name")
        if isinstance(item, str) and item not in shipped:
            raise CatalogueError(
                f"setting streams: there is no stream '{item}'; there are: {', '.join(shipped)}"
            )
        chosen[entry["name"]] = {**shipped.get(entry["name"], {}), **entry}
    # All are built, so that a stream may name owners that are not loaded themselves.
    built = build({**shipped, **chosen}.values(), "setting streams")
    return [spec for spec in built if spec.name in chosen]
