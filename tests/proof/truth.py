"""What happened on a portal, worked out in plain Python from its raw rows: the rules of the metrics once more, by hand.

Nothing here is shared with the warehouse's SQL, and nothing is read of it: not a mart, not a staging model.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import psycopg

from tests.conftest import ROOT

SEEDS = ROOT / "dbt_project" / "seeds"
UTC = dt.timezone.utc
LONG_AGO = dt.datetime(1, 1, 2, tzinfo=UTC)
TYPES = {1: "lead", 2: "deal", 3: "contact", 4: "company"}
Payload = dict[str, Any]


def moment(text: object) -> dt.datetime | None:
    if not isinstance(text, str) or not re.match(r"[12]\d{3}-\d\d-\d\d[T ]", text):
        return None
    return dt.datetime.fromisoformat(text).astimezone(UTC)


def date_of(text: object) -> dt.date | None:
    return dt.date.fromisoformat(text[:10]) if isinstance(text, str) and re.match("[12]", text) else None


def number(value: object) -> int | None:
    """An id, however it is written; nobody and nothing are none."""
    text = str(value)
    return int(text) or None if text.isdigit() else None


def money(value: object) -> Decimal:
    text = str(value).strip()
    return Decimal(text) if re.fullmatch(r"-?\d+(\.\d+)?([eE][-+]?\d+)?", text) else Decimal(0)


def words(value: object) -> str | None:
    return re.sub(r"\s+", " ", value).strip() or None if isinstance(value, str) else None


def phone_of(value: object) -> str | None:
    """The last ten digits; what has fewer than three, or only zeros, is hidden."""
    digits = re.sub(r"\D", "", value) if isinstance(value, str) else ""
    return digits[-10:] if len(digits) >= 3 and digits.strip("0") else None


class Event(NamedTuple):
    metric: str
    at: dt.datetime
    manager: int
    pipeline: str
    channel: str
    worth: Decimal


class Payment(NamedTuple):
    """Money that came; of no deal is 0."""

    deal: int
    at: dt.datetime
    manager: int
    amount: Decimal


@dataclass
class Version:
    at: dt.datetime
    received: dt.datetime
    payload: Payload


@dataclass
class Card:
    """A card as it was at the moment of the build."""

    id: int
    payload: Payload
    versions: list[Version]
    created: dt.datetime
    manager: int
    stage: str = ""
    pipeline: int = 0
    semantic: str = "process"
    success_at: dt.datetime | None = None
    failure_at: dt.datetime | None = None
    entries: list[tuple[dt.datetime, str, int, str]] = field(default_factory=list)
    """History until then: moment, stage, pipeline, semantics."""

    client: str | None = None
    source: str = ""
    amount: Decimal = Decimal(0)

    @property
    def closed_at(self) -> dt.datetime | None:
        return self.success_at or self.failure_at


@dataclass
class Attempt:
    """A call as people mean it, whatever legs it rang through."""

    legs: list[Payload]
    direction: str

    @property
    def id(self) -> int:
        return int(self.legs[0]["ID"])

    @property
    def at(self) -> dt.datetime:
        at = moment(self.legs[0]["CALL_START_DATE"])
        assert at
        return at

    @property
    def answered_legs(self) -> list[Payload]:
        return [leg for leg in self.legs if leg["CALL_FAILED_CODE"] == "200"]

    @property
    def answered(self) -> bool:
        return bool(self.answered_legs)

    @property
    def seconds(self) -> int:
        return sum(int(leg["CALL_DURATION"] or 0) for leg in self.answered_legs)

    @property
    def successful(self) -> bool:
        return self.answered and self.seconds >= 1

    @property
    def phone(self) -> str | None:
        return next((key for leg in self.legs if (key := phone_of(leg["PHONE_NUMBER"]))), None)

    @property
    def operator(self) -> int | None:
        if self.answered:
            return number(self.answered_legs[0]["PORTAL_USER_ID"])
        rang = [user for leg in self.legs if (user := number(leg["PORTAL_USER_ID"]))]
        return rang[-1] if rang else None

    @property
    def card(self) -> tuple[str, int] | None:
        """Whom it was about: the answered leg's word first, then the last one's."""
        for leg in [*reversed(self.answered_legs), *reversed(self.legs)]:
            kind, id = (leg["CRM_ENTITY_TYPE"] or "").lower(), number(leg["CRM_ENTITY_ID"])
            if kind in ("lead", "contact", "company") and id:
                return kind, id
        return None


def by_invoices(truth: Truth) -> Iterable[Payment]:
    """Smart invoices in a success stage."""
    for invoice in truth.invoices.values():
        if at := invoice.success_at:
            amount = truth.in_base(invoice.payload, truth.day(at))
            yield Payment(
                number(invoice.payload.get("parentId2")) or 0, at, truth.responsible(invoice, at), amount
            )


class Truth:
    """The portal behind `connection` as of `at`; `past` says that the build was asked for a past day."""

    def __init__(
        self,
        connection: psycopg.Connection,
        at: dt.datetime,
        zone: str,
        not_selling: Iterable[int] = (),
        past: bool = False,
        paid: Callable[[Truth], Iterable[Payment]] = by_invoices,
        seeds: Path = SEEDS,
    ) -> None:
        self.at, self.zone, self.past = at.astimezone(UTC), ZoneInfo(zone), past
        self.not_selling, self._paid, self.seeds = set(not_selling), paid, seeds
        self.today = self.day(self.at - dt.timedelta(microseconds=1))
        self._connection = connection
        self._tables = {
            name
            for (name,) in connection.execute(
                "select tablename from pg_tables where schemaname = 'raw_bitrix24'"
            ).fetchall()
        }

    def day(self, at: dt.datetime) -> dt.date:
        return at.astimezone(self.zone).date()

    def midnight(self, day: dt.date) -> dt.datetime:
        return dt.datetime.combine(day, dt.time(), self.zone).astimezone(UTC)

    def wall(self, at: dt.datetime) -> dt.datetime:
        return at.astimezone(self.zone).replace(tzinfo=None)

    # Raw rows

    def rows(self, stream: str) -> list[tuple[str, str | None, Payload, dt.datetime | None, dt.datetime]]:
        if stream not in self._tables:
            return []
        return self._connection.execute(
            "select id, modified_at, payload, _sdc_deleted_at at time zone 'UTC', _sdc_received_at at time zone 'UTC'"
            f" from raw_bitrix24.{stream} order by id"
        ).fetchall()

    def present(self, stream: str) -> list[Payload]:
        """A dictionary's rows that had not vanished."""
        return [
            payload
            for _, _, payload, deleted, _ in self.rows(stream)
            if deleted is None or (self.past and deleted >= self.at)
        ]

    @cached_property
    def sweeps(self) -> dict[str, list[tuple[dt.datetime, range, set[int]]]]:
        found: dict[str, list[tuple[dt.datetime, range, set[int]]]] = defaultdict(list)
        for _, swept, payload, _, _ in self.rows("card_ids"):
            at = moment(swept)
            if at is None or (self.past and at >= self.at) or payload["stream"] == "smart_process_items":
                continue
            ids = {n for first, last in payload["ids"] for n in range(first, last + 1)}
            found[payload["stream"]].append((at, range(payload["first"], payload["last"] + 1), ids))
        return found

    @cached_property
    def looked(self) -> dict[str, list[dt.datetime]]:
        """When sweeps came through, those too that wrote nothing."""
        found = defaultdict(list)
        for _, _, payload, _, _ in self.rows("extract_runs"):
            at = moment(payload["window_from"])
            if (
                payload["mode"] == "sweep"
                and payload["status"] == "ok"
                and at
                and not (self.past and at >= self.at)
            ):
                found[payload["stream"]].append(at)
        return found

    def is_deleted(self, stream: str, id: int, created: dt.datetime) -> bool:
        """The newest sweep lacks it and began after it was made."""
        of_bucket = [sweep for sweep in self.sweeps.get(stream, []) if id in sweep[1]]
        if not of_bucket:
            return False
        newest = max(of_bucket, key=lambda sweep: sweep[0])
        return id not in newest[2] and created < max([newest[0], *self.looked.get(stream, [])])

    def cards(
        self, stream: str, created: str = "createdTime", responsible: str = "assignedById"
    ) -> dict[int, Card]:
        versions: dict[int, list[Version]] = defaultdict(list)
        for id, modified, payload, _, received in self.rows(stream):
            at = moment(modified) or moment(payload[created])
            assert at
            versions[int(id)].append(Version(at, received, payload))
        found = {}
        for id, kept in versions.items():
            kept.sort(key=lambda version: (version.at, version.received))
            known = [version for version in kept if version.at < self.at] if self.past else []
            chosen = (known or kept)[-1]
            born = moment(chosen.payload[created]) or LONG_AGO
            if not self.is_deleted(stream, id, min(moment(v.payload[created]) or LONG_AGO for v in kept)):
                found[id] = Card(id, chosen.payload, kept, born, self.known(chosen.payload.get(responsible)))
        return found

    # Dictionaries

    @cached_property
    def users(self) -> set[int]:
        return {int(user["ID"]) for user in self.present("users")}

    @cached_property
    def active(self) -> set[int]:
        """Who is not dismissed."""
        return {int(user["ID"]) for user in self.present("users") if user["ACTIVE"] in (True, "Y", "true")}

    def known(self, user: object) -> int:
        id = number(user)
        return id if id in self.users else 0

    @cached_property
    def history(self) -> dict[str, dict[int, list[tuple[dt.datetime, int, str, int, str | None]]]]:
        found: dict[str, dict[int, list]] = {}
        for kind, stream in (("lead", "lead"), ("deal", "deal"), ("smart_invoice", "smart_invoice")):
            of_kind = found[kind] = defaultdict(list)
            for id, _, payload, _, _ in self.rows(f"{stream}_stage_history"):
                name = "STATUS" if kind == "lead" else "STAGE"
                entry = (
                    moment(payload["CREATED_TIME"]), int(id), payload[f"{name}_ID"],
                    int(payload.get("CATEGORY_ID") or 0), payload[f"{name}_SEMANTIC_ID"],
                )  # fmt: skip
                of_kind[int(payload["OWNER_ID"])].append(entry)
        return found

    @cached_property
    def stages(self) -> dict[tuple[str, str], tuple[str, str]]:
        """(kind, stage) to its name and semantics: the dictionary's word, else history's, else the cards'."""
        letters = {"P": "process", "S": "success", "F": "failure"}
        recorded: dict[tuple[str, str], tuple[Any, str]] = {}
        for kind, of_kind in self.history.items():
            for entries in of_kind.values():
                for at, _, stage, _, letter in entries:
                    if letter and (stage and recorded.get((kind, stage), (LONG_AGO, ""))[0] <= at):
                        recorded[kind, stage] = at, letters[letter]
        for kind, stream in (("lead", "leads"), ("deal", "deals"), ("smart_invoice", "smart_invoices")):
            for card in self.cards(stream).values():
                stage, letter = card.payload["stageId"], card.payload.get("stageSemanticId") or ""
                recorded.setdefault((kind, stage), (card.versions[-1].at, letters.get(letter, "process")))
        found = {
            (kind, stage): (f"Удалённая стадия {stage}", semantic)
            for (kind, stage), (_, semantic) in recorded.items()
        }
        for _, _, row, deleted, _ in self.rows("statuses"):
            kind = (
                "lead" if row["ENTITY_ID"] == "STATUS"
                else "deal" if row["ENTITY_ID"].startswith("DEAL_STAGE")
                else "smart_invoice" if row["ENTITY_ID"].startswith("SMART_INVOICE_STAGE")
                else None
            )  # fmt: skip
            if kind and (deleted is None or (self.past and deleted >= self.at)):
                extra = (row.get("EXTRA") or {}).get("SEMANTICS") or "process"
                told = letters.get(row.get("SEMANTICS") or "")
                semantic = told or {"apology": "failure"}.get(extra, extra)
                found[kind, row["STATUS_ID"]] = words(row["NAME"]) or row["STATUS_ID"], semantic
        return found

    @cached_property
    def pipelines(self) -> dict[int, str]:
        """Names as the marts show them: those that share one are told apart by their ids."""
        named = {
            int(row["id"]): words(row["name"]) or f"Воронка № {row['id']}"
            for row in self.present("pipelines")
            if int(row["entityTypeId"]) == 2
        }
        mentioned = {card.pipeline for card in self._all_deals.values()}
        for _, _, row, _, _ in self.rows("statuses"):
            if of_deals := re.fullmatch(r"DEAL_STAGE(?:_(\d+))?", row["ENTITY_ID"]):
                mentioned.add(int(of_deals[1] or 0))
        for kind, of_kind in (("deal", self.history["deal"]),):
            latest: dict[str, tuple[dt.datetime, int]] = {}
            for entries in of_kind.values():
                for at, _, stage, pipeline, _ in entries:
                    if (kind, stage) not in self._dictionary and latest.get(stage, (LONG_AGO, 0))[0] <= at:
                        latest[stage] = at, pipeline
            mentioned |= {pipeline for _, pipeline in latest.values()}
        for id in mentioned:
            named.setdefault(id, f"Воронка № {id}")
        names = list(named.values())
        return {id: f"{name} ({id})" if names.count(name) > 1 else name for id, name in named.items()}

    @cached_property
    def _dictionary(self) -> set[tuple[str, str]]:
        return {
            ("deal", row["STATUS_ID"])
            for _, _, row, _, _ in self.rows("statuses")
            if "DEAL_STAGE" in row["ENTITY_ID"]
        }

    @cached_property
    def channels(self) -> dict[str, str]:
        with (self.seeds / "channel_groups.csv").open(encoding="utf-8") as file:
            groups = {row["source_id"]: row["channel"] for row in csv.DictReader(file)}
        names = {
            row["STATUS_ID"]: words(row["NAME"]) or row["STATUS_ID"]
            for _, _, row, deleted, _ in sorted(self.rows("statuses"), key=lambda row: row[3] is None)
            if row["ENTITY_ID"] == "SOURCE"
        }
        return defaultdict(str, {**names, **groups, "": "Не указан"})

    def channel(self, source: str) -> str:
        return self.channels[source] or source

    @cached_property
    def rates(self) -> dict[str, list[tuple[dt.date, Decimal]]]:
        """Of each currency the days of its snapshots with the rate against the base."""
        quoted: dict[tuple[str, dt.date], tuple[bool, Decimal]] = {}
        bases: list[tuple[dt.date, str]] = []
        for id, day_text, payload, _, _ in self.rows("currencies"):
            written = id.strip().upper()
            code, day = written.replace("RUR", "RUB"), dt.date.fromisoformat((day_text or "")[:10])
            if payload["BASE"] == "Y":
                bases.append((day, code))
            if (money(payload["AMOUNT_CNT"]) and (code, day) not in quoted) or written == code:
                quoted[code, day] = True, money(payload["AMOUNT"]) / money(payload["AMOUNT_CNT"])
        self.base = max(bases)[1] if bases else "RUB"
        found: dict[str, list[tuple[dt.date, Decimal]]] = defaultdict(list)
        for (code, day), (_, rate) in sorted(quoted.items(), key=lambda item: item[0][1]):
            if rate > 0:
                of_base = quoted.get((self.base, day), (True, Decimal(1)))[1]
                found[code].append((day, rate / of_base))
        found.setdefault(self.base, [(dt.date(1, 1, 1), Decimal(1))])
        return found

    def in_base(self, payload: Payload, day: dt.date) -> Decimal:
        code = str(payload.get("currencyId") or "").strip().upper().replace("RUR", "RUB")
        rates = self.rates.get(code or (self.rates and self.base), [])
        if not rates:
            return Decimal(0)
        known = [rate for since, rate in rates if since <= day]
        return money(payload.get("opportunity")) * (known[-1] if known else rates[0][1])

    # Clients

    @cached_property
    def companies(self) -> dict[int, Card]:
        return self.cards("companies")

    @cached_property
    def contacts(self) -> dict[int, Card]:
        return self.cards("contacts")

    def is_own(self, company: int) -> bool:
        return company in self.companies and self.companies[company].payload.get("isMyCompany") == "Y"

    def client_of_card(self, kind: str, id: int) -> str | None:
        """The client that a company or contact is, or belongs to."""
        if kind == "company":
            return None if self.is_own(id) else f"company:{id}"
        company = number(self.contacts[id].payload.get("companyId")) if id in self.contacts else None
        return f"company:{company}" if company and not self.is_own(company) else f"contact:{id}"

    def client_of(self, payload: Payload) -> str | None:
        company, contact = number(payload.get("companyId")), number(payload.get("contactId"))
        if company and not self.is_own(company):
            return f"company:{company}"
        return self.client_of_card("contact", contact) if contact else None

    # Lives of cards

    def lives(self, stream: str, kind: str) -> dict[int, Card]:
        """Cards that existed, with their stage, and when they succeeded or failed."""
        found = {}
        for card in self.cards(stream).values():
            if card.created >= self.at:
                continue
            card.entries = [
                (at, stage, pipeline, self.stages[kind, stage][1])
                for at, _, stage, pipeline, _ in sorted(self.history[kind].get(card.id, []))
                if at < self.at
            ]
            card.stage, card.pipeline = card.payload["stageId"], int(card.payload.get("categoryId") or 0)
            if self.past and card.entries:
                _, card.stage, card.pipeline, _ = card.entries[-1]
            card.semantic = self.stages[kind, card.stage][1]
            if card.semantic != "process":
                at = self._start_of_run(card) or self._last_resort(card, kind)
                if at and at < self.at:
                    card.success_at, card.failure_at = (
                        (at, None) if card.semantic == "success" else (None, at)
                    )
            card.client = self.client_of(card.payload)
            card.source = words(card.payload.get("sourceId")) or ""
            found[card.id] = card
        return found

    @staticmethod
    def _start_of_run(card: Card) -> dt.datetime | None:
        start = None
        for at, _, _, semantic in reversed(card.entries):
            if semantic != card.semantic:
                break
            start = at
        return start

    def _last_resort(self, card: Card, kind: str) -> dt.datetime | None:
        moved = moment(card.payload.get("movedTime"))
        if kind == "lead":
            closed = moment(card.payload.get("dateClosed"))
        else:
            day = date_of(card.payload.get("closedate"))
            closed = self.midnight(day) if day else None
        modified = next(v.at for v in card.versions if v.payload is card.payload)
        return moved or closed or modified

    def responsible(self, card: Card, at: dt.datetime) -> int:
        """Who it was then, as far as a kept version reaches back to it."""
        kept = [version for version in card.versions if version.at <= at]
        return self.known(kept[-1].payload.get("assignedById")) if kept else card.manager

    @cached_property
    def leads(self) -> dict[int, Card]:
        return self.lives("leads", "lead")

    @cached_property
    def _all_deals(self) -> dict[int, Card]:
        return self.lives("deals", "deal")

    @cached_property
    def deals(self) -> dict[int, Card]:
        found = {id: deal for id, deal in self._all_deals.items() if deal.payload.get("isRecurring") != "Y"}
        every_lead = self.cards("leads")
        for deal in found.values():
            lead = number(deal.payload.get("leadId"))
            if not deal.source and lead in every_lead:
                deal.source = words(every_lead[lead].payload.get("sourceId")) or ""
            deal.amount = self.in_base(
                deal.payload, self.day(deal.closed_at) if deal.closed_at else self.today
            )
        return found

    @cached_property
    def invoices(self) -> dict[int, Card]:
        return self.lives("smart_invoices", "smart_invoice")

    @cached_property
    def payments(self) -> list[Payment]:
        return [payment for payment in self._paid(self) if payment.at < self.at]

    def sells(self, deal: Card) -> bool:
        return deal.pipeline not in self.not_selling

    @cached_property
    def wins(self) -> list[Card]:
        """Wins that are sales, in their order."""
        won = [deal for deal in self.deals.values() if deal.success_at and self.sells(deal)]
        return sorted(won, key=lambda deal: (deal.success_at, deal.id))

    @cached_property
    def lost(self) -> list[Card]:
        return [deal for deal in self.deals.values() if deal.failure_at and self.sells(deal)]

    # Calls

    @cached_property
    def attempts(self) -> list[Attempt]:
        """Legs of one session, and inbound legs of one number that follow within 30 seconds until one is answered."""
        directions = {"1": "outbound", "2": "inbound", "3": "inbound", "4": "callback"}
        legs = [
            payload
            for _, _, payload, _, _ in self.rows("calls")
            if str(payload["CALL_TYPE"]) in directions
            and (payload.get("CALL_CATEGORY") or "external").lower() == "external"
            and (moment(payload["CALL_START_DATE"]) or self.at) < self.at
        ]
        legs.sort(key=lambda leg: (moment(leg["CALL_START_DATE"]), int(leg["ID"])))
        sessions: dict[tuple[str, str], Attempt] = {}
        rung: dict[str, tuple[dt.datetime, Attempt, Payload]] = {}
        found: list[Attempt] = []
        for leg in legs:
            direction, at = directions[str(leg["CALL_TYPE"])], moment(leg["CALL_START_DATE"])
            session, phone = words(leg.get("SESSION_ID")), phone_of(leg["PHONE_NUMBER"])
            assert at
            attempt = sessions.get((direction, session)) if session else None
            if attempt is None and direction == "inbound" and phone and phone in rung:
                before, ringing, _ = rung[phone]
                if at - before <= dt.timedelta(seconds=30) and not ringing.answered:
                    attempt = ringing
            if attempt is None:
                attempt = Attempt([], direction)
                found.append(attempt)
            attempt.legs.append(leg)
            if session:
                sessions[direction, session] = attempt
            if direction == "inbound" and phone:
                rung[phone] = at, attempt, leg
        return found

    def client_of_call(self, attempt: Attempt) -> str | None:
        if not attempt.card:
            return None
        kind, id = attempt.card
        if kind == "lead":
            return (id in self.leads and self.leads[id].client) or f"lead:{id}"
        return self.client_of_card(kind, id)

    @cached_property
    def callers(self) -> dict[int, str | None]:
        """Client of each attempt: the named one, else the only one whose calls came from the number."""
        named = {attempt.id: self.client_of_call(attempt) for attempt in self.attempts}
        of_number: dict[str, set[str]] = defaultdict(set)
        for attempt in self.attempts:
            if attempt.phone and (client := named[attempt.id]):
                of_number[attempt.phone].add(client)
        for attempt in self.attempts:
            clients = of_number.get(attempt.phone or "", set())
            if named[attempt.id] is None and len(clients) == 1:
                named[attempt.id] = next(iter(clients))
        return named

    # Activities

    @cached_property
    def activities(self) -> dict[int, Card]:
        return self.cards("activities", "CREATED", "RESPONSIBLE_ID")

    def done_at(self, activity: Card) -> dt.datetime | None:
        if activity.payload["COMPLETED"] != "Y":
            return None
        modified = next(v.at for v in activity.versions if v.payload is activity.payload)
        end = moment(activity.payload["END_TIME"])
        return end if end and activity.created <= end <= modified else modified

    # The ledger

    @cached_property
    def events(self) -> list[Event]:
        return [event for event in self._events() if event.at < self.at]

    def _events(self) -> Iterable[Event]:
        one, nowhere, unknown = Decimal(1), "Без воронки", "Без канала"
        for lead in self.leads.values():
            channel = self.channel(lead.source)
            yield Event(
                "leads_created", lead.created, self.responsible(lead, lead.created), nowhere, channel, one
            )
            for metric, at in (("leads_qualified", lead.success_at), ("leads_junk", lead.failure_at)):
                if at:
                    yield Event(metric, at, self.responsible(lead, at), nowhere, channel, one)
        seen: set[str] = set()
        for deal in [*self.wins, *(d for d in self.deals.values() if not (d.success_at and self.sells(d)))]:
            where = self.pipelines[deal.pipeline], self.channel(deal.source)
            whose = self.responsible(deal, deal.created)
            yield Event("deals_created", deal.created, whose, *where, one)
            of_lead = number(deal.payload.get("leadId"))
            yield Event(
                "deals_from_leads" if of_lead else "deals_without_leads", deal.created, whose, *where, one
            )
            if not self.sells(deal):
                continue
            if at := deal.success_at:
                whose = self.responsible(deal, at)
                yield Event("deals_won", at, whose, *where, one)
                yield Event("revenue_won", at, whose, *where, deal.amount)
                if deal.client:
                    repeated = deal.client in seen
                    yield Event("repeat_deals_won" if repeated else "new_clients", at, whose, *where, one)
                    seen.add(deal.client)
            if at := deal.failure_at:
                yield Event("deals_lost", at, self.responsible(deal, at), *where, one)
        for company in self.companies.values():
            if not self.is_own(company.id):
                yield Event("clients_created", company.created, company.manager, nowhere, unknown, one)
        for contact in self.contacts.values():
            if self.client_of_card("contact", contact.id) == f"contact:{contact.id}":
                yield Event("clients_created", contact.created, contact.manager, nowhere, unknown, one)
        for attempt in self.attempts:
            for metric in self._metrics_of(attempt):
                yield Event(metric, attempt.at, self.known(attempt.operator), nowhere, unknown, one)
            if attempt.answered:
                minutes = Decimal(attempt.seconds) / 60
                yield Event(
                    "talk_minutes", attempt.at, self.known(attempt.operator), nowhere, unknown, minutes
                )
        for activity in self.activities.values():
            kind, at = str(activity.payload["TYPE_ID"]), self.done_at(activity)
            metric = (
                "meetings_held" if kind == "1"
                else "emails_sent" if kind == "4" and str(activity.payload["DIRECTION"]) == "2"
                else "tasks_done" if kind == "3" or activity.payload["PROVIDER_ID"] == "CRM_TODO"
                else None
            )  # fmt: skip
            if metric and at:
                yield Event(metric, at, activity.manager, nowhere, unknown, one)
        for payment in self.payments:
            deal_of = self.deals.get(payment.deal)
            where = (
                (self.pipelines[deal_of.pipeline], self.channel(deal_of.source))
                if deal_of
                else (nowhere, unknown)
            )
            yield Event("payments_received", payment.at, payment.manager, *where, payment.amount)

    @staticmethod
    def _metrics_of(attempt: Attempt) -> Iterable[str]:
        if attempt.direction == "outbound":
            yield "calls_outbound"
            if attempt.successful:
                yield "calls_outbound_successful"
        if attempt.direction == "inbound":
            yield "calls_inbound"
            yield "calls_inbound_answered" if attempt.answered else "calls_missed"
        elif attempt.successful:
            yield "calls_successful"

    @cached_property
    def is_demonstration(self) -> bool:
        return any(json.loads(json.dumps(row)).get("is_demonstration") for row in self.present("portal"))
