"""The seed of the production calendar, read as plainly as a person would."""

from __future__ import annotations

import csv
import datetime as dt
from functools import cache

from tests.conftest import ROOT

SEED = ROOT / "dbt_project" / "seeds" / "production_calendar.csv"


@cache
def exceptions() -> dict[dt.date, bool]:
    """Days on which Russia works otherwise than Monday to Friday, and whether they are worked."""
    with SEED.open(encoding="utf-8") as file:
        return {dt.date.fromisoformat(r["day"]): r["is_working"] == "true" for r in csv.DictReader(file)}


def is_worked(day: dt.date) -> bool:
    return exceptions().get(day, day.weekday() < 5)
