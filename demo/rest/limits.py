"""What the portal allows: how often it may be asked, how long its methods may work, and what work costs."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from demo.rest.errors import operation_time_limit, too_many_requests

BUCKETS = 10

#: The vendor's own measurement: 49.9 s with COUNT against 0.097 s without, of 2 387 743 rows.
COUNT_MS_PER_1000_ROWS = 20.9


@dataclass(frozen=True)
class Work:
    """What a call does: ``seconds`` of its own, and ``read``, the rows that COUNT and the offset read first."""

    seconds: float
    read: int = 0


@dataclass(frozen=True)
class Costs:
    """What calls cost, in seconds, and how much of it really passes.

    ``command_ms`` replaces what methods cost by themselves and passes; None: they cost what is modelled, and nothing
    passes. ``count_ms``: per 1000 rows that COUNT and offsets read; None: the vendor's measurement. It passes where
    either of the two is given.
    """

    command_ms: float | None = None
    count_ms: float | None = None

    def charged(self, work: Work | float) -> float:
        """What a call costs."""
        return self._own(work) + self._counting(work)

    def passing(self, work: Work | float) -> float:
        """How long it takes."""
        own = 0.0 if self.command_ms is None else self._own(work)
        return own + (0.0 if self.command_ms is None and self.count_ms is None else self._counting(work))

    def _own(self, work: Work | float) -> float:
        if self.command_ms is not None:
            return self.command_ms / 1000
        return work.seconds if isinstance(work, Work) else work

    def _counting(self, work: Work | float) -> float:
        rate = COUNT_MS_PER_1000_ROWS if self.count_ms is None else self.count_ms
        return work.read * rate / 1e6 if isinstance(work, Work) else 0.0


class LeakyBucket:
    """Drains ``drain`` requests a second and blocks above ``burst``, for the portal as a whole."""

    def __init__(
        self, drain: float = 2.0, burst: float = 50, now: Callable[[], float] = time.monotonic
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
    """Seconds of work per method, summed over ten buckets: one-minute ones, in a ``window`` of 600 seconds.

    Checked before a call: the call that crosses the line succeeds, the next one fails until buckets roll off.
    """

    def __init__(
        self, limit: float = 480.0, window: float = 600.0, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.limit, self.window, self.now = limit, window, now
        self._bucket = window / BUCKETS
        self._spent: dict[str, deque[tuple[int, float]]] = {}

    def _roll(self, method: str) -> deque[tuple[int, float]]:
        spent = self._spent.setdefault(method, deque())
        oldest = int(self.now() // self._bucket) - BUCKETS + 1
        while spent and spent[0][0] < oldest:
            spent.popleft()
        return spent

    def check(self, method: str) -> None:
        if self.used(method) >= self.limit:
            raise operation_time_limit()

    def spend(self, method: str, seconds: float) -> None:
        spent, bucket = self._roll(method), int(self.now() // self._bucket)
        if spent and spent[-1][0] == bucket:
            spent[-1] = (bucket, spent[-1][1] + seconds)
        else:
            spent.append((bucket, seconds))

    def used(self, method: str) -> float:
        return sum(seconds for _, seconds in self._roll(method))

    def reset_in(self, method: str) -> float:
        """Seconds until the oldest bucket rolls off."""
        spent = self._roll(method)
        return (spent[0][0] + BUCKETS) * self._bucket - self.now() if spent else self.window
