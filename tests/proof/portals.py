"""Portals unlike the demonstration company: empty ones, bare ones, and ones drawn at random with everything that is odd."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from tests.proof.raw import OPTIONAL, RawPortal

# Titles that a person may type and that no page, link or query may stumble over.
TITLES = (
    "Ёлка и ёж", "«Кавычки» 'и' \"апострофы\"", '<script>alert("1")</script>', "</a><b>жирно</b> & <img src=x>",
    "x" * 900, "Таб\tи\nстрока", "'; drop table leads; --", "100 % {{ ref('x') }}", "\\обратная\\черта", "",
)  # fmt: skip
HIDDEN = ("", "anonymous", "00000", "+0")


@dataclass(frozen=True)
class Kind:
    """What sort of portal to draw."""

    timezone: str = "Europe/Moscow"
    base_currency: str = "RUB"
    leads: bool = True
    telephony: bool = True
    cards: int = 160
    days: int = 800
    pipelines: tuple[int, ...] = (0, 4, 37)
    first_id: int = 1


def empty(now: dt.datetime) -> RawPortal:
    """The day a portal is made: its owner, the stages it is born with, and nothing else."""
    portal = RawPortal()
    portal.user(1)
    portal.department(1, "Моя компания")
    portal.pipeline(0, "Общая", default=True)
    portal.status("STATUS", "NEW", "Не обработан")
    portal.status("STATUS", "CONVERTED", "Качественный", 20, "S")
    portal.status("DEAL_STAGE", "NEW", "Новая")
    portal.status("DEAL_STAGE", "WON", "Успех", 20, "S")
    portal.complete(now)
    return portal


def void(now: dt.datetime) -> RawPortal:
    """Only the tables of the core, and not a row in any: not even a currency."""
    portal = RawPortal(missing=OPTIONAL)
    portal.complete(now)
    return portal


def files_of_people(now: dt.datetime) -> dict[str, list[str]]:
    """What the head of sales of a drawn portal wrote: targets of all kinds, absences of all lengths, spend."""

    def day(ahead: int) -> str:
        return (now + dt.timedelta(days=ahead)).date().isoformat()

    return {
        "targets": [
            f"revenue_won,company,,month,{day(-500)},,900000,",
            f"revenue_won,department,2,month,{day(-200)},,400000,",
            f"revenue_won,department,3,month,{day(-100)},{day(20)},100000,",
            f"revenue_won,manager,6,month,{day(-41)},{day(-3)},77000,",
            # A head's own is a part of the department's.
            f"revenue_won,manager,2,month,{day(-60)},,333,",
            f"deals_won,company,,week,{day(-300)},,17,",
            f"deals_won,department,4,week,{day(-120)},,5,true",
            f"tasks_done,company,,day,{day(-90)},,11,",
            f"tasks_done,manager,7,day,{day(-30)},,4,",
            f"win_rate,company,,month,{day(-400)},,0.3,",
            f"average_check,manager,6,month,{day(-70)},{day(9)},5000.5,",
            # The fewer the better.
            f"calls_missed,company,,week,{day(-70)},,9,",
        ],
        # Whom the departments would not make what they are; a guest and the dismissed stay outside whatever it says.
        "people": [
            "5,,head_of_sales",
            "6,sol,head_of_department",
            "7,,marketer",
            "8,guest,analyst",
            "3,,director",
            ",sovetnik@firm.example,analyst",
            ",vladelets,director",
        ],
        "absences": [
            f"1,{day(-9)},{day(-2)},отпуск",
            f"1,{day(-3)},{day(4)},больничный",
            # A whole month and more: the others have it.
            f"6,{day(-95)},{day(-50)},отпуск",
            f"6,{day(-45)},{day(-40)},отпуск",
            f"7,{day(12)},,декрет",
            f"7,{day(-20)},{day(-20)},отгул",
            f"3,{day(-300)},{day(-200)},отпуск",
        ],
        "ad_spend": [
            f"Веб-сайт,{day(-200)[:7]}-01,{day(-40)[:7]}-01,31000",
            f"Авито 'объявления',{day(-90)[:7]}-01,,100.50",
        ],
    }


def drawn(seed: int, now: dt.datetime, kind: Kind) -> RawPortal:
    """A portal drawn at random, of some age at `now`."""
    return _Draw(seed, now, kind).portal


class _Draw:
    def __init__(self, seed: int, now: dt.datetime, kind: Kind) -> None:
        self.random = random.Random(seed)
        self.now, self.kind = now, kind
        self.zone = ZoneInfo(kind.timezone)
        self.portal = RawPortal(kind.timezone, 1 if kind.leads else 2, kind.base_currency)
        # Where a process is at "P" the semantics of the API may also be missing.
        self.stages: dict[int, dict[str, str | None]] = {}
        self.managers = [1, 2, 3, 5, 6, 7, 8, 0, 999, None]
        self.dictionaries()
        self.clients()
        if kind.leads:
            self.each(self.lead)
        self.each(self.deal)
        self.each(self.invoice, 0.5)
        self.each(self.activity, 2)
        self.each(self.order, 0.5)
        if kind.telephony:
            self.calls()
        self.sweeps()
        self.portal.complete(now)

    # How things are drawn

    def id(self, number: int) -> int:
        return self.kind.first_id + number

    def ids(self) -> range:
        return range(self.kind.first_id, self.kind.first_id + self.kind.cards)

    def each(self, make: Callable[[int], None], times: float = 1) -> None:
        for number in range(int(self.kind.cards * times)):
            make(self.id(number))

    def moment(self, since: dt.datetime | None = None) -> dt.datetime:
        """A moment before now, often a boundary: midnight, a month's end, a second beside it."""
        earliest = since or self.now - dt.timedelta(days=self.kind.days)
        span = max((self.now - earliest).total_seconds(), 1)
        at = earliest + dt.timedelta(seconds=int(self.random.random() * span))
        local = at.astimezone(self.zone)
        match self.random.randrange(8):
            case 0:
                local = local.replace(hour=0, minute=0, second=0, microsecond=0)
            case 1:
                local = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            case 2:
                local = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
                local = (local.astimezone(dt.timezone.utc) - dt.timedelta(seconds=1)).astimezone(self.zone)
            case 3:
                local = local.replace(month=1, day=self.random.randrange(1, 5), hour=0, minute=0, second=0)
        return local if earliest <= local < self.now else at

    def text(self, at: dt.datetime) -> str:
        """As the API writes it: in the zone of whoever asked."""
        zone = dt.timezone(dt.timedelta(hours=self.random.choice((0, 3, 5, 12, -5))))
        return at.astimezone(zone).isoformat(timespec="seconds")

    def amount(self) -> object:
        return self.random.choice((
            0, 100, 999.99, "1234.5678", 0.1, 33333333.333333, -500, "", None, 7, 1e7,
            self.random.randrange(1, 100_000), round(self.random.random() * 10_000, 3),
        ))  # fmt: skip

    def currency(self) -> str | None:
        return self.random.choice((self.kind.base_currency, "RUB", "RUR", "USD", "usd ", "XXX", "", None))

    def phone(self) -> str:
        if self.random.random() < 0.1:
            return self.random.choice(HIDDEN)
        number = f"{self.random.randrange(40):07d}"
        shape = ("+7 (701) {}", "8701{}", "7701{}", "701{}", "+7-701-{}")
        return self.random.choice(shape).format(number if self.random.random() < 0.9 else number + "1")

    def some(self, chance: float = 0.5) -> bool:
        return self.random.random() < chance

    def a_client(self) -> dict[str, object]:
        """Company and contact of a card: one, both, none, deleted ones, the portal's own company."""
        company = self.random.choice((0, None, self.random.choice(self.companies), 880_000, self.own_company))
        contact = self.random.choice((0, self.random.choice(self.contacts), 990_000))
        others = self.random.sample(self.contacts, 2) if self.some(0.3) else []
        return {
            "companyId": company,
            "contactId": contact,
            "contactIds": [*([contact] if contact else []), *others],
        }

    # The portal

    def dictionaries(self) -> None:
        portal = self.portal
        portal.department(1, "Компания")
        portal.department(2, "Отдел", parent=1, head=2)
        portal.department(3, "Отдел", parent=2, head=4242)
        portal.department(4, "Сирота", parent=77)
        portal.user(1, "Анна", "Ёлкина", UF_DEPARTMENT=[1])
        portal.user(2, "Пётр", "О'Нил", UF_DEPARTMENT=[2, 3])
        portal.user(3, "Пётр", "О'Нил", UF_DEPARTMENT=[3], ACTIVE=False)
        portal.user(5, "", "", UF_DEPARTMENT=[], EMAIL="")
        portal.user(
            6, "Мария", "Соль", UF_DEPARTMENT=[3], DATE_REGISTER=self.text(self.now - dt.timedelta(days=400))
        )
        portal.user(7, "Ия", "Мир", UF_DEPARTMENT=["4", "2"])
        portal.user(8, "Гость", '<b>"X"</b>', UF_DEPARTMENT=False, USER_TYPE="extranet")
        portal.user(9, "Лев", "Ия", UF_DEPARTMENT=["3"], EMAIL="Person1@example.com")
        names = ("Общая", "Общая", "Дилеры & <партнёры>")
        for number, pipeline in enumerate(self.kind.pipelines):
            # One pipeline is gone from the dictionary while its deals are not.
            if number < 2 or len(self.kind.pipelines) < 3:
                portal.pipeline(pipeline, names[number % 3], default=pipeline == 0)
            prefix = f"C{pipeline}:" if pipeline else ""
            dictionary = f"DEAL_STAGE_{pipeline}" if pipeline else "DEAL_STAGE"
            known: dict[str, str | None] = {
                f"{prefix}UC_{self.random.randrange(10**6):06d}": None,
                f"{prefix}NEW": "P" if self.some() else None,
                f"{prefix}FINAL_ДА": "S",
                f"{prefix}LOSE": "F",
                f"{prefix}APOLOGY": "F",
            }
            for sort, (stage, semantic) in enumerate(known.items()):
                words = {"EXTRA": {"SEMANTICS": "apology"}, "SEMANTICS": None} if "APOLOGY" in stage else {}
                portal.status(dictionary, stage, f"Стадия <{sort}>", sort * 10, semantic, **words)
            # Stages that only cards and history remember.
            self.stages[pipeline] = {
                **known,
                f"{prefix}GONE": "P",
                f"{prefix}GONE_WON": "S",
                f"{prefix}GONE_BAD": "F",
            }
        for sort, (status, semantic) in enumerate(
            (("NEW", None), ("UC_ЗВОНОК", None), ("CONVERTED", "S"), ("JUNK", "F"), ("1", "F"))
        ):
            portal.status("STATUS", status, f"Статус {sort}", sort * 10, semantic)
        for sort, (stage, semantic) in enumerate((("DT31_6:N", None), ("DT31_6:P", "S"), ("DT31_6:D", "F"))):
            portal.status("SMART_INVOICE_STAGE_6", stage, f"Счёт {sort}", sort * 10, semantic)
        portal.pipeline(6, "Счета", entity=31, default=True)
        portal.status("SOURCE", "WEB", "Веб-сайт")
        portal.status("SOURCE", "77|AVITO", "Авито 'объявления'")
        portal.status("SOURCE", "OLD", "Старый", deleted_at=self.now - dt.timedelta(days=50))
        base = self.kind.base_currency
        today = self.now.astimezone(self.zone).date()
        # Kept since some days only: before the first snapshot the earliest known holds.
        for days, factor in ((400, 1), (200, 2), (199, 3), (3, 5)):
            day = (today - dt.timedelta(days=days)).isoformat()
            portal.currency(base, "1", day=day)
            if base != "USD":
                portal.currency("USD", f"{90 * factor}.5", day=day)
            if base != "RUB":
                # KZT is quoted in hundreds.
                portal.currency("RUB", f"{500 + factor}", "100", day=day)

    def clients(self) -> None:
        self.companies = [self.id(number) for number in range(25)]
        self.contacts = [self.id(number) for number in range(50)]
        self.own_company = self.id(30)
        for company in self.companies:
            self.portal.company(
                company, self.text(self.moment()), title=self.random.choice(TITLES) or None, phone=self.phone(),
                assignedById=self.random.choice(self.managers),
            )  # fmt: skip
        self.portal.company(self.own_company, self.text(self.moment()), isMyCompany="Y", title="Мы сами")
        for contact in self.contacts:
            # In several companies: the API's companyId is the first of them.
            company = self.random.choice((0, self.random.choice(self.companies), self.own_company, 880_000))
            self.portal.contact(
                contact, self.text(self.moment()), companyId=company, companyIds=[company, self.companies[0]],
                phone=f"{self.phone()},{self.phone()}", lastName=self.random.choice(TITLES),
                assignedById=self.random.choice(self.managers),
            )  # fmt: skip

    def walk(
        self, entity: int, id: int, created: dt.datetime, stages: list[tuple[str, str | None, int]]
    ) -> dt.datetime:
        """Enter stages one after another, some at the same moment; the last moment."""
        at = created
        for stage, semantic, pipeline in stages:
            self.portal.moved(entity, id, stage, semantic, self.text(at), pipeline)
            if self.some(0.85):
                at = self.moment(at)
        return at

    def lead(self, id: int) -> None:
        created = self.moment()
        statuses = {"NEW": "P", "UC_ЗВОНОК": "P", "CONVERTED": "S", "JUNK": "F", "1": "F", "GONE": "F"}
        path = [
            (name, statuses[name], 0)
            for name in self.random.choices(list(statuses), k=self.random.randrange(1, 6))
        ]
        last = self.walk(1, id, created, path) if self.some(0.9) else self.moment(created)
        stage, semantic, _ = path[-1] if self.some(0.93) else self.random.choice(path)
        self.versions(
            self.portal.lead, id, created, last, stageId=stage, stageSemanticId=semantic, phone=self.phone(),
            movedTime=self.text(last) if self.some(0.8) else None,
            dateClosed=self.text(last) if semantic != "P" and self.some() else None,
            sourceId=self.random.choice((None, "", "WEB", "77|AVITO", "OLD", "UNKNOWN")), **self.a_client(),
        )  # fmt: skip

    def versions(
        self, make: Callable[..., None], id: int, created: dt.datetime, last: dt.datetime, **card: object
    ) -> None:
        """A card as it was kept: now, and perhaps before under somebody else, another amount, another date."""
        card.setdefault("title", self.random.choice(TITLES) or None)
        for at in sorted({created if self.some() else last, self.moment(last)}):
            make(
                id, self.text(created), **{
                    **card, "updatedTime": self.text(at), "assignedById": self.random.choice(self.managers),
                    "opportunity": self.amount(), "currencyId": self.currency(),
                },
            )  # fmt: skip

    def deal(self, id: int) -> None:
        created = self.moment()
        pipeline = self.random.choice(self.kind.pipelines)
        path: list[tuple[str, str | None, int]] = []
        for _ in range(self.random.randrange(1, 7)):
            if self.some(0.1):
                pipeline = self.random.choice(self.kind.pipelines)
            stage = self.random.choice(list(self.stages[pipeline]))
            path.append((stage, self.stages[pipeline][stage] or "P", pipeline))
        last = self.walk(2, id, created, path) if self.some(0.92) else self.moment(created)
        stage, semantic, pipeline = path[-1] if self.some(0.95) else self.random.choice(path)
        due = self.random.choice((
            None, "", self.day(-400), self.day(-1), self.day(0), self.day(1), self.day(6), self.day(20), self.day(45),
            self.day(self.random.randrange(-300, 300)),
        ))  # fmt: skip
        if due and self.some(0.7):
            due += self.random.choice(("T00:00:00+12:00", "T23:59:59+00:00", "T03:00:00+03:00"))
        self.versions(
            self.portal.deal, id, created, last, stageId=stage, stageSemanticId=semantic, categoryId=pipeline,
            movedTime=self.text(last) if self.some(0.8) else None, closedate=due, begindate=self.day(-3),
            leadId=self.random.choice((None, 0, self.random.choice(self.ids()), 770_000)) if self.kind.leads else None,
            isRecurring="Y" if self.some(0.05) else "N",
            sourceId=self.random.choice((None, "", "WEB", "77|AVITO", "UNKNOWN")), **self.a_client(),
        )  # fmt: skip
        if self.some(0.6):
            rows = [
                (
                    self.random.choice(("Товар Ё", " Товар  Ё", "<b>", "", "Без товаров")),
                    self.random.choice((0, 7, "100", 999.99, self.random.randrange(-5, 90) / 3)),
                    self.random.choice((0, 1, 1, 2, 0.5)),
                )
                for _ in range(self.random.randrange(4))
            ]
            self.portal.products(id, self.text(last), *rows)

    def day(self, ahead: int) -> str:
        return (self.now.astimezone(self.zone).date() + dt.timedelta(days=ahead)).isoformat()

    def invoice(self, id: int) -> None:
        created = self.moment()
        stages = {"DT31_6:N": "P", "DT31_6:P": "S", "DT31_6:D": "F"}
        path = [
            (name, stages[name], 6)
            for name in self.random.choices(list(stages), k=self.random.randrange(1, 4))
        ]
        last = self.walk(31, id, created, path) if self.some(0.9) else self.moment(created)
        stage, semantic, _ = path[-1]
        self.versions(
            self.portal.invoice, id, created, last, stageId=stage, stageSemanticId=semantic, categoryId=6,
            movedTime=self.text(last), parentId2=self.random.choice((None, self.random.choice(self.ids()))),
            **self.a_client(),
        )  # fmt: skip

    def order(self, id: int) -> None:
        """Of one deal, of several, of one that is gone or a lead's, or of none."""
        deals = self.random.choice(
            ([], [770_000], self.random.sample(self.ids(), 1), self.random.sample(self.ids(), 2))
        )
        at = self.moment()
        payments = [
            {
                "sum": self.amount(), "currency": self.currency(), "paid": self.random.choice("YYYN"),
                "datePaid": self.random.choice((None, self.text(self.moment(at)), self.text(self.moment(at)))),
                "isReturn": self.random.choice(("N", "N", None, "Y", "P")),
            }
            for _ in range(self.random.randrange(4))
        ]  # fmt: skip
        self.portal.order(id, self.text(at), deals, *payments)

    def activity(self, id: int) -> None:
        created = self.moment()
        changed = self.moment(created)
        owner = self.random.choice(
            ((1, self.ids()), (2, self.ids()), (3, self.contacts), (4, self.companies), (31, self.ids()))
        )
        start = self.random.choice(
            (created, self.now + dt.timedelta(days=3), self.now - dt.timedelta(days=2))
        )
        deadline = self.random.choice((
            "9999-12-31T00:00:00+03:00", "9999-12-31T23:59:59+12:00", "", None, self.text(start),
            self.text(self.now + dt.timedelta(hours=self.random.randrange(-99, 99))),
        ))  # fmt: skip
        end = self.random.choice(
            (changed, created, self.now + dt.timedelta(days=9), created - dt.timedelta(days=1))
        )
        kind, provider, direction = self.random.choice((
            ("1", "CRM_MEETING", "0"), ("4", "CRM_EMAIL", "2"), ("4", "CRM_EMAIL", "1"), ("3", "TASKS", "0"),
            ("6", "CRM_TODO", "0"), ("6", "CRM_WEBFORM", "0"), ("2", "VOXIMPLANT_CALL", "2"),
        ))  # fmt: skip
        self.portal.activity(
            id, self.text(created), LAST_UPDATED=self.text(changed), OWNER_TYPE_ID=str(owner[0]),
            OWNER_ID=str(self.random.choice(list(owner[1]))), START_TIME=self.text(start) if self.some(0.8) else "",
            END_TIME=self.text(end),
            DEADLINE=deadline, COMPLETED=self.random.choice("YN"), TYPE_ID=kind, PROVIDER_ID=provider,
            DIRECTION=direction, SUBJECT=self.random.choice(TITLES),
            RESPONSIBLE_ID=str(self.random.choice(self.managers) or 0),
        )  # fmt: skip

    def calls(self) -> None:
        at = self.now - dt.timedelta(days=90)
        phone, session = self.phone(), 0
        bound: set[int] = set()
        for number in range(self.kind.cards * 5):
            near = self.random.random() < 0.45
            at += dt.timedelta(
                seconds=self.random.choice((0, 1, 15, 29, 30, 31))
                if near
                else self.random.randrange(60, 20_000)
            )
            if at >= self.now:
                break
            if not near or self.some(0.3):
                phone, session = self.phone(), session + 1
            kind = self.random.choices((1, 2, 3, 4, 5, 6), (6, 6, 1, 2, 0.3, 0.2))[0]
            code = self.random.choice(("200", "200", "304", "486", "603-S", "", None))
            entity, entity_id = self.random.choice((
                (None, None), ("CONTACT", self.random.choice(self.contacts)), ("COMPANY", self.random.choice(self.companies)),
                ("LEAD", self.random.choice(self.ids())), ("DEAL", self.random.choice(self.ids())),
                ("COMPANY", self.own_company), ("CONTACT", 990_001),
            ))  # fmt: skip
            activity = self.random.choice((None, None, self.random.choice(self.ids())))
            self.portal.call(
                self.id(number), self.text(at), kind, phone, code, self.random.choice((0, 0, 1, 5, 61, 600)),
                PORTAL_USER_ID=str(self.random.choice(self.managers) or 0), CRM_ENTITY_TYPE=entity,
                CRM_ENTITY_ID=str(entity_id) if entity_id else None, SESSION_ID=str(session) if self.some(0.5) else None,
                CRM_ACTIVITY_ID=str(activity) if activity else None,
                CALL_CATEGORY=self.random.choice(("external",) * 9 + ("internal", None)),
            )  # fmt: skip
            if activity and activity not in bound and self.some(0.5):
                bound.add(activity)
                card = self.random.choice(
                    ((2, self.random.choice(self.ids())), (1, self.random.choice(self.ids())), (7, 5))
                )
                self.portal.binding(activity, self.text(at), card, (3, self.random.choice(self.contacts)))

    def sweeps(self) -> None:
        """Two sweeps: the second misses some leads and deals that the first had."""
        if self.kind.first_id > 9000:
            return
        for stream, entity in (("leads", 1), ("deals", 2)):
            all_of = {int(row.id) for row in self.portal.streams[stream]}
            self.portal.sweep(stream, entity, self.text(self.now - dt.timedelta(days=40)), all_of)
            gone = {number for number in all_of if number % 23 == 0}
            self.portal.sweep(stream, entity, self.text(self.now - dt.timedelta(minutes=5)), all_of - gone)
