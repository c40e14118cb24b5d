"""Fetches all streams at once and hands their chunks to one writer.

Each stream has a thread, in which it asks its questions; the client puts what several ask at the same time into one
request, so that streams with little to tell cost next to nothing. State and output belong to the calling thread
alone.
"""

from __future__ import annotations

import queue
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tap_bitrix24.crew import Crew
from tap_bitrix24.streams import BitrixStream, Chunk, Plan

WAITING_CHUNKS = 4  # Of up to 2500 rows each: bounds memory while the loader is slower than the portal.
TICK_SECONDS = 1.0


@dataclass(frozen=True)
class Ended:
    """The stream is fetched, or `error` tells why not."""

    error: Exception | None = None


Event = Chunk | Ended


def fetch_all(
    planned: Sequence[tuple[BitrixStream, Plan]], crew: Crew
) -> Iterator[tuple[BitrixStream, Plan, Event] | None]:
    """Yield what happens to the streams; events of one stream come in order, those of several mixed.

    None comes when nothing happens for a second.
    """
    events: queue.Queue[tuple[BitrixStream, Plan, Event]] = queue.Queue(maxsize=WAITING_CHUNKS)

    def work(stream: BitrixStream, plan: Plan) -> None:
        def tell(event: Event) -> None:
            with crew.aside():
                events.put((stream, plan, event))

        stream.entry.start()
        try:
            for chunk in stream.fetch(plan):
                tell(chunk)
        except Exception as error:  # One stream's failure is reported; the others go on.
            tell(Ended(error))
        else:
            tell(Ended())

    # All are counted before the first may send its question alone.
    with crew.gathering():
        for stream, plan in planned:
            crew.start(lambda stream=stream, plan=plan: work(stream, plan), stream.name)  # type: ignore[misc]
    left = len(planned)
    while left:
        try:
            stream, plan, event = events.get(timeout=TICK_SECONDS)
        except queue.Empty:
            yield None
            continue
        left -= isinstance(event, Ended)
        yield stream, plan, event
