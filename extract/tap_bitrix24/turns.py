"""When something that is not done in every run is due: a list once a day, a whole pass once a week."""

from __future__ import annotations

import datetime as dt


def is_due(every: dt.timedelta, done_at: str | None, now: dt.datetime) -> bool:
    """Whether `every` has gone by since `done_at` (ISO moment; None: never done)."""
    return done_at is None or now - dt.datetime.fromisoformat(done_at) >= every


def is_due_days(every_days: float | None, done_at: str | None, now: dt.datetime) -> bool:
    """The same in days; never due without a period."""
    return every_days is not None and is_due(dt.timedelta(days=every_days), done_at, now)


class Turns:
    """Whole passes of a run: one stream's at a time, so that those of all do not fall into one run.

    The first stream that asks and is due gets its turn. Whoever is late by a whole period more does not wait.
    """

    def __init__(self, now: dt.datetime) -> None:
        self.now = now
        self._taken = False

    def take(self, every_days: float | None, done_at: str | None) -> bool:
        """Whether this stream is to be read as a whole now, `done_at` being the moment of its last whole pass."""
        if every_days is None or not is_due_days(every_days, done_at, self.now):
            return False
        if self._taken and not is_due_days(2 * every_days, done_at, self.now):
            return False
        self._taken = True
        return True
