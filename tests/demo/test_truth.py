"""What the portal tells of itself row by row is what its methods show, before and after the clock moved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from demo.truth import CARDS, HISTORIES, PROCESSES, rows

from .conftest import STORY, Portal, make_portal
from .test_documents import everything

BEFORE, AFTER = "2026-03-02T09:00:00+03:00", "2026-06-17T15:30:00+03:00"


@pytest.fixture(scope="module", params=[BEFORE, AFTER], ids=["before", "after"])
def told(request: pytest.FixtureRequest, one: Portal) -> Portal:
    """The same portal at two moments, one after the other."""
    one.set_clock(request.param)
    return one


@pytest.fixture(scope="module")
def one() -> Iterator[Portal]:
    yield make_portal(replace(STORY, scale=0.5), BEFORE)


def listed(portal: Portal, stream: str) -> list[dict[str, Any]]:
    """The stream's living rows as the API has them: id and modified_at of the raw tables."""
    if stream in CARDS:
        found = everything(portal, "crm.item.list", entityTypeId=CARDS[stream], select=["id", "updatedTime"])
        return [{"id": str(row["id"]), "modified_at": row["updatedTime"]} for row in found]
    if stream == "smart_process_items":
        return [
            {"id": f"{kind}:{row['id']}", "modified_at": row["updatedTime"]}
            for kind in PROCESSES
            for row in everything(portal, "crm.item.list", entityTypeId=kind)
        ]
    if stream.endswith("_stage_history"):
        kinds = [HISTORIES[stream]] if stream in HISTORIES else PROCESSES
        prefix = "{}" if stream in HISTORIES else "{1}:{0}"
        return [
            {"id": prefix.format(row["ID"], kind), "modified_at": row["CREATED_TIME"]}
            for kind in kinds
            for row in everything(portal, "crm.stagehistory.list", entityTypeId=kind)
        ]
    method, moment = {
        "activities": ("crm.activity.list", "LAST_UPDATED"),
        "calls": ("voximplant.statistic.get", "CALL_START_DATE"),
        "orders": ("sale.order.list", "dateUpdate"),
    }[stream]
    key = "id" if stream == "orders" else "ID"
    # Activities come by their start unless asked otherwise, which costs a sort a page.
    ordered = {"order": {"ID": "ASC"}} if stream == "activities" else {}
    return [
        {"id": str(row[key]), "modified_at": row[moment]} for row in everything(portal, method, **ordered)
    ]


STREAMS = (
    *CARDS,
    *HISTORIES,
    "smart_process_items",
    "smart_process_stage_history",
    "activities",
    "calls",
    "orders",
)


@pytest.mark.parametrize("stream", STREAMS)
def test_living_rows_are_those_of_the_api(told: Portal, stream: str) -> None:
    truth = list(rows(told.service.chronicle, stream))
    living = [row for row in truth if "deleted_at" not in row]
    gone = [row for row in truth if "deleted_at" in row]
    shown = listed(told, stream)
    key = str if stream == "calls" else lambda row: row["id"]
    assert sorted(living, key=key) == sorted(shown, key=key)
    assert len(living) == told.truth()["streams"][stream]
    assert not {row["id"] for row in gone} & {row["id"] for row in living}
    assert len(gone) == told.truth()["deleted"].get(stream, 0)


def test_every_swept_kind_loses_cards_and_some_come_back(told: Portal) -> None:
    truth = told.truth()
    swept = {*CARDS, "smart_process_items", "activities"}
    assert {stream for stream, number in truth["deleted"].items() if number} == swept
    assert truth["restored"]["deals"] > 0
    for kind, cards in told.service.portal.cards.items():
        assert list(cards) == sorted(cards), "a restored card is out of order"
        assert not cards.keys() & told.service.portal.deleted[kind].keys()
    deal = next(i for i in told.service.portal.restored[2] if i in told.service.portal.cards[2])
    item = told.call("crm.item.get", {"entityTypeId": 2, "id": deal})["result"]["item"]
    history = told.rows("crm.stagehistory.list", {"entityTypeId": 2, "filter": {"OWNER_ID": deal}})
    assert history[0]["CREATED_TIME"] > item["createdTime"], "its history begins anew"


def test_sets_are_told_with_what_they_hold(told: Portal) -> None:
    chronicle, state = told.service.chronicle, told.service.portal
    deals = {row["id"]: row["rows"] for row in rows(chronicle, "deal_product_rows")}
    assert {key: ids for key, ids in deals.items() if ids} == {
        str(deal): [row.id for row in some] for deal, some in state.product_rows.items() if some
    }
    payments = everything(told, "sale.payment.list")
    told_payments = {row["id"]: row["rows"] for row in rows(chronicle, "payments")}
    assert sorted(i for ids in told_payments.values() for i in ids) == [row["id"] for row in payments]
    owners = {f"2:{row['ownerId']}:{row['orderId']}" for row in everything(told, "crm.orderentity.list")}
    assert {row["id"] for row in rows(chronicle, "order_owners")} == owners
    calls = list(rows(chronicle, "activity_bindings"))
    assert len(calls) == told.total("crm.activity.list", {"filter": {"TYPE_ID": 2}})
    one = calls[-1]
    assert told.rows("crm.activity.binding.list", {"activityId": one["id"]}) == one["bindings"]


def test_a_stream_nobody_knows_is_a_key_error(told: Portal) -> None:
    with pytest.raises(KeyError):
        rows(told.service.chronicle, "weather")


def test_whatever_changes_in_a_card_moves_its_time_of_change(one: Portal) -> None:
    """But for the traces of activities, which the portal leaves without touching the card."""

    def snapshot() -> dict[tuple[int, int], dict[str, Any]]:
        return {
            (kind, row["id"]): {
                k: v for k, v in row.items() if not k.startswith(("lastActivity", "lastComm"))
            }
            for kind in (*CARDS.values(), *PROCESSES)
            for row in everything(one, "crm.item.list", entityTypeId=kind)
        }

    one.set_clock(BEFORE)
    before = snapshot()
    one.set_clock(AFTER)
    after = snapshot()
    changed = [key for key in before.keys() & after.keys() if before[key] != after[key]]
    assert {kind for kind, _ in changed} >= {1, 2, 3, 4, 7, 31, *PROCESSES}
    assert [key for key in changed if before[key]["updatedTime"] == after[key]["updatedTime"]] == []
