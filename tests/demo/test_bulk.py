"""Bulk tables: the same rows whatever the way they are asked for, and whatever the steps of the clock."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from demo.bulk.lists import Bulk, Wanted
from demo.bulk.rows import MomentTexts
from demo.bulk.schema import SHAPES
from demo.bulk.table import DAY, Pace, Table
from demo.company.calendar import WorkCalendar
from demo.company.world import parse_moment
from demo.rest.service import Service, Settings

from .conftest import CLOCK, STORY, TOKEN, Portal, command

AT = parse_moment(CLOCK)
SINCE = AT - 500 * DAY
PACE = Pace(0.02, 0.01, 0.005)


def bulk_portal(*tables: str, gaps: float = 0.0, pace: Pace | None = None, clock: int = AT) -> Portal:
    bulk = Bulk([Wanted.parse(table) for table in tables], 7, SINCE, AT, gaps, pace)
    return Portal(Service(STORY, Settings(TOKEN, clock, limits=False), bulk))


@pytest.fixture(scope="module")
def bulky() -> Portal:
    """A portal with a table of each kind, which no test changes."""
    return bulk_portal("deals=1203:60", *(f"{name}=300" for name in SHAPES if name != "deals"), gaps=0.2)


def lines(portal: Portal, path: str) -> list[dict[str, Any]]:
    answer = portal.http.get(f"/__demo/{path}", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def keyset(
    portal: Portal, method: str, key: str = "ID", upper: bool = False, **body: Any
) -> Iterator[dict[str, Any]]:
    """Rows by ``>id``, page by page."""
    last = 0
    order: dict[str, Any] = {"SORT": key, "ORDER": "ASC"} if upper else {"order": {key: "ASC"}}
    while True:
        conditions = {f">{key}": last, **body.get("filter", {})}
        asked = {**body, **order, ("FILTER" if upper else "filter"): conditions, "start": -1}
        rows = portal.rows(method, asked)
        yield from rows
        if len(rows) < 50:
            return
        last = rows[-1][key]


LISTS = {
    "leads": ("crm.item.list", "id", {"entityTypeId": 1}),
    "deals": ("crm.item.list", "id", {"entityTypeId": 2}),
    "contacts": ("crm.item.list", "id", {"entityTypeId": 3}),
    "companies": ("crm.item.list", "id", {"entityTypeId": 4}),
    "smart_invoices": ("crm.item.list", "id", {"entityTypeId": 31}),
    "activities": ("crm.activity.list", "ID", {}),
    "calls": ("voximplant.statistic.get", "ID", {"upper": True}),
    "deal_stage_history": ("crm.stagehistory.list", "ID", {"entityTypeId": 2}),
    "lead_stage_history": ("crm.stagehistory.list", "ID", {"entityTypeId": 1}),
}


@pytest.mark.parametrize("stream", SHAPES)
def test_keyset_offset_and_truth_agree(bulky: Portal, stream: str) -> None:
    method, key, body = LISTS[stream]
    rows = list(keyset(bulky, method, key, **body))
    told = lines(bulky, f"truth/{stream}")
    assert [str(row[key]) for row in rows] == [row["id"] for row in told]
    assert len(rows) == bulky.truth()["streams"][stream] == bulky.total(method, body)
    moment = {"calls": "CALL_START_DATE", "activities": "LAST_UPDATED"}.get(
        stream, "CREATED_TIME" if stream.endswith("history") else "updatedTime"
    )
    assert [row[moment] for row in rows] == [row["modified_at"] for row in told]
    by_offset: list[dict[str, Any]] = []
    while (answer := bulky.call(method, {**body, "start": len(by_offset)})).get("next"):
        page = answer["result"]
        by_offset += page if isinstance(page, list) else page["items"]
    page = answer["result"]
    assert by_offset + (page if isinstance(page, list) else page["items"]) == rows
    query = f"&entityTypeId={body['entityTypeId']}" if "entityTypeId" in body else ""
    assert lines(bulky, f"rows/{method}?{query}") == rows


def test_a_wide_deal_has_so_many_fields_and_the_portal_describes_them(bulky: Portal) -> None:
    deal = bulky.rows("crm.item.list", {"entityTypeId": 2})[0]
    described = bulky.call("crm.item.fields", {"entityTypeId": 2})["result"]["fields"]
    assert len(deal) == 60 and set(deal) <= set(described)
    user_fields = [name for name in deal if name.startswith("ufCrm")]
    assert len(user_fields) > 20 and all(described[name]["isDynamic"] for name in user_fields)
    assert bulky.call("crm.item.get", {"entityTypeId": 2, "id": deal["id"]})["result"]["item"] == deal


def test_both_dialects_show_the_same_deal(bulky: Portal) -> None:
    typed = bulky.rows("crm.item.list", {"entityTypeId": 2})[3]
    text = bulky.rows("crm.deal.list")[3]
    assert text["ID"] == str(typed["id"]) and text["OPPORTUNITY"] == f"{typed['opportunity']:.2f}"
    assert text["DATE_MODIFY"] == typed["updatedTime"] and text["STAGE_ID"] == typed["stageId"]
    starred = bulky.rows("crm.deal.list", {"select": ["*"]})[3]
    assert not [name for name in starred if name.startswith("UF_")] and set(starred) < set(text)


def test_filters_are_those_of_any_list(bulky: Portal) -> None:
    rows = list(keyset(bulky, "crm.item.list", "id", entityTypeId=2))
    since = sorted(row["updatedTime"] for row in rows)[1000]

    def ids(conditions: dict[str, Any]) -> list[int]:
        found = keyset(bulky, "crm.item.list", "id", entityTypeId=2, filter=conditions, select=["id"])
        return [row["id"] for row in found]

    assert ids({">=updatedTime": since}) == [row["id"] for row in rows if row["updatedTime"] >= since]
    assert ids({"stageSemanticId": "S"}) == [row["id"] for row in rows if row["stageSemanticId"] == "S"]
    assert ids({">opportunity": 2_000_000}) == [row["id"] for row in rows if row["opportunity"] > 2_000_000]
    some = [rows[5]["id"], rows[700]["id"], 10**9]
    assert ids({"@id": some}) == some[:2]
    assert ids({"@id": some, ">=updatedTime": rows[700]["updatedTime"], "<=id": some[0]}) in ([], some[:1])
    newest = bulky.rows("crm.item.list", {"entityTypeId": 2, "order": {"id": "DESC"}, "start": -1})
    assert [row["id"] for row in newest] == [row["id"] for row in rows[:-51:-1]]
    refused = bulky.post("crm.item.list", {"entityTypeId": 2, "filter": {"nothing": 1}})
    assert refused.status_code == 400 and "nothing" in refused.json()["error_description"]
    assert bulky.total("crm.deal.list", {"filter": {"NOTHING": 1}}) == len(rows)


def test_a_batch_reaches_into_the_pages_and_ends_in_garbage(bulky: Portal) -> None:
    ids = [row["id"] for row in keyset(bulky, "crm.item.list", "id", entityTypeId=2)]
    cmd = {}
    for k in range(3):
        last = ids[-71] if k == 0 else f"$result[c{k - 1}][items][49][id]"
        cmd[f"c{k}"] = command(
            "crm.item.list", entityTypeId=2, filter={">id": last}, order={"id": "ASC"}, start=-1
        )
    full, short, garbage = (
        [row["id"] for row in page["items"]] for page in bulky.batch(cmd)["result"].values()
    )
    assert full + short == ids[-70:] and garbage == ids[:50]


def test_a_table_is_the_same_in_whatever_steps_the_clock_moves() -> None:
    one, many = (Table((7, 1), 5000, SINCE, AT, 0.1, PACE) for _ in range(2))
    one.tell(AT + 3 * DAY)
    for step in range(1, 300):
        many.tell(AT + step * 863)
    many.tell(AT + 3 * DAY)
    for column in ("ids", "created", "updated"):
        assert np.array_equal(getattr(one, column), getattr(many, column))
    assert sorted(one.gone) == sorted(many.gone)
    changed = int((one.updated > AT).sum())
    assert 300 < changed < 600, "some 2 % a day are modified and 1 % added"
    assert 40 < len(one.gone) < 120 and one.updated.max() <= AT + 3 * DAY
    assert np.all(np.diff(one.ids.astype(np.int64)) > 0)


@pytest.mark.parametrize("zone", ["Europe/Moscow", "Europe/Berlin", "America/St_Johns"])
def test_moments_are_written_as_everywhere(zone: str) -> None:
    calendar = WorkCalendar(zone)
    moments = np.arange(SINCE, AT, 5 * DAY // 7, dtype=np.uint32)
    assert [text.decode() for text in MomentTexts(calendar).of(moments)] == [
        calendar.iso(moment) for moment in moments.tolist()
    ]


def test_going_back_in_time_tells_the_table_anew() -> None:
    table = Table((7, 1), 5000, SINCE, AT, 0.0, PACE)
    at_first = table.ids.copy(), table.updated.copy()
    table.tell(AT + DAY)
    table.tell(AT - 100 * DAY)
    assert 0.75 < len(table) / 5000 < 0.85 and table.updated.max() <= AT - 100 * DAY
    table.tell(AT)
    assert np.array_equal(table.ids, at_first[0]) and np.array_equal(table.updated, at_first[1])


def test_a_row_that_changes_looks_different_and_history_does_not() -> None:
    portal = bulk_portal("deals=400:20", "deal_stage_history=400", "calls=400", pace=Pace(modify=0.5))
    before = {name: lines(portal, f"rows/{method}?entityTypeId=2") for name, method in ROWS.items()}
    portal.service.set_clock(AT + DAY)
    after = {name: lines(portal, f"rows/{method}?entityTypeId=2") for name, method in ROWS.items()}
    deals = [(a, b) for a, b in zip(before["deals"], after["deals"], strict=True) if a != b]
    assert 100 < len(deals) < 250
    assert all(a["updatedTime"] < b["updatedTime"] and a["opportunity"] != b["opportunity"] for a, b in deals)
    assert all(a["createdTime"] == b["createdTime"] and a["companyId"] == b["companyId"] for a, b in deals)
    calls = [(a, b) for a, b in zip(before["calls"], after["calls"], strict=True) if a != b]
    assert calls and all(a["CALL_START_DATE"] == b["CALL_START_DATE"] for a, b in calls)
    assert before["deal_stage_history"] == after["deal_stage_history"]


ROWS = {
    "deals": "crm.item.list",
    "deal_stage_history": "crm.stagehistory.list",
    "calls": "voximplant.statistic.get",
}


def test_deleted_rows_are_told_with_their_moment() -> None:
    portal = bulk_portal("deals=500", gaps=0.1, pace=Pace(delete=0.2))
    first = {row["id"] for row in lines(portal, "truth/deals")}
    portal.service.set_clock(AT + DAY)
    told = lines(portal, "truth/deals")
    gone = {row["id"]: row["deleted_at"] for row in told if "deleted_at" in row}
    assert gone and first - {row["id"] for row in told if "modified_at" in row} == set(gone)
    assert all(CLOCK < moment <= "2026-06-18T15:30:00+03:00" for moment in gone.values())
    assert portal.truth()["deleted"]["deals"] == len(gone)


@pytest.mark.parametrize("text", ["nothing=5", "deals", "deals=many", "deals=5:x"])
def test_a_table_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"deals|nothing"):
        Wanted.parse(text)
