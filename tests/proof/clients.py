"""The base of clients against the truth: what each is worth, among all, when it was reached, and who holds it."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import accumulate
from typing import Any

from tests.proof.checks import Check, Marts, Touches, bucket
from tests.proof.truth import Card, Truth, words

Moment = dt.datetime | None


@dataclass
class Client:
    """A company, or a contact without one, with all that names it."""

    key: str
    card: Card
    deals: list[Card] = field(default_factory=list)
    leads: list[Card] = field(default_factory=list)
    wins: list[Card] = field(default_factory=list)
    """Sales, in their order."""

    talk: Moment = None
    activity: Moment = None
    step: Moment = None

    @property
    def kind(self) -> str:
        return self.key.split(":")[0]

    @property
    def order(self) -> tuple[str, int]:
        return self.kind, self.card.id

    @property
    def revenue(self) -> Decimal:
        return sum((deal.amount for deal in self.wins), Decimal(0))

    @property
    def in_work(self) -> list[Card]:
        return [deal for deal in self.deals if deal.semantic == "process"]


class Base:
    """All clients that have a card."""

    def __init__(self, truth: Truth, touches: Touches) -> None:
        self.truth, self.touches = truth, touches
        self.clients = {
            f"{kind}:{id}": Client(f"{kind}:{id}", card)
            for kind, cards in (("company", truth.companies), ("contact", truth.contacts))
            for id, card in cards.items()
            if truth.client_of_card(kind, id) == f"{kind}:{id}" and card.created < truth.at
        }
        for client in self.clients.values():
            self.staff(client)
        for kind, cards in (("deals", truth.deals), ("leads", truth.leads)):
            for card in cards.values():
                if client := self.clients.get(card.client or ""):
                    getattr(client, kind).append(card)
                    self.touch(client, kind[:-1], card.id)
        for deal in truth.wins:
            if client := self.clients.get(deal.client or ""):
                client.wins.append(deal)

    def staff(self, client: Client) -> None:
        """Talks are with the client's own cards."""
        for kind, id in self.touches.staff[client.key]:
            self.touch(client, kind, id)
            client.talk = latest(client.talk, self.touches.calls.get((kind, id)))

    def touch(self, client: Client, kind: str, id: int) -> None:
        """What is done and planned with its deals and leads is done and planned with the client."""
        for known in (self.touches.done, self.touches.calls):
            client.activity = latest(client.activity, known.get((kind, id)))
        if (step := self.touches.planned.get((kind, id))) and (client.step is None or step < client.step):
            client.step = step

    def days(self, at: Moment) -> int | None:
        return (self.truth.today - self.truth.day(at)).days if at else None

    def within(self, at: Moment, days: int) -> bool:
        """Today is the first of the days."""
        since = self.days(at)
        return since is not None and since < days

    def of_year(self, client: Client) -> list[Card]:
        return [deal for deal in client.wins if self.within(deal.success_at, 365)]

    def revenue_of_year(self, client: Client) -> Decimal:
        return sum((deal.amount for deal in self.of_year(client)), Decimal(0))

    def segment(self, client: Client) -> str:
        if not client.wins:
            return "Потенциальный"
        if self.within(client.wins[0].success_at, 90):
            return "Новый"
        sign = latest(client.wins[-1].success_at, client.talk)
        return "Активный" if self.within(sign, 90) else "Спящий" if self.within(sign, 180) else "Потерянный"

    def categories(self) -> dict[str, str]:
        """From the greatest down, ties by kind and number."""
        earned = {key: self.revenue_of_year(client) for key, client in self.clients.items()}
        ranked = sorted(
            (key for key, amount in earned.items() if amount > 0),
            key=lambda key: (-earned[key], self.clients[key].order),
        )
        total = sum((earned[key] for key in ranked), Decimal(0))
        found = dict.fromkeys(self.clients, "Без покупок")
        for key, so_far in zip(ranked, accumulate(earned[key] for key in ranked), strict=True):
            found[key] = (
                "A" if so_far <= total * Decimal("0.8") else "B" if so_far <= total * Decimal("0.95") else "C"
            )
        return found

    def scores(self) -> dict[str, str]:
        """Each by how many of the other buyers are worse."""
        signs = {
            key: (self.truth.day(client.wins[-1].success_at), len(client.wins), client.revenue)
            for key, client in self.clients.items()
            if client.wins and client.wins[-1].success_at
        }
        others = max(len(signs) - 1, 1)
        found = dict.fromkeys(self.clients, "—")
        for key, sign in signs.items():
            worse = [sum(other[place] < sign[place] for other in signs.values()) for place in range(3)]
            found[key] = "".join(str(1 + min(count * 5 // others, 4)) for count in worse)
        return found

    def channel(self, client: Client) -> str:
        """By its own source, else that of the first card that names one."""
        own = words(client.card.payload.get("sourceId"))
        if own:
            return self.truth.channel(own)
        named = [card for card in (*client.deals, *client.leads) if card.source]
        first = min(named, key=lambda card: (card.created, card.source), default=None)
        return self.truth.channel(first.source if first else "")

    def missing(self, client: Client) -> str:
        """What a full card lacks; companies have no source to fill."""
        card = client.card.payload
        known = {
            "телефон": words(card.get("phone")) or card.get("hasPhone") == "Y",
            "эл. почта": words(card.get("email")) or card.get("hasEmail") == "Y",
            "ответственный": client.card.manager,
            "источник": client.kind == "company" or words(card.get("sourceId")),
            "тип": words(card.get("typeId")),
        }
        return ", ".join(label for label, value in known.items() if not value) or "—"

    def talks(self) -> dict[Hashable, list[Any]]:
        """Of each employee with each client: calls, talks, the last one."""
        found: dict[Hashable, list[Any]] = defaultdict(lambda: [0, 0, None])
        for attempt in self.truth.attempts:
            cards = [card for card in self.touches.about[attempt.id] if card[0] in ("company", "contact")]
            for key in {self.truth.client_of_card(*card) for card in cards} & set(self.clients):
                pair = found[self.truth.known(attempt.operator), key]
                pair[0] += 1
                if attempt.successful:
                    pair[1], pair[2] = pair[1] + 1, latest(pair[2], attempt.at)
        return found


def latest(one: Moment, other: Moment) -> Moment:
    return max((at for at in (one, other) if at), default=None)


def client_base(marts: Marts) -> list[Check]:
    base = Base(marts.truth, marts.touches)
    return [*register(marts, base), sums(marts, base), managers(marts, base)]


def register(marts: Marts, base: Base) -> list[Check]:
    truth = marts.truth
    cards, worth = Check("clients: card, channel, fullness"), Check("clients: deals, leads, money")
    places, silence = Check("clients: ABC, RFM, segment"), Check("clients: talk, activity, next step")
    shown = marts.by_key(
        "mart_clients__base",
        "client_key, manager_id, channel, created_month, missing_fields, leads, deals, won_deals, won_deals_year,"
        " open_deals, revenue, revenue_year, open_amount, abc, rfm_code, segment, last_call_local, call_bucket,"
        " is_contacted_7, is_contacted_30, is_contacted_90, last_activity_local, next_step_local",
    )
    abc, rfm = base.categories(), base.scores()
    for key in {**shown, **base.clients}:
        if key not in shown or key not in base.clients:
            cards.equal(key, key in shown, key in base.clients)
            continue
        client, row = base.clients[key], shown[key]
        month = truth.day(client.card.created).replace(day=1)
        cards.equal(key, row[:4], (client.card.manager, base.channel(client), month, base.missing(client)))
        counts = (client.leads, client.deals, client.wins, base.of_year(client), client.in_work)
        worth.equal(key, row[4:9], tuple(map(len, counts)))
        amounts = (
            client.revenue,
            base.revenue_of_year(client),
            sum((deal.amount for deal in client.in_work), Decimal(0)),
        )
        for place, amount in enumerate(amounts):
            worth.equal((key, place), row[9 + place], amount)
        places.equal(key, row[12:15], (abc[key], rfm[key], base.segment(client)))
        local = [truth.wall(at) if at else None for at in (client.talk, client.activity, client.step)]
        reached = (
            local[0],
            bucket(base.days(client.talk)),
            *(base.within(client.talk, days) for days in (7, 30, 90)),
            *local[1:],
        )
        silence.equal(key, row[15:], reached)
    return [cards, worth, places, silence]


def sums(marts: Marts, base: Base) -> Check:
    """Matrix, coverage and months by manager."""
    check = Check("clients by manager: matrix, coverage, repurchases, months")
    true: dict[int, list[Any]] = defaultdict(lambda: [0] * 9)
    for client in base.clients.values():
        buys = bool(client.wins)
        counted = (
            1,
            client.talk is None,
            client.step is None,
            buys,
            len(client.wins) > 1,
            *(base.within(client.talk, days) for days in (7, 30, 90)),
            buys and base.within(client.talk, 90),
        )
        row = true[client.card.manager]
        for place, value in enumerate(counted):
            row[place] += value
    counts = "clients, never_contacted, without_next_step, buyers, repeat_buyers"
    for mart, columns in (
        ("mart_clients__coverage", f"{counts}, contacted_7, contacted_30, contacted_90, buyers_contacted_90"),
        ("mart_clients__monthly", counts),
        ("mart_clients__matrix", "clients"),
    ):
        asked = ", ".join(f"sum({column.strip()})::int" for column in columns.split(","))
        shown = marts.by_key(mart, f"manager_id, {asked}", "true group by 1")
        check.same(
            {(mart, manager): row for manager, row in shown.items()},
            {(mart, manager): tuple(row[: len(columns.split(","))]) for manager, row in true.items()},
        )
    return check


def managers(marts: Marts, base: Base) -> Check:
    """The last talk of each manager with each client."""
    check = Check("clients: talks of each manager")
    shown = {
        (manager, key): [calls, talks, local]
        for manager, key, calls, talks, local in marts.read(
            "mart_clients__manager_calls", "manager_id, client_key, calls, talks, last_call_local"
        )
    }
    true = {
        pair: [calls, talks, marts.truth.wall(at) if at else None]
        for pair, (calls, talks, at) in base.talks().items()
    }
    check.same(shown, true)
    return check
