"""The stream catalogue: the contract's streams, and clear refusals of mistakes."""

from __future__ import annotations

import pytest
from tap_bitrix24.catalogue import CatalogueError, build, load

KEYS = {
    "leads": ["id", "modified_at"],
    "deals": ["id", "modified_at"],
    "contacts": ["id", "modified_at"],
    "companies": ["id", "modified_at"],
    "smart_invoices": ["id", "modified_at"],
    "activities": ["id", "modified_at"],
    "currencies": ["id", "modified_at"],
    "lead_stage_history": ["id"],
    "deal_stage_history": ["id"],
    "smart_invoice_stage_history": ["id"],
    "calls": ["id"],
    "deal_product_rows": ["id"],
    "pipelines": ["id"],
    "statuses": ["id"],
    "users": ["id"],
    "departments": ["id"],
}
GOOD = {
    "name": "quotes",
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
        ({"metod": "x"}, "stream 'quotes': .*'metod'"),
        ({"mode": "sometimes"}, "stream 'quotes': mode: 'sometimes' is not one of"),
        ({"modified": []}, "stream 'quotes': modified"),
        ({"params": {"a": [1]}}, "stream 'quotes': params.a"),
        ({"name": "Quotes"}, "name: 'Quotes' does not match"),
        ({"paging": "whole"}, "stream 'quotes': paging"),
        ({"mode": "owners"}, "'owners' is a required property"),
    ],
)
def test_mistakes_name_stream_and_field(change: dict, message: str) -> None:
    with pytest.raises(CatalogueError, match=message):
        build([{**GOOD, **change}])


def test_missing_field_and_double_name() -> None:
    with pytest.raises(CatalogueError, match="stream 'quotes': 'modified' is a required property"):
        build([{key: value for key, value in GOOD.items() if key != "modified"}])
    with pytest.raises(CatalogueError, match="'quotes' is defined twice"):
        build([GOOD, GOOD])


def test_setting_streams_chooses_overrides_and_adds() -> None:
    chosen = load(["deals", {"name": "calls", "drop": ["PHONE_NUMBER"]}, GOOD])
    assert [spec.name for spec in chosen] == ["deals", "calls", "quotes"]
    assert chosen[1].drop == {"PHONE_NUMBER"} and chosen[1].method == "voximplant.statistic.get"
    with pytest.raises(CatalogueError, match="no stream 'deels'; there are: leads, deals"):
        load(["deels"])


def test_product_rows_can_be_loaded_without_deals() -> None:
    (spec,) = load(["deal_product_rows"])
    assert spec.owners and dict(spec.owners.listing.params)["entityTypeId"] == "2"
    assert "*" not in dict(spec.owners.listing.params).values()
