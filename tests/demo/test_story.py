"""The portal's state is a function of seed, start, scale and clock, and nothing else."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, replace
from datetime import date

import orjson

from demo.company.catalogue import COMPANY, CONTACT, DEAL, INVOICE, LEAD, USER_BY_ID, USERS
from demo.company.chronicle import Chronicle
from demo.company.world import parse_moment

from .conftest import CLOCK, STORY, make_portal

SHORT = replace(STORY, scale=0.3)
EARLY, LATE = parse_moment("2025-12-03T11:17:00+03:00"), parse_moment("2026-03-20T09:00:00+03:00")


def state(chronicle: Chronicle) -> bytes:
    """Every row of every table."""
    p = chronicle.portal
    tables = [*p.cards.values(), *p.history.values(), p.calls, p.activities, p.orders, p.payments]
    rows = [[asdict(row) for row in table.values()] for table in tables]
    products = {str(deal): [asdict(row) for row in rows] for deal, rows in p.product_rows.items()}
    gone = [
        {str(kind): sorted(ids.items()) for kind, ids in some.items()} for some in (p.deleted, p.restored)
    ]
    return orjson.dumps([rows, products, gone], option=orjson.OPT_SORT_KEYS)


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
    assert max(max(o.updated, o.canceled) for o in p.orders.values()) <= LATE
    assert max(max(x.billed, x.paid_at, x.returned) for x in p.payments.values()) <= LATE
    moments = [m for some in (p.deleted, p.restored) for ids in some.values() for m in ids.values()]
    assert moments and max(moments) <= LATE


def test_ids_grow_with_time() -> None:
    p = told(LATE).portal
    for table in (*p.cards.values(), *p.history.values(), p.activities, p.orders):
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


def test_there_is_something_to_see_on_every_dashboard() -> None:
    """Next steps that are planned, overdue, dateless or lacking; closings today, soon and overdue; missed calls
    called back in time, late and never; journeys from a lead to the first payment."""
    now = parse_moment(CLOCK)
    chronicle = told(now, replace(STORY, scale=0.6))
    p, calendar = chronicle.portal, chronicle.world.calendar
    today = calendar.day_of(now)

    def next_step(kind: int, card_id: int) -> str:
        bound = (p.activities[i] for i in p.activities_of.get((kind, card_id), ()) if i in p.activities)
        steps = [a for a in bound if not a.completed and a.type_id != 2]
        if any(a.deadline is not None and a.deadline > now for a in steps):
            return "planned"
        return "none" if not steps else "dateless" if any(a.deadline is None for a in steps) else "overdue"

    open_deals = [d for d in p.cards[DEAL].values() if d.semantic == "P" and not d.recurring]
    open_leads = [x for x in p.cards[LEAD].values() if x.semantic == "P"]
    everything = {"planned", "overdue", "dateless", "none"}
    assert {next_step(DEAL, d.id) for d in open_deals} == everything
    assert {next_step(LEAD, x.id) for x in open_leads} >= {"planned", "overdue", "none"}
    assert {next_step(COMPANY, x.id) for x in p.cards[COMPANY].values()} == everything

    due = [d.close_day - today for d in open_deals]
    assert min(due) < 0 and 0 in due, "nothing overdue, or nothing due today"
    assert any(0 < days <= 6 - date.fromordinal(today).weekday() for days in due), "nothing due this week"
    months = {(when.year, when.month) for when in (date.fromordinal(d.close_day) for d in open_deals)}
    assert months >= {(2026, 6), (2026, 7)}

    late, soon, never = 0, 0, 0
    dialled: dict[str, list[int]] = {}
    for call in p.calls.values():
        if call.call_type in (1, 4) and call.code == "200":
            dialled.setdefault(call.phone[-10:], []).append(call.started)
    for call in p.calls.values():
        if call.call_type in (2, 3) and call.code != "200" and call.phone[:2] in ("+7", "72"):
            back = [moment for moment in dialled.get(call.phone[-10:], ()) if moment > call.started]
            soon += bool(back) and min(back) - call.started <= 1800
            late += bool(back) and min(back) - call.started > 1800
            never += not back
    assert min(soon, late, never) > 10

    paid = {i.deal_id for i in p.cards[INVOICE].values() if i.semantic == "S"}
    journeys = [d for d in p.cards[DEAL].values() if d.category == 3 and d.lead_id and d.id in paid]
    audited = {d.lead_id for d in p.cards[DEAL].values() if d.category == 1 and d.semantic == "S"}
    assert any(d.lead_id in audited for d in journeys), (
        "no way from a lead through an audit to the first payment"
    )
    leads = p.cards[LEAD]
    won = [d for d in p.cards[DEAL].values() if d.semantic == "S"]
    assert any(d.category == 5 for d in won), "no repeat sale"
    assert any(d.lead_id in leads and leads[d.lead_id].assigned != d.assigned for d in won)
    assert any(p.cards[COMPANY][d.company_id].is_mine for d in won if d.company_id in p.cards[COMPANY])
    contacts = Counter(x.company_id for x in p.cards[CONTACT].values() if x.company_id)
    assert sum(number > 1 for number in contacts.values()) > 20, "clients with several contacts"


def test_whoever_left_or_is_on_leave_neither_gets_cards_nor_calls() -> None:
    chronicle = told(parse_moment(CLOCK), STORY)
    world = chronicle.world
    absent, present = 0, 0
    for call in chronicle.portal.calls.values():
        user, day = USER_BY_ID.get(call.user_id), world.calendar.day_of(call.started)
        if user is not None and user.departments and user.id not in (1, 5, 11):
            assert world.employed(user, day), call
            absent += world.on_leave(user, day)
            present += not world.on_leave(user, day)
    assert absent < present / 200
    sellers = [user for user in USERS if user.departments]
    days = range(world.start_day, world.start_day + 364)
    leave = [sum(world.on_leave(user, day) for day in days) for user in sellers]
    assert set(leave) == {28}
