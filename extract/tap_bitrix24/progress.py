"""What a person sees while streams load: rows, rate, share and expected end, every few seconds."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

from tap_bitrix24.streams import BitrixStream

EVERY_SECONDS = 5.0


def spaced(number: float) -> str:
    return f"{number:,.0f}".replace(",", " ")


def lasting(seconds: float) -> str:
    """A span of time, rounded to what matters."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class Progress:
    """Lines on the streams that run. To be called often; it speaks at most every few seconds.

    The end is expected by the rate since the last line: the first seconds, in which a portal allows a burst of
    requests, say little about the rest.
    """

    def __init__(self, logger: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._logger, self._clock = logger, clock
        self._said_at = clock()
        self._shares: dict[str, float] = {}
        self._rows: dict[str, int] = {}

    def tick(self, running: Iterable[BitrixStream]) -> None:
        now = self._clock()
        passed = now - self._said_at
        if passed < EVERY_SECONDS:
            return
        self._said_at = now
        for stream in running:
            if stream.entry.rows:
                self._logger.info("%s: %s", stream.name, self._line(stream, passed))

    def _line(self, stream: BitrixStream, passed: float) -> str:
        rows, left = stream.entry.rows, stream.expected
        text = f"{spaced(rows)} rows so far, {spaced(rows / max(stream.entry.seconds, 1e-3))} rows/s"
        if self._rows.get(stream.name) == rows:
            text += ", waiting"
        self._rows[stream.name] = rows
        if left is None:
            return text
        read = self._shares.get(stream.name, 1.0) - left
        self._shares[stream.name] = left
        end = f", about {lasting(passed * left / read)} left" if read > 0 else ""
        return f"{text}, {1 - left:.0%}{end}"

    def done(self, stream: BitrixStream) -> None:
        """A stream's last line; in an increment most have nothing new, which is no news."""
        entry = stream.entry
        since = f" since {entry.window_from}" if entry.window_from else ""
        rate = spaced(entry.rows / max(entry.seconds, 1e-3))
        self._logger.log(
            logging.INFO if entry.rows else logging.DEBUG,
            "%s: %s rows%s, done in %.1f s, %s rows/s, %d requests",
            stream.name,
            spaced(entry.rows),
            since,
            entry.seconds,
            rate,
            entry.usage.requests,
        )
