"""Days, hours and seasons of the company, in the portal's own time zone."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from random import Random
from zoneinfo import ZoneInfo

DAY = 86_400

#: Fixed public holidays (month, day); transfers of days off are left to the real production calendar.
HOLIDAYS = frozenset([*((1, day) for day in range(1, 9)), (2, 23), (3, 8), (5, 1), (5, 9), (6, 12), (11, 4)])

#: How much happens on a day, Monday to Sunday, and by month.
WEEKDAYS = (1.08, 1.10, 1.06, 1.00, 0.82, 0.13, 0.08)
SEASONS = (0.74, 0.96, 1.10, 1.06, 0.86, 0.95, 0.84, 0.88, 1.08, 1.14, 1.12, 1.07)
YEARLY_GROWTH = 0.35

#: When clients appear: weight of each hour of the day.
CLIENT_HOURS = (1, 1, 0, 0, 0, 1, 2, 6, 16, 42, 58, 60, 52, 44, 50, 56, 52, 40, 24, 12, 8, 6, 4, 2)
CLIENT_LOAD = tuple(accumulate(CLIENT_HOURS))
#: When people work, from nine on: less at lunch and towards the evening.
WORK_LOAD = tuple(accumulate((7, 12, 13, 11, 7, 11, 12, 11, 8, 2)))
OPENS, CLOSES = 9 * 3600, 18 * 3600 + 1800


class WorkCalendar:
    """Turns moments (unix seconds) into the company's days and working hours and back."""

    def __init__(self, zone: str) -> None:
        self.zone = ZoneInfo(zone)
        self.offset = lru_cache(maxsize=None)(self._offset_of_hour)
        self.midnight = lru_cache(maxsize=None)(self._midnight)
        self.is_workday = lru_cache(maxsize=None)(self._is_workday)

    def _offset_of_hour(self, hour: int) -> int:
        moment = datetime.fromtimestamp(hour * 3600, self.zone)
        return int(moment.utcoffset().total_seconds())  # type: ignore[union-attr]

    def _midnight(self, day: int) -> int:
        when = date.fromordinal(day)
        return int(datetime(when.year, when.month, when.day, tzinfo=self.zone).timestamp())

    def _is_workday(self, day: int) -> bool:
        when = date.fromordinal(day)
        return when.weekday() < 5 and (when.month, when.day) not in HOLIDAYS

    def day_of(self, moment: int) -> int:
        """Ordinal (``date.toordinal``) of the portal's day a moment falls on."""
        return (moment + self.offset(moment // 3600)) // DAY + 719_163

    def second_of_day(self, moment: int) -> int:
        return (moment + self.offset(moment // 3600)) % DAY

    def iso(self, moment: int) -> str:
        """The moment as the server prints it: ISO 8601 with the server's offset."""
        return datetime.fromtimestamp(moment, self.zone).isoformat(timespec="seconds")

    def load(self, day: int, start_day: int) -> float:
        """How busy a day is, 1 being an ordinary working day at the start of the story."""
        when = date.fromordinal(day)
        weight = WEEKDAYS[when.weekday()] if (when.month, when.day) not in HOLIDAYS else 0.07
        growth = 1.0 + YEARLY_GROWTH * (day - start_day) / 365.0
        # A month is not a step: the seasons of neighbouring months blend into one another.
        month_end = (when.replace(day=1) + timedelta(days=32)).replace(day=1)
        share = (when.day - 1) / ((month_end - when.replace(day=1)).days)
        season = SEASONS[when.month - 1] * (1 - share) + SEASONS[when.month % 12] * share
        return weight * season * growth

    def client_moment(self, day: int, rng: Random) -> int:
        """A moment of the day when a client shows up."""
        hour = rng.choices(range(24), cum_weights=CLIENT_LOAD)[0]
        return self.midnight(day) + hour * 3600 + rng.randrange(3600)

    def work_moment(self, day: int, rng: Random) -> int:
        """A moment within the working hours of the day, fewer at lunch and towards the evening."""
        hour = rng.choices(range(9, 19), cum_weights=WORK_LOAD)[0]
        return self.midnight(day) + hour * 3600 + rng.randrange(1800 if hour == 18 else 3600)

    def in_hours(self, moment: int) -> bool:
        return self.is_workday(self.day_of(moment)) and OPENS <= self.second_of_day(moment) < CLOSES

    def at_work(self, moment: int, rng: Random) -> int:
        """The moment itself within working hours, else one early in the next working day."""
        if self.in_hours(moment):
            return moment
        day = self.day_of(moment)
        if not (self.is_workday(day) and self.second_of_day(moment) < OPENS):
            day += 1
            while not self.is_workday(day):
                day += 1
        return self.midnight(day) + OPENS + int(rng.expovariate(1 / 4500)) % (CLOSES - OPENS)

    def days_later(self, moment: int, days: float, rng: Random) -> int:
        """Some working moment about ``days`` calendar days after ``moment``, strictly later than it."""
        day = self.day_of(moment + int(days * DAY))
        if day == self.day_of(moment):
            return self.at_work(moment + 600 + int(rng.random() * 9000), rng)
        if not self.is_workday(day):
            # What a weekend puts off is not all done on Monday.
            late = rng.choice((1, 1, 1, 2, 2, 3))
            while late:
                day += 1
                late -= self.is_workday(day)
        return self.work_moment(day, rng)
