"""Changes ordered for a moment that a client cannot know: after the k-th request, or between two commands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from demo.rest.service import Service

#: How many applied changes are remembered.
REMEMBERED = 1000


@dataclass
class Order:
    """``after`` so many requests (or commands), then ``every`` so many, ``times`` in all (None: for ever)."""

    after: int
    every: int
    times: int | None
    on: str
    advance: int
    stream: str
    rows: dict[str, Any]


class Changes:
    """Moves the clock and changes rows of bulk tables when it is their turn."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.seen = {"request": 0, "command": 0}
        self.applied: list[dict[str, Any]] = []
        self._orders: list[Order] = []

    def order(
        self,
        after: int = 0,
        every: int = 1,
        times: int | None = 1,
        on: str = "request",
        advance: int = 0,
        stream: str = "",
        modify: int = 0,
        add: int = 0,
        delete: int = 0,
        where: str = "any",
        seed: int = 0,
    ) -> None:
        """Order a change; without ``after`` it happens at once.

        Args:
            on: what is counted, ``request`` (the change comes after its answer) or ``command`` (between two).
            advance: seconds the clock moves on first.
            stream: bulk table of which rows change: so many ``modify``, ``add``, ``delete``.
            where: ``behind`` or ``ahead`` of the last page that was asked for by ``>id``, or ``any``.

        Raises:
            ValueError: no such bulk table, or a count that cannot be.
        """
        if on not in self.seen:
            raise ValueError(f"on {on!r}: request or command")
        if min(after, advance, modify, add, delete) < 0 or every < 1:
            raise ValueError("counts and seconds are not negative, every at least 1")
        bulk = self.service.bulk
        if (stream or modify or add or delete) and (bulk is None or stream not in bulk.lists):
            known = ", ".join(bulk.lists) if bulk is not None else "none is served"
            raise ValueError(
                f"no bulk table {stream!r} ({known}); of the company only the clock can be moved"
            )
        rows = {"modify": modify, "add": add, "delete": delete, "where": where, "seed": seed}
        made = Order(after, every, times, on, advance, stream, rows)
        if after:
            self._orders.append(made)
        else:
            self._apply(made)

    def waiting(self) -> int:
        return len(self._orders)

    def clear(self) -> None:
        self._orders.clear()

    def step(self, on: str) -> None:
        """One more request or command is done."""
        self.seen[on] += 1
        for order in list(self._orders):
            if order.on != on:
                continue
            order.after -= 1
            if order.after:
                continue
            self._apply(order)
            order.after = order.every
            if order.times is not None:
                order.times -= 1
                if not order.times:
                    self._orders.remove(order)

    def _apply(self, order: Order) -> None:
        self.service.advance(order.advance)
        moment = self.service.encoder.moment(int(self.service.now()))
        told: dict[str, Any] = {"clock": moment, "requests": self.seen["request"], "advance": order.advance}
        if order.stream and self.service.bulk is not None:
            changed = self.service.bulk.lists[order.stream].table.change(**order.rows)
            told.update(stream=order.stream, **changed)
        self.applied = [*self.applied[-REMEMBERED + 1 :], told]
