"""The official SDK, unmodified, over https: it must read what the portal says it has."""

from __future__ import annotations

import sys

import pytest

from .conftest import TOKEN, Served
from .test_fast_bitrix24 import ALL

if sys.version_info < (3, 11):
    pytest.skip("b24pysdk 1.3.2 cannot be imported on Python 3.10", allow_module_level=True)

from b24pysdk import BitrixWebhook
from b24pysdk.errors import BitrixAPIInvalidArgValue, BitrixAPINotFound


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
    with pytest.raises(BitrixAPINotFound):
        sdk.call_method(api_method="crm.nothing.list")
    with pytest.raises(BitrixAPIInvalidArgValue):
        sdk.call_method(api_method="crm.item.list", params={"entityTypeId": 2, "filter": {"FIELD": 1}})
