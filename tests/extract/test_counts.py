"""Counts never stand in the way: beside the rows, done without where they are slow, refused or of large tables."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler

import pytest
from tap_bitrix24 import counts, streams, tap

from tests.extract.conftest import Run, card
from tests.extract.fake_portal import FakePortal, reply


@pytest.fixture(autouse=True)
def deals(portal: FakePortal) -> None:
    portal.tables["crm.item.list:2"] = [card(n) for n in range(1, 701)]


def is_count(commands: dict[str, str]) -> bool:
    return any("start=0" in command and "item.list" in command for command in commands.values())


def test_count_is_a_request_of_its_own(run: Run, portal: FakePortal) -> None:
    outcome = run(streams=["deals", "leads"])
    assert outcome.ledger["deals"]["portal_total"] == 700
    assert outcome.ledger["leads"]["portal_total"] == 0
    counting = [batch for batch in portal.batches if is_count(batch)]
    assert counting and all("start=0" in command for batch in counting for command in batch.values())


def test_slow_count_is_done_without(run: Run, portal: FakePortal, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows are all there long before the portal has counted."""
    monkeypatch.setattr(tap, "COUNT_SECONDS", 0.05)
    done = threading.Event()

    def slow(handler: BaseHTTPRequestHandler, commands: dict[str, str]) -> bool:
        if is_count(commands):
            done.wait(20)
        return False

    portal.faults.append(slow)
    outcome = run(streams=["deals"])
    done.set()
    assert outcome.code == 0 and len(outcome.records["deals"]) == 700
    assert outcome.ledger["deals"]["portal_total"] is None and outcome.ledger["deals"]["status"] == "ok"


def test_count_without_an_answer_in_time_teaches_nothing(
    run: Run, portal: FakePortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next request of rows is as long as it would have been, and the count is not asked again."""
    monkeypatch.setattr(counts, "ANSWER_SECONDS", 0.2)
    done, asked = threading.Event(), []

    def slow(handler: BaseHTTPRequestHandler, commands: dict[str, str]) -> bool:
        if is_count(commands):
            asked.append(commands)
            done.wait(20)
        return False

    portal.faults.append(slow)
    outcome = run(streams=["deals"])
    done.set()
    assert outcome.ledger["deals"]["portal_total"] is None
    assert len(asked) == 1
    assert max(len(batch) for batch in portal.batches) == 14


def test_refused_count_fails_nobody(run: Run, portal: FakePortal) -> None:
    def refused(handler: BaseHTTPRequestHandler, commands: dict[str, str]) -> bool:
        if not is_count(commands):
            return False
        reply(handler, 400, {"error": "INVALID_ARG_VALUE", "error_description": "no count"})
        return True

    portal.faults.append(refused)
    outcome = run(streams=["deals"])
    assert outcome.code == 0 and outcome.ledger["deals"]["portal_total"] is None


def test_large_table_is_not_counted(run: Run, portal: FakePortal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "COUNTED_ROWS", 500)
    outcome = run(streams=["deals"])
    assert outcome.ledger["deals"]["portal_total"] is None
    assert not any(is_count(batch) for batch in portal.batches)


def test_window_is_counted_whatever_the_table(
    run: Run, portal: FakePortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = run(streams=["deals"]).state
    monkeypatch.setattr(streams, "COUNTED_ROWS", 500)
    portal.tables["crm.item.list:2"][5] = card(6, "2026-06-02T10:00:00+03:00")
    portal.now = "2026-06-02T12:00:00+03:00"
    outcome = run(state, streams=["deals"])
    assert (outcome.ledger["deals"]["rows"], outcome.ledger["deals"]["portal_total"]) == (1, 1)


def test_fewer_rows_than_counted_is_said(run: Run, portal: FakePortal) -> None:
    honest = portal.answer

    def more(method, query):
        rows, total = honest(method, query)
        return rows, total and total + 3

    portal.answer = more
    outcome = run(streams=["deals"])
    assert "deals: 700 rows came, the portal counted 703: deleted meanwhile, or hidden" in outcome.log
    assert outcome.ledger["deals"]["portal_total"] == 703
