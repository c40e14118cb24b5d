"""Paging, filters, orders and selects of the list methods."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .conftest import Portal

LISTS = {
    "leads": ("crm.item.list", {"entityTypeId": 1}, "id"),
    "deals": ("crm.item.list", {"entityTypeId": 2}, "id"),
    "contacts": ("crm.item.list", {"entityTypeId": 3}, "id"),
    "companies": ("crm.item.list", {"entityTypeId": 4}, "id"),
    "quotes": ("crm.item.list", {"entityTypeId": 7}, "id"),
    "smart_invoices": ("crm.item.list", {"entityTypeId": 31}, "id"),
    "lead_stage_history": ("crm.stagehistory.list", {"entityTypeId": 1}, "ID"),
    "deal_stage_history": ("crm.stagehistory.list", {"entityTypeId": 2}, "ID"),
    "smart_invoice_stage_history": ("crm.stagehistory.list", {"entityTypeId": 31}, "ID"),
    "activities": ("crm.activity.list", {}, "ID"),
    "calls": ("voximplant.statistic.get", {}, "ID"),
}


@pytest.mark.parametrize("stream", LISTS)
def test_offset_pages_cover_everything_once(portal: Portal, stream: str) -> None:
    method, body, key = LISTS[stream]
    expected = portal.truth()["streams"][stream]
    seen: list[str] = []
    start: int | None = 0
    while start is not None:
        answer = portal.call(method, {**body, "start": start, "select": [key]})
        assert answer["total"] == expected
        result = answer["result"]
        seen += [row[key] for row in (result if isinstance(result, list) else result["items"])]
        start = answer.get("next")
    assert len(seen) == len(set(seen)) == expected


@pytest.mark.parametrize("stream", LISTS)
def test_keyset_pages_cover_everything_once_in_order(portal: Portal, stream: str) -> None:
    method, body, key = LISTS[stream]
    upper = method == "voximplant.statistic.get"
    last, seen = 0, []
    while True:
        where = {f">{key}": last}
        query = (
            {"FILTER": where, "SORT": "ID", "ORDER": "ASC"}
            if upper
            else {"filter": where, "order": {key: "ASC"}, "select": [key]}
        )
        answer = portal.call(method, {**body, **query, "start": -1})
        assert answer["total"] == 0 and "next" not in answer
        result = answer["result"]
        ids = [int(row[key]) for row in (result if isinstance(result, list) else result["items"])]
        assert all(i > last for i in ids) and ids == sorted(ids)
        seen += ids
        if len(ids) < 50:
            break
        last = ids[-1]
    assert len(seen) == portal.truth()["streams"][stream]


def test_start_is_floored_to_pages(portal: Portal) -> None:
    at = {start: portal.rows("crm.deal.list", {"start": start, "select": ["ID"]}) for start in (50, 73, 99)}
    assert at[50] == at[73] == at[99]


def test_item_filters(portal: Portal) -> None:
    def count(**where: object) -> int:
        return portal.total("crm.item.list", {"entityTypeId": 2, "filter": where})

    everything = count()
    assert count(stageSemanticId="S") + count(**{"!stageSemanticId": "S"}) == everything
    assert count(**{"@stageSemanticId": ["S", "F"]}) + count(stageSemanticId="P") == everything
    assert count(**{">=opportunity": 100_000}) + count(**{"<opportunity": 100_000}) == everything
    assert count(**{"%title": "горизонт"}) == count(**{"%TITLE": "ГОРИЗОНТ"}) > 0
    assert count(**{"=%title": "%горизонт%"}) == count(**{"%title": "горизонт"})
    assert count(**{"!%title": "горизонт"}) == everything - count(**{"%title": "горизонт"})
    assert 0 < count(**{"><opportunity": [1000, 50_000]}) < everything
    assert count(leadId=0) == count(leadId="") == count(leadId=None) > 0
    either = count(**{"0": {"logic": "OR", "0": {"currencyId": "USD"}, "1": {"currencyId": "EUR"}}})
    assert either == count(currencyId=["USD", "EUR"]) == count(currencyId="USD") + count(currencyId="EUR") > 0


@pytest.mark.parametrize(
    "since",
    [
        "2026-03-01T00:00:00+03:00",
        "2026-02-28T21:00:00+00:00",
        "2026-02-28T21:00:00Z",
        "2026-03-01 00:00:00",
        "01.03.2026",
        "2026-03-01",
    ],
)
def test_moments_in_filters(portal: Portal, since: str) -> None:
    counts = {
        portal.total("crm.item.list", {"entityTypeId": 2, "filter": {">=createdTime": since}}),
        portal.total("crm.deal.list", {"filter": {">=DATE_CREATE": since}}),
    }
    rows = portal.service.portal.cards[2].values()
    assert counts == {sum(portal.service.encoder.moment(d.created) >= "2026-03-01" for d in rows)}


def test_date_only_filters_compare_days(portal: Portal) -> None:
    where = {">=closedate": "2026-06-17", "<=closedate": "2026-06-17T23:59:59+03:00"}
    rows = portal.rows("crm.item.list", {"entityTypeId": 2, "filter": where})
    assert rows and {row["closedate"] for row in rows} == {"2026-06-17T03:00:00+03:00"}


def test_unknown_fields_are_an_error_for_items_and_silence_for_the_rest(portal: Portal) -> None:
    refused = portal.post("crm.item.list", {"entityTypeId": 2, "filter": {"FIELD": 1}})
    assert refused.status_code == 400
    assert refused.json()["error_description"] == "Invalid filter: field 'FIELD' is not allowed in filter"
    assert portal.post("crm.item.list", {"entityTypeId": 2, "order": {"nope": "ASC"}}).status_code == 400
    everything = portal.truth()["streams"]
    assert portal.total("crm.deal.list", {"filter": {">NOPE": 1}}) == everything["deals"]
    assert (
        portal.total("voximplant.statistic.get", {"FILTER": {">call_start_date": "2026-06-17"}})
        == everything["calls"]
    )
    assert portal.total("voximplant.statistic.get", {"FILTER": {"@CALL_TYPE": 1}}) == everything["calls"]


def test_orders(portal: Portal) -> None:
    amounts = [
        r["opportunity"]
        for r in portal.rows("crm.item.list", {"entityTypeId": 2, "order": {"opportunity": "DESC"}})
    ]
    assert amounts == sorted(amounts, reverse=True) and amounts[0] > amounts[-1]
    newest = portal.rows("voximplant.statistic.get", {"SORT": "CALL_START_DATE", "ORDER": "DESC"})
    assert newest[0]["CALL_START_DATE"] == max(r["CALL_START_DATE"] for r in newest)
    natural = portal.rows("voximplant.statistic.get", {"SORT": "CALL_START_DATE"})
    assert [r["ID"] for r in natural[:2]] == ["1", "2"], "SORT without ORDER is no order"


def test_selects(portal: Portal) -> None:
    lead = portal.rows("crm.lead.list")[0]
    assert "UF_CRM_1731000011" in lead and "PHONE" not in lead
    assert not any(key.startswith("UF_") for key in portal.rows("crm.lead.list", {"select": ["*"]})[0])
    named = portal.rows("crm.lead.list", {"select": ["ID", "UF_*", "PHONE"]})
    assert any(
        set(row["PHONE"][0]) == {"ID", "VALUE_TYPE", "VALUE", "TYPE_ID"} for row in named if "PHONE" in row
    )
    item = portal.rows("crm.item.list", {"entityTypeId": 1, "select": ["*"]})[0]
    assert {"fm", "phone", "entityTypeId", "ufCrm_1731000011"} <= set(item)
    assert "fm" not in portal.rows("crm.item.list", {"entityTypeId": 1, "select": ["*", "fm"]})[0]
    broken = {"entityTypeId": 2, "select": ["id"], "useOriginalUfNames": "Y"}
    assert portal.rows("crm.item.list", broken)[0] == []


def test_user_get_prefers_the_lower_case_filter(portal: Portal) -> None:
    rows = portal.rows("user.get", {"FILTER": {"ID": 3}, "filter": {"ID": 11}})
    assert [row["ID"] for row in rows] == ["11"]
    everybody = portal.rows("user.get")
    assert {"2", "90", "91"}.isdisjoint(row["ID"] for row in everybody), "integrators are not listed"
    assert any(row["ACTIVE"] is False for row in everybody) and any(
        len(r["UF_DEPARTMENT"]) > 1 for r in everybody
    )
    assert all(row["ACTIVE"] for row in portal.rows("user.get", {"FILTER": {"ACTIVE": True}}))


def test_product_rows_in_bulk(portal: Portal) -> None:
    owners = [deal for deal, rows in portal.service.portal.product_rows.items() if rows][:60]
    body = {"filter": {"=ownerType": "D", "=ownerId": owners}}
    answer = portal.call("crm.item.productrow.list", body)
    expected = [row.id for deal in owners for row in portal.service.portal.product_rows[deal]]
    assert answer["total"] == len(expected)
    assert [row["id"] for row in answer["result"]["productRows"]] == sorted(expected)[:50]
    assert portal.post("crm.item.productrow.list", {"filter": {"=ownerType": "D"}}).status_code == 400
    deal = portal.service.portal.cards[2][owners[0]]
    rows = portal.rows("crm.deal.productrows.get", {"id": deal.id})
    assert round(sum(r["PRICE"] * r["QUANTITY"] for r in rows), 2) == deal.amount / 100


def test_activities_by_binding(portal: Portal) -> None:
    activity = next(a for a in portal.service.portal.activities.values() if len(a.bindings) > 2)
    kind, card = activity.bindings[-1]
    rows = portal.rows(
        "crm.activity.list", {"filter": {"BINDINGS": [{"OWNER_TYPE_ID": kind, "OWNER_ID": card}]}}
    )
    assert str(activity.id) in {row["ID"] for row in rows}
    bound = portal.rows("crm.activity.binding.list", {"activityId": activity.id})
    assert bound == [{"entityTypeId": k, "entityId": i} for k, i in activity.bindings]


def test_deleted_cards_take_their_history_with_them(portal: Portal) -> None:
    assert portal.truth()["deleted"]["deals"] > 0
    owners = {row.owner_id for row in portal.service.portal.history[2].values()}
    assert owners == set(portal.service.portal.cards[2])
    assert portal.post("crm.item.get", {"entityTypeId": 2, "id": 999_999}).json()["error"] == "NOT_FOUND"


def test_stage_history_follows_the_rules_of_the_portal(portal: Portal) -> None:
    history = portal.service.portal.history[2]
    by_deal: dict[int, list] = {}
    for row in history.values():
        by_deal.setdefault(row.owner_id, []).append(row)
    deals = portal.service.portal.cards[2]
    assert all(rows[-1].stage == deals[deal].stage for deal, rows in by_deal.items())
    assert any(len(rows) == 1 and rows[0].type_id == 3 for rows in by_deal.values()), (
        "created in a final stage"
    )
    assert any(row.type_id == 5 for row in history.values()), "moved to another pipeline"
    reopened = [rows for rows in by_deal.values() if [r.semantic for r in rows].count("S") > 1]
    assert reopened, "won, reopened and won again"
    assert any({"S", "F"} <= {r.semantic for r in rows} for rows in by_deal.values())


def test_older_portals_forget_the_history_in_other_pipelines(
    portal: Portal, moving: Callable[..., Portal]
) -> None:
    old = moving(old_history=True)
    total = old.total("crm.stagehistory.list", {"entityTypeId": 2})
    deals = old.service.portal.cards[2]
    kept = [
        row for row in old.service.portal.history[2].values() if row.category == deals[row.owner_id].category
    ]
    assert total == len(kept) < portal.truth()["streams"]["deal_stage_history"]


def test_calls_have_legs_odd_numbers_and_hidden_ones(portal: Portal) -> None:
    calls = list(portal.service.portal.calls.values())
    assert {call.call_type for call in calls} == {1, 2, 3, 4, 5}
    assert any(call.category == "internal" for call in calls)
    assert any(call.phone in ("", "anonymous") for call in calls)
    assert {call.phone[:2] for call in calls} >= {"+7", "72", "82", "8 "}
    sessions: dict[str, int] = {}
    for call in calls:
        if call.session and call.code == "304":
            sessions[call.session] = sessions.get(call.session, 0) + 1
    assert max(sessions.values()) > 1, "no queue in which several rang"
    assert {call.crm_type for call in calls} == {None, "LEAD", "CONTACT", "COMPANY"}


def test_dictionaries(portal: Portal) -> None:
    categories = portal.rows("crm.category.list", {"entityTypeId": 2})
    assert (len(categories) == 23 and categories[-1]["id"] == 0) or {"id", "isDefault"} <= set(categories[0])
    assert sum(row["isDefault"] == "Y" for row in categories) == 1
    statuses = portal.call("crm.status.list")
    assert len(statuses["result"]) == statuses["total"] > 150
    for entity in ("STATUS", "DEAL_STAGE", "DEAL_STAGE_1", "SMART_INVOICE_STAGE_9"):
        rows = portal.rows("crm.status.list", {"filter": {"ENTITY_ID": entity}, "order": {"SORT": "ASC"}})
        assert [row["SEMANTICS"] for row in rows].count("S") == 1
        assert ("EXTRA" in rows[0]) is (not entity.startswith("SMART"))
    used = {row.stage for kind in (1, 2, 31) for row in portal.service.portal.history[kind].values()}
    assert used <= {row["STATUS_ID"] for row in statuses["result"]}
    assert (
        portal.post("crm.category.list", {"entityTypeId": 1}).json()["error"] == "ENTITY_TYPE_NOT_SUPPORTED"
    )
    assert portal.post("crm.category.list", {"entityTypeId": 777}).json()["error"] == "NOT_FOUND"


def test_rates_change_by_day() -> None:
    from .conftest import make_portal

    portal = make_portal(clock="2026-06-16T10:00:00+03:00")
    yesterday = {row["CURRENCY"]: row["AMOUNT"] for row in portal.rows("crm.currency.list")}
    portal.set_clock("2026-06-17T10:00:00+03:00")
    answer = portal.call("crm.currency.list")
    today = {row["CURRENCY"]: row["AMOUNT"] for row in answer["result"]}
    assert answer["total"] == 0
    assert today["RUB"] == yesterday["RUB"] == "1.0000"
    assert today["USD"] != yesterday["USD"]
