"""Which moments the portal's filters understand, and what becomes of windows where they do not."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable

import pytest
from tap_bitrix24.client import Client, Usage
from tap_bitrix24.moments import Spelling, written
from tap_bitrix24.portal import Portal, ask
from tap_bitrix24.webhook import parse

from tests.extract.conftest import Run, card
from tests.extract.fake_portal import FakePortal

MSK = dt.timedelta(hours=3)
ISO = re.compile(r"\dT\d")


def asked(portal: FakePortal) -> Portal:
    return ask(Client(parse(portal.webhook)), Usage())


def reading(portal: FakePortal, how: Callable[[str], str | None]) -> None:
    """Let the portal's filters read moments by `how`: what they compare with, or None to drop the condition."""
    honest = portal.answer

    def answer(method, query):
        changed = []
        for key, value in query:
            if method == "crm.item.list" and key.startswith("filter[>=updatedTime"):
                read = how(value)
                if read is not None:
                    changed.append((key, read))
            else:
                changed.append((key, value))
        return honest(method, changed)

    portal.answer = answer  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def deals(portal: FakePortal) -> None:
    portal.tables["crm.item.list:2"] = [card(n) for n in range(1, 121)]


def test_usual_portal_costs_one_request(portal: FakePortal) -> None:
    found = asked(portal)
    assert (found.spelling, found.is_shifted, found.doubt) == (Spelling.ISO, False, dt.timedelta())
    assert len(portal.batches) == 1


@pytest.mark.parametrize("iso_reads", [None, "9999"])
def test_portal_that_wants_server_time(portal: FakePortal, run: Run, iso_reads: str | None) -> None:
    """ISO moments are dropped, or taken for the end of time; windows are written without an offset."""
    state = run(streams=["deals"]).state
    reading(portal, lambda value: iso_reads if ISO.search(value) else value.replace(" ", "T"))
    assert asked(portal).spelling is Spelling.PLAIN
    portal.tables["crm.item.list:2"][6] = card(7, "2026-06-01T12:30:00+03:00")
    portal.now = "2026-06-01T13:00:00+03:00"
    outcome = run(state, streams=["deals"])
    assert [record["id"] for record in outcome.records["deals"]] == ["7"]
    assert "filter%5B%3E%3DupdatedTime%5D=2026-06-01+10%3A55%3A00" in str(portal.batches)
    assert outcome.ledger["deals"]["window_from"] == "2026-06-01T11:55:00+03:00"


def test_portal_that_honours_no_moment_is_read_as_a_whole(portal: FakePortal, run: Run) -> None:
    state = run(streams=["deals"]).state
    reading(portal, lambda value: "9999")
    portal.tables["crm.item.list:2"][6] = card(7, "2026-06-01T12:30:00+03:00")
    outcome = run(state, streams=["deals"])
    assert len(outcome.records["deals"]) == 120
    assert outcome.ledger["deals"]["window_from"] is None
    assert "ignores moments in filters of crm.item.list" in outcome.log


def test_portal_that_compares_other_moments_than_it_shows(portal: FakePortal, run: Run) -> None:
    """Shown moments are an hour late: windows reach back further, and a warning says why."""
    reading(portal, lambda value: re.sub(r"T1(\d)", lambda m: f"T1{(int(m[1]) + 1) % 10}", value))
    outcome = run(streams=["deals"])
    assert "compares other moments than it shows" in outcome.log
    assert outcome.state["bookmarks"]["deals"]["replication_key_value"] == "2026-05-31T11:55:00+03:00"


def test_owner_in_another_zone_widens_the_window(portal: FakePortal, run: Run) -> None:
    portal.owner_zone = "Asia/Omsk"
    outcome = run(streams=["deals"])
    assert outcome.state["bookmarks"]["deals"]["replication_key_value"] == "2026-06-01T08:55:00+03:00"


def test_portal_without_deals_is_asked_for_leads(portal: FakePortal) -> None:
    portal.tables = {"crm.item.list:1": [card(1)]}
    reading(portal, lambda value: "9999" if ISO.search(value) else value.replace(" ", "T"))
    assert asked(portal).spelling is Spelling.PLAIN
    portal.tables = {}
    assert asked(portal).spelling is Spelling.ISO


@pytest.mark.parametrize(
    ("moment", "spelling", "text"),
    [
        ("2026-05-01T00:00:00Z", Spelling.ISO, "2026-05-01T03:00:00+03:00"),
        ("2026-05-01T00:00:00+05:00", Spelling.ISO, "2026-04-30T22:00:00+03:00"),
        ("2026-05-01", Spelling.ISO, "2026-05-01T00:00:00+03:00"),
        ("2026-05-01T00:00:00+03:00", Spelling.PLAIN, "2026-04-30 23:00:00"),
    ],
)
def test_moments_are_written_in_the_servers_time(moment: str, spelling: Spelling, text: str) -> None:
    assert written(moment, spelling, MSK) == text
