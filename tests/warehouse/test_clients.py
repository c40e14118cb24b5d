"""The client base once more, in plain Python over the raw payloads: nothing shared with the warehouse's SQL."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import accumulate
from typing import Any

import psycopg
import pytest

from tests.conftest import Stack
from tests.warehouse.conftest import Build
from tests.warehouse.portal import Portal
from tests.warehouse.test_pipeline import newest, number

KOPECK = Decimal("0.01")
RECORDED = {"P": "process", "S": "success", "F": "failure"}
OWNERS = {1: "lead", 2: "deal", 3: "contact", 4: "company"}
Card = tuple[str, int]


@dataclass
class Client:
    """A company with its contacts, or a contact without one; wins are (moment, amount)."""

    card: Card
    manager: int
    wins: list[tuple[dt.datetime, Decimal]] = field(default_factory=list)
    open_amount: Decimal = Decimal(0)
    open_deals: int = 0
    talk: dt.datetime | None = None
    has_next_step: bool = False

    @property
    def revenue(self) -> Decimal:
        return sum((amount for _, amount in self.wins), Decimal(0))


class Base:
    """Cards as raw keeps them, and the clients they make."""

    def __init__(self, warehouse: psycopg.Connection, build: Build, not_selling: set[int]) -> None:
        self.warehouse, self.build, self.not_selling = warehouse, build, not_selling
        self.companies = self.living("companies")
        self.contacts = self.living("contacts")
        self.deals = [deal for deal in self.living("deals").values() if deal["isRecurring"] != "Y"]
        self.leads = self.living("leads")
        self.own = {card["id"] for card in self.companies.values() if card.get("isMyCompany") == "Y"}
        users = {row[0] for row in warehouse.execute("select id::int from raw_bitrix24.users")}
        self.clients: dict[Card, Client] = {}
        for kind, cards in (("company", self.companies), ("contact", self.contacts)):
            for card in cards.values():
                if self.client_of((kind, card["id"])) == (kind, card["id"]):
                    manager = number(card["assignedById"]) or 0
                    key = kind, card["id"]
                    self.clients[key] = Client(key, manager if manager in users else 0)
        self.sell()
        self.talk()
        self.plan()

    def living(self, stream: str) -> dict[int, dict[str, Any]]:
        deleted = {
            row[0]
            for row in self.warehouse.execute(
                "select card_id from staging.stg_bitrix24__deleted_cards where stream = %s", (stream,)
            )
        }
        return {card["id"]: card for card in newest(self.warehouse, stream) if card["id"] not in deleted}

    def client_of(self, card: Card) -> Card | None:
        kind, id_ = card
        if kind == "company":
            return None if id_ in self.own else card
        company = number(self.contacts.get(id_, {}).get("companyId"))
        return ("company", company) if company and company not in self.own else card

    def named_by(self, card: dict[str, Any]) -> Card | None:
        """Client of a deal or lead."""
        company, contact = number(card.get("companyId")), number(card.get("contactId"))
        if company and company not in self.own:
            return "company", company
        return self.client_of(("contact", contact)) if contact else None

    def sell(self) -> None:
        semantics = {
            row["STATUS_ID"]: RECORDED.get(str(row["SEMANTICS"]), (row.get("EXTRA") or {}).get("SEMANTICS"))
            or "process"
            for (row,) in self.warehouse.execute("select payload from raw_bitrix24.statuses")
            if row["ENTITY_ID"].startswith("DEAL_STAGE")
        }
        history: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for (row,) in self.warehouse.execute("select payload from raw_bitrix24.deal_stage_history"):
            if dt.datetime.fromisoformat(row["CREATED_TIME"]) < self.build.built:
                history[int(row["OWNER_ID"])].append(row)
        rates: dict[str, Decimal] = {}
        for (row,) in self.warehouse.execute(
            "select payload from raw_bitrix24.currencies order by modified_at desc"
        ):
            rates[row["CURRENCY"].replace("RUR", "RUB")] = Decimal(row["AMOUNT"]) / Decimal(row["AMOUNT_CNT"])

        for deal in self.deals:
            client = self.clients.get(self.named_by(deal) or ("nobody", 0))
            if client is None:
                continue
            amount = (
                Decimal(str(deal["opportunity"] or 0))
                * rates[(deal["currencyId"] or "RUB").replace("RUR", "RUB")]
            )
            state, since = semantics.get(deal["stageId"], "process"), None
            if not history[deal["id"]]:
                since = deal["movedTime"] or deal["closedate"] or deal["updatedTime"]
            for entry in sorted(history[deal["id"]], key=lambda e: (e["CREATED_TIME"], int(e["ID"]))):
                entered = semantics.get(entry["STAGE_ID"]) or RECORDED[entry["STAGE_SEMANTIC_ID"]]
                since = entry["CREATED_TIME"] if entered != state or since is None else since
                state = entered
            if state == "process":
                client.open_amount += amount
                client.open_deals += 1
            if state == "success" and int(deal["categoryId"] or 0) not in self.not_selling and since:
                client.wins.append((dt.datetime.fromisoformat(since), amount))

    def talk(self) -> None:
        """Successful calls by their cards; where they name none, by a number that is of one client only."""
        cards: dict[int, set[Card]] = defaultdict(set)
        for call_id, kind, id_ in self.warehouse.execute(
            "select call_id, card_type, card_id from intermediate.int_calls__cards"
        ):
            cards[call_id].add((kind, id_))
        of_number: dict[str, set[Card]] = defaultdict(set)
        for kind, some in (("company", self.companies), ("contact", self.contacts)):
            for card in some.values():
                digits = re.sub(r"\D", "", (card.get("phone") or "").split(",")[0])[-10:]
                if len(digits) >= 3 and digits.strip("0") and (owner := self.client_of((kind, card["id"]))):
                    of_number[digits].add(owner)
        for phone, key in self.warehouse.execute(
            "select distinct phone_key, client_key from intermediate.int_telephony__calls"
            " where phone_key is not null and client_key not like 'lead:%'"
        ):
            kind, id_ = key.split(":")
            of_number[phone].add((kind, int(id_)))
        self.talks: dict[tuple[int, Card], dt.datetime] = {}
        for call_id, at, phone, manager in self.warehouse.execute(
            "select call_id, started_at, phone_key, coalesce(manager_id, 0) from intermediate.int_calls__attempts"
            " where is_successful"
        ):
            if cards[call_id]:
                about = {self.client_of(c) for c in cards[call_id] if c[0] in ("company", "contact")}
            else:
                about = of_number[phone] if len(of_number[phone]) == 1 else set()
            for key in about - {None}:
                if client := self.clients.get(key):
                    client.talk = max(client.talk or at, at)
                    pair = manager, key
                    self.talks[pair] = max(self.talks.get(pair, at), at)

    def plan(self) -> None:
        deals = {deal["id"]: deal for deal in self.deals}
        for activity in newest(self.warehouse, "activities"):
            moments = [
                dt.datetime.fromisoformat(activity[name])
                for name in ("START_TIME", "DEADLINE")
                if activity.get(name) and not activity[name].startswith("9999")
            ]
            if activity["COMPLETED"] == "Y" or not any(at >= self.build.built for at in moments):
                continue
            kind, id_ = OWNERS.get(int(activity["OWNER_TYPE_ID"])), int(activity["OWNER_ID"])
            if kind in ("company", "contact"):
                key = self.client_of((kind, id_))
            else:
                card = (deals if kind == "deal" else self.leads if kind == "lead" else {}).get(id_)
                key = self.named_by(card) if card else None
            if key in self.clients:
                self.clients[key].has_next_step = True

    def days_since(self, at: dt.datetime | None) -> int | None:
        return (self.build.built.date() - at.astimezone(self.build.zone).date()).days if at else None

    def of_year(self, client: Client) -> Decimal:
        return sum((amount for at, amount in client.wins if self.days_since(at) < 365), Decimal(0))

    def segment(self, client: Client) -> str:
        if not client.wins:
            return "Потенциальный"
        if self.days_since(min(at for at, _ in client.wins)) < 90:
            return "Новый"
        signs = [max(at for at, _ in client.wins), *([client.talk] if client.talk else [])]
        days = self.days_since(max(signs))
        return "Активный" if days < 90 else "Спящий" if days < 180 else "Потерянный"

    def categories(self) -> dict[Card, str]:
        """ABC, from the greatest down, ties by kind and number."""
        earned = sorted(
            ((-self.of_year(c), c.card) for c in self.clients.values() if self.of_year(c) > 0),
        )
        total = -sum(amount for amount, _ in earned)
        found = dict.fromkeys(self.clients, "Без покупок")
        for (_, card), so_far in zip(earned, accumulate(-amount for amount, _ in earned), strict=True):
            share = so_far / total
            found[card] = "A" if share <= Decimal("0.8") else "B" if share <= Decimal("0.95") else "C"
        return found

    def scores(self) -> dict[Card, str]:
        """RFM: each score by how many of the other buyers are worse."""
        buyers = [c for c in self.clients.values() if c.wins]
        signs = {
            c.card: (-self.days_since(max(at for at, _ in c.wins)), len(c.wins), c.revenue) for c in buyers
        }
        code = dict.fromkeys(self.clients, "—")
        for card, sign in signs.items():
            marks = ""
            for place in range(3):
                worse = sum(other[place] < sign[place] for other in signs.values())
                marks += str(1 + min(worse * 5 // max(len(signs) - 1, 1), 4))
            code[card] = marks
        return code


def rows(warehouse: psycopg.Connection, query: str) -> list[dict[str, Any]]:
    cursor = warehouse.execute(query)
    names = [column.name for column in cursor.description or []]
    return [dict(zip(names, values, strict=True)) for values in cursor]


def shares(truths: Iterable[bool]) -> int:
    return sum(map(int, truths))


@pytest.fixture(scope="module")
def base(stack: Stack, warehouse: psycopg.Connection, build: Build) -> Base:
    named = stack.env.get("VORONKA_NOT_SELLING_PIPELINES", "")
    return Base(warehouse, build, {int(id_) for id_ in named.split(",") if id_.strip()})


@pytest.fixture(scope="module")
def register(warehouse: psycopg.Connection) -> dict[Card, dict[str, Any]]:
    return {
        (row["client_type"], row["card_id"]): row
        for row in rows(warehouse, "select * from marts.mart_clients__base")
    }


def test_the_register_holds_the_clients_of_the_portal(
    base: Base, register: dict[Card, dict[str, Any]], portal: Portal, build: Build
) -> None:
    """By raw exactly; by the portal, which lives on, all that it has from before the load and nothing it never had."""
    assert set(register) == set(base.clients)
    cards = {
        kind: portal.rows(
            "crm.item.list", {"entityTypeId": entity, "order[id]": "ASC", "select[0]": "*"}, "items"
        )
        for kind, entity in (("company", 4), ("contact", 3))
    }
    own = {card["id"] for card in cards["company"] if card["isMyCompany"] == "Y"}
    assert own, "the portal has no companies of its own, so that nothing is proven"
    untouched = {
        (kind, card["id"])
        for kind, some in cards.items()
        for card in some
        if dt.datetime.fromisoformat(card["updatedTime"]) < build.loaded
        and card["id"] not in (own if kind == "company" else ())
        and (kind == "company" or not card["companyId"] or card["companyId"] in own)
    }
    assert untouched and not untouched - set(register)
    assert not own & {id_ for kind, id_ in register if kind == "company"}


def test_clients_bought_and_have_in_work_what_their_deals_say(
    base: Base, register: dict[Card, dict[str, Any]]
) -> None:
    for card, client in base.clients.items():
        row = register[card]
        assert (row["won_deals"], row["open_deals"]) == (len(client.wins), client.open_deals), card
        assert abs(row["revenue"] - client.revenue) < KOPECK, card
        assert abs(row["revenue_year"] - base.of_year(client)) < KOPECK, card
        assert abs(row["open_amount"] - client.open_amount) < KOPECK, card
        assert row["manager_id"] == client.manager, card


def test_categories_are_cut_by_the_share_of_the_year(
    base: Base, register: dict[Card, dict[str, Any]]
) -> None:
    expected = base.categories()
    assert set(expected.values()) == {"A", "B", "C", "Без покупок"}
    assert {card: row["abc"] for card, row in register.items()} == expected


def test_scores_are_places_among_the_buyers(base: Base, register: dict[Card, dict[str, Any]]) -> None:
    expected = base.scores()
    assert len(set(expected.values())) > 20, "the company has few buyers, so that little is proven"
    assert {card: row["rfm_code"] for card, row in register.items()} == expected


def test_segments_follow_wins_and_talks(base: Base, register: dict[Card, dict[str, Any]]) -> None:
    expected = {card: base.segment(client) for card, client in base.clients.items()}
    assert set(expected.values()) == {"Потенциальный", "Новый", "Активный", "Спящий", "Потерянный"}
    assert {card: row["segment"] for card, row in register.items()} == expected


def test_coverage_counts_the_talks_of_each_managers_clients(
    base: Base, warehouse: psycopg.Connection
) -> None:
    measures = (
        "clients", "contacted_7", "contacted_30", "contacted_90", "never_contacted", "without_next_step",
        "buyers", "buyers_contacted_90", "repeat_buyers",
    )  # fmt: skip
    held: dict[int, list[Client]] = defaultdict(list)
    for client in base.clients.values():
        held[client.manager].append(client)

    def within(client: Client, days: int) -> bool:
        since = base.days_since(client.talk)
        return since is not None and since < days

    expected = {
        manager: (
            len(some),
            *(shares(within(c, days) for c in some) for days in (7, 30, 90)),
            shares(c.talk is None for c in some),
            shares(not c.has_next_step for c in some),
            shares(bool(c.wins) for c in some),
            shares(bool(c.wins) and within(c, 90) for c in some),
            shares(len(c.wins) > 1 for c in some),
        )
        for manager, some in held.items()
    }
    sums = ", ".join(f"sum({measure})::int" for measure in measures)
    stored = {
        row[0]: row[1:]
        for row in warehouse.execute(
            f"select manager_id, {sums} from marts.mart_clients__coverage group by manager_id"
        )
    }
    assert stored == expected
    whole = [sum(column) for column in zip(*expected.values(), strict=True)]
    assert 0 < whole[-1] < whole[-3] < whole[0], "nobody came back, so that no repurchase rate is proven"
    matrix = warehouse.execute(
        "select manager_id, sum(clients)::int, sum(open_amount) from marts.mart_clients__matrix group by manager_id"
    ).fetchall()
    assert {row[0]: row[1] for row in matrix} == {manager: len(some) for manager, some in held.items()}
    for manager, _, amount in matrix:
        assert abs(amount - sum(c.open_amount for c in held[manager])) < KOPECK, manager


def test_each_manager_has_his_last_talk_with_each_client(base: Base, warehouse: psycopg.Connection) -> None:
    known = {row[0] for row in warehouse.execute("select manager_id from marts.dim_managers")}
    expected: dict[tuple[int, Card], dt.datetime] = {}
    for (manager, card), at in base.talks.items():
        pair = (manager if manager in known else 0, card)
        expected[pair] = max(expected.get(pair, at), at)
    stored = {
        (row["manager_id"], (kind, int(id_))): row["last_call_local"].replace(tzinfo=base.build.zone)
        for row in rows(warehouse, "select * from marts.mart_clients__manager_calls where talks > 0")
        for kind, id_ in [row["client_key"].split(":")]
    }
    assert expected and stored == expected


def test_months_follow_the_clients_that_were_created_in_them(
    base: Base, warehouse: psycopg.Connection
) -> None:
    expected: dict[dt.date, list[int]] = defaultdict(lambda: [0, 0, 0])
    for (kind, id_), client in base.clients.items():
        card = (base.companies if kind == "company" else base.contacts)[id_]
        created = dt.datetime.fromisoformat(card["createdTime"]).astimezone(base.build.zone).date()
        month = expected[created.replace(day=1)]
        for place, truth in enumerate((True, client.talk is not None, bool(client.wins))):
            month[place] += truth
    stored = {
        row[0]: list(row[1:])
        for row in warehouse.execute(
            "select month_start, sum(clients)::int, sum(contacted)::int, sum(buyers)::int"
            " from marts.mart_clients__monthly group by month_start"
        )
    }
    assert stored == expected
