"""Reads and checks `streams.yml`, the declarative list of what is loaded, and the overrides of the setting
`streams`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema
import yaml

from tap_bitrix24.batch import Listing

_TEXT = {"type": "string", "minLength": 1}
_TEXTS = {"type": "array", "items": _TEXT, "minItems": 1}
_PARAMS = {"type": "object", "additionalProperties": {"type": ["string", "integer"]}}
PAGINGS = ("keyset", "whole", "once")
DAYS_SETTINGS = ("bindings_days",)
"""Settings that may limit the first load of rows by owner."""
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
        "each": {"anyOf": [_TEXT, {"type": "array", "items": {"anyOf": [_TEXT, _PARAMS]}, "minItems": 1}]},
        "put": _TEXTS,
        "map": _TEXT,
        "filter": _TEXT,
        "order": _PARAMS,
        "start": _TEXT,
        "counted": {"type": "boolean"},
        "paging": {"enum": list(PAGINGS)},
        "drop": _TEXTS,
        "optional": {"type": "boolean"},
        "dated": {"type": "boolean"},
        "every_hours": {"type": "number", "exclusiveMinimum": 0},
        "again_days": {"type": "number", "exclusiveMinimum": 0},
        "sweep": {"type": "boolean"},
        "owners": {
            "type": "object",
            "additionalProperties": False,
            "required": ["stream"],
            "oneOf": [{"required": ["field"]}, {"required": ["ask"]}],
            "properties": {
                "stream": _TEXT,
                "params": _PARAMS,
                "field": _TEXT,
                "ask": _TEXT,
                "per_command": {"type": "integer", "minimum": 1, "maximum": 50},
                "put": _PARAMS,
                "rows": _TEXT,
                "first_days": {"enum": list(DAYS_SETTINGS)},
            },
        },
    },
    "allOf": [
        {
            "if": {"properties": {"mode": {"enum": ["incremental", "append", "window"]}}},
            "then": {"required": ["modified"], "properties": {"paging": {"const": "keyset"}}},
        },
        {"if": {"properties": {"mode": {"const": "owners"}}}, "then": {"required": ["owners"]}},
        {
            "if": {"required": ["every_hours"]},
            "then": {"properties": {"mode": {"const": "full"}}},
        },
        {
            "if": {"required": ["again_days"]},
            "then": {"properties": {"mode": {"enum": ["incremental", "append", "owners"]}}},
        },
        {
            "if": {"required": ["each"]},
            "then": {"properties": {"mode": {"enum": ["incremental", "append", "full", "snapshot"]}}},
        },
        {"if": {"required": ["sweep"]}, "then": {"properties": {"mode": {"const": "incremental"}}}},
        {
            "if": {"required": ["map"]},
            "then": {"required": ["paging"], "properties": {"paging": {"const": "once"}}},
        },
    ],
}
VARIANT_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "method", "id", "give"],
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"},
        "method": _TEXT,
        "id": _TEXT,
        "result": _TEXT,
        "params": _PARAMS,
        "give": {"type": "object", "additionalProperties": _TEXT, "minProperties": 1},
    },
}


class CatalogueError(ValueError):
    """The stream catalogue cannot be used; the text names stream, field and cure."""


@dataclass(frozen=True)
class Owners:
    """How rows are asked for by owner.

    `listing` and `modified` find changed owners. Their rows come either in bulk, `per_command` owners each, by the
    filter `=<field>`, `field` being the owner's id in a row; or, with `ask`, by a command for each owner with that
    parameter. A record is `{<field or ask>: owner's id, **put, <rows>: [...]}`.
    """

    listing: Listing
    modified: tuple[str, ...]
    field: str
    ask: str | None
    per_command: int
    put: Mapping[str, Any]
    rows: str
    first_days: str | None


@dataclass(frozen=True)
class Variant:
    """One of the lists that a stream consists of: its `key` in the state, and what is put into its rows."""

    key: str
    listing: Listing
    put: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """Variants that only the portal knows: one for each row of `listing`.

    `give` maps parameters of the variant to fields of that row.
    """

    name: str
    listing: Listing
    give: Mapping[str, str]

    def variants(self, spec: Spec, rows: Iterable[Mapping[str, Any]]) -> list[Variant]:
        """The variants of a stream; rows that lack a field are none."""
        given = ({param: row.get(name) for param, name in self.give.items()} for row in rows)
        return [
            spec.variant(each) for each in given if all(value not in (None, "") for value in each.values())
        ]


@dataclass(frozen=True)
class Spec:
    """One stream of the catalogue.

    `listing` has the parameters that all variants share. `variants` are those that are known beforehand (one, with
    an empty key, for most streams), `found` those that the portal is asked for.
    """

    name: str
    method: str
    mode: str
    id: str
    listing: Listing
    variants: tuple[Variant, ...]
    found: tuple[Found, ...]
    put: tuple[str, ...]
    map: str | None
    scope: tuple[str, ...]
    modified: tuple[str, ...]
    paging: str
    drop: frozenset[str]
    optional: bool
    dated: bool
    owners: Owners | None
    every_hours: float | None
    again_days: float | None
    sweep: bool

    @property
    def listings(self) -> tuple[Listing, ...]:
        return tuple(variant.listing for variant in self.variants)

    @property
    def is_varied(self) -> bool:
        return bool(self.found) or len(self.variants) > 1

    def variant(self, params: Mapping[str, Any]) -> Variant:
        """The variant with these parameters."""
        return _variant(self.listing, params, self.put)

    @property
    def key(self) -> list[str]:
        return ["id", "modified_at"] if self.mode in VERSIONED else ["id"]

    @property
    def bookmarked(self) -> bool:
        return self.mode in BOOKMARKED


def _pairs(params: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(key, str(value)) for key, value in params.items()]


def _listing(entry: Mapping[str, Any]) -> Listing:
    named = re.findall(r"{(\w+)}", entry["id"])
    own_id = named[-1] if named else entry["id"]
    sortable = not named or entry.get("paging", "keyset") == "keyset"
    return Listing(
        method=entry["method"],
        id=own_id,
        result=entry.get("result", ""),
        filter=entry.get("filter", "filter"),
        order=_pairs(entry.get("order", {f"order[{own_id}]": "ASC"} if sortable else {})),
        params=_pairs(entry.get("params", {})),
        start=entry.get("start", "start"),
        uncounted="0" if entry.get("counted") else "-1",
    )


def _variant(listing: Listing, params: Mapping[str, Any], put: Iterable[str]) -> Variant:
    return Variant(
        key=":".join(str(value) for value in params.values()),
        listing=replace(listing, params=[*listing.params, *_pairs(params)]),
        put={name: params[name] for name in put},
    )


def _owners(entry: Mapping[str, Any], entries: Mapping[str, Mapping[str, Any]], where: str) -> Owners | None:
    given = entry.get("owners")
    if given is None:
        return None
    owner = entries.get(given["stream"])
    if owner is None or owner["mode"] != "incremental" or "each" in owner:
        raise CatalogueError(
            f"{where}: stream '{entry['name']}': owners.stream '{given['stream']}' is no plain incremental stream"
        )
    # Only what is needed of an owner: its id and its moment.
    params = {key: value for key, value in owner.get("params", {}).items() if not key.startswith("select")}
    params |= {
        "select[0]": owner["id"],
        **{f"select[{i}]": name for i, name in enumerate(owner["modified"], 1)},
        **given.get("params", {}),
    }
    return Owners(
        listing=_listing({**owner, "params": params}),
        modified=tuple(owner["modified"]),
        field=given.get("field") or given["ask"],
        ask=given.get("ask"),
        per_command=given.get("per_command", 20),
        put=given.get("put", {}),
        rows=given.get("rows") or entry.get("result") or "rows",
        first_days=given.get("first_days"),
    )


def _varied(
    entry: Mapping[str, Any], known: Mapping[str, Found], where: str
) -> tuple[tuple[Variant, ...], tuple[Found, ...]]:
    """The variants of a stream: those given, and the lists of those to be found."""
    listing, put = _listing(entry), entry.get("put", [])
    each = entry.get("each")
    given = [each] if isinstance(each, str) else each if each is not None else [{}]
    for item in given:
        if isinstance(item, str) and item not in known:
            raise CatalogueError(
                f"{where}: stream '{entry['name']}': each: there is no variants list '{item}';"
                f" there are: {', '.join(known)}"
            )
        params = known[item].give if isinstance(item, str) else item
        if lacking := [name for name in put if name not in params]:
            raise CatalogueError(
                f"{where}: stream '{entry['name']}': put: '{lacking[0]}' is no parameter of each variant"
            )
    return (
        tuple(_variant(listing, item, put) for item in given if not isinstance(item, str)),
        tuple(known[item] for item in given if isinstance(item, str)),
    )


def _check(entry: Any, where: str, schema: Mapping[str, Any] = SCHEMA, what: str = "stream") -> None:
    name = entry.get("name", "?") if isinstance(entry, Mapping) else "?"
    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(entry))
    if error is not None:
        step = ".".join(str(step) for step in error.absolute_path)
        raise CatalogueError(f"{where}: {what} '{name}'{': ' + step if step else ''}: {error.message}")


def _found(variants: Iterable[Any], where: str) -> dict[str, Found]:
    found: dict[str, Found] = {}
    for entry in variants:
        _check(entry, where, VARIANT_SCHEMA, "variants list")
        if entry["name"] in found:
            raise CatalogueError(f"{where}: variants list '{entry['name']}' is defined twice")
        found[entry["name"]] = Found(entry["name"], _listing({**entry, "paging": "whole"}), entry["give"])
    return found


def build(entries: Iterable[Any], where: str = "streams.yml", variants: Iterable[Any] = ()) -> list[Spec]:
    """Check stream definitions, and the lists of variants they may name, and make them usable.

    Raises:
        CatalogueError: one is malformed, or a name comes twice.
    """
    lists = _found(variants, where)
    known: dict[str, dict[str, Any]] = {}
    for entry in entries:
        _check(entry, where)
        if entry["name"] in known:
            raise CatalogueError(f"{where}: stream '{entry['name']}' is defined twice")
        known[entry["name"]] = entry
    specs = []
    for entry in known.values():
        variants_known, found = _varied(entry, lists, where)
        specs.append(
            Spec(
                name=entry["name"],
                method=entry["method"],
                mode=entry["mode"],
                id=entry["id"],
                listing=_listing(entry),
                variants=variants_known,
                found=found,
                put=tuple(entry.get("put", ())),
                map=entry.get("map"),
                scope=tuple(entry.get("scope", ())),
                modified=tuple(entry.get("modified", ())),
                paging=entry.get("paging", "keyset"),
                drop=frozenset(entry.get("drop", ())),
                optional=entry.get("optional", False),
                dated=entry.get("dated", False),
                owners=_owners(entry, known, where),
                every_hours=entry.get("every_hours"),
                again_days=entry.get("again_days"),
                sweep=entry.get("sweep", False),
            )
        )
    return specs


@cache
def _shipped() -> dict[str, list[dict[str, Any]]]:
    return yaml.safe_load(files("tap_bitrix24").joinpath("streams.yml").read_text(encoding="utf-8"))


def load(wanted: list[Any] | None = None) -> list[Spec]:
    """The shipped catalogue, or the part of it that the setting `streams` names.

    Args:
        wanted: names of the catalogue, or definitions with a `name`: one of the catalogue's with fields to replace,
        or a new one. Only the listed streams are loaded.

    Raises:
        CatalogueError: an unknown name, or a malformed definition.
    """
    shipped = {entry["name"]: entry for entry in _shipped()["streams"]}
    variants = _shipped()["variants"]
    if not wanted:
        return build(shipped.values(), variants=variants)
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
    built = build({**shipped, **chosen}.values(), "setting streams", variants)
    return [spec for spec in built if spec.name in chosen]
