"""What was open at the end of each of the last days, and before them of each month: deals and amounts by stage and manager."""

from __future__ import annotations

import bisect
import datetime as dt
from collections import defaultdict
from collections.abc import Hashable
from decimal import Decimal
from typing import Any

from tests.proof.checks import DAY, Check, Marts, months_on
from tests.proof.stays import stays_of

DAYS, MONTHS = 92, 24


def open_history(marts: Marts) -> list[Check]:
    truth = marts.truth
    figures, marks = Check("open history: deals, amounts"), Check("open history: which days are shown")
    today, month = truth.today, truth.today.replace(day=1)
    daily = {today - n * DAY for n in range(DAYS)}
    days = sorted(daily | {months_on(month, -n) - DAY for n in range(MONTHS)})
    true: dict[Hashable, list[Any]] = defaultdict(lambda: [0, Decimal(0)])
    for deal in truth.deals.values():
        kept = [version for version in deal.versions if version.at < truth.at]
        since = [truth.day(version.at) for version in kept]
        worth: dict[int, tuple[int, Decimal]] = {}
        for stay in stays_of(truth, deal):
            first = bisect.bisect_left(days, truth.day(stay.since))
            # Who left on a day was not there at its end.
            last = bisect.bisect_left(days, truth.day(stay.until)) if stay.until else len(days)
            for day in days[first:last]:
                place = bisect.bisect_right(since, day)
                if place not in worth:
                    # What reaches back to no kept version is as it is now.
                    payload = kept[place - 1].payload if place else deal.payload
                    worth[place] = (
                        truth.known(payload.get("assignedById")), truth.in_base(payload, today)
                    )  # fmt: skip
                manager, amount = worth[place]
                row = true[day, stay.pipeline, stay.stage, manager]
                row[0], row[1] = row[0] + 1, row[1] + amount
    shown = marts.by_key(
        "mart_pipeline__open_history",
        "snapshot_day, pipeline_id, stage_id, manager_id, open_deals, open_amount",
        key=4,
    )
    for key in {**shown, **true}:
        (deals, amount), real = shown.get(key, (0, Decimal(0))), true.get(key, (0, Decimal(0)))
        figures.equal((key, "deals"), deals, real[0])
        figures.equal((key, "amount"), amount, real[1])
    flagged = marts.by_key(
        "mart_pipeline__open_history",
        "distinct snapshot_day, is_latest, is_daily, is_week_end, is_month_end",
    )
    flags: dict[dt.date, tuple[bool, ...]] = {
        day: (day == today, day in daily, day.weekday() == 6, (day + DAY).day == 1)
        for day in {key[0] for key in true}  # type: ignore[index]
    }
    marks.same(flagged, flags)
    return [figures, marks]
