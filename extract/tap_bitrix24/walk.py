"""Reads a large list in pieces: ranges of ids, several at a time, in as few requests as they need.

How many rows a range of ids holds is not known, only guessed from the ranges read so far. What is left is cut from
the front, in pieces that get smaller towards the end, so that all threads end together; a piece that holds more than
was guessed is cut again. Guesses cost requests and commands, never rows.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from tap_bitrix24.batch import PAGE, RAMP, Listing, Pages, Params, Row, chains
from tap_bitrix24.client import MAX_COMMANDS, PARALLEL, Client, Usage
from tap_bitrix24.crew import Crew
from tap_bitrix24.spans import EVERYTHING, Span

FULL = MAX_COMMANDS * PAGE
"""Rows of a full request."""
LARGE = 2 * FULL
"""Rows from which on a list is worth several threads."""
PARTS = 8
"""Ranges that share a request at most, so that what is left stays a short list."""
EVEN = 1.25
"""A list whose ids lie as close at its end as at its beginning, by this factor, is not felt for step by step."""
SCRAP = 10
"""Commands that are left free rather than spent on the beginning of a large range."""

T = TypeVar("T")


@dataclass(frozen=True)
class Piece(Generic[T]):
    """What came: `done` is complete once `value`, made of `rows` rows, is kept."""

    done: Span
    value: T
    rows: int


@dataclass(frozen=True)
class _Part:
    """A range to be read. `density` is what was seen where it begins, in rows an id; `missed` is how often in a row
    it held more than that.
    """

    span: Span
    density: float | None = None
    missed: int = 0


@dataclass(frozen=True)
class _Step(Generic[T]):
    """One request's outcome, as its thread leaves it: what came of each part, and how many rows were expected."""

    order: _Order
    came: list[tuple[Pages, T]]
    newest: list[int]


@dataclass(frozen=True)
class _Order:
    """Parts to ask for in one request: how many pages of each, and the rows guessed in it."""

    parts: tuple[tuple[_Part, int, float], ...]


class _Results(Generic[T]):
    """Outcomes on their way to the walk's own thread; each brings a seat."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._queue: queue.SimpleQueue[T] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False

    def put(self, outcome: T) -> None:
        with self._lock:
            if not self._closed:
                self._queue.put(outcome)
                return
        self._crew.free_seat()

    def get(self) -> T:
        with self._crew.aside():
            return self._queue.get()

    def close(self) -> None:
        """Nobody will take what is still to come."""
        with self._lock:
            self._closed = True
            for _ in range(self._queue.qsize()):
                self._crew.free_seat()


class Walk(Generic[T]):
    """Iterate over it to read a list; pieces come in the order in which the portal answers.

    Args:
        convert: makes of rows (ascending, at most 2500) what is to be handed out; runs in the fetching thread.
        window: fixed further filter, the same for the whole walk.
        left: what is to be read.
        commands: how many a request may carry; parallel: how many requests may be under way.
        name: shows in threads' names.
        small: expect few rows, as in the window of an increment: nothing is asked ahead.
    """

    def __init__(
        self,
        client: Client,
        listing: Listing,
        convert: Callable[[list[Row]], T],
        *,
        window: Params,
        left: Sequence[Span] = EVERYTHING,
        usage: Usage,
        commands: int = MAX_COMMANDS,
        parallel: int = PARALLEL,
        name: str = "",
        small: bool = False,
    ) -> None:
        self._client, self._listing, self._convert = client, listing, convert
        self._window, self._usage, self._name, self._small = window, usage, name, small
        self._commands, self._parallel = commands, parallel
        self._todo = deque(_Part(span) for span in left)
        self._under_way: set[_Order] = set()
        self._greatest: int | None = None
        self._pages = 0
        self._even = False
        # Rows and ids that they were spread over, later ones counting more.
        self._rows_seen, self._ids_seen = 0.0, 0.0
        self.delivered = 0
        self.expected: int | None = None
        """Rows that are left, by present knowledge; None where nothing is known."""

    def __iter__(self) -> Iterator[Piece[T]]:
        """In the calling thread until the list shows to be large, then in several."""
        opening = True
        while self._todo:
            ahead = self._greatest is None and not (opening and self._small)
            yield from self._take(self._fetch(self._next_order(), ahead))
            opening = False
            if self._todo and (self.expected or 0) > LARGE:
                yield from self._in_pieces()

    def _in_pieces(self) -> Iterator[Piece[T]]:
        """Threads fetch; this one cuts pieces and hands out what they bring."""
        crew = self._client.crew
        results: _Results[tuple[_Order, _Step[T] | Exception]] = _Results(crew)
        failure: Exception | None = None

        def work(order: _Order) -> None:
            try:
                outcome: _Step[T] | Exception = self._fetch(order)
            except Exception as error:
                outcome = error
            results.put((order, outcome))

        try:
            while self._under_way or (self._todo and failure is None):
                while failure is None and self._may_start() and crew.take_seat(wait=not self._under_way):
                    order = self._next_order()
                    self._under_way.add(order)
                    thread = f"{self._name} after {order.parts[0][0].span.after}"
                    crew.start(lambda order=order: work(order), thread, seated=True)  # type: ignore[misc]
                order, outcome = results.get()
                self._under_way.discard(order)
                try:
                    if isinstance(outcome, Exception):  # What the others bring is kept.
                        failure = failure or outcome
                    else:
                        yield from self._take(outcome)
                finally:
                    crew.free_seat()
        finally:
            results.close()
        if failure is not None:
            raise failure

    def _may_start(self) -> bool:
        """Not while others are under way: what would not fill a request (they may leave more), and a method without
        execution time (one thread waits for it, not all).
        """
        if not self._todo or len(self._under_way) >= self._parallel:
            return False
        method = self._listing.method
        if not self._under_way:
            return True
        full = self._client.room(method, self._commands)
        return sum(map(self._length, self._todo)) >= full and not self._client.budgets.scarce(method)

    def _fetch(self, order: _Order, newest: bool = False) -> _Step[T]:
        came, greatest = chains(
            self._client,
            self._listing,
            [(part.span, pages) for part, pages, _ in order.parts],
            window=self._window,
            usage=self._usage,
            newest=newest,
        )
        return _Step(order, [(pages, self._convert(pages.rows)) for pages in came], greatest)

    def _take(self, step: _Step[T]) -> Iterator[Piece[T]]:
        """Learn from a request, put back what is left of its parts, and hand out the rest."""
        newest = step.newest
        # There is more behind the last full page.
        reached = max((pages.reached or 0 for pages, _ in step.came), default=0)
        if newest and newest[0] <= reached:
            newest = []  # A list that knows no descending order told its smallest ids: it is one chain, no more.
        if newest:
            self._greatest = newest[0]
            tail = len(newest) / (newest[0] - newest[-1] + 1)
        pieces: list[Piece[T]] = []
        left: list[_Part] = []
        for (part, _, guess), (pages, value) in zip(step.order.parts, step.came, strict=True):
            span, count = part.span, len(pages.rows)
            if pages.reached == span.after:
                left.append(part)
                continue
            last = int(pages.rows[-1][self._listing.id]) if pages.rows else span.after
            if pages.reached is None:
                done, end = span, span.upto or max(last, self._greatest or 0)
            else:
                done, end = Span(span.after, pages.reached), pages.reached
                missed = part.missed + 1 if count > guess else 0
                left.append(_Part(Span(pages.reached, span.upto), count / (end - span.after), missed))
            self._learn(count, max(1, end - span.after))
            self._pages += count // PAGE + 1
            self.delivered += count
            pieces.append(Piece(done, value, count))
        if newest and self._rows_seen:
            head = self._rows_seen / self._ids_seen
            self._even = tail / EVEN < head < tail * EVEN
            self._learn(len(newest), int(len(newest) / tail))
        self._todo.extendleft(reversed(left))
        self.expected = self._expect()
        yield from pieces

    # --- guesses --------------------------------------------------------------------------------------------

    def _learn(self, rows: int, ids: int) -> None:
        self._rows_seen = self._rows_seen / 2 + rows
        self._ids_seen = self._ids_seen / 2 + ids

    def _expect(self) -> int | None:
        if self._greatest is None and self._todo:
            return None
        under_way = (part for order in self._under_way for part, _, _ in order.parts)
        return int(sum(map(self._guess, [*self._todo, *under_way])))

    def _ids(self, span: Span) -> int:
        """Width of a span; without an end it is taken to reach to the greatest id, or not far where unknown."""
        end = span.upto if span.upto is not None else self._greatest
        return max(end - span.after, 0) if end is not None else 0

    def _guess(self, part: _Part) -> float:
        """Rows that a part holds."""
        density = part.density
        if density is None:
            density = self._rows_seen / self._ids_seen if self._ids_seen else 0.0
        return self._ids(part.span) * density * 2 ** max(0, part.missed - 1)

    def _length(self, part: _Part) -> int:
        """Commands for a part: too few cost another request, too many the portal's time."""
        if self._greatest is None and part.span.upto is None:
            return self._pages * RAMP or 1  # Nobody knows how long the list is.
        pages = int(self._guess(part) / PAGE) + 1
        return pages if self._even else min(pages, self._pages * RAMP or 1)

    def _next_order(self) -> _Order:
        """A request full of commands, as far as there is something to ask for."""
        room = self._client.room(self._listing.method, self._commands)
        parts: list[tuple[_Part, int, float]] = []
        while self._todo and len(parts) < PARTS:
            part = self._cut()
            length = self._length(part)
            if parts and length > room < SCRAP:
                self._todo.appendleft(part)
                break
            parts.append((part, min(length, room), self._guess(part)))
            room -= min(length, room)
            if not room or not self._pages:  # The first page tells how to go on.
                break
        return _Order(tuple(parts))

    def _cut(self) -> _Part:
        """The next piece to read, off the front of what is left."""
        part = self._todo.popleft()
        width, guess = self._ids(part.span), self._guess(part)
        share = max(FULL, (self._expect() or 0) / (2 * self._parallel))
        if guess <= 1.5 * share or width <= FULL:
            return part
        # Never more than a thread's part of the ids: a gap tells nothing of what follows it.
        share = round(share / FULL) * FULL
        size = max(FULL, int(min(width * share / guess, width / self._parallel)))
        piece, rest = part.span.split(part.span.after + size)
        self._todo.appendleft(_Part(rest))
        return _Part(piece, part.density, part.missed)
