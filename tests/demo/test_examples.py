"""The portal's answers against the examples of the official documentation, key by key and type by type.

Every difference is explained in example_differences.yml. One that is not there fails, and so does one that is
there and has gone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import Portal, example

LISTED = Path(__file__).with_name("example_differences.yml")
#: Names that every portal gives itself.
OWN_NAMES = re.compile(r"(?:(?:UF_CRM|ufCrm|PARENT_ID|parentId)_?[0-9A-Z]+(?:_[0-9]+)?|property[0-9]+)$")

Ask = Callable[[Portal], list[Any]]


def _one(method: str, body: dict[str, Any] | None = None) -> Ask:
    return lambda portal: [portal.call(method, body)]


def _pages(method: str, body: dict[str, Any] | None = None) -> Ask:
    """All pages of a list, so that every shape a row can have is seen; the envelope is the first page's."""

    def ask(portal: Portal) -> list[Any]:
        answers, start = [], 0
        while start is not None:
            answers.append(portal.call(method, {**(body or {}), "start": start}))
            start = answers[-1].get("next")
        return answers

    return ask


def _each(method: str, kind: int, body: dict[str, Any] | None = None, key: str = "id") -> Ask:
    """A method that returns one card, asked for three hundred of them."""

    def ask(portal: Portal) -> list[Any]:
        ids = list(portal.service.portal.cards[kind])[-300:]
        return [portal.call(method, {**(body or {}), key: i}) for i in ids]

    return ask


def _activities(method: str, key: str) -> Ask:
    return lambda portal: [
        portal.call(method, {key: i}) for i in list(portal.service.portal.activities)[:300]
    ]


def _product_rows(portal: Portal) -> list[Any]:
    owners = list(portal.service.portal.product_rows)[:200]
    return _pages("crm.item.productrow.list", {"filter": {"=ownerType": "D", "=ownerId": owners}})(portal)


def _rows_of_deals(portal: Portal) -> list[Any]:
    owners = list(portal.service.portal.product_rows)[:200]
    return [portal.call("crm.deal.productrows.get", {"id": deal}) for deal in owners]


def _payments_of_deals(portal: Portal) -> list[Any]:
    deals = {order.deal_id for order in portal.service.portal.orders.values()} - {0}
    return [
        portal.call("crm.item.payment.list", {"entityTypeId": 2, "entityId": deal}) for deal in sorted(deals)
    ]


def _selected(name: str) -> dict[str, Any]:
    """``select`` of the fields that an example shows."""
    result = example(name)["result"]
    rows = result if isinstance(result, list) else next(iter(result.values()))
    return {"select": sorted({key for row in rows for key in row})}


def _batch(portal: Portal) -> list[Any]:
    return [portal.call("batch", {"cmd": {"get_user": "user.current", "get_department": "department.get"}})]


#: How each example is obtained from the portal.
ASKED: dict[str, Ask] = {
    "batch": _batch,
    "catalog.catalog.list": _one("catalog.catalog.list"),
    "catalog.product.list": _one(
        "catalog.product.list", {"select": ["id", "iblockId", "*"], "filter": {"iblockId": 15}}
    ),
    "crm.activity.binding.list": _activities("crm.activity.binding.list", "activityId"),
    "crm.activity.fields": _one("crm.activity.fields"),
    "crm.activity.get": _activities("crm.activity.get", "id"),
    "crm.activity.list": _pages("crm.activity.list"),
    "crm.activity.list__COMMUNICATIONS": _one(
        "crm.activity.list",
        {"select": ["COMMUNICATIONS"], "filter": {"PROVIDER_ID": "VOXIMPLANT_CALL"}, "start": 50},
    ),
    "crm.activity.list__no_deadline_9999": _pages(
        "crm.activity.list", _selected("crm.activity.list__no_deadline_9999")
    ),
    "crm.category.list": _one("crm.category.list", {"entityTypeId": 2}),
    "crm.company.fields": _one("crm.company.fields"),
    "crm.company.get": _each("crm.company.get", 4),
    "crm.company.list": _pages("crm.company.list", _selected("crm.company.list")),
    "crm.company.userfield.list": _one("crm.company.userfield.list", {"filter": {"LANG": "ru"}}),
    "crm.contact.fields": _one("crm.contact.fields"),
    "crm.contact.get": _each("crm.contact.get", 3),
    "crm.contact.list": _pages("crm.contact.list", _selected("crm.contact.list")),
    "crm.contact.userfield.list": _one("crm.contact.userfield.list", {"filter": {"LANG": "ru"}}),
    "crm.currency.base.get": _one("crm.currency.base.get"),
    "crm.currency.list": _one("crm.currency.list"),
    "crm.deal.contact.items.get": _each("crm.deal.contact.items.get", 2),
    "crm.deal.fields": _one("crm.deal.fields"),
    "crm.deal.get": _each("crm.deal.get", 2),
    "crm.deal.list": _pages("crm.deal.list", _selected("crm.deal.list")),
    "crm.deal.productrows.get": _rows_of_deals,
    "crm.deal.userfield.list": _one("crm.deal.userfield.list", {"filter": {"LANG": "ru"}}),
    "crm.enum.ownertype": _one("crm.enum.ownertype"),
    "crm.item.add__deal_full_item_shape": _each("crm.item.get", 2, {"entityTypeId": 2}),
    "crm.item.fields": _one("crm.item.fields", {"entityTypeId": 177}),
    "crm.item.get": _each("crm.item.get", 1, {"entityTypeId": 1}),
    "crm.item.list": _pages("crm.item.list", {"entityTypeId": 1, **_selected("crm.item.list")}),
    "crm.item.payment.list": _payments_of_deals,
    "crm.item.productrow.list": _product_rows,
    "crm.item.update__deal_full_item_shape": _each("crm.item.get", 2, {"entityTypeId": 2}),
    "crm.lead.fields": _one("crm.lead.fields"),
    "crm.lead.get": _each("crm.lead.get", 1),
    "crm.lead.list": _pages("crm.lead.list", {"select": ["*", "UF_*"]}),
    "crm.lead.userfield.list": _one("crm.lead.userfield.list", {"filter": {"LANG": "ru"}}),
    "crm.orderentity.list": _one("crm.orderentity.list", _selected("crm.orderentity.list")),
    "crm.settings.mode.get": _one("crm.settings.mode.get"),
    "crm.stagehistory.list": _pages("crm.stagehistory.list", {"entityTypeId": 2}),
    "crm.status.entity.types": _one("crm.status.entity.types"),
    "crm.status.list": _one("crm.status.list", {"filter": {"ENTITY_ID": "DEAL_STAGE"}}),
    "crm.status.list__lead_STATUS": _one("crm.status.list", {"filter": {"ENTITY_ID": "STATUS"}}),
    "crm.status.list__smart_process_no_EXTRA": _one(
        "crm.status.list", {"filter": {"ENTITY_ID": "DYNAMIC_177_STAGE_14"}}
    ),
    "crm.type.list": _one("crm.type.list"),
    "department.get": _one("department.get"),
    "method.get": _one("method.get", {"name": "profile"}),
    "profile": _one("profile"),
    "sale.order.list": _pages("sale.order.list"),
    "sale.payment.list": _pages("sale.payment.list"),
    "scope": _one("scope"),
    "server.time": _one("server.time"),
    "user.current": _one("user.current"),
    "user.get": _one("user.get"),
    "voximplant.statistic.get": _pages("voximplant.statistic.get"),
}


def kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    names = {int: "number", float: "number", str: "text", dict: "object", list: "list"}
    return "null" if value is None else names[type(value)]


def shape(values: Iterable[Any]) -> dict[str, set[str]]:
    """Path → the kinds of values met there; elements of a list share one path, ending in ``[]``."""
    found: dict[str, set[str]] = {}

    def walk(path: str, value: Any) -> None:
        found.setdefault(path, set()).add(kind_of(value))
        if isinstance(value, dict):
            for key, item in value.items():
                walk(f"{path}.{OWN_NAMES.sub('<own>', key)}", item)
        elif isinstance(value, list):
            for item in value:
                walk(f"{path}[]", item)

    for value in values:
        walk("", value)
    return found


def differences(expected: Any, given: list[Any]) -> set[tuple[str, str]]:
    """(path, what) of every difference: missing, extra, empty (always null here), or the two kinds."""
    theirs, ours = shape([expected]), shape(given)
    found: set[tuple[str, str]] = set()

    def under(path: str, paths: set[str]) -> bool:
        """Whether something above the path is already reported."""
        return any(path.startswith((f"{other}.", f"{other}[]")) for other in paths)

    missing = {path for path in theirs if path not in ours}
    extra = {path for path in ours if path not in theirs}
    # An empty list or a null where the other has something inside says nothing about what it would have.
    hollow = {path for path, kinds in theirs.items() if kinds <= {"null", "list"}}
    hollow -= {path for path in hollow if any(p.startswith(f"{path}[]") for p in theirs)}
    found |= {(path, "missing") for path in missing if not under(path, missing)}
    found |= {(path, "extra") for path in extra if not under(path, extra) and not under(path, hollow)}
    for path in theirs.keys() & ours.keys():
        want, have = theirs[path] - {"null"}, ours[path] - {"null"}
        if want and not have:
            found.add((path, "empty"))
        elif want and not want & have:
            found.add((path, f"{'/'.join(sorted(want))} -> {'/'.join(sorted(have))}"))
    return {(path.removeprefix("."), what) for path, what in found}


@cache
def listed() -> dict[str, set[tuple[str, str]]]:
    groups = yaml.safe_load(LISTED.read_text(encoding="utf-8"))
    found: dict[str, set[tuple[str, str]]] = {}
    for group in groups:
        assert group["why"].strip(), group
        for name in group["examples"]:
            for path in group["paths"]:
                entry = (path, group["what"])
                assert entry not in found.setdefault(name, set()), f"{name}: {entry} is listed twice"
                found[name].add(entry)
    return found


@pytest.mark.parametrize("name", sorted(ASKED))
def test_example(portal: Portal, name: str) -> None:
    found = differences(example(name), ASKED[name](portal))
    expected = listed().get(name, set())
    assert not found - expected, "differences that example_differences.yml does not explain"
    assert not expected - found, "differences that example_differences.yml explains, but which are gone"


def test_every_example_is_compared_and_every_listed_one_exists() -> None:
    folder = LISTED.parents[1] / "fixtures" / "bitrix24_examples"
    assert {path.stem for path in folder.glob("*.json")} == set(ASKED)
    assert set(listed()) <= set(ASKED)


def test_a_difference_is_seen() -> None:
    given = [{"a": "1", "b": [{"c": 1}], "e": None}]
    assert differences({"a": 1, "b": [{"c": 2, "d": 3}], "e": "x"}, given) == {
        ("a", "number -> text"),
        ("b[].d", "missing"),
        ("e", "empty"),
    }


ERRORS: dict[str, tuple[str, dict[str, Any]]] = {
    "crm.item.payment.list": ("crm.item.payment.list", {"entityTypeId": 2, "entityId": 10**9}),
    "crm.category.list": ("crm.category.list", {"entityTypeId": 777}),
    "crm.deal.list": ("crm.deal.list", {"filter": "x"}),
    "crm.item.get": ("crm.item.get", {"entityTypeId": 2, "id": 10**9}),
    "crm.item.list": ("crm.item.list", {"entityTypeId": 2, "filter": {"FIELD": 1}}),
    "crm.stagehistory.list": ("crm.stagehistory.list", {"entityTypeId": 15}),
    "app.info__called_by_webhook": ("app.info", {}),
}


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_errors_are_word_for_word(portal: Portal, name: str) -> None:
    method, body = ERRORS[name]
    answer = portal.post(method, body)
    assert answer.status_code == 400
    assert answer.json() == example(f"errors/{name}")


@pytest.mark.parametrize("halt", [0, 1])
def test_errors_of_a_batch(moving: Callable[..., Portal], halt: int) -> None:
    portal = moving(scopes=("crm",))
    expected = example(f"errors/batch__result_error_halt{halt}")["result"]
    result = portal.batch({"get_user": "user.get", "get_department": "department.get"}, halt=halt)
    assert result == expected
