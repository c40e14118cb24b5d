"""Missed calls and working time once more, in plain Python, call by call: nothing shared with the warehouse's SQL."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass

import psycopg
import pytest

from tests.warehouse.conftest import Build
from tests.warehouse.working_days import is_worked

WORK_FROM, WORK_UNTIL = dt.time(9), dt.time(18)
NORM = dt.timedelta(minutes=30)


@dataclass(frozen=True)
class Call:
    """An attempt as fct_calls has it; `client` is whom it is about."""

    id: int
    at: dt.datetime
    direction: str
    answered: bool
    successful: bool
    phone: str | None
    client: str | None

    @property
    def missed(self) -> bool:
        return self.direction == "inbound" and not self.answered

    def is_of(self, other: Call) -> bool:
        same_phone = self.phone is not None and self.phone == other.phone
        return same_phone or (self.client is not None and self.client == other.client)


def working_time(start: dt.datetime, end: dt.datetime) -> dt.timedelta:
    """Day by day: what of Monday to Friday, 9 to 18, lies between two moments of one zone."""
    total, day = dt.timedelta(), start.date()
    while day <= end.date():
        if is_worked(day):
            opens = dt.datetime.combine(day, WORK_FROM, start.tzinfo)
            closes = dt.datetime.combine(day, WORK_UNTIL, start.tzinfo)
            total += max(min(end, closes) - max(start, opens), dt.timedelta())
        day += dt.timedelta(days=1)
    return total


@pytest.fixture(scope="module")
def calls(warehouse: psycopg.Connection, build: Build) -> list[Call]:
    rows = warehouse.execute(
        "select call_id, started_at, direction, is_answered, is_successful, phone_key, client_key"
        " from intermediate.int_telephony__calls order by started_at, call_id"
    ).fetchall()
    return [Call(row[0], row[1].astimezone(build.zone), *row[2:]) for row in rows]


@pytest.fixture(scope="module")
def related(calls: list[Call]) -> dict[int, list[Call]]:
    """For each missed call with a number, in order, the calls of the same number or client."""
    by_phone, by_client = defaultdict(list), defaultdict(list)
    for call in calls:
        by_phone[call.phone].append(call)
        by_client[call.client].append(call)
    found = {}
    for call in calls:
        if call.missed and call.phone:
            kin = {other.id: other for other in by_phone[call.phone]}
            if call.client:
                kin |= {other.id: other for other in by_client[call.client]}
            found[call.id] = sorted(kin.values(), key=lambda other: (other.at, other.id))
    return found


def settled_by(missed: Call, kin: list[Call]) -> Call | None:
    after = (c for c in kin if (c.at, c.id) > (missed.at, missed.id) and c.is_of(missed) and c.successful)
    return next(after, None)


def test_every_missed_call_has_the_outcome_that_its_calls_tell(
    calls: list[Call], related: dict[int, list[Call]], warehouse: psycopg.Connection, build: Build
) -> None:
    stored = {
        row[0]: row[1:]
        for row in warehouse.execute(
            "select call_id, resolution, resolved_call_id, is_within_norm, working_seconds, first_missed_at"
            " from marts.fct_missed_calls"
        )
    }
    by_id = {call.id: call for call in calls}
    assert set(stored) == {call.id for call in calls if call.missed}
    assert any(row[0] == "open" for row in stored.values()), "nobody is lost, so that nothing is proven"
    for call_id, (resolution, conversation, within_norm, seconds, first_at) in stored.items():
        if call_id not in related:
            assert resolution == "hidden"
            continue
        answer = settled_by(by_id[call_id], related[call_id])
        assert conversation == (answer.id if answer else None), f"call {call_id}"
        expected = (
            "open"
            if answer is None
            else "client_reached_us"
            if answer.direction == "inbound"
            else "called_back"
        )
        assert resolution == expected, f"call {call_id}"
        waited = working_time(first_at.astimezone(build.zone), answer.at if answer else build.built)
        assert abs(waited.total_seconds() - seconds) <= 1, f"call {call_id}"
        if answer:
            assert within_norm == (waited <= NORM), f"call {call_id}"


def test_lost_clients_are_the_open_calls(
    related: dict[int, list[Call]], warehouse: psycopg.Connection
) -> None:
    """Of each lost client: the first call in vain, how many there were, and the dials nobody picked up since."""
    lost = warehouse.execute(
        "select distinct lost_client_id, calls_by_them, attempts_by_us from marts.mart_telephony__lost_clients"
    ).fetchall()
    assert lost
    for first_id, calls_by_them, attempts_by_us in lost:
        kin = related[first_id]
        first = next(call for call in kin if call.id == first_id)
        later = [call for call in kin if (call.at, call.id) >= (first.at, first.id)]
        assert settled_by(first, kin) is None
        missed = [c for c in later if c.missed and c.phone and settled_by(c, related[c.id]) is None]
        assert calls_by_them >= len(missed) > 0, f"call {first_id}"
        numbers = {call.phone for call in missed}
        dials = [c for c in later if c.direction != "inbound" and (c.phone in numbers or c.is_of(first))]
        assert attempts_by_us >= len(dials), f"call {first_id}"
