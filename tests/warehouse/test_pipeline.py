"""Deals in work once more, in plain Python over the raw payloads: nothing shared with the warehouse's SQL."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass

import psycopg
import pytest

from tests.warehouse.conftest import Build

CARD_TYPES = {1: "lead", 2: "deal", 3: "contact", 4: "company"}


@dataclass(frozen=True)
class Deal:
    """An open deal as the portal has it; `client` is its company, else its contact's company, else its contact."""

    id: int
    pipeline: int
    stage: str
    amount: float
    due: dt.date | None
    contacts: frozenset[int]
    company: int | None


def newest(warehouse: psycopg.Connection, stream: str) -> list[dict]:
    """The newest version of each card that raw keeps."""
    rows = warehouse.execute(
        f"select distinct on (id) payload from raw_bitrix24.{stream}"
        " order by id, modified_at::timestamptz desc, _sdc_received_at desc"
    )
    return [row[0] for row in rows]


def number(value: object) -> int | None:
    return int(value) if value not in (None, "", 0, "0") else None


@pytest.fixture(scope="module")
def deals(warehouse: psycopg.Connection) -> dict[int, Deal]:
    deleted = {
        row[0]
        for row in warehouse.execute(
            "select card_id from staging.stg_bitrix24__deleted_cards where stream = 'deals'"
        )
    }
    found = {}
    for card in newest(warehouse, "deals"):
        if card["stageSemanticId"] != "P" or card["isRecurring"] == "Y" or card["id"] in deleted:
            continue
        due = card.get("closedate")
        contacts = {number(card.get("contactId")), *(number(c) for c in card.get("contactIds") or [])} - {
            None
        }
        found[card["id"]] = Deal(
            card["id"],
            int(card["categoryId"] or 0),
            card["stageId"],
            float(card["opportunity"] or 0),
            dt.date.fromisoformat(due[:10]) if due else None,
            frozenset(contacts),
            number(card.get("companyId")),
        )
    return found


@pytest.fixture(scope="module")
def register(warehouse: psycopg.Connection) -> dict[int, dict]:
    cursor = warehouse.execute("select * from marts.mart_pipeline__open_deals")
    names = [column.name for column in cursor.description or []]
    return {row["deal_id"]: row for row in (dict(zip(names, values, strict=True)) for values in cursor)}


def test_the_register_holds_the_open_deals_of_the_portal(
    deals: dict[int, Deal], register: dict[int, dict]
) -> None:
    assert deals, "nothing is in work, so that nothing is proven"
    assert set(register) == set(deals)
    for deal in deals.values():
        row = register[deal.id]
        assert (row["pipeline_id"], row["stage_id"], row["expected_close_date"]) == (
            deal.pipeline,
            deal.stage,
            deal.due,
        ), f"deal {deal.id}"
        assert row["has_no_amount"] == (deal.amount == 0), f"deal {deal.id}"


def test_horizons_hold_what_is_due_in_them(
    deals: dict[int, Deal], warehouse: psycopg.Connection, build: Build
) -> None:
    stored = defaultdict(set)
    for horizon, deal_id in warehouse.execute(
        "select horizon, deal_id from marts.mart_pipeline__open_deal_horizons"
    ):
        stored[horizon].add(deal_id)
    today = build.built.date()
    sunday = today + dt.timedelta(days=6 - today.weekday())
    months = {
        0: (today.year, today.month),
        1: ((today.replace(day=28) + dt.timedelta(days=7)).timetuple()[:2]),
    }
    rules = {
        "Все": lambda due: True,
        "Сегодня": lambda due: due == today,
        "Эта неделя": lambda due: due and today <= due <= sunday,
        "Этот месяц": lambda due: due and due >= today and (due.year, due.month) == months[0],
        "Следующий месяц": lambda due: due and (due.year, due.month) == tuple(months[1]),
        "Просрочены": lambda due: due and due < today,
        "Без даты": lambda due: due is None,
    }
    for horizon, belongs in rules.items():
        assert stored[horizon] == {d.id for d in deals.values() if belongs(d.due)}, horizon


def test_stages_are_weighted_by_what_was_won_of_them(
    register: dict[int, dict], warehouse: psycopg.Connection, build: Build
) -> None:
    """Share won of the deals of the pipeline that ever stood in the stage and closed within 365 days; below 20 the
    pipeline's."""
    year = build.built.date() - dt.timedelta(days=365)
    stages = defaultdict(set)
    for deal_id, stage in warehouse.execute(
        "select payload ->> 'OWNER_ID', payload ->> 'STAGE_ID' from raw_bitrix24.deal_stage_history"
    ):
        stages[int(deal_id)].add(stage)
    closed: dict[tuple[int, str | None], list[bool]] = defaultdict(list)
    for deal_id, pipeline, selling, won_at, lost_at in warehouse.execute(
        "select deal_id, pipeline_id, is_selling, won_at, lost_at from marts.fct_deals"
    ):
        at = won_at or lost_at
        if at and at.astimezone(build.zone).date() > year:
            for stage in stages[deal_id] | {None}:
                closed[pipeline, stage].append(bool(won_at) and selling)
    for deal_id, row in register.items():
        outcomes = closed[row["pipeline_id"], row["stage_id"]]
        if len(outcomes) < 20:
            outcomes = closed[row["pipeline_id"], None]
        share = sum(outcomes) / len(outcomes) if outcomes else 0
        assert abs(float(row["probability"]) - share) < 1e-9, f"deal {deal_id}"
        assert abs(float(row["weighted_amount"]) - float(row["amount"]) * share) < 0.01, f"deal {deal_id}"


def test_silence_and_next_steps_are_those_of_the_cards_around_a_deal(
    deals: dict[int, Deal], register: dict[int, dict], warehouse: psycopg.Connection, build: Build
) -> None:
    """Calls and planned activities of the deal, its contacts, its client and all contacts of that client."""
    company_of = {c["id"]: number(c.get("companyId")) for c in newest(warehouse, "contacts")}
    own = {c["id"] for c in newest(warehouse, "companies") if c.get("isMyCompany") == "Y"}
    staff = defaultdict(set)
    for contact, company in company_of.items():
        if company and company not in own:
            staff[company].add(contact)

    calls: dict[tuple[str, int], dt.datetime] = {}
    for card_type, card_id, at in warehouse.execute(
        "select card_type, card_id, max(started_at) from intermediate.int_calls__cards"
        " join intermediate.int_calls__attempts using (call_id) where is_successful group by 1, 2"
    ):
        calls[card_type, card_id] = at
    steps: dict[tuple[str, int], dt.datetime] = {}
    for activity in newest(warehouse, "activities"):
        if activity["COMPLETED"] == "Y":
            continue
        for field in ("START_TIME", "DEADLINE"):
            if activity.get(field) and not activity[field].startswith("9999"):
                at = dt.datetime.fromisoformat(activity[field])
                card = CARD_TYPES.get(int(activity["OWNER_TYPE_ID"])), int(activity["OWNER_ID"])
                if at >= build.built and (card not in steps or at < steps[card]):
                    steps[card] = at

    silent = stepless = 0
    for deal in deals.values():
        company = deal.company if deal.company not in own else None
        clients = {company} if company else {company_of.get(c) for c in deal.contacts} - own - {None}
        around = {("deal", deal.id), *(("contact", contact) for contact in deal.contacts)}
        if len(clients) == 1:
            client = clients.pop()
            around |= {("company", client), *(("contact", contact) for contact in staff[client])}
        row = register[deal.id]
        last = max((calls[card] for card in around if card in calls), default=None)
        if last is not None:
            # A call that names no card may have come from the client's number since.
            days = (build.built.date() - last.astimezone(build.zone).date()).days
            assert row["days_since_call"] is not None and row["days_since_call"] <= days, f"deal {deal.id}"
            silent += row["days_since_call"] == days
        assert row["has_no_next_step"] == (not any(card in steps for card in around)), f"deal {deal.id}"
        stepless += row["has_no_next_step"]
    assert silent > 0 and 0 < stepless < len(deals), (
        "the company has no such cases, so that nothing is proven"
    )
