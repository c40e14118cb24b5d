"""What calls cost, whom it is charged to, and how long a request may take."""

from __future__ import annotations

import time

import pytest

from demo.rest.limits import Costs, OperatingBudget, Work

from .conftest import Portal, make_portal


def test_counting_costs_what_the_vendor_measured() -> None:
    costs = Costs()
    assert costs.charged(Work(0.097, 2_387_743)) == pytest.approx(49.9, abs=0.2)
    assert costs.charged(0.5) == 0.5
    assert costs.passing(Work(0.097, 2_387_743)) == costs.passing(0.5) == 0


def test_what_is_given_passes() -> None:
    work = Work(9.0, 2000)
    both = Costs(command_ms=20, count_ms=10)
    assert both.charged(work) == both.passing(work) == pytest.approx(0.04)
    assert Costs(command_ms=20).passing(work) == pytest.approx(0.0618)
    counting = Costs(count_ms=10)
    assert (counting.charged(work), counting.passing(work)) == (pytest.approx(9.02), pytest.approx(0.02))
    free = Costs(0, 0)
    assert free.charged(work) == free.passing(work) == 0


def test_commands_of_a_batch_take_their_time_one_after_another() -> None:
    portal = make_portal(costs=Costs(30))
    began = time.perf_counter()
    body = portal.call("batch", {"cmd": {f"c{i}": "server.time" for i in range(4)}})
    assert time.perf_counter() - began >= 0.12
    assert body["time"]["duration"] >= 0.12
    assert all(block["duration"] >= 0.03 for block in body["result"]["result_time"].values())
    assert body["result"]["result_time"]["c3"]["operating"] == pytest.approx(0.12)


def test_counting_and_offsets_are_charged_and_start_minus_one_is_not() -> None:
    portal = make_portal(costs=Costs(1, 1000))
    rows = portal.total("crm.deal.list")

    def processing(start: int) -> float:
        return portal.call("crm.deal.list", {"start": start})["time"]["processing"]

    assert processing(-1) == pytest.approx(0.001)
    assert processing(0) == pytest.approx(0.001 + rows / 1000)
    assert processing(100) == pytest.approx(0.001 + (rows + 100) / 1000)


def test_a_request_beyond_the_wall_gets_the_page_of_the_web_server() -> None:
    portal = make_portal(costs=Costs(30_000), wall_seconds=0.1)
    answer = portal.post("server.time")
    assert answer.status_code == 504 and answer.headers["content-type"].startswith("text/html")


def test_a_batch_billed_as_a_whole() -> None:
    portal = make_portal(limits=True, bill_batch=True, operating_limit=0.05, costs=Costs(20))
    batch = {"cmd": {f"c{i}": "server.time" for i in range(4)}}
    assert portal.call("batch", batch)["time"]["operating"] == pytest.approx(0.08)
    refused = portal.post("batch", batch)
    assert (refused.status_code, refused.json()["error"]) == (429, "OPERATION_TIME_LIMIT")
    assert portal.post("server.time").status_code == 200, "alone, a method has its own account"


def test_billed_by_method_the_commands_fail_within_the_batch() -> None:
    portal = make_portal(limits=True, operating_limit=0.05, costs=Costs(20))
    result = portal.batch({**{f"c{i}": "server.time" for i in range(4)}, "other": "profile"})
    assert list(result["result"]) == ["c0", "c1", "c2", "other"]
    assert result["result_error"]["c3"]["error"] == "OPERATION_TIME_LIMIT"


def test_a_short_window_rolls_off_soon() -> None:
    now = [100.0]
    budget = OperatingBudget(limit=1, window=10, now=lambda: now[0])
    budget.spend("x", 5)
    assert budget.reset_in("x") == 10 and budget.used("x") == 5
    now[0] += 10
    assert budget.used("x") == 0


def test_no_limits_leave_the_time(portal: Portal) -> None:
    assert portal.call("server.time")["time"]["operating"] > 0
