"""Journeys of clients, deal by deal in plain Python: the rules of the funnel once more, by hand."""

from __future__ import annotations

import csv
import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from tests.proof.truth import LONG_AGO, Card, Payment, Truth, moment, number

FOREVER = dt.datetime.max.replace(tzinfo=dt.timezone.utc)
LABELS = {"lead": "Лид", "request": "Заявка", "active": "Активная", "repeat": "Повторная"}
SUCCESS = [("Сделка успешна", "deals_won"), ("Оплата", "payments_received")]
DEFAULTS = {
    "lead": [
        ("Лид", "leads_created"), ("Квалифицирован", "leads_qualified"), ("Сделка создана", "deals_created"), *SUCCESS,
    ],
    "request": [("Заявка", "deals_created"), *SUCCESS],
    "active": [("Сделка создана", "deals_created"), *SUCCESS],
    "repeat": [("Сделка создана", "deals_created"), *SUCCESS],
}  # fmt: skip


class Sign(NamedTuple):
    """An event of a card that may be a step: when, and who may have had the card then."""

    at: dt.datetime
    manager: int


class Closing(NamedTuple):
    """A card was closed from `start` until `end`, with success or not, in a pipeline that sells or not."""

    start: dt.datetime
    end: dt.datetime
    succeeded: bool
    sold: bool


@dataclass
class Step:
    """A step of an entry's way, and what shows that a card came to it."""

    label: str
    metrics: set[str] = field(default_factory=set)
    stages: list[Callable[[str, str, int], bool]] = field(default_factory=list)


@dataclass
class Journey:
    """Cards of one way of a client; `lead` is its lead's id, also of one that is gone."""

    key: str
    entry: str
    cards: list[Card]
    started: dt.datetime
    lead: int | None = None


class Reached(NamedTuple):
    """A step that a journey has come to."""

    at: dt.datetime
    skipped: bool
    managers: frozenset[int]


class Funnel:
    """All journeys of a portal."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self._firsts: dict[tuple[str, int, str], list[list[Sign]]] = {}

    # Steps

    @cached_property
    def ways(self) -> dict[str, list[Step]]:
        """The steps of each entry: the company's, the invented ones on the demonstration, else the usual ones."""
        found: dict[str, list[Step]] = {}
        for name in ["funnel_steps", *(["demo_funnel_steps"] if self.truth.is_demonstration else [])]:
            with (self.truth.seeds / f"{name}.csv").open(encoding="utf-8") as file:
                lines = list(csv.DictReader(file))
            steps: dict[str, dict[tuple[int, str], Step]] = defaultdict(dict)
            for line in lines:
                for entry in line["entries"].split(","):
                    place = int(line["sort"]), line["step_code"]
                    step = steps[entry.strip()].setdefault(place, Step(line["label_ru"]))
                    if line["metric_code"]:
                        step.metrics.add(line["metric_code"])
                    else:
                        step.stages.append(self._condition(line["card"], line["pipeline"], line["stage"]))
            for entry, of_entry in steps.items():
                found.setdefault(entry, [of_entry[place] for place in sorted(of_entry)])
        paid = bool(self.truth.payments)
        for entry, usual in DEFAULTS.items():
            found.setdefault(
                entry, [Step(label, {code}) for label, code in usual if paid or code != "payments_received"]
            )
        return found

    def _condition(self, card: str, pipeline: str, stage: str) -> Callable[[str, str, int], bool]:
        def holds(kind: str, entered: str, where: int) -> bool:
            name, semantic = self.truth.stages[kind, entered]
            return (
                kind == card
                and (not pipeline or pipeline in (self.truth.pipelines[where], str(where)))
                and (not stage or stage in (entered, name, semantic))
            )

        return holds

    def firsts(self, kind: str, card: Card, entry: str) -> list[list[Sign]]:
        """Of each step of the entry the signs of the card, the earliest first."""
        key = (kind, card.id, entry)
        if key not in self._firsts:
            found = []
            for step in self.ways[entry]:
                signs = [
                    Sign(at, who) for metric, at, who in self._events(kind, card) if metric in step.metrics
                ]
                for at, stage, pipeline in self._entries(kind, card):
                    if any(holds(kind, stage, pipeline) for holds in step.stages):
                        signs.append(Sign(at, self.truth.responsible(card, at)))
                found.append(sorted(signs))
            self._firsts[key] = found
        return self._firsts[key]

    def _entries(self, kind: str, card: Card) -> Iterable[tuple[dt.datetime, str, int]]:
        yield from ((at, stage, pipeline) for at, stage, pipeline, _ in card.entries)
        if card.stage not in {stage for _, stage, _, _ in card.entries}:
            moved = card.closed_at or moment(card.payload.get("movedTime")) or card.created
            yield moved if moved < self.truth.at else card.created, card.stage, card.pipeline

    def _events(self, kind: str, card: Card) -> Iterable[tuple[str, dt.datetime, int]]:
        truth = self.truth

        def event(metric: str, at: dt.datetime) -> tuple[str, dt.datetime, int]:
            return metric, at, truth.responsible(card, at)

        if kind == "lead":
            yield event("leads_created", card.created)
            if card.success_at:
                yield event("leads_qualified", card.success_at)
            return
        lead = number(card.payload.get("leadId"))
        if lead and lead not in truth.leads:
            yield event("leads_created", card.created)
        yield event("deals_created", card.created)
        if card.success_at and truth.sells(card):
            yield event("deals_won", card.success_at)
        for payment in self._payments.get(card.id, []):
            yield "payments_received", payment.at, payment.manager

    @cached_property
    def _payments(self) -> dict[int, list[Payment]]:
        found = defaultdict(list)
        for payment in self.truth.payments:
            found[payment.deal].append(payment)
        return found

    # What cards were at a moment

    def closings(self, card: Card) -> list[Closing]:
        found: list[Closing] = []
        runs: list[tuple[dt.datetime, str, int]] = []
        for at, _, pipeline, semantic in card.entries:
            if not runs or runs[-1][1] != semantic:
                runs.append((at, semantic, pipeline))
        for (start, semantic, pipeline), (end, _, _) in pairwise(runs):
            if semantic != "process" and end > start and start != card.closed_at:
                succeeded = semantic == "success"
                found.append(Closing(start, end, succeeded, succeeded and self._sells(pipeline)))
        if card.closed_at:
            succeeded = card.success_at is not None
            found.append(
                Closing(card.closed_at, FOREVER, succeeded, succeeded and self._sells(card.pipeline))
            )
        return found

    def _sells(self, pipeline: int) -> bool:
        return pipeline not in self.truth.not_selling

    def in_process(self, card: Card, at: dt.datetime) -> bool:
        return card.created <= at and not any(c.start <= at < c.end for c in self.closings(card))

    # Journeys

    @cached_property
    def has_no_leads(self) -> bool:
        modes = {row.get("crm_mode") for row in self.truth.present("portal")} - {None}
        return 2 in modes if modes else not self.truth.leads

    @cached_property
    def journeys(self) -> dict[str, Journey]:
        truth = self.truth
        found: dict[str, Journey] = {}
        for lead in truth.leads.values():
            key = f"lead:{lead.id}"
            found[key] = Journey(key, "lead", [lead], lead.created, lead.id)
        deals = sorted(truth.deals.values(), key=lambda deal: (deal.created, deal.id))
        for deal in deals:
            if lead_id := number(deal.payload.get("leadId")):
                key = f"lead:{lead_id}"
                found.setdefault(key, Journey(key, "lead", [], deal.created, lead_id)).cards.append(deal)
        of_client: dict[str, list[Journey]] = defaultdict(list)
        for journey in found.values():
            for client in {card.client for card in journey.cards if card.client}:
                of_client[client].append(journey)
        for deal in deals:
            if number(deal.payload.get("leadId")):
                continue
            theirs = of_client[deal.client] if deal.client else []
            open_ones = [
                journey
                for journey in theirs
                if self._is_of(journey, deal.client, deal.created)
                and self._is_open(journey, deal.client, deal.created)
            ]
            if open_ones:
                journey = max(open_ones, key=lambda one: (one.started, one.key))
                journey.cards.append(deal)
            else:
                key = f"deal:{deal.id}"
                journey = found[key] = Journey(key, self._own_entry(deal), [deal], deal.created)
                theirs.append(journey)
        return found

    @staticmethod
    def _is_of(journey: Journey, client: str | None, at: dt.datetime) -> bool:
        return any(card.client == client and card.created <= at for card in journey.cards)

    def _is_open(self, journey: Journey, client: str | None, at: dt.datetime) -> bool:
        """To a client: of a lead's journey that is of several, what joined it by way of the others does not matter."""
        cards = [
            card
            for card in journey.cards
            if card.client == client
            or self.kind(journey, card) == "lead"
            or number(card.payload.get("leadId"))
        ]
        for card in cards:
            last = self.firsts(self.kind(journey, card), card, journey.entry)[-1]
            if last and last[0].at <= at:
                return False
        if any(self.in_process(card, at) for card in cards):
            return True
        lead = self.truth.leads.get(journey.lead or -1)
        is_converted = lead is not None and any(
            closing.succeeded and closing.start <= at < closing.end for closing in self.closings(lead)
        )
        return is_converted and not any(
            deal.created <= at for deal in cards if self.kind(journey, deal) == "deal"
        )

    def kind(self, journey: Journey, card: Card) -> str:
        return "lead" if card is self.truth.leads.get(journey.lead or -1) else "deal"

    def _own_entry(self, deal: Card) -> str:
        if self.has_no_leads and (deal.source or number(deal.payload.get("webformId"))):
            return "request"
        return "repeat" if deal.client and self._had_won(deal.client, deal.created) else "active"

    def _had_won(self, client: str, at: dt.datetime) -> bool:
        return any(
            closing.sold and max(closing.start, deal.created) < at < closing.end
            for deal in self._deals_of[client]
            for closing in self.closings(deal)
        )

    @cached_property
    def _deals_of(self) -> dict[str, list[Card]]:
        found = defaultdict(list)
        for deal in self.truth.deals.values():
            if deal.client:
                found[deal.client].append(deal)
        return found

    # What became of them

    def status(self, journey: Journey) -> str:
        deals = [card for card in journey.cards if self.kind(journey, card) == "deal"]
        if any(deal.success_at and self.truth.sells(deal) for deal in deals):
            return "won"
        if any(card.closed_at is None for card in journey.cards):
            return "open"
        lead = self.truth.leads.get(journey.lead or -1)
        return "open" if lead is not None and lead.success_at and not deals else "lost"

    def revenue(self, journey: Journey) -> Decimal:
        return sum(
            (
                card.amount
                for card in journey.cards
                if self.kind(journey, card) == "deal" and card.success_at and self.truth.sells(card)
            ),
            Decimal(0),
        )

    def first_card(self, journey: Journey) -> Card:
        return self.truth.leads.get(journey.lead or -1) or min(journey.cards, key=lambda c: (c.created, c.id))

    def last_reason(self, journey: Journey) -> str | None:
        """Why the card closed last failed, where only one was closed last."""
        last = max((card.closed_at or LONG_AGO) for card in journey.cards)
        closed = [card for card in journey.cards if card.closed_at == last]
        if len(closed) > 1:
            return None
        if not closed[0].failure_at:
            return "Без продолжения"
        return self.truth.stages[self.kind(journey, closed[0]), closed[0].stage][0]

    def reached(self, journey: Journey) -> list[Reached]:
        """The steps it has come to, from the first to the furthest."""
        own: list[list[Sign]] = [[] for _ in self.ways[journey.entry]]
        for card in journey.cards:
            for place, signs in enumerate(self.firsts(self.kind(journey, card), card, journey.entry)):
                own[place] += signs
        found = []
        for place in range(len(own)):
            later = [sign for signs in own[place:] for sign in signs]
            if not later:
                break
            at = min(sign.at for sign in later)
            managers = frozenset(sign.manager for sign in later if sign.at == at)
            found.append(Reached(at, not any(sign.at == at for sign in own[place]), managers))
        return found


def journeys_at_steps(
    funnel: Funnel, periods_of: Callable[[dt.date], Iterable[tuple[str, dt.date]]]
) -> dict[Hashable, int]:
    """Journeys by view, period, entry, step and channel, each at every step it has reached."""
    found: dict[Hashable, int] = defaultdict(int)
    for journey in funnel.journeys.values():
        channel = funnel.truth.channel(funnel.first_card(journey).source)
        for place, step in enumerate(funnel.reached(journey), 1):
            for view, at in (("Когорта", journey.started), ("Период", step.at)):
                for period in periods_of(funnel.truth.day(at)):
                    found[(view, *period, LABELS[journey.entry], place, channel)] += 1
    return found
