"""Fetches several streams at once and hands their chunks to one writer.

Batches are bound by the portal's own working time, so a few streams in parallel load a portal several times
faster than one after another; the shared request counter still holds. State and output belong to the calling
thread alone.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tap_bitrix24.streams import BitrixStream, Chunk, Plan

PARALLEL = 4
WAITING_CHUNKS = 4  # Of up to 2500 rows each: bounds memory while the loader is slower than the portal.


@dataclass(frozen=True)
class Started:
    """A thread has begun the stream."""


@dataclass(frozen=True)
class Ended:
    """The stream is fetched, or `error` tells why not."""

    error: Exception | None = None


Event = Started | Chunk | Ended


def fetch_all(
    planned: Sequence[tuple[BitrixStream, Plan]], parallel: int = PARALLEL
) -> Iterator[tuple[BitrixStream, Plan, Event]]:
    """Yield what happens to the streams; events of one stream come in order, those of several mixed."""
    todo: queue.SimpleQueue[tuple[BitrixStream, Plan] | None] = queue.SimpleQueue()
    events: queue.Queue[tuple[BitrixStream, Plan, Event]] = queue.Queue(maxsize=WAITING_CHUNKS)
    for item in planned:
        todo.put(item)

    def work() -> None:
        while True:
            try:
                stream, plan = todo.get_nowait()
            except queue.Empty:
                return
            events.put((stream, plan, Started()))
            try:
                for chunk in stream.fetch(plan):
                    events.put((stream, plan, chunk))
            except Exception as error:  # One stream's failure is reported; the others go on.
                events.put((stream, plan, Ended(error)))
            else:
                events.put((stream, plan, Ended()))

    # Daemons: an interrupted run must not sit out their waits for the portal.
    for number in range(min(parallel, len(planned))):
        threading.Thread(target=work, name=f"fetch-{number}", daemon=True).start()
    left = len(planned)
    while left:
        stream, plan, event = events.get()
        left -= isinstance(event, Ended)
        yield stream, plan, event
