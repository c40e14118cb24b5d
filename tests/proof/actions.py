"""Cards to act on: which, why, for how long, and in which order each manager has them."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from itertools import groupby
from typing import Any, NamedTuple

from tests.proof.checks import Check, Marts, Wait, waits, working_seconds
from tests.proof.clients import Base
from tests.proof.stays import Norms
from tests.proof.truth import Card, Truth, date_of, number

REASONS = (
    "Пропущенный звонок: пора перезвонить", "Потерянный клиент: не перезвонили вовремя", "Сделка просрочена",
    "Сделка без следующего шага", "Лид без следующего шага", "Сделка застряла на стадии", "Лид застрял на стадии",
    "Клиент без созвона 90+ дней",
)  # fmt: skip
CALL_NOW, LOST, OVERDUE, DEAL_STEP, LEAD_STEP, DEAL_STUCK, LEAD_STUCK, SILENT = range(1, 9)
SILENCE_DAYS, NORM_SECONDS = 90, 30 * 60


class Reason(NamedTuple):
    kind: str
    id: int
    priority: int
    manager: int
    amount: Decimal
    days: int
    channel: str


def callers(truth: Truth) -> Iterator[Reason]:
    """Whoever called in vain and is waiting still; whose they are is known by their last call."""
    for wait in waits(truth):
        if not wait.talk:
            since = wait.missed[0].at
            hours = Decimal((truth.at - since).total_seconds()) / 3600
            days = hours.quantize(Decimal("0.1"), ROUND_HALF_UP) / 24
            late = working_seconds(truth, since, truth.at) > NORM_SECONDS
            yield Reason(
                "call", wait.missed[0].id, LOST if late else CALL_NOW, responsible(truth, wait), Decimal(0),
                int(days.to_integral_value(ROUND_FLOOR)), "Без канала",
            )  # fmt: skip


def responsible(truth: Truth, wait: Wait) -> int:
    """The client's, else the lead's, else who missed the call."""
    last = max(wait.missed, key=lambda call: (call.at, call.id))
    named = [truth.callers[call.id] for call in sorted(wait.missed, key=lambda call: (call.at, call.id))]
    known = [client for client in named if client]
    client = truth.callers[last.id] or (known[-1] if known else "")
    kind, _, id = client.partition(":")
    cards = {"company": truth.companies, "contact": truth.contacts, "lead": truth.leads}.get(kind, {})
    card = cards.get(number(id) or 0)
    return (card.manager if card and card.created < truth.at else 0) or truth.known(last.operator)


def cards(marts: Marts) -> Iterator[Reason]:
    """Deals and leads in work."""
    truth, touches, norms = marts.truth, marts.touches, Norms(marts.truth)

    def ago(at: dt.datetime) -> int:
        return (truth.today - truth.day(at)).days

    def of_card(kind: str, card: Card, amount: Decimal, no_step: int, stuck: int) -> Iterator[Reason]:
        where = truth.channel(card.source)
        _, activity, step = touches.around(kind, card)
        if step is None:
            yield Reason(kind, card.id, no_step, card.manager, amount, ago(activity or card.created), where)
        (stay,) = [stay for stay in norms.stays[kind, card.id] if stay.until is None]
        if norms.is_stuck(kind, stay):
            yield Reason(kind, card.id, stuck, card.manager, amount, ago(stay.since), where)

    for deal in truth.deals.values():
        if deal.semantic == "process":
            due = date_of(deal.payload.get("closedate"))
            if due and due < truth.today:
                yield Reason(
                    "deal", deal.id, OVERDUE, deal.manager, deal.amount, (truth.today - due).days,
                    truth.channel(deal.source),
                )  # fmt: skip
            yield from of_card("deal", deal, deal.amount, DEAL_STEP, DEAL_STUCK)
    for lead in truth.leads.values():
        if lead.semantic == "process":
            yield from of_card("lead", lead, truth.in_base(lead.payload, truth.today), LEAD_STEP, LEAD_STUCK)


def silent(marts: Marts) -> Iterator[Reason]:
    """Clients who have bought or have a deal in work, and with whom nobody has talked for long, or ever."""
    base = Base(marts.truth, marts.touches)
    for client in base.clients.values():
        days = base.days(client.talk or client.card.created)
        if (client.wins or client.in_work) and days is not None and days >= SILENCE_DAYS:
            yield Reason(
                client.kind, client.card.id, SILENT, client.card.manager, client.revenue, days,
                base.channel(client),
            )  # fmt: skip


def cards_to_act_on(marts: Marts) -> list[Check]:
    found, order = Check("cards to act on: reasons, days"), Check("cards to act on: order")
    of_card: dict[tuple[str, int], list[Reason]] = defaultdict(list)
    for reason in sorted(
        (*callers(marts.truth), *cards(marts), *silent(marts)), key=lambda one: one.priority
    ):
        of_card[reason.kind, reason.id].append(reason)

    def urgency(card: tuple[str, int]) -> tuple[Any, ...]:
        """The gravest first, of them the largest, then what waits longest; but of callers the latest."""
        kind, id = card
        days = max(reason.days for reason in of_card[card])
        return (
            of_card[card][0].priority, -of_card[card][0].amount, days if kind == "call" else -days, kind, id,
        )  # fmt: skip

    places: dict[tuple[str, int], int] = {}
    by_manager = sorted(of_card, key=lambda card: of_card[card][0].manager)
    for _, of_manager in groupby(by_manager, key=lambda card: of_card[card][0].manager):
        places.update({card: place for place, card in enumerate(sorted(of_manager, key=urgency), 1)})
    true = {
        (*card, reason.priority): (
            reason.manager, reason.channel, REASONS[reason.priority - 1], reason is reasons[0],
            ", ".join(REASONS[one.priority - 1] for one in reasons), reason.days,
        )
        for card, reasons in of_card.items()
        for reason in reasons
    }  # fmt: skip
    shown = marts.by_key(
        "mart_plan_fact__cards_to_act_on",
        "card_type, card_id, priority, manager_id, channel, reason, is_main, reasons, days, amount, manager_position",
        key=3,
    )
    for key in {**shown, **true}:
        row, real = shown.get(key), true.get(key)
        found.equal(key, row and row[:6], real)
        if row and real:
            found.equal((*key, "amount"), row[6], of_card[key[:2]][0].amount)
            order.equal(key, row[7], places[key[:2]])
    return [found, order]
