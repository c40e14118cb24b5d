"""The portal's own counts, for the run ledger: asked beside the rows, and never waited for by them.

A COUNT of a large table takes the portal most of a minute (its documents measured 50 s for 2.4 million rows), so
that large tables are not counted, and a count that does not come soon is done without.
"""

from __future__ import annotations

import logging
import threading
import time

from tap_bitrix24.client import Client, Usage
from tap_bitrix24.errors import PortalError

LOGGER = logging.getLogger("tap-bitrix24.counts")
COUNTED_ROWS = 300_000
"""Tables expected to be larger are not counted: six seconds of the portal's time by its own measurement."""
ANSWER_SECONDS = 30.0
LANE = "counts"


class Count:
    """One count, asked in a thread of its own; questions of several streams share a request."""

    def __init__(self, client: Client, command: str, name: str) -> None:
        self.value: int | None = None
        self._done = threading.Event()
        client.crew.start(lambda: self._ask(client, command), f"count of {name}")

    def _ask(self, client: Client, command: str) -> None:
        try:
            answer = client.batch(
                {"total": command}, halt=False, usage=Usage(), lane=LANE, answer_seconds=ANSWER_SECONDS
            )
            self.value = answer.totals.get("total")
        except PortalError as error:
            LOGGER.debug("not counted: %s", error)
        finally:
            self._done.set()

    @property
    def pending(self) -> bool:
        return not self._done.is_set()

    def wait(self, seconds: float) -> int | None:
        """The count, if it comes within `seconds`."""
        self._done.wait(seconds)
        return self.value


def total(counts: list[Count], seconds: float) -> int | None:
    """The sum of a stream's counts; None where one is missing after `seconds`, or none was asked."""
    until = time.monotonic() + seconds
    values = [count.wait(max(0.0, until - time.monotonic())) for count in counts]
    return None if not values or None in values else sum(value for value in values if value is not None)
