"""Quotes, smart processes and the portal's own fields, as the universal methods show them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from demo.company.user_fields import USER_FIELDS

from .conftest import Portal

CONTRACT, CLAIM = 177, 1038
CARD_TYPES = (1, 2, 3, 4, 7, 31, CONTRACT, CLAIM)


def everything(portal: Portal, method: str, **body: Any) -> list[dict[str, Any]]:
    """All rows of a list, by offset."""
    rows: list[dict[str, Any]] = []
    start: int | None = 0
    while start is not None:
        answer = portal.call(method, {**body, "start": start})
        result = answer["result"]
        rows += result if isinstance(result, list) else next(iter(result.values()))
        start = answer.get("next")
    return rows


def fields(portal: Portal, kind: int) -> dict[str, dict[str, Any]]:
    return portal.call("crm.item.fields", {"entityTypeId": kind})["result"]["fields"]


def test_a_smart_process_is_named_by_its_entity_type_and_not_by_its_id(portal: Portal) -> None:
    answer = portal.call("crm.type.list", {"order": {"id": "DESC"}})
    types = answer["result"]["types"]
    assert [(x["id"], x["entityTypeId"], x["title"]) for x in types] == [
        (11, CLAIM, "Рекламации"),
        (7, CONTRACT, "Договоры"),
    ]
    assert answer["total"] == 2
    named = portal.rows("crm.type.list", {"filter": {"%title": "договор"}})
    assert [x["entityTypeId"] for x in named] == [CONTRACT]
    owners = {row["ID"]: row for row in portal.rows("crm.enum.ownertype")}
    assert (owners[CONTRACT]["SYMBOL_CODE"], owners[CONTRACT]["SYMBOL_CODE_SHORT"]) == ("DYNAMIC_177", "Tb1")
    assert portal.post("crm.item.list", {"entityTypeId": 7}).status_code == 200, (
        "7 is a quote, not a type's id"
    )
    assert portal.post("crm.item.list", {"entityTypeId": 11}).json()["error"] == "NOT_FOUND"


@pytest.mark.parametrize(("kind", "categories"), [(CONTRACT, [12, 14]), (CLAIM, [16])])
def test_stages_of_smart_processes(portal: Portal, kind: int, categories: list[int]) -> None:
    rows = portal.rows("crm.category.list", {"entityTypeId": kind})
    assert [row["id"] for row in rows] == categories
    assert [row["isDefault"] for row in rows].count("Y") == 1
    stages: dict[str, str | None] = {}
    for category in categories:
        where = {"ENTITY_ID": f"DYNAMIC_{kind}_STAGE_{category}"}
        statuses = portal.rows("crm.status.list", {"filter": where})
        assert all("EXTRA" not in row and row["CATEGORY_ID"] == str(category) for row in statuses)
        assert all(row["STATUS_ID"].startswith(f"DT{kind}_{category}:") for row in statuses)
        assert [row["SEMANTICS"] for row in statuses].count("S") == 1
        stages.update({row["STATUS_ID"]: row["SEMANTICS"] for row in statuses})
    items = everything(portal, "crm.item.list", entityTypeId=kind)
    assert items and {item["stageId"] for item in items} <= set(stages)
    assert all(item["stageId"].startswith(f"DT{kind}_{item['categoryId']}:") for item in items)
    assert not any("stageSemanticId" in item for item in items)
    history = everything(portal, "crm.stagehistory.list", entityTypeId=kind)
    assert {row["STAGE_SEMANTIC_ID"] for row in history} == {"P", "S", "F"}
    last = {row["OWNER_ID"]: row["STAGE_ID"] for row in history}
    assert last == {item["id"]: item["stageId"] for item in items}
    assert all((stages[row["STAGE_ID"]] or "P") == row["STAGE_SEMANTIC_ID"] for row in history)


def test_documents_belong_to_deals(portal: Portal) -> None:
    deals = {d["id"]: d for d in everything(portal, "crm.item.list", entityTypeId=2)}
    for kind, parent in ((7, "dealId"), (31, "parentId2"), (CONTRACT, "parentId2"), (CLAIM, "parentId2")):
        items = everything(portal, "crm.item.list", entityTypeId=kind, select=["*", parent])
        of_living = [item for item in items if item[parent] in deals]
        assert of_living and len(of_living) / len(items) > 0.9
        assert all(item["contactIds"] == deals[item[parent]]["contactIds"] for item in of_living)
    invoices = everything(portal, "crm.item.list", entityTypeId=31)
    quotes = {q["id"]: q for q in everything(portal, "crm.item.list", entityTypeId=7)}
    quoted = [(i, quotes[i["parentId7"]]) for i in invoices if i["parentId7"] in quotes]
    assert quoted and all(q["dealId"] == i["parentId2"] for i, q in quoted)


def test_quotes(portal: Portal) -> None:
    dictionary = {
        row["STATUS_ID"]: row
        for row in portal.rows("crm.status.list", {"filter": {"ENTITY_ID": "QUOTE_STATUS"}})
    }
    assert [row["SEMANTICS"] for row in dictionary.values()] == [None, None, "S", "F", "F"]
    quotes = everything(portal, "crm.item.list", entityTypeId=7)
    used = Counter(quote["stageId"] for quote in quotes)
    assert set(used) == set(dictionary)
    assert all((q["closed"] == "Y") is (dictionary[q["stageId"]]["SEMANTICS"] is not None) for q in quotes)
    one = portal.call("crm.item.get", {"entityTypeId": 7, "id": quotes[0]["id"]})["result"]["item"]
    assert one == {**quotes[0], **one} and one["quoteNumber"] == str(one["id"])
    refused = portal.post("crm.stagehistory.list", {"entityTypeId": 7})
    assert refused.json() == {"error": 0, "error_description": "QUOTE entity is not supported"}
    assert (
        portal.post("crm.category.list", {"entityTypeId": 7}).json()["error"] == "ENTITY_TYPE_NOT_SUPPORTED"
    )


@pytest.mark.parametrize("kind", CARD_TYPES)
def test_fields_are_described_in_russian_and_found_under_both_names(portal: Portal, kind: int) -> None:
    described = fields(portal, kind)
    shown = portal.rows("crm.item.list", {"entityTypeId": kind, "select": ["*"]})[0]
    internal = {"contacts", "companies", "companyIds", "contactIds", "id"}
    for name, field in described.items():
        assert name in shown or name in internal, name
        if name not in internal:
            assert any("а" <= letter <= "я" for letter in field["title"].lower()), (name, field["title"])
        if name not in ("contacts", "companies"):
            same = {"entityTypeId": kind, "filter": {f"!{field['upperName']}": "no such value"}}
            assert portal.post("crm.item.list", same).status_code == 200, name


def test_switched_off_features_of_a_smart_process_are_answered_but_not_described(portal: Portal) -> None:
    off = {"opportunity", "currencyId", "isManualOpportunity", "taxValue", "mycompanyId", "sourceId"}
    assert off <= set(fields(portal, CONTRACT)) and not off & set(fields(portal, CLAIM))
    assert off <= set(portal.rows("crm.item.list", {"entityTypeId": CLAIM})[0])


def test_user_fields_of_every_kind_hold_what_their_kind_says(portal: Portal) -> None:
    shapes = {
        "string": str,
        "url": str,
        "money": str,
        "date": str,
        "datetime": str,
        "boolean": str,
        "enumeration": int,
        "employee": int,
        "integer": int,
        "double": (int, float),
    }
    assert {spec.kind for spec in USER_FIELDS} == set(shapes)
    users = {int(row["ID"]) for row in portal.rows("user.get")}
    for kind in CARD_TYPES:
        described = fields(portal, kind)
        rows = everything(portal, "crm.item.list", entityTypeId=kind)
        for spec in (spec for spec in USER_FIELDS if spec.entity == kind):
            field = described[spec.camel]
            assert (field["type"], field["title"], field["upperName"]) == (spec.kind, spec.label, spec.name)
            values = [row[spec.camel] for row in rows]
            filled = [value for value in values if value not in (None, [], "")]
            assert filled, f"{spec.label}: nobody ever filled it in"
            if spec.multiple:
                assert any(len(value) > 1 for value in filled)
                filled = [one for value in filled for one in value]
            assert all(isinstance(value, shapes[spec.kind]) for value in filled), spec.label
            if spec.options:
                listed = {int(item["ID"]): item["VALUE"] for item in field["items"]}
                assert listed == dict(spec.options) and set(filled) <= set(listed)
            if spec.kind == "money":
                assert all(
                    value.partition("|")[0].isdigit() and len(value.partition("|")[2]) == 3
                    for value in filled
                )
            if spec.kind == "employee":
                assert set(filled) <= users
            if spec.kind == "date":
                assert all(value[10:] == "T03:00:00+03:00" for value in filled)


def test_older_methods_write_user_fields_as_texts(portal: Portal) -> None:
    deals = everything(portal, "crm.deal.list", select=["ID", "UF_*"])
    typed = {d["id"]: d for d in everything(portal, "crm.item.list", entityTypeId=2)}
    for deal in deals:
        item = typed[int(deal["ID"])]
        multiple = item["ufCrm_1731000006"]
        assert deal["UF_CRM_1731000006"] == (multiple or False)
        assert deal["UF_CRM_1731000009"] == (
            str(item["ufCrm_1731000009"]) if item["ufCrm_1731000009"] else None
        )
        assert deal["UF_CRM_1731000007"] == (item["ufCrm_1731000007"] or "")
    some = next(item for item in typed.values() if item["ufCrm_1731000010"])
    found = {"entityTypeId": 2, "filter": {">=ufCrm_1731000010": some["ufCrm_1731000010"], "=id": some["id"]}}
    assert [row["id"] for row in portal.rows("crm.item.list", found)] == [some["id"]]


@pytest.mark.parametrize("card", ["lead", "deal", "contact", "company"])
def test_labels_of_user_fields_come_only_when_a_language_is_asked_for(portal: Portal, card: str) -> None:
    bare = portal.rows(f"crm.{card}.userfield.list")
    labelled = portal.rows(f"crm.{card}.userfield.list", {"filter": {"LANG": "ru"}})
    labels = {"EDIT_FORM_LABEL", "LIST_COLUMN_LABEL", "LIST_FILTER_LABEL", "ERROR_MESSAGE", "HELP_MESSAGE"}
    assert bare and not any(labels & set(row) for row in bare)
    assert all(labels <= set(row) for row in labelled)
    assert [{k: v for k, v in row.items() if k not in labels} for row in labelled] == bare
    assert any(row.get("LIST") for row in bare), "no enumeration"


def test_contacts_may_belong_to_two_companies(portal: Portal) -> None:
    contacts = everything(portal, "crm.item.list", entityTypeId=3)
    assert all(
        contact["companyIds"][:1] == [contact["companyId"]] for contact in contacts if contact["companyId"]
    )
    assert any(len(contact["companyIds"]) > 1 for contact in contacts)


def test_calls_are_bound_to_the_deals_in_work_with_the_client(portal: Portal) -> None:
    """Every call activity names the card of its number and the deals that were in work with the client then."""
    state = portal.service.portal
    found = Counter[str]()
    for call in state.calls.values():
        activity = state.activities.get(call.activity_id)
        if activity is None or not call.crm_id or call.crm_type == "LEAD":
            continue
        bound = (
            portal.rows("crm.activity.binding.list", {"activityId": activity.id})
            if found.total() < 300
            else None
        )
        kinds = [kind for kind, _ in activity.bindings]
        if bound is not None:
            assert [(row["entityTypeId"], row["entityId"]) for row in bound] == activity.bindings
        own = ({"CONTACT": 3, "COMPANY": 4}[call.crm_type or ""], call.crm_id)
        assert own in activity.bindings or own[1] in state.deleted[own[0]]
        assert len(set(activity.bindings)) == len(activity.bindings)
        found["with a deal" if 2 in kinds else "without"] += 1
        found["owned by a deal"] += kinds[0] == 2
        found["several deals"] += kinds.count(2) > 1
        still = [
            deal
            for deal in state.deals_of.get(own, ())
            if deal in state.cards[2]
            and state.cards[2][deal].created <= call.started
            and all(
                state.history[2][row].semantic == "P" or state.history[2][row].created > activity.created
                for row in state.history_of.get((2, deal), ())
            )
            and not state.cards[2][deal].recurring
            and deal not in state.restored[2]
            and any(
                state.history[2][row].created <= activity.created
                for row in state.history_of.get((2, deal), ())
            )
        ]
        assert {(2, deal) for deal in still} <= set(activity.bindings), call
    assert min(found.values()) > 0 and len(found) == 4
