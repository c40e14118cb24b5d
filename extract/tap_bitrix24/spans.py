"""Ranges of ids that are still to be read: what a run has left to do, and what the next one takes up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Span:
    """Ids above `after`, up to and with `upto`; without an end where that is None."""

    after: int = 0
    upto: int | None = None

    @property
    def empty(self) -> bool:
        return self.upto is not None and self.upto <= self.after

    def split(self, at: int) -> tuple[Span, Span]:
        return Span(self.after, at), Span(at, self.upto)


EVERYTHING = (Span(),)


def without(spans: Iterable[Span], done: Span) -> list[Span]:
    """`spans` less what is `done`."""
    left: list[Span] = []
    for span in spans:
        before = Span(span.after, done.after if span.upto is None else min(span.upto, done.after))
        left += [before] if not before.empty else []
        if done.upto is not None:
            behind = Span(max(span.after, done.upto), span.upto)
            left += [behind] if not behind.empty else []
    return left


def dump(spans: Iterable[Span]) -> list[list[int | None]]:
    return [[span.after, span.upto] for span in spans]


def parse(value: Any) -> list[Span] | None:
    """What `dump` wrote; None where it is something else."""
    try:
        spans = [Span(int(after), None if upto is None else int(upto)) for after, upto in value]
    except (TypeError, ValueError):
        return None
    return [span for span in spans if not span.empty]
