"""fast-bitrix24, unmodified, over a real connection: it must read what the portal says it has."""

from __future__ import annotations

import warnings

import pytest
from fast_bitrix24 import Bitrix

from .conftest import Served, serving

ALL = {
    "leads": ("crm.lead.list", {}),
    "deals": ("crm.deal.list", {}),
    "contacts": ("crm.contact.list", {}),
    "companies": ("crm.company.list", {}),
    "deal_stage_history": ("crm.stagehistory.list", {"entityTypeId": 2}),
    "lead_stage_history": ("crm.stagehistory.list", {"entityTypeId": 1}),
    "calls": ("voximplant.statistic.get", {}),
    "activities": ("crm.activity.list", {}),
    "smart_invoices": ("crm.item.list", {"entityTypeId": 31}),
}


@pytest.mark.parametrize("stream", ALL)
def test_fast_bitrix24_reads_every_row(served: Served, stream: str) -> None:
    method, params = ALL[stream]
    client = Bitrix(served.webhook, verbose=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # how the client reports a count that does not match
        warnings.filterwarnings("ignore", category=UserWarning)
        rows = client.get_all(method, {**params} or None)
    ids = {str(row.get("ID", row.get("id"))) for row in rows}
    assert len(ids) == len(rows) == served.truth()["streams"][stream]


def test_fast_bitrix24_gets_by_id(served: Served) -> None:
    client = Bitrix(served.webhook, verbose=False)
    deals = client.get_all("crm.deal.list", {"select": ["ID"], "filter": {"STAGE_SEMANTIC_ID": "P"}})[:70]
    found = client.get_by_ID("crm.deal.get", [deal["ID"] for deal in deals])
    assert {deal["ID"] for deal in found.values()} == {deal["ID"] for deal in deals}


def test_fast_bitrix24_survives_the_leaky_bucket() -> None:
    with serving() as limited:
        rows = Bitrix(limited.webhook, verbose=False).get_all("crm.deal.list", {"select": ["ID"]})
        assert len(rows) == limited.truth()["streams"]["deals"]
