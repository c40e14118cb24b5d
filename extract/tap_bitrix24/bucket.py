"""The portal's request counter, counted on our side, so that requests wait here and are not refused there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

JITTER = 0.5
"""Requests by which the counter stays below its brim: what leaves here evenly arrives there unevenly."""


class LeakyBucket:
    """Bitrix24's limit: a counter that rises by one a request, drains `rate` a second and blocks above
    `capacity`.

    One bucket serves all streams of a run. `margin` is the share of the limit left to other users of the
    portal: the counter is the portal's and the machine's, not ours alone (documents: `limits.md`).
    """

    def __init__(
        self,
        rate: float = 2.0,
        capacity: float = 50.0,
        margin: float = 0.1,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.rate = rate * (1 - margin)
        self.capacity = max(1.0, capacity * (1 - margin) - JITTER)
        self._clock, self._sleep = clock, sleep
        self._level, self._at = 0.0, clock()
        self._lock = threading.Lock()

    def _drain(self) -> None:
        now = self._clock()
        self._level = max(0.0, self._level - (now - self._at) * self.rate)
        self._at = now

    def take(self) -> float:
        """Count one request, waiting until there is room for it; returns the seconds waited.

        The place is taken before the wait, so that threads queue up instead of waking together.
        """
        with self._lock:
            self._drain()
            self._level += 1
            wait = max(0.0, (self._level - self.capacity) / self.rate)
        if wait:
            self._sleep(wait)
        return wait

    def give_back(self) -> None:
        """A place that was taken, but not needed."""
        with self._lock:
            self._level = max(0.0, self._level - 1)

    def fill(self) -> None:
        """The portal says its counter is full, whatever ours says: somebody else uses it, or an earlier run
        did.
        """
        with self._lock:
            self._drain()
            self._level = max(self._level, self.capacity)
