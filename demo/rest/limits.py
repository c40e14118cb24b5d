"""The two budgets of the portal: how often it may be asked, and how long its methods may work."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from demo.rest.errors import operation_time_limit, too_many_requests

BUCKET_MINUTES = 10


class LeakyBucket:
    """Drains ``drain`` requests a second and blocks above ``burst``, for the portal as a whole."""

    def __init__(
        self, drain: float = 2.0, burst: int = 50, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.drain, self.burst, self.now = drain, burst, now
        self.level, self.seen = 0.0, now()

    def take(self) -> None:
        moment = self.now()
        self.level = max(0.0, self.level - (moment - self.seen) * self.drain)
        self.seen = moment
        if self.level + 1 > self.burst:
            raise too_many_requests()
        self.level += 1


class OperatingBudget:
    """Seconds of work per method, summed over ten one-minute buckets.

    Checked before a call: the call that crosses the line succeeds, the next one fails until buckets roll off.
    """

    def __init__(self, limit: float = 480.0, now: Callable[[], float] = time.monotonic) -> None:
        self.limit, self.now = limit, now
        self._minutes: dict[str, deque[tuple[int, float]]] = {}

    def _roll(self, method: str) -> deque[tuple[int, float]]:
        minutes = self._minutes.setdefault(method, deque())
        oldest = int(self.now() // 60) - BUCKET_MINUTES + 1
        while minutes and minutes[0][0] < oldest:
            minutes.popleft()
        return minutes

    def check(self, method: str) -> None:
        if self.used(method) >= self.limit:
            raise operation_time_limit()

    def spend(self, method: str, seconds: float) -> None:
        minutes, minute = self._roll(method), int(self.now() // 60)
        if minutes and minutes[-1][0] == minute:
            minutes[-1] = (minute, minutes[-1][1] + seconds)
        else:
            minutes.append((minute, seconds))

    def used(self, method: str) -> float:
        return sum(seconds for _, seconds in self._roll(method))

    def reset_in(self, method: str) -> float:
        """Seconds until the oldest bucket rolls off."""
        minutes = self._roll(method)
        if not minutes:
            return BUCKET_MINUTES * 60.0
        return (minutes[0][0] + BUCKET_MINUTES) * 60 - self.now()


class NoLimits:
    """Both budgets without an end."""

    def take(self) -> None:
        return
