"""Execution time: anticipated by what the portal reports, whichever way it charges batches."""

from __future__ import annotations

import math

import pytest
from tap_bitrix24.budget import TARGET_SECONDS, Budgets


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def times(clock: Clock, operating: float, reset_in: float, ahead: float = 0.0) -> dict[str, float]:
    now = clock.now + ahead
    return {"finish": now, "operating": operating, "operating_reset_at": now + reset_in}


def test_method_is_closed_before_its_limit_and_opens_at_its_moment(clock: Clock) -> None:
    budgets = Budgets(480, 0.1, clock=clock)
    budgets.heard("deals", times(clock, 427, 200))
    assert budgets.wait("deals") == 0
    budgets.heard("deals", times(clock, 428, 200))  # 432 less a scrap.
    assert budgets.wait("deals") == pytest.approx(201)
    assert budgets.wait("calls") == 0
    clock.now += 200
    assert budgets.wait("deals") == 0


def test_request_charged_as_a_whole_closes_everything(clock: Clock) -> None:
    budgets = Budgets(480, 0.1, clock=clock)
    budgets.heard("deals", times(clock, 3, 500))
    budgets.heard("batch", times(clock, 440, 300))
    assert budgets.wait("deals") == budgets.wait("calls") == pytest.approx(301)


def test_clock_of_the_portal_counts(clock: Clock) -> None:
    budgets = Budgets(480, 0, clock=clock)
    budgets.heard("deals", times(clock, 480, 200, ahead=3600))
    assert budgets.wait("deals") == pytest.approx(201)


def test_refusal_is_believed_whatever_was_reported(clock: Clock) -> None:
    budgets = Budgets(480, 0, clock=clock)
    budgets.refused("deals")
    assert 59 < budgets.wait("deals") < 62
    budgets.heard("calls", times(clock, 10, 120))
    budgets.refused("calls")
    assert budgets.wait("calls") == pytest.approx(121)
    clock.now += 120
    budgets.heard("calls", times(clock, 10, 500))
    assert budgets.wait("calls") == 0


def test_portal_without_the_limit(clock: Clock) -> None:
    budgets = Budgets(0, 0.1, clock=clock)
    budgets.heard("deals", times(clock, 99_999, 200))
    assert budgets.wait("deals") == 0 and budgets.limit == math.inf
    budgets.refused("deals")
    assert budgets.wait("deals") > 0


@pytest.mark.parametrize(
    "odd",
    [None, [], {}, {"operating": "x"}, {"operating": 5, "operating_reset_at": "2026-06-01T12:00:00+03:00"}],
)
def test_odd_blocks_close_nothing(clock: Clock, odd: object) -> None:
    budgets = Budgets(480, 0, clock=clock)
    budgets.heard("deals", odd)
    assert budgets.wait("deals") == 0 and budgets.room("deals", 50) == 50


def test_slow_commands_make_short_requests_and_fast_ones_long_again(clock: Clock) -> None:
    budgets = Budgets(480, 0, clock=clock)
    budgets.answered(["deals"] * 50, 25.0, {})
    assert budgets.room("deals", 50) == 40
    budgets.answered(["deals"] * 40, 80.0, {"deals": 2.0})
    assert budgets.room("deals", 50) == TARGET_SECONDS / 2
    for _ in range(6):
        budgets.answered(["deals"] * 10, 0.1, {"deals": 0.01})
    assert budgets.room("deals", 50) == 50
    assert budgets.room("calls", 50) == 50


def test_no_answer_in_time_quarters_the_request(clock: Clock) -> None:
    budgets = Budgets(480, 0, clock=clock)
    budgets.too_slow(["deals"] * 50)
    assert budgets.room("deals", 50) == 12
    budgets.too_slow(["deals"] * 12)
    assert budgets.room("deals", 50) == 3


def test_modelled_time_does_not_pass_for_ours(clock: Clock) -> None:
    """A portal may charge more than it took."""
    budgets = Budgets(480, 0, clock=clock)
    budgets.answered(["deals"] * 50, 1.0, {"deals": 2.0})
    assert budgets.room("deals", 50) == 50


def test_what_is_left_of_the_limit_is_not_overdrawn(clock: Clock) -> None:
    budgets = Budgets(480, 0, clock=clock)
    budgets.answered(["deals"] * 50, 10.0, {"deals": 0.2})
    budgets.heard("deals", times(clock, 474, 200))
    assert budgets.room("deals", 50) == 30
    under_way = budgets.reserve(["deals"] * 20)
    assert budgets.room("deals", 50) == 10 and budgets.scarce("deals") and not budgets.scarce("calls")
    budgets.release(under_way)
    assert budgets.room("deals", 50) == 30 and not budgets.scarce("deals")


def test_opened_method_is_tried_with_a_bite(clock: Clock) -> None:
    """What rolled off is only known after asking."""
    budgets = Budgets(480, 0, clock=clock)
    budgets.answered(["deals"] * 50, 25.0, {"deals": 0.5})
    budgets.heard("deals", times(clock, 480, 30))
    clock.now += 31
    assert budgets.room("deals", 50) == 20  # Ten seconds' worth.
