"""Whole runs of the tap: what each mode sends, remembers and resumes, and what failures leave behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from singer_sdk.exceptions import ConfigValidationError
from tap_bitrix24 import spans
from tap_bitrix24.catalogue import load

from tests.extract.conftest import Run, card
from tests.extract.fake_portal import CODE, FakePortal, refuse

NOW = "2026-06-01T12:00:00+03:00"
ALWAYS = {"portal", "extract_runs"}
STREAMS = len(load()) + 1
"""Of a run, each with a row in the ledger: the catalogue's, and `portal`."""


@pytest.fixture(autouse=True)
def company(portal: FakePortal) -> FakePortal:
    portal.now = NOW
    portal.tables = {
        "crm.item.list:2": [card(n) for n in range(1, 1201)],
        "crm.item.productrow.list": [
            {"id": n, "ownerId": 1 + n % 400, "ownerType": "D"} for n in range(1, 901)
        ],
        "crm.stagehistory.list:2": [
            {"ID": n, "CREATED_TIME": "2026-05-01T00:00:00+03:00"} for n in range(1, 301)
        ],
        "crm.category.list:2": [{"id": n, "entityTypeId": 2, "name": f"Воронка {n}"} for n in range(3)],
        "crm.category.list:31": [{"id": 5, "entityTypeId": 31, "name": "Счета"}],
        "crm.status.list": [{"ID": str(n), "STATUS_ID": f"S{n}"} for n in range(1, 181)],
        "user.get": [{"ID": str(n), "NAME": "Анна"} for n in range(1, 61)],
        "department.get": [{"ID": str(n)} for n in range(1, 6)],
        "crm.currency.list": [{"CURRENCY": "RUB"}, {"CURRENCY": "USD"}],
        "voximplant.statistic.get": [
            {
                "ID": str(n),
                "CALL_START_DATE": f"2026-05-{n % 30 + 1:02}T10:00:00+03:00",
                "CALL_RECORD_URL": "https://x",
            }
            for n in range(1, 301)
        ],
    }
    return portal


def ids(outcome, stream: str) -> list[str]:
    return [record["id"] for record in outcome.records[stream]]


def test_first_load_brings_everything(run: Run, portal: FakePortal) -> None:
    outcome = run()
    assert outcome.code == 0, outcome.log
    counts = {stream: len(records) for stream, records in outcome.records.items()}
    assert counts == {
        "portal": 1,
        "deals": 1200,
        "deal_product_rows": 1200,
        "deal_stage_history": 300,
        "pipelines": 4,
        "statuses": 180,
        "users": 60,
        "departments": 5,
        "currencies": 2,
        "calls": 300,
        "extract_runs": STREAMS,
    }
    assert set(ids(outcome, "pipelines")) == {"2:0", "2:1", "2:2", "31:5"}
    assert outcome.records["deals"][0]["modified_at"] == "2026-05-01T10:00:00+03:00"
    assert outcome.records["currencies"][0]["modified_at"] == "2026-06-01"
    assert outcome.records["users"][0]["modified_at"] is None
    assert "CALL_RECORD_URL" not in outcome.records["calls"][0]["payload"]
    products = {record["id"]: record["payload"] for record in outcome.records["deal_product_rows"]}
    assert products["1"]["ownerId"] == 1 and [row["id"] for row in products["1"]["productRows"]] == [400, 800]
    # An empty set is news as well: a warehouse that is loaded anew may hold rows that are gone.
    assert products["1200"]["productRows"] == []
    assert outcome.records["portal"] == [
        {
            "id": portal.address,
            "modified_at": None,
            "payload": {
                "url": f"http://{portal.address}",
                "server_time": NOW,
                "admin": True,
                "scopes": portal.scopes,
                "crm_mode": 1,
                "is_demonstration": False,
            },
        }
    ]


def test_ledger_tells_window_rows_total_and_cost(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    # What is asked together goes together, also where a busy machine pauses for a while.
    monkeypatch.setattr("tap_bitrix24.client.LINGER", 2.0)
    first = run()
    deals = first.ledger["deals"]
    assert (deals["mode"], deals["window_from"], deals["rows"], deals["portal_total"]) == (
        "incremental",
        None,
        1200,
        1200,
    )
    assert (
        deals["requests"] == 2
        and deals["operating"] == 1.5
        and deals["status"] == "ok"
        and deals["error"] is None
    )
    assert first.ledger["statuses"]["portal_total"] == 180
    assert set(first.ledger) | {"card_ids", "extract_runs"} == {
        message["stream"] for message in first.of("SCHEMA")
    }
    second = run(first.state)
    assert second.ledger["deals"]["window_from"] == "2026-06-01T11:55:00+03:00"
    assert second.ledger["deals"]["run_id"] != deals["run_id"]


def test_bookmark_is_the_portals_clock_less_the_overlap(run: Run, portal: FakePortal) -> None:
    """Never the greatest value seen: a card changed behind the cursor during the run would be lost."""
    portal.tables["crm.item.list:2"].append(card(5000, "2026-06-01T11:59:59+03:00"))

    def meanwhile(number: int) -> None:
        portal.tables["crm.item.list:2"][0] = card(1, "2026-06-01T12:00:05+03:00")

    portal.after_batch = meanwhile
    first = run(streams=["deals"], overlap_minutes=10)
    assert first.state["bookmarks"]["deals"] == {
        "replication_key": "modified_at",
        "replication_key_value": "2026-06-01T11:50:00+03:00",
        "whole_at": "2026-06-01T11:50:00+03:00",
    }
    portal.now = "2026-06-01T13:00:00+03:00"
    second = run(first.state, streams=["deals"])
    assert ids(second, "deals") == ["1", "5000"]


def test_second_run_brings_what_changed(run: Run, portal: FakePortal) -> None:
    state = run().state
    portal.now = "2026-06-02T12:00:00+03:00"
    portal.tables["crm.item.list:2"][6] = card(7, "2026-06-02T11:00:00+03:00")
    portal.tables["crm.item.list:2"][8] = card(9, "2026-06-02T11:00:00+03:00")
    portal.tables["crm.item.productrow.list"] = [
        row for row in portal.tables["crm.item.productrow.list"] if row["ownerId"] != 7
    ]
    portal.tables["crm.stagehistory.list:2"].append({"ID": 301, "CREATED_TIME": "2026-06-02T11:00:00+03:00"})
    portal.batches.clear()
    outcome = run(state)
    assert ids(outcome, "deals") == ["7", "9"]
    assert ids(outcome, "deal_stage_history") == ["301"]
    sets = {record["id"]: record["payload"]["productRows"] for record in outcome.records["deal_product_rows"]}
    assert sets["7"] == [] and [row["id"] for row in sets["9"]] == [8, 408, 808]
    assert len(ids(outcome, "users")) == 60
    assert len(portal.batches) <= 27  # One a stream and for the portal, and a few for second pages.


def test_calls_are_read_again_for_a_window(run: Run, portal: FakePortal) -> None:
    first = run(streams=["calls"], start_date="2026-05-11T00:00:00+03:00")
    assert len(first.records["calls"]) == 200
    portal.now = "2026-06-01T13:00:00+03:00"
    second = run(first.state, streams=["calls"], calls_window_days=5)
    assert second.ledger["calls"]["window_from"] == "2026-05-27T11:55:00+03:00"
    assert {record["modified_at"][:10] for record in second.records["calls"]} == {
        f"2026-05-{day}" for day in (28, 29, 30)
    }


def test_start_date_never_limits_deals(run: Run) -> None:
    outcome = run(streams=["deals", "deal_stage_history"], start_date="2026-05-31T00:00:00+03:00")
    assert len(outcome.records["deals"]) == 1200
    assert len(outcome.records["deal_stage_history"]) == 300


def test_missing_moment_in_a_key_has_a_stand_in(run: Run, portal: FakePortal) -> None:
    portal.tables["crm.item.list:2"] = [card(1, ""), {"id": 2, "title": "", "updatedTime": None}]
    moments = [record["modified_at"] for record in run(streams=["deals"]).records["deals"]]
    assert moments == ["2026-01-01T09:00:00+03:00", "1970-01-01T00:00:00+00:00"]


# --- full loads ---------------------------------------------------------------------------------------------


def test_full_loads_activate_their_version_after_the_last_row(run: Run) -> None:
    outcome = run()
    versions = {message["stream"]: message["version"] for message in outcome.of("ACTIVATE_VERSION")}
    assert set(versions) == {"pipelines", "statuses", "users", "departments"}
    for stream, version in versions.items():
        own = [message for message in outcome.messages if message.get("stream") == stream]
        assert own[-1]["type"] == "ACTIVATE_VERSION"
        assert {message["version"] for message in own if message["type"] == "RECORD"} == {version}
    assert not any("version" in message for message in outcome.messages if message.get("stream") == "deals")


def test_incomplete_full_load_marks_nothing(run: Run, portal: FakePortal) -> None:
    portal.tables["user.get"] = []
    honest = portal.answer

    def hiding(method, query):
        rows, total = honest(method, query)
        return (rows[:-1], total) if method == "department.get" else (rows, total)

    portal.answer = hiding
    outcome = run(streams=["users", "departments"])
    assert outcome.of("ACTIVATE_VERSION") == []
    assert "users: the portal showed less than it counts; no row is marked as deleted" in outcome.log


# --- failures -----------------------------------------------------------------------------------------------


def test_refused_stream_is_named_and_the_others_load(run: Run, portal: FakePortal) -> None:
    portal.errors["voximplant.statistic.get"] = [{"error": "insufficient_scope", "error_description": ""}]
    portal.errors["department.get"] = [{"error": "ACCESS_DENIED", "error_description": "Access denied."}]
    outcome = run()
    assert outcome.code == 1
    assert len(outcome.records["deals"]) == 1200
    assert (
        "calls: voximplant.statistic.get: the webhook lacks the scope for it: tick the scope" in outcome.log
    )
    assert f"2 of {STREAMS} streams failed: " in outcome.log and "Traceback" not in outcome.log
    assert outcome.ledger["calls"]["status"] == "failed" and "scope" in outcome.ledger["calls"]["error"]
    assert outcome.ledger["deals"]["status"] == "ok"
    assert "calls" not in outcome.state["bookmarks"] or not outcome.state["bookmarks"]["calls"]


def test_portal_without_invoices_is_no_failure(run: Run, portal: FakePortal) -> None:
    unsupported = {"error": "ENTITY_TYPE_NOT_SUPPORTED", "error_description": ""}
    for table in ("crm.item.list:31", "crm.stagehistory.list:31", "crm.category.list:31"):
        portal.errors[table] = [unsupported]
    outcome = run()
    assert outcome.code == 0, outcome.log
    invoices = outcome.ledger["smart_invoices"]
    assert (invoices["rows"], invoices["status"]) == (0, "skipped")
    assert "ENTITY_TYPE_NOT_SUPPORTED" in invoices["error"]
    assert set(ids(outcome, "pipelines")) == {"2:0", "2:1", "2:2"}


def test_refused_portal_is_one_line_and_a_failed_ledger(run: Run, portal: FakePortal) -> None:
    portal.faults.append(refuse(401, "expired_token", "The webhook has expired", times=99))
    outcome = run()
    assert outcome.code == 1
    assert outcome.log.count("the webhook has expired") == 1
    assert {row["status"] for row in outcome.ledger.values()} == {"failed"}
    assert len(outcome.ledger) == STREAMS
    assert len(portal.batches) == 1
    assert {message["stream"] for message in outcome.of("SCHEMA")} >= {"deals", "extract_runs"}


def test_webhook_revoked_in_the_middle(run: Run, portal: FakePortal) -> None:
    """What came before is written, with the state that belongs to it; the cause is said once; the rest is for later."""
    portal.tables["crm.item.list:2"] = [card(n) for n in range(1, 30_001)]
    # Revoked when the users are done (their number is asked for last) and the first deals, one after the other, have been
    # answered, in whatever order a busy machine lets requests through.
    answer, deals, counts = portal.answer, set(), []

    def answering(method: str, query: list[tuple[str, str]]) -> tuple[Any, int | None]:
        found, total = answer(method, query)
        if method == "user.get" and ("start", "0") in query:
            counts.append(total)
        elif method == "crm.item.list" and ("entityTypeId", "2") in query:
            deals.update(row["id"] for row in found["items"])
        return found, total

    def revoke(number: int) -> None:
        if counts and deals.issuperset(range(1, 5_001)):
            portal.code = "another"

    portal.answer = answering  # type: ignore[method-assign]
    portal.after_batch = revoke
    url = portal.webhook
    first = run(webhook_url=url)
    assert first.code == 1
    assert first.log.count("the webhook code is wrong or was revoked") == 1
    assert CODE not in first.log
    assert first.ledger["deals"]["status"] == "failed" and first.ledger["users"]["status"] == "ok"
    before = ids(first, "deals")
    assert 2500 < len(before) < 30_000

    portal.after_batch = lambda number: None
    portal.code = CODE
    second = run(first.state)
    assert second.code == 0, second.log
    assert sorted(map(int, before + ids(second, "deals"))) == list(range(1, 30_001))


def test_quiet_increment_is_a_handful_of_requests(run: Run, portal: FakePortal) -> None:
    state = run(run().state).state  # The second run has done what is due once a day.
    portal.now = "2026-06-01T12:15:00+03:00"
    portal.batches.clear()
    outcome = run(state)
    assert outcome.code == 0 and outcome.ledger["deals"]["rows"] == 0
    # The portal, all counts, all first pages; then statuses, users and calls have further pages here: seven, and a few
    # more on a machine so busy that questions of one moment miss each other. One a stream would be 27.
    assert len(portal.batches) <= 13


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"batch_size": 51}, "batch_size is 51"),
        ({"margin": 2}, "margin is 2"),
        ({"streams": ["deels"]}, "no stream 'deels'"),
        ({"webhook_url": "http://firm.example/rest/1/topsecretcode/"}, "plain http"),
    ],
)
def test_wrong_settings_are_named(run: Run, config: dict, text: str) -> None:
    with pytest.raises(ConfigValidationError, match=text) as refusal:
        run(**config)
    assert "topsecretcode" not in str(refusal.value)


def test_wrong_settings_are_one_line_on_the_command_line(tmp_path: Path, tap_command: list[str]) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"webhook_url": "http://firm.example/rest/1/topsecretcode/"}))
    done = subprocess.run([*tap_command, "--config", str(file)], capture_output=True, text=True)
    assert done.returncode == 1
    assert "plain http" in done.stderr and "Traceback" not in done.stderr
    assert "topsecretcode" not in done.stderr + done.stdout


# --- interrupted runs ---------------------------------------------------------------------------------------


def test_killed_run_resumes_at_its_cursor(
    run: Run, portal: FakePortal, tmp_path: Path, tap_command: list[str]
) -> None:
    """Killed in the middle; the next run fetches the rest and keeps the first attempt's bookmark."""
    portal.tables["crm.item.list:2"] = [card(n) for n in range(1, 12_001)]
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"webhook_url": portal.webhook, "streams": ["deals"]}))
    process = subprocess.Popen(
        [*tap_command, "--config", str(config)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout
    written, state = [], {}
    for line in process.stdout:
        message = json.loads(line)
        if message["type"] == "RECORD" and message["stream"] == "deals":
            written.append(message["record"]["id"])
        elif message["type"] == "STATE" and message["value"].get("bookmarks", {}).get("deals", {}).get(
            "cursor"
        ):
            state = message["value"]
            if len(written) >= 2_000:
                os.kill(process.pid, signal.SIGKILL)
                break
    process.stdout.close()
    process.wait()
    cursor = state["bookmarks"]["deals"]["cursor"]
    assert cursor["first"] and "replication_key_value" not in state["bookmarks"]["deals"]
    left = spans.parse(cursor["left"][""])
    assert {str(n) for n in range(1, 12_001) if any(n > s.after and n <= (s.upto or n) for s in left)} == {
        str(n) for n in range(1, 12_001)
    } - set(written)

    portal.now = "2026-06-03T12:00:00+03:00"
    portal.batches.clear()
    outcome = run(state, streams=["deals"])
    assert "an interrupted run is resumed: ids " in outcome.log
    assert sorted(map(int, written + ids(outcome, "deals"))) == list(range(1, 12_001))
    assert outcome.state["bookmarks"]["deals"]["replication_key_value"] == "2026-06-01T11:55:00+03:00"
    assert "cursor" not in outcome.state["bookmarks"]["deals"]


def test_cursor_of_an_earlier_release_is_understood(run: Run) -> None:
    cursor = {"since": None, "after": "700", "bookmark": "2026-05-20T00:00:00+03:00", "first": True}
    outcome = run({"bookmarks": {"deals": {"cursor": cursor}}}, streams=["deals"])
    assert ids(outcome, "deals") == [str(n) for n in range(701, 1201)]
    assert outcome.state["bookmarks"]["deals"]["replication_key_value"] == "2026-05-20T00:00:00+03:00"


def test_cursor_of_a_finished_walk_is_over(run: Run, portal: FakePortal) -> None:
    """`meltano run --full-refresh` merges states: the cursor that the end of the walk took out is in there again."""
    portal.tables["crm.item.list:2"][6] = card(7, "2026-06-01T11:58:00+03:00")
    at = "2026-05-31T11:55:00+03:00"
    cursor = {"since": None, "bookmark": at, "first": True, "left": {"": [[1200, None]]}}
    state = {"replication_key": "modified_at", "replication_key_value": at, "cursor": cursor}
    outcome = run({"bookmarks": {"deals": state}}, streams=["deals"])
    assert ids(outcome, "deals") == ["7"] and outcome.ledger["deals"]["window_from"] == at
    assert "cursor" not in outcome.state["bookmarks"]["deals"]


@pytest.mark.parametrize(
    "cursor", [{"after": "700"}, {"since": None, "bookmark": "b", "first": 1, "left": 7}, []]
)
def test_unknown_cursor_means_reading_again(run: Run, cursor: object) -> None:
    outcome = run({"bookmarks": {"deals": {"cursor": cursor}}}, streams=["deals"])
    assert len(ids(outcome, "deals")) == 1200


def test_failed_stream_resumes_at_its_cursor(run: Run, portal: FakePortal, naps: list[float]) -> None:
    """The same for product rows, whose cursor is an owner: sets already delivered are not asked for again."""
    pages = portal.tables["crm.item.list:2"]
    pages.extend(card(n) for n in range(1201, 4001))
    broken = {"error": "INTERNAL_SERVER_ERROR", "error_description": ""}
    portal.errors["crm.item.productrow.list"] = [None] * 100 + [broken]
    first = run(streams=["deal_product_rows"])
    assert first.code == 1
    [[after, upto]] = first.state["bookmarks"]["deal_product_rows"]["cursor"]["left"][""]
    assert after >= 50 and upto is None
    portal.errors.clear()
    portal.now = "2026-06-02T12:00:00+03:00"
    second = run(first.state, streams=["deal_product_rows"])
    assert second.code == 0
    found = ids(first, "deal_product_rows") + ids(second, "deal_product_rows")
    assert sorted(map(int, found)) == list(range(1, 4001))
    assert (
        second.state["bookmarks"]["deal_product_rows"]["replication_key_value"] == "2026-06-01T11:55:00+03:00"
    )


def test_loader_that_goes_away_is_no_traceback(
    portal: FakePortal, tmp_path: Path, tap_command: list[str]
) -> None:
    portal.tables["crm.item.list:2"] = [card(n) for n in range(1, 12_001)]
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"webhook_url": portal.webhook}))
    process = subprocess.Popen(
        [*tap_command, "--config", str(config)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout and process.stderr
    process.stdout.readline()
    process.stdout.close()
    log = process.stderr.read()
    assert process.wait() == 1
    assert "the loader closed the pipe" in log and "Traceback" not in log


# --- Singer -------------------------------------------------------------------------------------------------


def test_catalog_selects_streams(run: Run, tmp_path: Path, tap_command: list[str]) -> None:
    """--discover needs neither settings nor a portal."""
    done = subprocess.run([*tap_command, "--discover"], capture_output=True, text=True, check=True)
    catalog = json.loads(done.stdout)
    assert {entry["stream"] for entry in catalog["streams"]} >= {spec.name for spec in load()} | ALWAYS
    for entry in catalog["streams"]:
        root = next(item for item in entry["metadata"] if item["breadcrumb"] == [])
        root["metadata"]["selected"] = entry["stream"] in {"deals", "extract_runs"}
    outcome = run(catalog=catalog)
    assert set(outcome.records) == {"deals", "extract_runs"}
    assert {message["stream"] for message in outcome.of("SCHEMA")} == {"deals", "extract_runs"}


def test_about_names_settings_and_capabilities(tap_command: list[str]) -> None:
    done = subprocess.run(
        [*tap_command, "--about", "--format", "json"], capture_output=True, text=True, check=True
    )
    about = json.loads(done.stdout)
    assert about["capabilities"] == ["catalog", "state", "discover", "about"]
    assert {"webhook_url", "start_date", "calls_window_days", "requests_per_second"} <= about["settings"][
        "properties"
    ].keys()


def test_new_method_is_a_few_lines(run: Run, portal: FakePortal) -> None:
    portal.tables["crm.item.list:7"] = [card(n) for n in range(1, 76)]
    quotes = {
        "name": "quotes",
        "method": "crm.item.list",
        "mode": "incremental",
        "id": "id",
        "modified": ["updatedTime"],
        "result": "items",
        "params": {"entityTypeId": 7},
    }
    outcome = run(streams=[quotes])
    assert len(outcome.records["quotes"]) == 75
    assert set(outcome.records) - ALWAYS == {"quotes"}
