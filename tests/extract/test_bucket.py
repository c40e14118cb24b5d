"""The request counter: never above the portal's limit, whatever the pattern of requests."""

from __future__ import annotations

import random
import threading

import pytest
from tap_bitrix24.bucket import LeakyBucket


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def bucket(clock: Clock, rate: float = 2, capacity: float = 50, margin: float = 0.1) -> LeakyBucket:
    return LeakyBucket(rate, capacity, margin, clock=clock, sleep=clock.sleep)


def test_burst_then_rate() -> None:
    """Half a place of the burst stays free: what leaves evenly arrives unevenly."""
    clock = Clock()
    ours = bucket(clock, margin=0)
    assert sum(ours.take() for _ in range(49)) == 0
    assert ours.take() == pytest.approx(0.25)
    for _ in range(10):
        assert ours.take() == pytest.approx(0.5)
    assert clock.now == pytest.approx(5.25)


def test_margin_is_left_to_others() -> None:
    clock = Clock()
    ours = bucket(clock, margin=0.2)
    assert sum(ours.take() for _ in range(39)) == 0
    assert ours.take() == pytest.approx(0.5 / 1.6)


def test_idle_time_drains_but_saves_nothing_up() -> None:
    clock = Clock()
    ours = bucket(clock, margin=0)
    for _ in range(50):
        ours.take()
    clock.now += 3600
    assert sum(ours.take() for _ in range(49)) == 0
    assert ours.take() > 0


def test_full_counter_of_the_portal_is_believed() -> None:
    clock = Clock()
    ours = bucket(clock, margin=0)
    ours.fill()
    assert ours.take() == pytest.approx(0.5)


@pytest.mark.parametrize("seed", range(5))
def test_portal_of_the_documents_never_refuses(seed: int) -> None:
    """Against the portal's own arithmetic: it blocks when its counter, drained by 2 a second, passes 50."""
    dice, clock, level, seen = random.Random(seed), Clock(), 0.0, 0.0
    ours = bucket(clock, margin=0)
    for _ in range(500):
        clock.now += dice.choice([0, 0, 0, 0.1, 1.5])
        ours.take()
        level, seen = max(0.0, level - (clock.now - seen) * 2) + 1, clock.now
        assert level <= 50 + 1e-6


def test_threads_share_one_counter() -> None:
    naps: list[float] = []
    ours = LeakyBucket(2, 10, 0, clock=lambda: 0.0, sleep=naps.append)
    threads = [threading.Thread(target=lambda: [ours.take() for _ in range(5)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(naps) == pytest.approx([n / 2 - 0.25 for n in range(1, 12)])


def test_place_that_was_not_needed_is_free_again() -> None:
    clock = Clock()
    ours = bucket(clock, margin=0)
    for _ in range(49):
        ours.take()
    ours.give_back()
    assert ours.take() == 0 < ours.take()
