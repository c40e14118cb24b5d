"""Clients that people use, unmodified, over a real connection: they must read what the portal says it has."""

from __future__ import annotations

import warnings

import pytest
from b24pysdk import BitrixWebhook
from fast_bitrix24 import Bitrix

from .conftest import TOKEN, Served, serving

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


@pytest.fixture
def sdk(served_https: Served, monkeypatch: pytest.MonkeyPatch) -> BitrixWebhook:
    """The official SDK. It speaks https only, so it is told to trust the portal's own authority."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(served_https.authority))
    return BitrixWebhook(domain=served_https.base.removeprefix("https://"), webhook_token=f"1/{TOKEN}")


@pytest.mark.parametrize("stream", ALL)
def test_b24pysdk_pages_by_total(sdk: BitrixWebhook, served_https: Served, stream: str) -> None:
    method, params = ALL[stream]
    rows = sdk.call_list(api_method=method, params=params)["result"]
    ids = {str(row.get("ID", row.get("id"))) for row in rows}
    assert len(ids) == len(rows) == served_https.truth()["streams"][stream]


@pytest.mark.parametrize("stream", ALL)
def test_b24pysdk_follows_the_chain_of_ids(sdk: BitrixWebhook, served_https: Served, stream: str) -> None:
    method, params = ALL[stream]
    rows = list(sdk.call_list_fast(api_method=method, params=params)["result"])
    ids = [int(row.get("ID", row.get("id"))) for row in rows]
    assert ids == sorted(set(ids))
    assert len(ids) == served_https.truth()["streams"][stream]


def test_b24pysdk_understands_the_errors(sdk: BitrixWebhook) -> None:
    from b24pysdk.errors import BitrixAPIInvalidArgValue, BitrixAPIMethodNotAllowed, BitrixAPINotFound

    with pytest.raises(BitrixAPINotFound):
        sdk.call_method(api_method="crm.nothing.list")
    with pytest.raises(BitrixAPIInvalidArgValue):
        sdk.call_method(api_method="crm.item.list", params={"entityTypeId": 2, "filter": {"FIELD": 1}})
    assert BitrixAPIMethodNotAllowed
