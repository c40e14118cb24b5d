"""The deletion sweep: what it writes, when it is due, what it refuses, and what an interruption leaves."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
from typing import Any

import pytest
from tap_bitrix24.sweep import is_due, last_hour

from tests.extract.conftest import Outcome, Run, card
from tests.extract.fake_portal import FakePortal

DAY, NEXT = "2026-06-01T12:00:00+03:00", "2026-06-02T12:00:00+03:00"
DEALS = "crm.item.list:2"


@pytest.fixture(autouse=True)
def deals(portal: FakePortal) -> None:
    portal.now = DAY
    portal.tables = {DEALS: [card(n) for n in [*range(1, 1001), *range(12_001, 12_201), 35_000]]}


def buckets(outcome: Outcome) -> dict[str, list[list[int]]]:
    return {record["id"]: record["payload"]["ids"] for record in outcome.records["card_ids"]}


def swept(outcome: Outcome) -> dict[str, Any]:
    (row,) = [r["payload"] for r in outcome.records["extract_runs"] if r["payload"]["mode"] == "sweep"]
    return row


def lose(portal: FakePortal, *lost: int) -> None:
    portal.tables[DEALS] = [row for row in portal.tables[DEALS] if row["id"] not in lost]


def first_sweep(run: Run, portal: FakePortal, **config: Any) -> Outcome:
    """The run after the first load, which has none."""
    loaded = run(streams=["deals"], **config)
    assert loaded.code == 0 and not loaded.records["card_ids"]
    portal.batches.clear()
    return run(loaded.state, streams=["deals"], **config)


def test_first_sweep_writes_all_buckets_and_one_more(run: Run, portal: FakePortal) -> None:
    outcome = first_sweep(run, portal)
    assert buckets(outcome) == {
        "deals:0": [[1, 1000]],
        "deals:1": [[12_001, 12_200]],
        "deals:2": [],
        "deals:3": [[35_000, 35_000]],
        "deals:4": [],
    }
    record = outcome.records["card_ids"][1]
    assert record["modified_at"] == DAY
    assert record["payload"] | {"ids": None} == {
        "stream": "deals",
        "entity_type_id": 2,
        "bucket": 1,
        "first": 10_000,
        "last": 19_999,
        "ids": None,
    }
    row = swept(outcome)
    assert (row["stream"], row["rows"], row["vanished"], row["status"]) == ("deals", 1201, None, "ok")
    assert row["window_from"] == DAY  # By the portal's clock, whatever ours says.
    assert {record["id"].count(":sweep:") for record in outcome.records["extract_runs"]} == {0, 1}
    asked = [
        command for batch in portal.batches for command in batch.values() if "updatedTime" not in command
    ]
    assert all("select%5B0%5D=id" in command for command in asked if "crm.item.list" in command)


def test_only_changed_buckets_are_written_again(run: Run, portal: FakePortal) -> None:
    first = first_sweep(run, portal)
    portal.now = NEXT
    lose(portal, 7, 35_000)
    portal.tables[DEALS].append(card(36_000))
    second = run(first.state, streams=["deals"])
    assert buckets(second) == {"deals:0": [[1, 6], [8, 1000]], "deals:3": [[36_000, 36_000]]}
    assert {record["modified_at"] for record in second.records["card_ids"]} == {NEXT}
    assert (swept(second)["rows"], swept(second)["vanished"]) == (1200, 2)


def test_buckets_beyond_the_greatest_id_are_emptied(run: Run, portal: FakePortal) -> None:
    first = first_sweep(run, portal)
    portal.now = NEXT
    lose(portal, 35_000)
    second = run(first.state, streams=["deals"])
    assert buckets(second) == {"deals:3": []}
    portal.now = "2026-06-03T12:00:00+03:00"
    third = run(second.state, streams=["deals"])
    assert buckets(third) == {} and swept(third)["vanished"] == 0


def test_card_that_came_back_is_alive_again(run: Run, portal: FakePortal) -> None:
    first = first_sweep(run, portal)
    row = portal.tables[DEALS][0]
    portal.now = NEXT
    lose(portal, 1)
    second = run(first.state, streams=["deals"])
    portal.now = "2026-06-03T12:00:00+03:00"
    portal.tables[DEALS].insert(0, row)
    third = run(second.state, streams=["deals"])
    assert buckets(third) == {"deals:0": [[1, 1000]]}


def test_changes_while_it_pages_make_no_card_look_deleted(run: Run, portal: FakePortal) -> None:
    """Cards change, and new ones appear behind and before the cursor, with each request."""
    loaded = run(streams=["deals"])
    lock, numbers = threading.Lock(), itertools.count(40_000)

    def meanwhile(number: int) -> None:
        with lock:
            portal.tables[DEALS][number % 1000]["updatedTime"] = "2026-06-01T12:00:05+03:00"
            portal.tables[DEALS].append(card(next(numbers)))

    portal.after_batch = meanwhile
    outcome = run(loaded.state, streams=["deals"])
    assert outcome.code == 0, outcome.log
    ids = {n for runs in buckets(outcome).values() for a, b in runs for n in range(a, b + 1)}
    assert ids >= {*range(1, 1001), *range(12_001, 12_201), 35_000}


# --- when ---------------------------------------------------------------------------------------------------


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(f"2026-06-{text}:00+03:00")


@pytest.mark.parametrize(
    ("now", "swept_at", "due"),
    [
        ("02T02:59", "01T03:10", False),
        ("02T03:00", "01T03:10", True),
        ("02T12:00", "02T03:00", False),
        ("02T12:00", "02T02:30", True),
        ("05T01:00", "02T03:10", True),
        ("02T12:00", None, True),
    ],
)
def test_once_a_day_at_its_hour(now: str, swept_at: str | None, due: bool) -> None:
    state = {"swept_at": at(swept_at).isoformat()} if swept_at else {}
    assert is_due("daily", state, now=at(now), hour=3, percent=10, loaded=True) is due
    assert not is_due("never", state, now=at(now), hour=3, percent=10, loaded=True)
    assert is_due("always", state, now=at(now), hour=3, percent=10, loaded=False)
    assert not is_due("daily", {}, now=at(now), hour=3, percent=10, loaded=False)
    assert last_hour(at("02T02:59"), 3) == at("01T03:00")


def test_second_run_of_a_day_does_not_sweep(run: Run, portal: FakePortal) -> None:
    first = first_sweep(run, portal)
    again = run(first.state, streams=["deals"])
    assert not again.records["card_ids"] and again.code == 0
    assert run(first.state, streams=["deals"], sweep="always").records["card_ids"] == []
    assert not run(None, streams=["deals"], sweep="never").records["card_ids"]
    assert len(run(None, streams=["deals"], sweep="always").records["card_ids"]) == 5


# --- guard and failures -------------------------------------------------------------------------------------


def test_too_many_vanished_writes_nothing_and_says_what_to_do(run: Run, portal: FakePortal) -> None:
    first = first_sweep(run, portal)
    portal.now = NEXT
    lose(portal, *range(1, 151))
    second = run(first.state, streams=["deals"])
    assert second.code == 1 and not second.records["card_ids"]
    row = swept(second)
    assert (row["status"], row["vanished"], row["rows"]) == ("failed", 150, 1051)
    assert "150 of 1201 ids are gone since the last sweep" in row["error"]
    assert "owner" in row["error"] and "sweep_guard_percent: 100" in row["error"]
    assert "Traceback" not in second.log
    assert second.ledger["deals"]["status"] == "ok"

    # Asking again the same day would give the same answer; another guard, or another day, may not.
    portal.now = "2026-06-02T12:15:00+03:00"
    quiet = run(second.state, streams=["deals"])
    assert quiet.code == 0 and not quiet.records["card_ids"]
    raised = run(quiet.state, streams=["deals"], sweep_guard_percent=100)
    assert raised.code == 0 and buckets(raised) == {"deals:0": [[151, 1000]]}
    assert "refused" not in raised.state["bookmarks"]["sweep_deals"]
    portal.now = "2026-06-03T12:00:00+03:00"
    assert run(quiet.state, streams=["deals"]).code == 1


def test_few_vanished_pass_whatever_their_share(run: Run, portal: FakePortal) -> None:
    portal.tables[DEALS] = [card(n) for n in range(1, 61)]
    first = first_sweep(run, portal)
    portal.now = NEXT
    lose(portal, *range(1, 51))
    second = run(first.state, streams=["deals"])
    assert second.code == 0 and buckets(second) == {"deals:0": [[51, 60]]}


def test_page_cut_short_by_the_portal_is_read_again(run: Run, portal: FakePortal) -> None:
    """A short page looks like the end of the list: the portal's count of the bucket says that it was not."""
    first = first_sweep(run, portal)
    portal.now = NEXT
    honest, cut = portal.answer, [False]

    def answer(method: str, query: list[tuple[str, str]]) -> Any:
        result, total = honest(method, query)
        params = dict(query)
        if params.get("select[0]") == "id" and params.get("filter[>id]") == "12050" and not cut[0]:
            cut[0] = True
            result["items"] = result["items"][:-1]
        return result, total

    portal.answer = answer  # type: ignore[method-assign]
    second = run(first.state, streams=["deals"])
    assert cut == [True] and second.code == 0
    assert buckets(second) == {} and swept(second)["vanished"] == 0


def test_page_that_stays_short_fails_the_sweep_and_deletes_nobody(run: Run, portal: FakePortal) -> None:
    first = first_sweep(run, portal)
    portal.now = NEXT
    honest = portal.answer

    def answer(method: str, query: list[tuple[str, str]]) -> Any:
        result, total = honest(method, query)
        params = dict(query)
        if params.get("select[0]") == "id" and params.get("order[id]") == "ASC" and "items" in result:
            result["items"] = [row for row in result["items"] if row["id"] != 12_060]
        return result, total

    portal.answer = answer  # type: ignore[method-assign]
    second = run(first.state, streams=["deals"])
    assert second.code == 1 and "shows fewer ids from 10000 to 19999" in second.log
    assert buckets(second) == {} and swept(second)["status"] == "failed"


def test_sweep_vouches_for_no_moment_that_creation_may_be_shown_before(run: Run, portal: FakePortal) -> None:
    """The webhook's owner lives an hour behind the portal: cards may be shown as created so much earlier."""
    portal.owner_zone = "Europe/Berlin"
    outcome = first_sweep(run, portal)
    began = dt.datetime.fromisoformat(DAY)
    moments = {record["modified_at"] for record in outcome.records["card_ids"]}
    assert {dt.datetime.fromisoformat(moment) for moment in moments} == {began - dt.timedelta(hours=1)}
    kept = next(value for name, value in outcome.state["bookmarks"].items() if name == "sweep_deals")
    assert kept["swept_at"] == DAY


def test_new_cards_do_not_hide_the_vanished(run: Run, portal: FakePortal) -> None:
    first = first_sweep(run, portal)
    portal.now = NEXT
    lose(portal, *range(1, 151))
    portal.tables[DEALS] += [card(n) for n in range(40_001, 40_201)]
    assert run(first.state, streams=["deals"]).code == 1


def test_interrupted_sweep_is_redone(run: Run, portal: FakePortal, naps: list[float]) -> None:
    first = first_sweep(run, portal)
    portal.now = NEXT
    lose(portal, 7)
    honest = portal.answer

    def broken(method: str, query: list[tuple[str, str]]) -> Any:
        if ("select[0]", "id") in query and ("start", "-1") in query and query[0][:1] != ("filter[=id]",):
            params = dict(query)
            if "filter[>id]" in params and "select[1]" not in params:
                raise ConnectionError
        return honest(method, query)

    portal.answer = broken  # type: ignore[method-assign]
    second = run(first.state, streams=["deals"])
    assert second.code == 1 and not second.records["card_ids"]
    assert swept(second)["status"] == "failed"
    portal.answer = honest  # type: ignore[method-assign]
    third = run(second.state, streams=["deals"])
    assert third.code == 0 and buckets(third) == {"deals:0": [[1, 6], [8, 1000]]}


# --- smart processes ----------------------------------------------------------------------------------------


def types(*numbers: int) -> list[dict[str, Any]]:
    return [{"id": n, "entityTypeId": n, "title": f"Процесс {n}"} for n in numbers]


def test_each_smart_process_has_its_buckets(run: Run, portal: FakePortal) -> None:
    portal.tables = {
        "crm.type.list": types(130, 1256),
        "crm.item.list:130": [card(n, entityTypeId=130) for n in range(1, 61)],
        "crm.item.list:1256": [card(n, entityTypeId=1256) for n in range(5, 31)],
    }
    loaded = run(streams=["smart_process_items"])
    first = run(loaded.state, streams=["smart_process_items"])
    assert buckets(first) == {
        "smart_process_items:130:0": [[1, 60]],
        "smart_process_items:130:1": [],
        "smart_process_items:1256:0": [[5, 30]],
        "smart_process_items:1256:1": [],
    }
    assert {r["payload"]["entity_type_id"] for r in first.records["card_ids"]} == {130, 1256}
    assert swept(first)["rows"] == 86
    # One is deleted with all its items.
    portal.now = NEXT
    portal.tables["crm.type.list"] = types(130)
    second = run(first.state, streams=["smart_process_items"])
    assert second.code == 0 and buckets(second) == {"smart_process_items:1256:0": []}
    assert swept(second)["vanished"] == 26


def test_activities_are_swept_without_a_type(run: Run, portal: FakePortal) -> None:
    portal.tables["crm.activity.list"] = [
        {"ID": str(n), "LAST_UPDATED": "2026-05-01T10:00:00+03:00"} for n in range(1, 121)
    ]
    outcome = run(streams=["activities"], sweep="always")
    assert buckets(outcome) == {"activities:0": [[1, 120]], "activities:1": []}
    assert outcome.records["card_ids"][0]["payload"]["entity_type_id"] is None
