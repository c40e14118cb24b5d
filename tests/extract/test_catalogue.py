"""The stream catalogue: the contract's streams, and clear refusals of mistakes."""

from __future__ import annotations

import pytest
from tap_bitrix24.catalogue import CatalogueError, build, load

KEYS = {
    "leads": ["id", "modified_at"],
    "deals": ["id", "modified_at"],
    "contacts": ["id", "modified_at"],
    "companies": ["id", "modified_at"],
    "quotes": ["id", "modified_at"],
    "smart_invoices": ["id", "modified_at"],
    "smart_process_items": ["id", "modified_at"],
    "orders": ["id", "modified_at"],
    "activities": ["id", "modified_at"],
    "currencies": ["id", "modified_at"],
    "lead_stage_history": ["id"],
    "deal_stage_history": ["id"],
    "smart_invoice_stage_history": ["id"],
    "smart_process_stage_history": ["id"],
    "smart_processes": ["id"],
    "activity_bindings": ["id"],
    "payments": ["id"],
    "order_owners": ["id"],
    "products": ["id"],
    "fields": ["id"],
    "calls": ["id"],
    "deal_product_rows": ["id"],
    "pipelines": ["id"],
    "statuses": ["id"],
    "users": ["id"],
    "departments": ["id"],
}
TYPES = {"name": "types", "method": "crm.type.list", "id": "id", "give": {"entityTypeId": "entityTypeId"}}
GOOD = {
    "name": "documents",
    "method": "crm.item.list",
    "mode": "incremental",
    "id": "id",
    "modified": ["updatedTime"],
}


def test_shipped_catalogue_is_the_contract() -> None:
    assert {spec.name: spec.key for spec in load()} == KEYS
    assert all(spec.scope for spec in load())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metod": "x"}, "stream 'documents': .*'metod'"),
        ({"mode": "sometimes"}, "stream 'documents': mode: 'sometimes' is not one of"),
        ({"modified": []}, "stream 'documents': modified"),
        ({"params": {"a": [1]}}, "stream 'documents': params.a"),
        ({"name": "Documents"}, "name: 'Documents' does not match"),
        ({"paging": "whole"}, "stream 'documents': paging"),
        ({"mode": "owners"}, "'owners' is a required property"),
        (
            {"each": "smart_proceses"},
            "'documents': each: there is no variants list 'smart_proceses'; there are: types",
        ),
        ({"each": [1]}, "stream 'documents': each"),
        ({"each": "types", "mode": "window"}, "stream 'documents': mode: 'window' is not one of"),
        (
            {"each": [{"entityTypeId": 7}], "put": ["iblockId"]},
            "'documents': put: 'iblockId' is no parameter",
        ),
        (
            {"each": "types", "put": ["iblockId"]},
            "'documents': put: 'iblockId' is no parameter of each variant",
        ),
        ({"every_hours": 24}, "stream 'documents': mode: 'full' was expected"),
        ({"mode": "full", "every_hours": 0}, "stream 'documents': every_hours"),
        ({"mode": "window", "again_days": 7}, "stream 'documents': mode: 'window' is not one of"),
        ({"mode": "append", "sweep": True}, "stream 'documents': mode: 'incremental' was expected"),
        ({"mode": "full", "map": "field"}, "stream 'documents': 'paging' is a required property"),
        (
            {"mode": "owners", "owners": {"stream": "deels", "field": "a"}},
            "owners.stream 'deels' is no plain",
        ),
        ({"mode": "owners", "owners": {"stream": "documents"}}, "stream 'documents': owners: .*is not valid"),
        (
            {"mode": "owners", "owners": {"stream": "x", "ask": "a", "first_days": "b"}},
            "owners.first_days: 'b'",
        ),
    ],
)
def test_mistakes_name_stream_and_field(change: dict, message: str) -> None:
    with pytest.raises(CatalogueError, match=message):
        build([{**GOOD, **change}], variants=[TYPES])


def test_missing_field_and_double_name() -> None:
    with pytest.raises(CatalogueError, match="stream 'documents': 'modified' is a required property"):
        build([{key: value for key, value in GOOD.items() if key != "modified"}])
    with pytest.raises(CatalogueError, match="'documents' is defined twice"):
        build([GOOD, GOOD])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"give": {}}, "variants list 'types': give: .*"),
        ({"methd": "x"}, "variants list 'types': .*'methd'"),
    ],
)
def test_mistakes_in_variants_name_list_and_field(change: dict, message: str) -> None:
    with pytest.raises(CatalogueError, match=message):
        build([GOOD], variants=[{**TYPES, **change}])
    with pytest.raises(CatalogueError, match="variants list 'types' is defined twice"):
        build([GOOD], variants=[TYPES, TYPES])


def test_variants_are_given_and_found() -> None:
    (spec,) = build(
        [
            {
                **GOOD,
                "id": "{entityTypeId}:{id}",
                "each": [{"entityTypeId": 7}, "types"],
                "put": ["entityTypeId"],
            }
        ],
        variants=[TYPES],
    )
    assert [(variant.key, variant.put) for variant in spec.variants] == [("7", {"entityTypeId": 7})]
    found = spec.found[0].variants(spec, [{"id": 1, "entityTypeId": 1256}, {"id": 2, "entityTypeId": None}])
    assert [(variant.key, variant.put) for variant in found] == [("1256", {"entityTypeId": 1256})]
    assert ("entityTypeId", "1256") in found[0].listing.params
    assert (found[0].listing.id, found[0].listing.order) == ("id", [("order[id]", "ASC")])


def test_setting_streams_chooses_overrides_and_adds() -> None:
    chosen = load(["deals", {"name": "calls", "drop": ["PHONE_NUMBER"]}, GOOD])
    assert [spec.name for spec in chosen] == ["deals", "calls", "documents"]
    assert chosen[1].drop == {"PHONE_NUMBER"} and chosen[1].method == "voximplant.statistic.get"
    with pytest.raises(CatalogueError, match="no stream 'deels'; there are: leads, deals"):
        load(["deels"])


def test_product_rows_can_be_loaded_without_deals() -> None:
    (spec,) = load(["deal_product_rows"])
    assert spec.owners and dict(spec.owners.listing.params)["entityTypeId"] == "2"
    assert "*" not in dict(spec.owners.listing.params).values()
