"""The portal's execution time: how much of it each method has used, and how long its commands take.

Bitrix24 sums the seconds a method worked over the last ten minutes and closes it above a limit (480 s in the
cloud). Its documents charge each command of a batch to its own method; a measurement charges the request to
`batch`. Both sums are reported, both are watched, the fuller one counts.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

PERIOD = 600.0
UNKNOWN_WAIT = 60.0
SCRAP = 1 / 96
"""Share of the limit that is left unused: single commands are not worth their requests."""
FIRST_BITE = 1 / 48
"""Share of the limit that is asked for when a method opens again: how much rolled off is not told before."""
TARGET_SECONDS = 20.0
"""What a request should take: the cloud cuts off at 60 s, and others write to the same database meanwhile."""
OUTER = "batch"


@dataclass
class _Used:
    seconds: float
    reset_at: float


class Budgets:
    """What the portal told of its methods' execution time. Safe for threads.

    Args:
        limit: seconds a method may work in ten minutes; 0 for a portal without that limit.
        margin: share of it that is left unused.
    """

    def __init__(
        self, limit: float = 480.0, margin: float = 0.1, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.limit = limit * (1 - margin) if limit else math.inf
        self._clock = clock
        self._ahead = 0.0
        self._used: dict[str, _Used] = {}
        self._pending: Counter[str] = Counter()
        self._pace: dict[str, float] = {}
        self._lock = threading.Lock()

    def heard(self, method: str, times: Any) -> float:
        """Note a `time` block and return its `operating`. Fields may be absent, and the reset moment an ISO
        string.
        """
        if not isinstance(times, dict):
            return 0.0
        with self._lock:
            if isinstance(finish := times.get("finish"), int | float):
                self._ahead = finish - self._clock()
            operating, reset = times.get("operating"), times.get("operating_reset_at")
            if not isinstance(operating, int | float):
                operating = 0.0
            if isinstance(reset, int | float):
                self._used[method] = _Used(float(operating), float(reset))
            return float(operating)

    def refused(self, method: str) -> None:
        """The portal closed the method, whatever we thought of it."""
        with self._lock:
            known = self._used.get(method) or self._used.get(OUTER)
            reset_at = (
                known.reset_at if known and known.reset_at > self._now() else self._now() + UNKNOWN_WAIT
            )
            self._used[method] = _Used(math.inf, reset_at)

    def wait(self, method: str) -> float:
        """Seconds until the method may be asked again; 0 where it may be asked now."""
        with self._lock:
            return max(self._wait(method), self._wait(OUTER))

    def _wait(self, method: str) -> float:
        used = self._used.get(method)
        if used is None or used.seconds < self.limit * (1 - SCRAP):
            return 0.0
        left = used.reset_at - self._now()
        return min(PERIOD, left) + 1 if left > 0 else 0.0

    def _now(self) -> float:
        return self._clock() + self._ahead

    def room(self, method: str, most: int) -> int:
        """How many commands of the method a request may carry: few where they are slow or time runs out."""
        with self._lock:
            pace = self._pace.get(method, 0.0)
            if pace <= 0:
                return most
            spare = min(self._spare(method), self._spare(OUTER))
            return max(1, min(most, int(min(TARGET_SECONDS, spare) / pace + 1e-6)))

    def scarce(self, method: str) -> bool:
        """Whether what is under way may use up the method's time."""
        with self._lock:
            if max(self._wait(method), self._wait(OUTER)):
                return True
            return min(self._spare(method), self._spare(OUTER)) < self.limit * SCRAP

    def _spare(self, method: str) -> float:
        used = self._used.get(method)
        if used is None:
            return math.inf
        free = self.limit - used.seconds
        if free <= self.limit * SCRAP:  # Its moment has come, or `wait` would have kept us from asking.
            free = self.limit * FIRST_BITE
        return free - self._pending[method]

    def seconds(self, methods: Iterable[str]) -> float:
        """What commands of these methods will take, as far as known."""
        with self._lock:
            return sum(self._pace.get(method, 0.0) for method in methods)

    def reserve(self, methods: Iterable[str]) -> Counter[str]:
        """Seconds by method that a request about to be sent will take; to be given to `release`."""
        with self._lock:
            taken: Counter[str] = Counter()
            for method in methods:
                taken[method] += self._pace.get(method, 0.0)  # type: ignore[assignment]
            self._pending.update(taken)
            return taken

    def release(self, taken: Counter[str]) -> None:
        with self._lock:
            self._pending.subtract(taken)

    def answered(self, methods: list[str], took: float, each: dict[str, float]) -> None:
        """A request with commands of `methods` came back after `took` seconds. `each` is what a command of the
        method took on average, as far as the portal said.
        """
        told = sum(each.get(method, 0.0) for method in methods)
        scale = min(1.0, took / told) if told else 0.0  # Modelled time may exceed what we waited for.
        with self._lock:
            for method in set(methods):
                new = each[method] * scale if method in each else took / len(methods)
                self._pace[method] = max(new, (self._pace.get(method, new) + new) / 2)

    def too_slow(self, methods: list[str]) -> None:
        """No answer in time: a quarter of it may get one."""
        quarter = max(1, len(methods) // 4)
        with self._lock:
            for method in set(methods):
                self._pace[method] = max(self._pace.get(method, 0.0), TARGET_SECONDS / quarter)
