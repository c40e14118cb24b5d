"""The rows of one bulk table: which ids there are, when each was made and last changed, at the portal's clock.

Twelve bytes a row are kept; everything else of a row is computed from its id and its last change (``rows.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

HOUR, DAY = 3600, 86_400

Ids = NDArray[np.uint32]
Moments = NDArray[np.uint32]

#: What an event of an hour is.
MODIFIED, ADDED, DELETED = range(3)


@dataclass(frozen=True)
class Pace:
    """Shares of the table that are modified, added and deleted in a day."""

    modify: float = 0.0
    add: float = 0.0
    delete: float = 0.0


class Table:
    """The live rows, ascending by id: ``ids``, ``created`` and ``updated`` (unix seconds) are arrays of one length.

    At ``at`` there are ``rows`` of them, made since ``since``; afterwards they change at ``pace``. The events of an
    hour are drawn from the seed and the hour alone, so the table at a moment is the same whatever the steps in which
    the clock got there. ``frozen`` rows (``final``) are never modified, as in a history.
    """

    def __init__(
        self,
        seed: tuple[int, int],
        rows: int,
        since: int,
        at: int,
        gaps: float = 0.0,
        pace: Pace | None = None,
        final: bool = False,
    ) -> None:
        if not 0 <= gaps < 1:
            raise ValueError(f"gaps {gaps}: a share of the ids, below 1, is what can be missing")
        self.seed, self.rows, self.since, self.at, self.gaps = seed, rows, since, at, gaps
        self.pace, self.final = pace or Pace(), final
        self.version = 0
        self.orders = 0
        self.cursor = 0
        self._begin()

    def __len__(self) -> int:
        return len(self.ids)

    def _begin(self) -> None:
        """The table as it stands at ``at``."""
        rng = np.random.default_rng(self.seed)
        self.top = round(self.rows / (1 - self.gaps))
        if self.gaps:
            chosen = rng.choice(self.top, self.rows, replace=False, shuffle=False)
            self.ids: Ids = np.sort(chosen).astype(np.uint32) + np.uint32(1)
            del chosen
        else:
            self.ids = np.arange(1, self.rows + 1, dtype=np.uint32)
        span = self.at - self.since
        age = (self.ids - rng.random(self.rows, dtype=np.float32)) / max(1, self.top)
        self.created: Moments = (self.since + age * span).astype(np.uint32)
        if self.final:
            self.updated: Moments = self.created.copy()
        else:
            later = rng.random(self.rows, dtype=np.float32) ** 4
            self.updated = self.created + (later * (self.at - self.created)).astype(np.uint32)
        self.gone: list[tuple[int, int]] = []
        self.clock = self.at
        self._whole = True
        self._hour, self._events = -1, _NO_EVENTS

    # --- the clock

    def tell(self, clock: int) -> None:
        """Bring the table to a moment. Going back loses changes that were ordered, not those of the pace."""
        if clock == self.clock:
            return
        if clock < self.clock or not self._whole:
            self._begin()
            self.version += 1
        if clock < self.at:
            known = self.created <= clock
            self.ids, self.created, self.updated = self.ids[known], self.created[known], self.updated[known]
            self.updated = np.where(self.updated > clock, self.created, self.updated)
            self._whole = False
        else:
            for hour in range(self.clock // HOUR, clock // HOUR + 1):
                self._live(hour, clock)
        self.clock = clock

    def _live(self, hour: int, until: int) -> None:
        """Let the events of an hour happen that lie after the clock, up to and including ``until``."""
        if hour != self._hour:
            self._hour, self._events = hour, self._draw(hour)
        moments, kinds, ids = self._events
        now = (moments > self.clock) & (moments <= until)
        if not now.any():
            return
        moments, kinds, ids = moments[now], kinds[now], ids[now]
        self._touch(ids[kinds == MODIFIED], moments[kinds == MODIFIED])
        self._add(moments[kinds == ADDED])
        self._delete(ids[kinds == DELETED], moments[kinds == DELETED])

    def _draw(self, hour: int) -> tuple[Moments, NDArray[np.uint8], Ids]:
        """The events of an hour in order of time: moment, kind, and the id it is about (which may be gone)."""
        shares = (0.0 if self.final else self.pace.modify, self.pace.add, self.pace.delete)
        if not any(shares):
            return _NO_EVENTS
        rng = np.random.default_rng((*self.seed, 1, hour))
        # Ids are drawn from all there ever were, so that a draw never depends on who has gone meanwhile:
        # those that hit nothing are made up for by drawing more.
        drawn = (self.top, self.rows, self.top)
        counts = [rng.poisson(share * of / 24) for share, of in zip(shares, drawn, strict=True)]
        kinds = np.repeat(np.arange(3, dtype=np.uint8), counts)
        moments = (hour * HOUR + rng.integers(0, HOUR, len(kinds))).astype(np.uint32)
        ids = rng.integers(1, self.top + 1, len(kinds)).astype(np.uint32)
        order = np.argsort(moments, kind="stable")
        return moments[order], kinds[order], ids[order]

    # --- what can happen to rows

    def _touch(self, ids: Ids, moments: Moments) -> None:
        """The latest moment counts where an id comes twice: moments ascend."""
        if not len(ids):
            return
        at = self.places(ids)
        self.updated[at[at >= 0]] = moments[at >= 0]
        self.version += 1

    def _add(self, moments: Moments) -> None:
        if not len(moments):
            return
        step = 2 if self.gaps else 1
        new = self.top + step * np.arange(1, len(moments) + 1, dtype=np.uint32)
        self.top = int(new[-1])
        self.ids = np.concatenate((self.ids, new.astype(np.uint32)))
        self.created = np.concatenate((self.created, moments))
        self.updated = np.concatenate((self.updated, moments))
        self.version += 1

    def _delete(self, ids: Ids, moments: Moments) -> None:
        at = self.places(ids)
        ids, moments, at = ids[at >= 0], moments[at >= 0], at[at >= 0]
        at, first = np.unique(at, return_index=True)
        if not len(at):
            return
        self.gone += zip(ids[first].tolist(), moments[first].tolist(), strict=True)
        self.ids, self.created, self.updated = (
            np.delete(column, at) for column in (self.ids, self.created, self.updated)
        )
        self.version += 1

    def places(self, ids: NDArray[Any]) -> NDArray[np.int64]:
        """Where the rows with these ids stand, -1 for ids that are not there."""
        if not len(self.ids):
            return np.full(len(ids), -1)
        at = np.minimum(np.searchsorted(self.ids, ids.astype(np.uint32)), len(self.ids) - 1)
        return np.where(self.ids[at] == ids, at, -1)

    def change(
        self, modify: int = 0, add: int = 0, delete: int = 0, where: str = "any", seed: int = 0
    ) -> dict[str, list[int]]:
        """Change rows at the clock, chosen by ``seed`` and the number of the order; the ids of each kind.

        ``where``: ``behind`` or ``ahead`` of the id after which a page was last asked for, or ``any``.
        """
        split = int(np.searchsorted(self.ids, np.uint32(self.cursor), "right"))
        ranges = {"any": (0, len(self)), "behind": (0, split), "ahead": (split, len(self))}
        if where not in ranges:
            raise ValueError(f"where {where!r}: {', '.join(ranges)}")
        if self.final and modify:
            raise ValueError("rows of a history are never modified")
        first, last = ranges[where]
        self.orders += 1
        rng = np.random.default_rng((*self.seed, 2, seed, self.orders))
        count = min(modify + delete, last - first)
        chosen = self.ids[first + rng.choice(last - first, count, replace=False)] if count else self.ids[:0]
        gone, touched = chosen[:delete], chosen[delete:]
        self._touch(touched, np.full(len(touched), self.clock, dtype=np.uint32))
        top = self.top
        self._add(np.full(add, self.clock, dtype=np.uint32))
        self._delete(gone, np.full(len(gone), self.clock, dtype=np.uint32))
        added = self.ids[np.searchsorted(self.ids, np.uint32(top), "right") :]
        return {"modified": touched.tolist(), "added": added.tolist(), "deleted": gone.tolist()}


_NO_EVENTS = (np.empty(0, np.uint32), np.empty(0, np.uint8), np.empty(0, np.uint32))
