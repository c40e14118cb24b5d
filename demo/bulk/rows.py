"""Rows as bytes: a template per selection of fields, a few values of the row's own, and the text of its variant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from demo.bulk.schema import VARIANTS, Field, Variant
from demo.company.calendar import DAY, WorkCalendar
from demo.rest.columns import Encoder


class RawRows(Sequence[dict[str, Any]]):
    """A page of rows that are bytes already. One is parsed only where a batch's reference reaches into it."""

    __slots__ = ("texts",)

    def __init__(self, texts: list[bytes]) -> None:
        self.texts = texts

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, index: Any) -> Any:
        return orjson.loads(self.texts[index])

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return map(orjson.loads, self.texts)

    def fragment(self) -> orjson.Fragment:
        """What ``orjson`` puts in place of the page."""
        return orjson.Fragment(b"[" + b",".join(self.texts) + b"]")


class MomentTexts:
    """Moments as the portal prints them, fast: days and seconds of a day are looked up."""

    def __init__(self, calendar: WorkCalendar) -> None:
        self._offset = calendar.offset
        self._day = lru_cache(maxsize=None)(self._day_text)
        self._times = lru_cache(maxsize=None)(self._time_texts)

    @staticmethod
    def _day_text(day: int) -> bytes:
        return str(np.datetime64(day, "D")).encode()

    @staticmethod
    def _time_texts(offset: int) -> list[bytes]:
        """The second half of a moment, for each second of a day."""
        sign, minutes = "-" if offset < 0 else "+", abs(offset) // 60
        zone = f"{sign}{minutes // 60:02d}:{minutes % 60:02d}"
        return [f"T{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}{zone}".encode() for s in range(DAY)]

    def of(self, moments: NDArray[np.uint32]) -> list[bytes]:
        offsets = list(map(self._offset, (moments // np.uint32(3600)).tolist()))
        days, seconds = np.divmod(moments.astype(np.int64) + np.array(offsets, dtype=np.int64), DAY)
        known, times = self._day, {offset: self._times(offset) for offset in set(offsets)}
        return [
            known(day) + times[offset][second]
            for day, second, offset in zip(days.tolist(), seconds.tolist(), offsets, strict=True)
        ]


@dataclass
class Block:
    """Some rows of a table: arrays of one length. ``mix`` spreads id and last change over 64 bits."""

    ids: NDArray[np.uint32]
    created: NDArray[np.uint32]
    updated: NDArray[np.uint32]
    mix: NDArray[np.uint64]
    moments: MomentTexts

    def spread(self, salt: int, of: int) -> list[int]:
        """1 … ``of``, by the id alone: whom the row belongs to never changes."""
        mixed = (self.ids.astype(np.uint64) + np.uint64(salt)) * np.uint64(0x9E3779B97F4A7C15)
        return ((mixed >> np.uint64(24)) % np.uint64(of) + np.uint64(1)).tolist()

    @cached_property
    def created_texts(self) -> list[bytes]:
        return self.moments.of(self.created)

    @cached_property
    def updated_texts(self) -> list[bytes]:
        return self.moments.of(self.updated)

    def variants(self) -> NDArray[np.int64]:
        return (self.mix % np.uint64(VARIANTS)).astype(np.int64)


def block(
    ids: NDArray[np.uint32],
    created: NDArray[np.uint32],
    updated: NDArray[np.uint32],
    seed: int,
    moments: MomentTexts,
) -> Block:
    mix = ids.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mix ^= (updated.astype(np.uint64) + np.uint64(seed)) * np.uint64(0xBF58476D1CE4E5B9)
    mix ^= mix >> np.uint64(29)
    mix *= np.uint64(0x94D049BB133111EB)
    mix ^= mix >> np.uint64(32)
    return Block(ids, created, updated, mix, moments)


def _calls(b: Block) -> list[bytes]:
    return [
        b"%016X.%d.%d" % (mix, moment, i)
        for mix, moment, i in zip(b.mix.tolist(), b.created.tolist(), b.ids.tolist(), strict=True)
    ]


#: What computes a row's own fields, and how their values are put into a template.
OWN: dict[str, tuple[Callable[[Block], list[Any]], bytes]] = {
    "id": (lambda b: b.ids.tolist(), b"%d"),
    "created": (lambda b: b.created_texts, b'"%b"'),
    "updated": (lambda b: b.updated_texts, b'"%b"'),
    "amount": (lambda b: ((b.mix >> np.uint64(20)) % np.uint64(3_000_000) + np.uint64(1000)).tolist(), b"%d"),
    "title": (lambda b: b.ids.tolist(), '"Поставка оборудования № %d"'.encode()),
    "number": (lambda b: b.ids.tolist(), b'"%d"'),
    "company": (lambda b: b.spread(1, 40_000), b"%d"),
    "contact": (lambda b: b.spread(2, 60_000), b"%d"),
    "lead": (lambda b: b.spread(3, 150_000), b"%d"),
    "deal": (lambda b: b.spread(4, 200_000), b"%d"),
    "activity": (lambda b: b.spread(5, 1_000_000), b"%d"),
    "step": (lambda b: (b.ids // np.uint32(4) + np.uint32(1)).tolist(), b"%d"),
    "phone": (lambda b: b.spread(6, 99_999_999), b'"+722%08d"'),
    "call": (_calls, b'"%b"'),
    "session": (lambda b: b.spread(7, 4_000_000_000), b'"%d"'),
}
#: Own fields that the older dialect writes between quotation marks.
NUMBERS = frozenset(name for name, (_, slot) in OWN.items() if slot == b"%d")


def own_values(name: str, b: Block) -> list[Any]:
    """The plain values of an own field, as a filter compares them."""
    values = OWN[name][0](b)
    if name in ("created", "updated"):
        return getattr(b, name).tolist()
    if name == "amount":
        return [value * 100 for value in values]
    return values if name in NUMBERS else [orjson.loads(OWN[name][1] % value) for value in values]


class Writer:
    """Writes rows of one selection of fields in one dialect."""

    def __init__(
        self, fields: tuple[Field, ...], typed: bool, old: bool, variants: list[Variant], encoder: Encoder
    ) -> None:
        slots, self._own = [], []
        for field in (f for f in fields if f.own):
            compute, slot = OWN[field.own]
            if not typed and field.kind == "int":
                slot = b'"' + slot + b'"'
            elif not typed and field.kind == "money":
                slot = b'"' + slot + b'.00"'
            name = field.old if old else field.name
            slots.append(b'"' + name.encode() + b'":' + slot)
            self._own.append(compute)
        rest = [f for f in fields if not f.own]
        self._template = b"{" + b",".join(slots) + (b",%b}" if rest else b"}")
        self._bodies = [
            orjson.dumps(
                {(f.old if old else f.name): write(f, variant.get(f.name), typed, encoder) for f in rest}
            )[1:-1]
            for variant in (variants if rest else ())
        ]

    def rows(self, b: Block) -> list[bytes]:
        columns = [compute(b) for compute in self._own]
        if self._bodies:
            bodies = self._bodies
            columns.append([bodies[k] for k in b.variants().tolist()])
        template = self._template
        return [template % values for values in zip(*columns, strict=True)]


def write(field: Field, value: Any, typed: bool, encoder: Encoder) -> Any:
    """A plain value of a variant as the dialect shows it."""
    kind = field.kind
    if kind == "flag":
        return encoder.flag(value) if typed or not field.label else bool(value)
    if kind == "day":
        return encoder.day(value) if typed else encoder.day_or_blank(value)
    if kind == "money":
        return encoder.money(value) if typed else encoder.text_money(value)
    if kind == "int":
        return encoder.number(value) if typed else encoder.text_number(value)
    if kind == "list":
        return list(value or ())
    return value


__all__ = ["Block", "MomentTexts", "RawRows", "Writer", "block", "own_values"]
