"""The portal's state is a function of seed, start, scale and clock, and nothing else."""

from __future__ import annotations

from dataclasses import asdict, replace

import orjson

from demo.company.catalogue import COMPANY, CONTACT, DEAL, INVOICE, LEAD
from demo.company.chronicle import Chronicle
from demo.company.world import parse_moment

from .conftest import CLOCK, STORY, make_portal

SHORT = replace(STORY, scale=0.3)
EARLY, LATE = parse_moment("2025-12-03T11:17:00+03:00"), parse_moment("2026-03-20T09:00:00+03:00")


def state(chronicle: Chronicle) -> bytes:
    """Every row of every table."""
    p = chronicle.portal
    tables = [*p.cards.values(), *p.history.values(), p.calls, p.activities]
    rows = [[asdict(row) for row in table.values()] for table in tables]
    products = {str(deal): [asdict(row) for row in rows] for deal, rows in p.product_rows.items()}
    return orjson.dumps([rows, products], option=orjson.OPT_SORT_KEYS)


def told(moment: int, story=SHORT) -> Chronicle:
    chronicle = Chronicle(story)
    chronicle.tell(moment)
    return chronicle


def test_the_same_story_twice_is_the_same_to_the_last_row() -> None:
    assert state(told(EARLY)) == state(told(EARLY))


def test_another_seed_is_another_company() -> None:
    assert state(told(EARLY)) != state(told(EARLY, replace(SHORT, seed=8)))


def test_the_state_at_a_moment_does_not_depend_on_how_the_clock_came_there() -> None:
    expected = state(told(LATE))
    in_steps = Chronicle(SHORT)
    for moment in (EARLY - 86_400, EARLY, EARLY + 1, EARLY + 3600, LATE - 1, LATE):
        in_steps.tell(moment)
    assert state(in_steps) == expected

    back = told(LATE)
    back.tell(EARLY)
    assert state(back) == state(told(EARLY))
    back.tell(LATE)
    assert state(back) == expected


def test_nothing_is_dated_after_the_clock() -> None:
    p = told(LATE).portal
    for table in p.cards.values():
        for card in table.values():
            assert max(card.created, card.updated, card.activity_time, getattr(card, "moved", 0)) <= LATE
    assert max(row.created for table in p.history.values() for row in table.values()) <= LATE
    assert max(call.started + call.duration for call in p.calls.values()) <= LATE
    assert max(max(a.created, a.updated) for a in p.activities.values()) <= LATE


def test_ids_grow_with_time() -> None:
    p = told(LATE).portal
    for table in (*p.cards.values(), *p.history.values(), p.activities):
        created = [row.created for row in table.values()]
        assert created == sorted(created)
        assert list(table) == sorted(table)


def test_moving_the_clock_brings_every_kind_of_change() -> None:
    portal = make_portal(replace(STORY, scale=0.6), "2025-12-03T11:17:00+03:00")
    service = portal.service

    def snapshot() -> tuple[dict, dict, dict]:
        cards = service.portal.cards
        deals = {i: (d.stage, d.category, d.amount, d.assigned, d.updated) for i, d in cards[DEAL].items()}
        semantics = {i: d.semantic for i, d in cards[DEAL].items()}
        counts = {kind: len(cards[kind]) for kind in (LEAD, CONTACT, COMPANY, INVOICE)}
        return deals, semantics, {**counts, "calls": len(service.portal.calls)}

    before, semantics, counts = snapshot()
    portal.set_clock("2026-03-20T09:00:00+03:00")
    after, _, more = snapshot()
    both = before.keys() & after.keys()
    assert after.keys() - before.keys(), "no new deals"
    assert before.keys() - after.keys(), "no deal was deleted"
    assert any(before[i][0] != after[i][0] for i in both), "no deal moved"
    assert any(before[i][1] != after[i][1] for i in both), "no deal changed its pipeline"
    assert any(before[i][2] != after[i][2] for i in both), "no amount changed"
    assert any(before[i][3] != after[i][3] for i in both), "no responsible changed"
    assert all(before[i] == after[i] for i in both if before[i][4] == after[i][4]), "changed, but not updated"
    back_in_work = {
        row.owner_id
        for row in service.portal.history[DEAL].values()
        if row.semantic == "P" and row.created > EARLY
    }
    assert any(semantics[i] == "F" for i in both & back_in_work), "nothing lost was reopened"
    assert all(more[key] > counts[key] for key in counts)


def test_a_day_brings_rows_to_the_working_hours_and_the_evening_is_quiet() -> None:
    p = told(LATE).portal
    hours = [(row.created + 3 * 3600) % 86_400 // 3600 for row in p.history[DEAL].values()]
    assert sum(8 <= hour <= 19 for hour in hours) / len(hours) > 0.97


def test_the_portal_knows_what_is_configured() -> None:
    chronicle = told(parse_moment(CLOCK), STORY)
    deals = chronicle.portal.cards[DEAL].values()
    assert len({d.category for d in deals}) == 23
    assert {d.currency for d in deals} == {"RUB", "USD", "EUR", "CNY"}
    assert any(d.semantic == "S" and not d.amount for d in deals), "no win without money"
    assert any(d.recurring for d in deals), "no template of a regular deal"
    assert any(not d.assigned for d in deals), "no card without a responsible"
    assert any(d.lead_id for d in deals) and any(not d.lead_id for d in deals)
    assert any(d.lead_id and d.lead_id not in chronicle.portal.cards[LEAD] for d in deals), (
        "no orphan lead id"
    )
    assert sum(c.is_mine for c in chronicle.portal.cards[COMPANY].values()) == 2
