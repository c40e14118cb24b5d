"""What a portal may have or not: smart processes, a shop, goods, bindings, fields; and when they are read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.extract.conftest import Outcome, Run, card
from tests.extract.fake_portal import FakePortal

DAY, NEXT = "2026-06-01T12:00:00+03:00", "2026-06-02T12:00:00+03:00"
LATE = "2026-06-02T11:00:00+03:00"
NOT_THERE = {"error": "ENTITY_TYPE_NOT_SUPPORTED", "error_description": "нет"}
BROKEN = {"error": "INTERNAL_SERVER_ERROR", "error_description": ""}


@pytest.fixture(autouse=True)
def company(portal: FakePortal) -> None:
    portal.now = DAY
    portal.scopes += ["sale", "catalog"]
    portal.tables = {
        "crm.type.list": types(130, 1256),
        "crm.item.list:130": [card(n, entityTypeId=130) for n in range(1, 301)],
        "crm.item.list:1256": [card(n, entityTypeId=1256) for n in range(1, 31)],
    }


def types(*numbers: int) -> list[dict[str, Any]]:
    return [{"id": n, "entityTypeId": n, "title": f"Процесс {n}"} for n in numbers]


def history(*numbers: int) -> list[dict[str, Any]]:
    return [{"ID": n, "OWNER_ID": 1, "CREATED_TIME": "2026-05-01T00:00:00+03:00"} for n in numbers]


def ids(outcome: Outcome, stream: str) -> list[str]:
    return [record["id"] for record in outcome.records[stream]]


# --- smart processes ----------------------------------------------------------------------------------------


def test_smart_processes_are_found_and_loaded(run: Run, portal: FakePortal) -> None:
    portal.tables["crm.stagehistory.list:130"] = history(1, 2, 3)
    portal.errors["crm.stagehistory.list:1256"] = [NOT_THERE]  # A process without stages.
    streams = ["smart_processes", "smart_process_items", "smart_process_stage_history"]
    outcome = run(streams=streams)
    assert outcome.code == 0, outcome.log
    assert ids(outcome, "smart_processes") == ["130", "1256"]
    items = set(ids(outcome, "smart_process_items"))
    assert items == {f"130:{n}" for n in range(1, 301)} | {f"1256:{n}" for n in range(1, 31)}
    assert outcome.ledger["smart_process_items"]["portal_total"] == 330
    record = outcome.records["smart_process_stage_history"][0]
    assert record["id"] == "130:1" and record["payload"]["entityTypeId"] == 130
    assert portal.calls["crm.type.list"] == 2  # One for the table, one for all that asks for the types.


def test_portal_that_does_not_count_has_no_total_of_processes(run: Run, portal: FakePortal) -> None:
    honest = portal.answer
    portal.answer = lambda method, query: (honest(method, query)[0], None)  # type: ignore[method-assign]
    outcome = run(streams=["smart_process_items"])
    assert outcome.code == 0 and len(ids(outcome, "smart_process_items")) == 330
    assert outcome.ledger["smart_process_items"]["portal_total"] is None


def test_increment_of_many_processes_is_one_request(run: Run, portal: FakePortal) -> None:
    numbers = range(130, 160)
    portal.tables = {"crm.type.list": types(*numbers)} | {
        f"crm.item.list:{n}": [card(1, entityTypeId=n)] for n in numbers
    }
    first = run(streams=["smart_process_items"], sweep="never")
    portal.now = NEXT
    portal.tables["crm.item.list:140"] = [card(1, LATE, entityTypeId=140)]
    portal.batches.clear()
    second = run(first.state, streams=["smart_process_items"], sweep="never")
    assert ids(second, "smart_process_items") == ["140:1"]
    assert second.ledger["smart_process_items"]["window_from"] == "2026-06-01T11:55:00+03:00"
    own = [batch for batch in portal.batches if any("entityTypeId=14" in c for c in batch.values())]
    assert len(own) == 1 and len(own[0]) == 30


def test_process_added_between_runs_gets_its_first_load(run: Run, portal: FakePortal) -> None:
    first = run(streams=["smart_process_items"], sweep="never")
    portal.now = NEXT
    portal.tables["crm.type.list"] = types(130, 1256, 1300)
    portal.tables["crm.item.list:1300"] = [card(n, entityTypeId=1300) for n in range(1, 121)]
    second = run(first.state, streams=["smart_process_items"], sweep="never")
    assert sorted(ids(second, "smart_process_items")) == sorted(f"1300:{n}" for n in range(1, 121))
    third = run(second.state, streams=["smart_process_items"], sweep="never")
    assert ids(third, "smart_process_items") == []


def test_process_that_is_gone_is_forgotten(run: Run, portal: FakePortal) -> None:
    first = run(streams=["smart_process_items"], sweep="never")
    portal.now = NEXT
    portal.tables["crm.type.list"] = types(130)
    second = run(first.state, streams=["smart_process_items"], sweep="never")
    assert second.code == 0
    assert set(second.state["bookmarks"]["smart_process_items"]["variants"]) == {"130"}


def test_interrupted_load_of_processes_resumes_each_where_it_was(
    run: Run, portal: FakePortal, naps: list[float]
) -> None:
    """130 fails after its first pages; 1256, which came through, is not read again."""
    honest, broken = portal.answer, [False]

    def answer(method: str, query: list[tuple[str, str]]) -> Any:
        params = dict(query)
        if broken[0] and params.get("entityTypeId") == "130" and params.get("filter[>id]", "0") != "0":
            raise ConnectionError
        return honest(method, query)

    portal.tables["crm.type.list"] = types(1256, 130)
    portal.answer = answer  # type: ignore[method-assign]
    broken[0] = True
    first = run(streams=["smart_process_items"], sweep="never")
    assert first.code == 1 and len(ids(first, "smart_process_items")) == 80
    broken[0] = False
    portal.now = NEXT
    second = run(first.state, streams=["smart_process_items"], sweep="never")
    assert second.code == 0 and "resum" in second.log
    assert sorted(ids(first, "smart_process_items") + ids(second, "smart_process_items")) == sorted(
        [f"130:{n}" for n in range(1, 301)] + [f"1256:{n}" for n in range(1, 31)]
    )
    assert (
        second.ledger["smart_process_items"]["portal_total"] is None
    )  # Nobody counted what was left of 130.
    walks = second.state["bookmarks"]["smart_process_items"]["variants"]
    assert walks["130"]["replication_key_value"] == "2026-06-01T11:55:00+03:00"
    assert walks["1256"]["replication_key_value"] == "2026-06-02T11:55:00+03:00"
    assert "cursor" not in walks["130"]


# --- rows by owner ------------------------------------------------------------------------------------------


@pytest.fixture
def calls(portal: FakePortal) -> None:
    portal.tables["crm.activity.list"] = [
        {
            "ID": str(n),
            "TYPE_ID": "2" if n % 2 else "4",
            "LAST_UPDATED": f"2026-05-{1 + n // 10:02}T10:00:00+03:00",
        }
        for n in range(1, 241)
    ]
    portal.single["crm.activity.binding.list"] = lambda params: [
        {"entityTypeId": 2, "entityId": int(params["activityId"]) * 10}
    ]


def test_bindings_of_calls_one_record_an_activity(run: Run, portal: FakePortal, calls: None) -> None:
    outcome = run(streams=["activity_bindings"], bindings_days=20)
    assert outcome.code == 0, outcome.log
    assert set(ids(outcome, "activity_bindings")) == {str(n) for n in range(121, 241, 2)}
    record = next(r for r in outcome.records["activity_bindings"] if r["id"] == "121")
    assert record == {
        "id": "121",
        "modified_at": "2026-05-13T10:00:00+03:00",
        "payload": {"activityId": 121, "bindings": [{"entityTypeId": 2, "entityId": 1210}]},
    }
    assert portal.calls["crm.activity.binding.list"] == 60
    # Later runs follow the calls that changed.
    portal.now = NEXT
    portal.tables["crm.activity.list"][2]["LAST_UPDATED"] = LATE
    portal.tables["crm.activity.list"][3]["LAST_UPDATED"] = LATE
    portal.single["crm.activity.binding.list"] = lambda params: []
    second = run(outcome.state, streams=["activity_bindings"], bindings_days=20)
    assert [r["payload"] for r in second.records["activity_bindings"]] == [{"activityId": 3, "bindings": []}]


def test_activity_deleted_meanwhile_has_no_bindings(run: Run, portal: FakePortal, calls: None) -> None:
    portal.errors["crm.activity.binding.list"] = [{"error": "NOT_FOUND", "error_description": ""}, None]
    outcome = run(streams=["activity_bindings"], bindings_days=20)
    assert outcome.code == 0
    bindings = [record["payload"]["bindings"] for record in outcome.records["activity_bindings"]]
    assert len(bindings) == 60 and bindings.count([]) == 1


def test_interrupted_bindings_resume(run: Run, portal: FakePortal, calls: None, naps: list[float]) -> None:
    portal.errors["crm.activity.binding.list"] = [None] * 70 + [BROKEN]
    first = run(streams=["activity_bindings"])
    assert first.code == 1
    portal.errors.clear()
    portal.calls.clear()
    portal.now = NEXT
    second = run(first.state, streams=["activity_bindings"])
    assert second.code == 0
    assert set(ids(first, "activity_bindings")) | set(ids(second, "activity_bindings")) == {
        str(n) for n in range(1, 241, 2)
    }
    assert portal.calls["crm.activity.binding.list"] < 120
    state = second.state["bookmarks"]["activity_bindings"]
    assert state["replication_key_value"] == "2026-06-01T11:55:00+03:00" and "cursor" not in state


def test_payments_by_changed_orders(run: Run, portal: FakePortal) -> None:
    portal.tables["sale.order.list"] = [
        {"id": n, "dateUpdate": "2026-05-01T10:00:00+03:00", "dateInsert": "2026-05-01T10:00:00+03:00"}
        for n in range(1, 121)
    ]
    portal.tables["sale.payment.list"] = [
        {"id": n, "orderId": n % 100 + 1, "paid": "N"} for n in range(1, 151)
    ]
    outcome = run(streams=["orders", "payments"])
    assert outcome.code == 0, outcome.log
    assert len(ids(outcome, "orders")) == 120
    payments = {record["id"]: record["payload"] for record in outcome.records["payments"]}
    assert len(payments) == 120 and payments["120"] == {"orderId": 120, "payments": []}
    assert payments["2"]["orderId"] == 2 and [p["id"] for p in payments["2"]["payments"]] == [1, 101]
    assert all(
        "start=-1" not in c for batch in portal.batches for c in batch.values() if c.startswith("sale.")
    )
    portal.now = NEXT
    portal.tables["sale.order.list"][1]["dateUpdate"] = LATE
    portal.tables["sale.payment.list"] = [
        row for row in portal.tables["sale.payment.list"] if row["orderId"] != 2
    ]
    second = run(outcome.state, streams=["orders", "payments"])
    assert ids(second, "orders") == ["2"]
    assert [r["payload"] for r in second.records["payments"]] == [{"orderId": 2, "payments": []}]


# --- lists --------------------------------------------------------------------------------------------------


def test_order_owners_come_in_one_answer(run: Run, portal: FakePortal) -> None:
    portal.tables["crm.orderentity.list"] = [
        {"orderId": n // 2, "ownerId": n, "ownerTypeId": 2} for n in range(2, 252)
    ]
    outcome = run(streams=["order_owners"])
    assert len(outcome.records["order_owners"]) == 250 and "2:2:1" in ids(outcome, "order_owners")
    assert len(outcome.of("ACTIVATE_VERSION")) == 1


def test_products_of_each_catalogue_once_a_day(run: Run, portal: FakePortal) -> None:
    portal.tables["catalog.catalog.list"] = [{"id": 23, "iblockId": 23}, {"id": 24, "iblockId": 24}]
    portal.tables["catalog.product.list"] = [
        {"id": n, "iblockId": 23 + n % 2, "name": "Ёлка"} for n in range(1, 131)
    ]
    outcome = run(streams=["products"])
    assert outcome.code == 0, outcome.log
    assert len(set(ids(outcome, "products"))) == 130
    portal.now = "2026-06-02T11:59:00+03:00"
    portal.batches.clear()
    second = run(outcome.state, streams=["products"])
    assert not second.records["products"] and not second.of("ACTIVATE_VERSION")
    row = second.ledger["products"]
    assert (row["status"], row["rows"], row["requests"]) == ("ok", 0, 0)
    portal.now = NEXT
    assert len(run(second.state, streams=["products"]).records["products"]) == 130


def test_interrupted_daily_load_is_redone(run: Run, portal: FakePortal, naps: list[float]) -> None:
    portal.tables["catalog.catalog.list"] = [{"id": 23, "iblockId": 23}]
    portal.tables["catalog.product.list"] = [{"id": n, "iblockId": 23} for n in range(1, 131)]
    portal.errors["catalog.product.list"] = [None, BROKEN]
    first = run(streams=["products"])
    assert first.code == 1 and not first.of("ACTIVATE_VERSION")
    portal.errors.clear()
    second = run(first.state, streams=["products"])
    assert len(second.records["products"]) == 130 and second.of("ACTIVATE_VERSION")


def test_fields_of_every_card_type(run: Run, portal: FakePortal) -> None:
    def fields(params: dict[str, str]) -> Any:
        more = {
            "ufCrm_1": {"title": "Причина", "type": "enumeration", "items": [{"ID": "44", "VALUE": "Цена"}]}
        }
        return {
            "fields": {
                "id": {"title": "ID", "type": "integer"},
                **(more if params["entityTypeId"] == "2" else {}),
            }
        }

    portal.single["crm.item.fields"] = fields
    portal.errors["crm.item.fields:31"] = [NOT_THERE]
    outcome = run(streams=["fields"])
    assert outcome.code == 0, outcome.log
    assert set(ids(outcome, "fields")) == {f"{n}:id" for n in (1, 2, 3, 4, 7, 130, 1256)} | {"2:ufCrm_1"}
    payload = next(r["payload"] for r in outcome.records["fields"] if r["id"] == "2:ufCrm_1")
    assert payload["entityTypeId"] == 2 and payload["field"] == "ufCrm_1"
    assert payload["items"] == [{"ID": "44", "VALUE": "Цена"}]
    portal.single["crm.item.fields"] = lambda params: {"fields": []}  # PHP's empty map.
    assert run(streams=["fields"]).code == 0


def test_pipelines_of_smart_processes_too(run: Run, portal: FakePortal) -> None:
    for number in (2, 31, 130):
        portal.tables[f"crm.category.list:{number}"] = [{"id": n, "name": "Общая"} for n in range(2)]
    portal.errors["crm.category.list:1256"] = [NOT_THERE]
    outcome = run(streams=["pipelines"])
    assert set(ids(outcome, "pipelines")) == {"2:0", "2:1", "31:0", "31:1", "130:0", "130:1"}
    assert outcome.ledger["pipelines"]["portal_total"] == 6
    # Types that may not be read are missing, and not deleted.
    portal.admin = False
    portal.errors["crm.type.list"] = [{"error": "ACCESS_DENIED", "error_description": ""}]
    second = run(streams=["pipelines"])
    assert len(ids(second, "pipelines")) == 4 and not second.of("ACTIVATE_VERSION")
    assert "pipelines: without its smart_processes" in second.log


# --- skipped and failed -------------------------------------------------------------------------------------


def test_portal_without_the_optional_parts_is_fine(run: Run, portal: FakePortal) -> None:
    portal.tables = {}
    portal.scopes = ["crm", "telephony", "user", "department"]
    missing = {"error": "ERROR_METHOD_NOT_FOUND", "error_description": "Method not found!"}
    for method in ("crm.type.list", "crm.orderentity.list"):
        portal.errors[method] = [missing]
    for number in (7, 31):
        for method in ("crm.item.list", "crm.stagehistory.list", "crm.category.list", "crm.item.fields"):
            portal.errors[f"{method}:{number}"] = [NOT_THERE]
    portal.single["crm.item.fields"] = lambda params: {"fields": {"id": {"title": "ID"}}}
    outcome = run()
    assert outcome.code == 0, outcome.log
    skipped = {name for name, row in outcome.ledger.items() if row["status"] == "skipped"}
    assert skipped == {
        "quotes",
        "smart_invoices",
        "smart_processes",
        "smart_process_items",
        "smart_invoice_stage_history",
        "smart_process_stage_history",
        "orders",
        "payments",
        "order_owners",
        "products",
    }
    assert outcome.ledger["orders"]["error"] == "the webhook has no scope sale"
    assert outcome.log.count("orders: skipped: the webhook has no scope sale") == 1
    assert portal.calls["sale.order.list"] == 0


def test_missing_scope_of_the_core_fails_its_stream_only(run: Run, portal: FakePortal) -> None:
    portal.scopes = ["crm", "user_basic"]
    outcome = run(streams=["users", "calls", "smart_process_items"])
    assert outcome.code == 1
    assert outcome.ledger["calls"]["status"] == "failed"
    assert "lacks the scope telephony: tick it" in outcome.ledger["calls"]["error"]
    assert (
        outcome.ledger["smart_process_items"]["status"] == "ok"
        and portal.calls["voximplant.statistic.get"] == 0
    )


@pytest.mark.parametrize(("admin", "status", "code"), [(True, "skipped", 0), (False, "failed", 1)])
def test_refusal_by_rights(run: Run, portal: FakePortal, admin: bool, status: str, code: int) -> None:
    """An administrator is refused what the plan lacks, anybody else what they may not see."""
    portal.admin = admin
    portal.errors["sale.order.list"] = [{"error": 200040300010, "error_description": "Access Denied"}]
    outcome = run(streams=["orders"])
    assert (outcome.ledger["orders"]["status"], outcome.code) == (status, code)
    assert admin or "administrator" in outcome.ledger["orders"]["error"]


# --- again --------------------------------------------------------------------------------------------------


def test_weekly_whole_passes_take_turns(run: Run, portal: FakePortal) -> None:
    streams = ["deal_stage_history", "lead_stage_history", "smart_process_stage_history"]
    for number in (1, 2, 130):
        portal.tables[f"crm.stagehistory.list:{number}"] = history(*range(1, 121))
    state = run(streams=streams).state
    read = []
    for minute in (5, 20, 35, 50):
        portal.now = f"2026-06-08T12:{minute:02}:00+03:00"
        outcome = run(state, streams=streams)
        state = outcome.state
        read.append([name for name in streams if len(outcome.records[name]) == 120])
    assert sorted(name for names in read for name in names) == sorted(streams)
    assert all(len(names) <= 1 for names in read) and read[3] == []
    # A run so late that all are overdue twice makes no one wait.
    portal.now = "2026-06-29T12:00:00+03:00"
    outcome = run(state, streams=streams)
    assert all(len(outcome.records[name]) == 120 for name in streams)


def test_interrupted_whole_pass_is_resumed(run: Run, portal: FakePortal, naps: list[float]) -> None:
    deals = [card(n) for n in range(1, 3001)]
    portal.tables = {
        "crm.item.list:2": deals,
        "crm.item.productrow.list": [{"id": n, "ownerId": n, "ownerType": "D"} for n in range(1, 3001)],
    }
    first = run(streams=["deal_product_rows"])
    assert len(first.records["deal_product_rows"]) == 3000
    portal.now = "2026-06-09T12:00:00+03:00"
    portal.tables["crm.item.productrow.list"][6]["price"] = 5  # Without a touch of the deal.
    portal.errors["crm.item.productrow.list"] = [None] * 100 + [BROKEN]
    second = run(first.state, streams=["deal_product_rows"])
    assert second.code == 1
    portal.errors.clear()
    portal.now = "2026-06-09T12:15:00+03:00"
    third = run(second.state, streams=["deal_product_rows"])
    assert third.code == 0
    both = [*second.records["deal_product_rows"], *third.records["deal_product_rows"]]
    assert {record["id"] for record in both} == {str(n) for n in range(1, 3001)}
    state = third.state["bookmarks"]["deal_product_rows"]
    assert state["whole_at"] == state["replication_key_value"] == "2026-06-09T11:55:00+03:00"


# --- odd data -----------------------------------------------------------------------------------------------


def test_list_with_gaps_is_still_a_list(run: Run, portal: FakePortal) -> None:
    """PHP writes a list as a map when numbers are missing from its keys."""
    portal.single["crm.type.list"] = lambda params: {"types": dict(zip("03", types(130, 1256), strict=True))}
    outcome = run(streams=["smart_processes", "smart_process_items"])
    assert (
        ids(outcome, "smart_processes") == ["130", "1256"] and len(ids(outcome, "smart_process_items")) == 330
    )


def test_odd_rows_never_stop_a_load(run: Run, portal: FakePortal) -> None:
    portal.tables = {
        "crm.type.list": [{"id": 1, "entityTypeId": "130"}, {"id": 2, "entityTypeId": None}],
        "crm.item.list:130": [
            {"id": "1", "updatedTime": "", "createdTime": None, "ufCrm_1": [], "title": "a\x00b"},
            {"id": 2, "updatedTime": None, "ufCrm_1": {"new": {"deep": [None]}}, "\x00": "\ud800"},
            {"id": "10", "entityTypeId": 130, "updatedTime": "2026-05-01T10:00:00+03:00"},
        ],
        "sale.order.list": [
            {"id": 1},
            {"id": "2", "dateUpdate": "", "dateInsert": "2026-05-01T10:00:00+03:00"},
        ],
        "crm.orderentity.list": [{"orderId": 5, "ownerId": 6}],
    }
    outcome = run(streams=["smart_process_items", "orders", "order_owners"], sweep="always")
    assert outcome.code == 0, outcome.log
    assert [(r["id"], r["modified_at"]) for r in outcome.records["smart_process_items"]] == [
        ("130:1", "1970-01-01T00:00:00+00:00"),
        ("130:2", "1970-01-01T00:00:00+00:00"),
        ("130:10", "2026-05-01T10:00:00+03:00"),
    ]
    assert "\\u0000" not in json.dumps(outcome.messages)
    assert [r["modified_at"] for r in outcome.records["orders"]] == [
        "1970-01-01T00:00:00+00:00",
        "2026-05-01T10:00:00+03:00",
    ]
    assert ids(outcome, "order_owners") == [":6:5"]  # Older answers do not tell the owner's type.
    assert [r["payload"]["ids"] for r in outcome.records["card_ids"]] == [[[1, 2], [10, 10]], []]


def test_page_of_users_cut_short_marks_nobody(run: Run, portal: FakePortal) -> None:
    """A short page ends a list: the portal's count says that there was more."""
    portal.tables["user.get"] = [{"ID": str(n)} for n in range(1, 121)]
    honest = portal.answer

    def answer(method: str, query: list[tuple[str, str]]) -> Any:
        result, total = honest(method, query)
        if method == "user.get" and ("FILTER[>ID]", "0") in query:
            result = result[:-1]
        return result, total

    portal.answer = answer  # type: ignore[method-assign]
    outcome = run(streams=["users"])
    assert outcome.code == 0 and "no row is marked as deleted" in outcome.log
    assert outcome.ledger["users"]["rows"] < outcome.ledger["users"]["portal_total"]


def test_processes_that_the_portal_hides_for_once_are_not_forgotten(run: Run, portal: FakePortal) -> None:
    streams = ["smart_process_items"]
    first = run(streams=streams)
    honest = portal.answer

    def answer(method: str, query: list[tuple[str, str]]) -> Any:
        result, total = honest(method, query)
        return ({"types": result["types"][:1]} if method == "crm.type.list" else result), total

    portal.answer = answer  # type: ignore[method-assign]
    second = run(first.state, streams=streams, sweep="always")
    assert second.code == 1 and "shows fewer smart_processes than it counts" in second.log
    kept = second.state["bookmarks"]["smart_process_items"]["variants"]
    assert set(kept) == set(first.state["bookmarks"]["smart_process_items"]["variants"]) and len(kept) == 2
    assert not second.records["card_ids"]
