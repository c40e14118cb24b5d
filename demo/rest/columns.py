"""Columns of the lists: how to read a value from a record and how each dialect of the API writes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any

from demo.company.calendar import DAY, WorkCalendar
from demo.rest.parameters import to_int

EPOCH_DAY = 719_163
NO_DEADLINE = -1

Get = Callable[[Any], Any]


@dataclass(frozen=True)
class Column:
    """One field of an entity.

    ``name``: as the method spells it; ``get``: the plain value of a record; ``kind``: what the value is
    (int, text, flag, moment, day, money, number, ids, texts, const); ``write``: the value as the answer shows it, given the
    plain one; ``group``: ``field``, ``user`` (UF_*) or ``multi`` (multifields, shown only when asked for).
    """

    name: str
    kind: str
    get: Get
    write: Callable[[Any], Any]
    group: str = "field"
    upper: str = ""


class Encoder:
    """Writers of plain values, for the typed dialect (crm.item.*) and the stringly one (everything older)."""

    def __init__(self, calendar: WorkCalendar) -> None:
        self.calendar = calendar
        #: False on a portal that understands moments of filters as ``YYYY-MM-DD HH:MM:SS`` only.
        self.iso_filters = True

    @contextmanager
    def reading_iso(self, reads: bool) -> Iterator[None]:
        """Whether moments of filters may be ISO, for the time of one call."""
        self.iso_filters, before = reads, self.iso_filters
        try:
            yield
        finally:
            self.iso_filters = before

    def moment(self, value: int | None) -> str | None:
        return self.calendar.iso(value) if value else None

    def moment_or_blank(self, value: int | None) -> str:
        return self.calendar.iso(value) if value else ""

    def day(self, value: int | None) -> str | None:
        """Midnight UTC of a day, written in the server's offset."""
        return self.calendar.iso((value - EPOCH_DAY) * DAY) if value else None

    def day_or_blank(self, value: int | None) -> str:
        return self.day(value) or ""

    def deadline(self, value: int | None) -> str | None:
        if value is None:
            offset = timezone(timedelta(seconds=self.calendar.offset(0)))
            return datetime(9999, 12, 31, tzinfo=offset).isoformat(timespec="seconds")
        return self.calendar.iso(value)

    @staticmethod
    def flag(value: Any) -> str:
        return "Y" if value else "N"

    @staticmethod
    def number(value: int | None) -> int | None:
        return value

    @staticmethod
    def number_or_null(value: int | None) -> int | None:
        return value or None

    @staticmethod
    def same(value: Any) -> Any:
        return value

    @staticmethod
    def text_number(value: int | None) -> str | None:
        return None if value is None else str(value)

    @staticmethod
    def text_number_or_null(value: int | None) -> str | None:
        return str(value) if value else None

    @staticmethod
    def money(value: int | None) -> int | float | None:
        """Kopecks as a JSON number."""
        if value is None:
            return None
        return value // 100 if value % 100 == 0 else value / 100

    @staticmethod
    def text_money(value: int | None) -> str | None:
        return None if value is None else f"{value // 100}.{value % 100:02d}"

    # --- values of filters

    def parse_moment(self, value: Any) -> int | None:
        """A moment of a filter: ISO, in server time where it has no offset; None when it is no date."""
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            return None
        text = str(value).strip().replace("Z", "+00:00")  # Python 3.10 does not know Z
        if not self.iso_filters and "T" in text:
            return None
        for pattern in (None, "%d.%m.%Y %H:%M:%S", "%d.%m.%Y"):
            try:
                moment = datetime.fromisoformat(text) if pattern is None else datetime.strptime(text, pattern)
            except ValueError:
                continue
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=self.calendar.zone)
            return int(moment.timestamp())
        return None

    def parse_day(self, value: Any) -> int | None:
        """The day of a filter on a date-only field: what stands before the time."""
        text = str(value).strip()[:10]
        for parse in (date.fromisoformat, lambda t: datetime.strptime(t, "%d.%m.%Y").date()):
            try:
                return parse(text).toordinal()
            except ValueError:
                continue
        return None

    def parse(self, kind: str, value: Any) -> Any:
        """A filter's value in the terms of a column's plain values; None when it cannot be understood."""
        if kind == "moment":
            return self.parse_moment(value)
        if kind == "day":
            return self.parse_day(value)
        if kind in ("int", "ids"):
            return to_int(value, 0) if value not in (None, "", False) else 0
        if kind in ("money", "number"):
            try:
                return round(float(value) * 100) if kind == "money" else float(value)
            except (TypeError, ValueError):
                return None
        if kind == "flag":
            return value in (True, 1, "1", "Y", "y", "true")
        return "" if value is None or value is False else str(value)
