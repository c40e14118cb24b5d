"""The seed of the production calendar against what was published of it: how many days of each year are worked."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.warehouse.working_days import SEED, exceptions, is_worked

# Working days of the five-day week, as the production calendars of these years count them.
WORKING_DAYS = {
    2019: 247, 2020: 248, 2021: 247, 2022: 247, 2023: 247, 2024: 248, 2025: 247, 2026: 247, 2027: 247,
}  # fmt: skip


@pytest.mark.parametrize("year", WORKING_DAYS)
def test_the_year_has_as_many_working_days_as_published(year: int) -> None:
    days = (dt.date(year, 1, 1) + dt.timedelta(n) for n in range(366))
    worked = [day for day in days if day.year == year and is_worked(day)]
    assert len(worked) == WORKING_DAYS[year]


def test_weekends_are_worked_and_weekdays_are_off_in_exchange() -> None:
    """A row either takes a day off or has a weekend day worked; every day worked so is named by a day off for it."""
    known = exceptions()
    assert [day for day, worked in known.items() if worked and day.weekday() < 5] == []
    text = SEED.read_text(encoding="utf-8")
    for day in (d for d, worked in known.items() if worked):
        assert f"Перенос выходного с {day:%d.%m.%Y}" in text
