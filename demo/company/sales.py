"""Leads, deals, clients and invoices: born, moved, handed over, won, lost, reopened and deleted."""

from __future__ import annotations

from collections.abc import Generator
from random import Random
from typing import Any

from demo.company import catalogue as c
from demo.company.diary import Diary
from demo.company.documents import OWN_COMPANY, Documents
from demo.company.records import NO_UTM, Card, Channel, Company, Contact, Deal, Invoice, Lead, ProductRow, Utm
from demo.company.shop import Shop
from demo.company.telephony import Party, Telephony, digits_of, new_digits, party_of, write_phone
from demo.company.user_fields import LOSS_REASON_FIELD, filled
from demo.company.world import (
    DAY,
    FOR_CHANGE,
    FOR_CLIENT,
    FOR_DEAL,
    FOR_FIELDS,
    FOR_GOODS,
    FOR_INVOICE,
    FOR_LEAD,
    FOR_STEP,
    FOR_TIES,
    World,
)

Life = Generator[Any, Any, None]

LEAD_FAILURES = (("JUNK", 30), ("UC_NOTFIT", 28), ("UC_NOCALL", 24), ("UC_DOUBLE", 10), ("UC_SPAM01", 8))


def _person(rng: Random) -> tuple[str, str, str, str]:
    """(name, second name, last name, honorific) of an invented client."""
    if rng.random() < 0.45:
        surname = rng.choice(c.SURNAMES)
        surname = surname[:-2] + "ая" if surname.endswith(("ый", "ой")) else surname + "а"
        return rng.choice(c.FEMALE_NAMES), rng.choice(c.FATHERS) + "на", surname, "HNR_RU_2"
    return rng.choice(c.MALE_NAMES), rng.choice(c.FATHERS) + "ич", rng.choice(c.SURNAMES), "HNR_RU_1"


def _company_title(rng: Random) -> str:
    form = rng.choice(c.COMPANY_FORMS)
    if form == "ИП":
        name, second, last, _ = _person(rng)
        return f"ИП {last} {name[0]}. {second[0]}."
    number = f"-{rng.randrange(2, 40)}" if rng.random() < 0.18 else ""
    return f"{form} «{rng.choice(c.COMPANY_STEMS)}{rng.choice(c.COMPANY_TAILS)}{number}»"


class Sales:
    def __init__(
        self, world: World, telephony: Telephony, diary: Diary, documents: Documents, shop: Shop
    ) -> None:
        self.world = world
        self.telephony = telephony
        self.diary = diary
        self.documents = documents
        self.shop = shop
        self.portal = world.portal
        #: Clients by company and contact id, in the order of their first win: whom repeat selling turns to.
        self.clients: list[tuple[int, int]] = []
        self.winners: set[tuple[int, int]] = set()
        #: Contacts and companies that once talked to us, won or not.
        self.known: list[tuple[int, int]] = []

    def _fill_in(self, kind: int, card: Card) -> None:
        """The fields of the portal's own that the rest of the story leaves alone."""
        world = self.world
        rng = world.stream(FOR_FIELDS, kind, card.id)
        card.custom.update(filled(kind, rng, world.calendar.day_of(world.now), world.now))

    # --- clients

    def found_own_companies(self) -> None:
        """The portal's own legal entities, which are nobody's clients."""
        for title in ("ООО «Горизонт»", "ООО «Горизонт-Сервис»"):
            company = Company(
                id=self.portal.next_id("company", 2),
                title=title,
                created=self.world.now,
                created_by=1,
                assigned=3,
                type_id="OTHER",
                is_mine=True,
                industry="IT",
                employees="EMPLOYEES_2",
            )
            self.world.add_channel(company, "PHONE", "WORK", "+7 (200) 000-00-00")
            self.world.add_card(c.COMPANY, company)

    def add_company(
        self, title: str, by: int, rng: Random, source: str, lead_id: int = 0, digits: str = ""
    ) -> Company:
        company = Company(
            id=self.portal.next_id("company", 2),
            title=title,
            created=self.world.now,
            created_by=by or 1,
            assigned=by,
            type_id=rng.choices(("CUSTOMER", "PARTNER", "OTHER"), (88, 8, 4))[0],
            source=source,
            lead_id=lead_id,
            opened=rng.random() < 0.93,
            industry=rng.choice(("MANUFACTURING", "DELIVERY", "IT", "OTHER", "CONSULTING")),
            employees=f"EMPLOYEES_{rng.choice((1, 1, 2, 2, 3, 4))}",
            revenue=rng.choice((0, 0, 12, 40, 150)) * 100_000_000,
        )
        company.custom["UF_CRM_1731000021"] = f"00{rng.randrange(10**8):08d}" if rng.random() < 0.7 else None
        company.custom["UF_CRM_1731000022"] = sorted(rng.sample((71, 73, 75), rng.randrange(3)))
        if rng.random() < 0.85:
            self.world.add_channel(company, "PHONE", "WORK", write_phone(digits or new_digits(rng), rng))
        if rng.random() < 0.6:
            self.world.add_channel(company, "EMAIL", "WORK", f"info@company{company.id}.example.com")
        if rng.random() < 0.3:
            self.world.add_channel(company, "WEB", "WORK", f"https://company{company.id}.example.com")
        self._fill_in(c.COMPANY, company)
        self.world.add_card(c.COMPANY, company)
        self._tend(c.COMPANY, company, rng)
        return company

    def add_contact(
        self,
        person: tuple[str, str, str, str],
        by: int,
        rng: Random,
        source: str,
        company_id: int = 0,
        lead: Lead | None = None,
        digits: str = "",
        utm: Utm = NO_UTM,
    ) -> Contact:
        name, second, last, honorific = person
        contact = Contact(
            id=self.portal.next_id("contact", 2),
            title="",
            created=self.world.now,
            created_by=by or 1,
            assigned=by,
            name=name,
            second_name=second if rng.random() < 0.7 else None,
            last_name=last,
            honorific=honorific,
            post=rng.choice(c.POSTS),
            source=source,
            utm=utm,
            company_id=company_id,
            lead_id=lead.id if lead else 0,
            opened=rng.random() < 0.93,
            type_id=rng.choices(("CLIENT", "PARTNER", "OTHER", "SUPPLIER"), (90, 5, 3, 2))[0],
        )
        if rng.random() < 0.1:
            contact.custom["UF_CRM_1731000031"] = "Решает сам"
            contact.source_description = "Визитка с выставки"
        if rng.random() < 0.12:
            contact.birth_day = 719_163 + rng.randrange(-3600, 12_000)
        if rng.random() < 0.94:
            self.world.add_channel(
                contact, "PHONE", rng.choice(("WORK", "MOBILE")), write_phone(digits or new_digits(rng), rng)
            )
        if rng.random() < 0.66:
            self.world.add_channel(contact, "EMAIL", "WORK", f"client{contact.id}@example.com")
        self._fill_in(c.CONTACT, contact)
        self.world.add_card(c.CONTACT, contact)
        self._tend(c.CONTACT, contact, rng)
        if company_id:
            self._tie(contact)
        return contact

    def _tie(self, contact: Contact) -> None:
        """Some contacts have a colleague on file, and a few work for a second company too."""
        ties = self.world.stream(FOR_TIES, c.CONTACT, contact.id)
        if ties.random() < 0.02 and self.known:
            second = ties.choice(self.known)[0]
            if second not in (0, contact.company_id) and second in self.portal.cards[c.COMPANY]:
                contact.other_companies = [second]
        if ties.random() < 0.14:
            when = self.world.calendar.days_later(self.world.now, 1 + ties.random() * 40, ties)
            self.world.at(when, self._add_colleague, contact, ties)

    def _add_colleague(self, contact: Contact, rng: Random) -> None:
        if self.world.alive(c.CONTACT, contact) and contact.company_id in self.portal.cards[c.COMPANY]:
            self.add_contact(_person(rng), contact.assigned, rng, contact.source, contact.company_id)

    def _tend(self, kind: int, card: Company | Contact, rng: Random) -> None:
        """Later corrections of a client's card; one in eighty is deleted as a duplicate."""
        if rng.random() < 0.35:
            self.world.at(
                self.world.calendar.days_later(self.world.now, rng.random() * 200, rng),
                self._correct,
                kind,
                card,
                rng.random(),
            )
        if rng.random() < 0.012:
            self.world.at(
                self.world.calendar.days_later(self.world.now, 3 + rng.random() * 60, rng),
                self._drop,
                kind,
                card,
            )

    def _correct(self, kind: int, card: Company | Contact, luck: float) -> None:
        if not self.world.alive(kind, card):
            return
        if luck < 0.4 and not any(ch.type == "EMAIL" for ch in card.channels):
            card.channels.append(
                Channel(self.portal.next_id("channel", 2), "EMAIL", "WORK", f"new{card.id}@example.org")
            )
        elif luck < 0.7:
            card.comments = "Уточнили реквизиты и адрес доставки"
        elif kind == c.COMPANY:
            card.custom["UF_CRM_1731000023"] = f"{round(luck * 100) * 1000}|RUB"
        self.world.touch(card, card.assigned)

    def _drop(self, kind: int, card: Any) -> None:
        if self.world.alive(kind, card) and (card.company_id, card.id) not in self.winners:
            self.world.delete_card(kind, card)

    # --- leads

    def add_lead(self, moment_rng: Random) -> None:
        """A lead comes in through some channel."""
        world = self.world
        lead_id = self.portal.next_id("lead", 2)
        rng = world.stream(FOR_LEAD, lead_id)
        source = rng.choices(c.SOURCES, [s.weight for s in c.SOURCES])[0]
        in_hours = world.calendar.in_hours(world.now)
        if not in_hours and source.id in ("CALL", "TRADE_SHOW", "UC_COLD01"):
            source = next(s for s in c.SOURCES if s.id == "WEB")
        manager = world.pick_manager(
            (c.TELEMARKETING,) if rng.random() < 0.72 else (c.NEW_CLIENTS, c.REGIONS, c.EAST), rng
        )
        need, person = rng.choice(c.NEEDS), _person(rng)
        lead = Lead(
            id=lead_id,
            created=world.now,
            created_by=manager if source.id in ("CALL", "UC_COLD01") else 1,
            assigned=manager,
            opened=rng.random() < 0.93,
            source=source.id if rng.random() > c.EMPTY_SOURCE_SHARE else "",
            utm=_utm(source, rng),
            title=f"{'Звонок' if source.id == 'CALL' else 'Заявка'}: {need.lower()}",
            name=person[0],
            second_name=person[1] if rng.random() < 0.3 else None,
            last_name=person[2] if rng.random() < 0.7 else None,
            company_title=_company_title(rng) if rng.random() < 0.62 else None,
            post=rng.choice(c.POSTS),
        )
        lead.custom["UF_CRM_1731000011"] = need if rng.random() < 0.8 else None
        lead.custom["UF_CRM_1731000012"] = rng.random() < 0.4
        if rng.random() < 0.3:
            lead.honorific, lead.city = person[3], rng.choice(c.CITIES)
        if rng.random() < 0.03:
            lead.birth_day = 719_163 + rng.randrange(-3600, 12_000)
        if rng.random() < 0.15:
            lead.comments = (
                f"[B]{need}[/B]\nУдобнее звонить {rng.choice(('утром', 'после обеда', 'вечером'))}"
            )
        digits = new_digits(rng)
        if self.known and rng.random() < 0.09:
            digits = self._returning(lead, rng) or digits
        if rng.random() < 0.95:
            world.add_channel(lead, "PHONE", "WORK", write_phone(digits, rng))
        if rng.random() < 0.5:
            world.add_channel(lead, "EMAIL", "WORK", f"lead{lead_id}@example.com")
        if rng.random() < 0.25:
            lead.amount, lead.source_description = rng.randrange(3, 60) * 1_000_000, "Оценка с формы"
        self._fill_in(c.LEAD, lead)
        world.add_card(c.LEAD, lead)
        world.enter(c.LEAD, lead, "NEW", "P", 1, lead.created_by)
        self._next_step(lead, 0.4, 1.0)
        world.begin(self._lead_life(lead, source, rng))

    def _next_step(self, lead: Lead, chance: float, days: float) -> None:
        """What is to be done about the lead, where somebody writes it down."""
        world = self.world
        rng = world.stream(FOR_STEP, lead.id, world.now)
        if rng.random() < chance:
            due = world.calendar.days_later(world.now, days * (0.5 + rng.random()), rng)
            self.diary.plan(lead.assigned, [(c.LEAD, lead.id)], due, rng)

    def _returning(self, lead: Lead, rng: Random) -> str | None:
        """An old acquaintance leaves a new lead: the cards are linked."""
        company_id, contact_id = rng.choice(self.known)
        contact = self.portal.cards[c.CONTACT].get(contact_id)
        if contact is None or not contact.phone():
            return None
        lead.returning, lead.contact_ids, lead.company_id = True, [contact_id], company_id
        return digits_of(contact.phone())

    def _lead_life(self, lead: Lead, source: c.Source, rng: Random) -> Life:
        world, calendar = self.world, self.world.calendar
        if lead.source == "CALL" and lead.phone():
            self.telephony.ring(
                Party(digits_of(lead.phone()), c.LEAD, lead.id),
                (c.TELEMARKETING, c.NEW_CLIENTS),
                lead.assigned,
                0.93,
            )
        if rng.random() < 0.012:  # junk nobody ever looks at, wiped by an administrator
            yield world.until(calendar.days_later(world.now, 1 + rng.random() * 12, rng))
            if world.alive(c.LEAD, lead):
                world.delete_card(c.LEAD, lead)
                if rng.random() < 0.1:  # not junk after all
                    yield world.until(calendar.days_later(world.now, 1 + rng.random() * 6, rng))
                    world.restore_card(c.LEAD, lead)
            return
        user = c_user(lead.assigned)
        wait = rng.expovariate(1 / 2400) if rng.random() < 0.8 else rng.expovariate(1 / 90_000)
        yield world.until(calendar.at_work(world.now + 240 + int(wait / user.skill), rng))
        talked = False
        for attempt in range(1, rng.choice((2, 3, 3, 4, 5)) + 1):
            if not world.alive(c.LEAD, lead):
                return
            if attempt == 1 and lead.stage == "NEW" and rng.random() < 0.93:
                world.enter(c.LEAD, lead, "IN_PROCESS", "P", 2, lead.assigned)
            party = party_of(world, (c.LEAD, lead.id))
            if party is None:
                talked = rng.random() < 0.3
                self.diary.write(lead.assigned, [(c.LEAD, lead.id)], _mail(lead), rng)
                break
            caller = world.present(lead.assigned or 11)
            talked, over = self.telephony.dial(caller, party, 0.56, tries=attempt)
            if talked:
                yield world.until(over + 60)
                break
            if attempt == 2 and lead.stage == "IN_PROCESS" and rng.random() < 0.6:
                yield world.until(over + 120)
                world.enter(c.LEAD, lead, "UC_CALLBK", "P", 2, lead.assigned)
                self.diary.plan(
                    lead.assigned,
                    [(c.LEAD, lead.id)],
                    calendar.days_later(world.now, 1 + rng.random(), rng),
                    rng,
                )
            yield world.until(calendar.days_later(over, rng.random() * 1.6 * attempt, rng))
        if rng.random() < 0.035:
            self._next_step(lead, 0.5, 20.0)
            return  # forgotten: stays in work for ever
        if rng.random() < 0.06:
            lead.assigned = world.pick_manager((c.TELEMARKETING, c.NEW_CLIENTS), rng, lead.assigned)
            world.touch(lead, 11)
        if not world.alive(c.LEAD, lead):
            return
        chance = 0.50 * source.quality * (0.55 + 0.45 * user.skill) if talked else 0.05
        if talked and rng.random() < 0.75:
            world.enter(c.LEAD, lead, "PROCESSED", "P", 2, lead.assigned)
            self._next_step(lead, 0.6, 1.5)
            yield world.until(calendar.days_later(world.now, rng.expovariate(1 / 1.2), rng))
            if not world.alive(c.LEAD, lead):
                return
        if rng.random() < chance:
            self._convert(lead, rng)
            if rng.random() < 0.015:  # tidied away although deals keep its id
                yield world.until(calendar.days_later(world.now, 10 + rng.random() * 60, rng))
                if world.alive(c.LEAD, lead):
                    world.delete_card(c.LEAD, lead)
        else:
            weights = [w * (4 if not talked and s == "UC_NOCALL" else 1) for s, w in LEAD_FAILURES]
            failure = rng.choices([s for s, _ in LEAD_FAILURES], weights)[0]
            self._close_lead(lead, failure, "F")
            if failure == "UC_SPAM01" and rng.random() < 0.5:
                yield world.until(calendar.days_later(world.now, rng.random() * 20, rng))
                if world.alive(c.LEAD, lead):
                    world.delete_card(c.LEAD, lead)
            elif rng.random() < 0.03:  # a second look: reopened and, more often than not, qualified
                yield world.until(calendar.days_later(world.now, 3 + rng.random() * 30, rng))
                if world.alive(c.LEAD, lead):
                    lead.closed = 0
                    world.enter(c.LEAD, lead, "IN_PROCESS", "P", 2, lead.assigned)
                    yield world.until(calendar.days_later(world.now, 0.5 + rng.random() * 4, rng))
                    if world.alive(c.LEAD, lead):
                        if rng.random() < 0.6:
                            self._convert(lead, rng)
                        else:
                            self._close_lead(lead, "UC_NOTFIT", "F")

    def _close_lead(self, lead: Lead, stage: str, semantic: str) -> None:
        lead.closed = self.world.now
        self.world.enter(c.LEAD, lead, stage, semantic, 3, lead.assigned)

    def _convert(self, lead: Lead, rng: Random) -> None:
        """A good lead becomes a contact, mostly a company, and nearly always a deal."""
        self._close_lead(lead, "CONVERTED", "S")
        digits = digits_of(lead.phone())
        if not lead.contact_ids:
            company_id = 0
            if lead.company_title:
                company_id = self.add_company(lead.company_title, lead.assigned, rng, lead.source, lead.id).id
            person = (lead.name or "", lead.second_name or "", lead.last_name or "", "HNR_RU_1")
            contact = self.add_contact(
                person, lead.assigned, rng, lead.source, company_id, lead, digits, lead.utm
            )
            lead.company_id, lead.contact_ids = company_id, [contact.id]
            self.known.append((company_id, contact.id))
        if rng.random() < 0.95:
            pipeline = rng.choices(c.PIPELINES, [p.new for p in c.PIPELINES])[0]
            self.add_deal(
                pipeline, lead.company_id, list(lead.contact_ids), lead=lead, source=lead.source, utm=lead.utm
            )

    # --- deals

    def add_active_deal(self, rng: Random) -> None:
        """Active selling: a deal without a lead, with a new client or with an acquaintance."""
        pipeline = rng.choices(c.PIPELINES, [p.active for p in c.PIPELINES])[0]
        manager = self.world.pick_manager(pipeline.departments, rng)
        if self.known and rng.random() < 0.3:
            company_id, contact_id = rng.choice(self.known)
        else:
            source = rng.choice(("UC_COLD01", "UC_COLD01", "RECOMMENDATION", "TRADE_SHOW", "PARTNER"))
            crng = self.world.stream(FOR_CLIENT, self.portal.counters.get("contact", 0))
            company_id = (
                self.add_company(_company_title(crng), manager, crng, source).id if crng.random() < 0.8 else 0
            )
            contact_id = self.add_contact(_person(crng), manager, crng, source, company_id).id
            self.known.append((company_id, contact_id))
        source = rng.choice(("UC_COLD01", "RECOMMENDATION", "TRADE_SHOW", "PARTNER", "CALL", ""))
        contacts = [contact_id] if rng.random() > 0.02 else []
        self.add_deal(pipeline, company_id if contacts else 0, contacts, manager=manager, source=source)

    def add_repeat_deal(self, rng: Random) -> None:
        """An old client buys again; the recent ones and the loyal few more often."""
        if not self.clients:
            return self.add_active_deal(rng)
        depth = len(self.clients)
        index = (
            depth - 1 - int(depth * rng.random() ** 1.5)
            if rng.random() < 0.6
            else int(depth * rng.random() ** 3)
        )
        company_id, contact_id = self.clients[min(depth - 1, max(0, index))]
        pipeline = rng.choices(c.PIPELINES, [p.repeat for p in c.PIPELINES])[0]
        contacts = [contact_id] if contact_id in self.portal.cards[c.CONTACT] else []
        if company_id and rng.random() < 0.08:
            colleague = self.add_contact(_person(rng), 42, rng, "", company_id)
            contacts.append(colleague.id)
        return self.add_deal(
            pipeline,
            company_id,
            contacts,
            source=rng.choice(("CALL", "EMAIL", "RECOMMENDATION", "", "")),
            repeat=True,
        )

    def add_deal(
        self,
        pipeline: c.Pipeline,
        company_id: int,
        contacts: list[int],
        lead: Lead | None = None,
        manager: int | None = None,
        source: str = "",
        utm: Utm = NO_UTM,
        repeat: bool = False,
        lead_id: int = 0,
    ) -> Deal:
        world, portal = self.world, self.portal
        deal_id = portal.next_id("deal", 2)
        rng = world.stream(FOR_DEAL, deal_id)
        if manager is None:
            same = lead is not None and c_user(lead.assigned).departments[:1] in {
                (d,) for d in pipeline.departments
            }
            manager = lead.assigned if same and lead else world.pick_manager(pipeline.departments, rng)
        today = world.calendar.day_of(world.now)
        if contacts and world.stream(FOR_TIES, c.DEAL, deal_id).random() < 0.004:
            company_id = OWN_COMPANY  # somebody mistook «реквизиты вашей компании» for the client
        currency = (
            rng.choice(pipeline.currencies) if rng.random() < 0.97 else rng.choice(("USD", "EUR", "CNY"))
        )
        company = portal.cards[c.COMPANY].get(company_id)
        product = c.PRODUCT_BY_ID[rng.choice(pipeline.products)].name if pipeline.products else pipeline.name
        deal = Deal(
            id=deal_id,
            title=f"{product} — {company.title}"
            if company and rng.random() < 0.8
            else f"{product} № {deal_id}",
            created=world.now,
            created_by=(lead.assigned if lead else manager) or 1,
            assigned=manager,
            opened=rng.random() < 0.9,
            category=pipeline.id,
            currency=currency,
            lead_id=lead.id if lead else lead_id,
            source=source,
            utm=utm,
            company_id=company_id,
            contact_ids=contacts,
            begin_day=today,
            close_day=today
            + (7 if rng.random() < 0.22 else max(1, round(pipeline.cycle_days * rng.uniform(0.6, 2.0)))),
            returning=repeat or (company_id, contacts[0] if contacts else 0) in self.winners,
            repeated_approach=lead is not None and lead.returning and rng.random() < 0.5,
            type_id=rng.choices(("SALE", "COMPLEX", "GOODS", "SERVICES", "SERVICE"), (55, 10, 20, 10, 5))[0],
            probability=rng.choice((None, None, None, 10, 30, 50, 75)),
        )
        deal.custom["UF_CRM_1731000002"] = rng.random() < 0.4
        deal.custom["UF_CRM_1731000003"] = (
            f"{rng.randrange(10, 90) * 1000}|{currency}" if rng.random() < 0.1 else None
        )
        deal.custom["UF_CRM_1731000004"] = (
            f"Г-{deal_id}/{rng.randrange(10, 99)}" if rng.random() < 0.35 else None
        )
        deal.custom["UF_CRM_1731000005"] = today + rng.randrange(5, 60) if rng.random() < 0.12 else None
        deal.custom[LOSS_REASON_FIELD.name] = None
        if rng.random() < 0.12:
            deal.comments = rng.choice(
                ("Просят рассрочку", "[I]Ждут решения директора[/I]", "Сравнивают с конкурентом")
            )
        if rng.random() < 0.06:
            deal.additional_info = "Доставка до склада клиента"
        if rng.random() < 0.08:
            deal.source_description = "Со слов клиента"
        if rng.random() < 0.1:
            deal.observers = sorted({5, rng.choice((21, 41, 51))})
        self._fill_in(c.DEAL, deal)
        self._price(deal, pipeline, rng)
        world.add_card(c.DEAL, deal)
        for client in ((c.COMPANY, company_id), *((c.CONTACT, i) for i in contacts)):
            if client[1]:
                portal.deals_of.setdefault(client, []).append(deal_id)
        world.begin(self._deal_life(deal, pipeline, rng))
        return deal

    def _price(self, deal: Deal, pipeline: c.Pipeline, rng: Random) -> None:
        """The amount, and product rows that add up to it on four priced deals of five."""
        if not pipeline.amount:
            deal.amount, deal.manual_amount = 0, rng.random() < 0.5
            return
        target = (
            pipeline.amount
            * rng.lognormvariate(-0.25, 0.7)
            / self.world.rate(deal.currency, self.world.calendar.day_of(self.world.now))
        )
        if rng.random() < 0.8:
            deal.manual_amount = False
            self._fill_rows(deal, pipeline, target, rng)
        else:
            step = 100 if target > 5000 else 1
            deal.amount = max(1, round(target / step)) * step * 100
            if rng.random() < 0.02:
                deal.amount = 0

    def _fill_rows(self, deal: Deal, pipeline: c.Pipeline, target: float, rng: Random) -> None:
        count = rng.choice((1, 1, 2, 2, 3, 4))
        choices = (
            rng.sample(c.PRODUCTS, min(2, count))
            if rng.random() < 0.2
            else [
                c.PRODUCT_BY_ID[i] for i in rng.sample(pipeline.products, min(count, len(pipeline.products)))
            ]
        )
        rate = self.world.rate(deal.currency, self.world.calendar.day_of(self.world.now))
        rows = []
        for number, product in enumerate(choices, start=1):
            kinds = VARIANTS_OF.get(product.id)
            if kinds:
                product = self.world.stream(FOR_GOODS, deal.id, number).choice(kinds)
            price = round(product.price * 100 / rate)
            quantity = max(1, round(target * 100 / len(choices) / price))
            rows.append(
                ProductRow(
                    self.portal.next_id("row"),
                    deal.id,
                    product.id if rng.random() < 0.93 else 0,
                    product.name,
                    price,
                    min(quantity, 400),
                    rng.choice((0, 0, 0, 5, 10, 15)),
                    product.measure,
                    number * 10,
                )
            )
        self.portal.product_rows[deal.id] = rows
        deal.amount = sum(row_total(row) for row in rows)

    def _deal_life(self, deal: Deal, pipeline: c.Pipeline, rng: Random) -> Life:
        world = self.world
        stages = pipeline.process()
        fate = rng.random()
        if fate < 0.018:  # registered when all was over: a single final record, no record of creation
            won = rng.random() < 0.7
            yield from self._finish(deal, won, rng)
            return
        start = 1 if fate < 0.07 and len(stages) > 1 else 0
        world.enter(c.DEAL, deal, pipeline.prefix() + stages[start].code, "P", 1, deal.created_by)
        deal.is_new = start == 0
        if rng.random() < 0.006 and not deal.lead_id:
            deal.recurring = True  # the template of a regular deal: stays where it is
            return
        skill = c_user(deal.assigned).skill
        quality = next((s.quality for s in c.SOURCES if s.id == deal.source), 1.0)
        chance = min(0.93, pipeline.win_rate * skill**0.8 * quality**0.35 * (1.15 if deal.returning else 1.0))
        outcome = rng.random()
        won, stuck = outcome < chance, outcome > 0.945
        last = len(stages) if won else rng.randrange(start + 1, len(stages) + 1)
        stay = pipeline.cycle_days / len(stages) * (0.75 + 0.25 / skill)
        for position in range(start, last):
            if position > start:
                if position < last - 1 and rng.random() < 0.12:
                    continue  # skipped stages leave no record
                if not world.alive(c.DEAL, deal):
                    return
                deal.is_new = False
                world.enter(c.DEAL, deal, self._code(deal, position), "P", 2, deal.assigned)
            if position == min(2, len(stages) - 1):
                self.documents.offer(deal)
            yield from self._work(deal, stay * rng.lognormvariate(-0.3, 0.8), rng)
            if not world.alive(c.DEAL, deal):
                return
            self._vary(deal, pipeline, rng)
            if rng.random() < 0.013:
                world.delete_card(c.DEAL, deal)
                if rng.random() > 0.15:
                    return
                yield world.until(world.calendar.days_later(world.now, 1 + rng.random() * 8, rng))
                world.restore_card(c.DEAL, deal)
        if stuck:
            yield from self._neglect(deal, rng)
            return
        yield from self._finish(deal, won, rng)

    def _code(self, deal: Deal, position: int) -> str:
        pipeline = c.PIPELINE_BY_ID[deal.category]
        stages = pipeline.process()
        return pipeline.prefix() + stages[min(position, len(stages) - 1)].code

    def _work(self, deal: Deal, days: float, rng: Random) -> Life:
        """What happens while the deal stays on a stage: calls, letters, meetings, a planned next step."""
        world, calendar = self.world, self.world.calendar
        ends = calendar.days_later(world.now, days, rng)
        bindings = [(c.DEAL, deal.id), (c.CONTACT, deal.contact_id), (c.COMPANY, deal.company_id)]
        if rng.random() < 0.5:
            self.diary.plan(deal.assigned, bindings, calendar.at_work(ends - rng.randrange(7200), rng), rng)
        if rng.random() < 0.20:
            when = calendar.days_later(world.now, days * 0.5, rng)
            self.diary.meet(deal.assigned, bindings, when, rng)
        calls = rng.choices((0, 1, 2), cum_weights=(46, 88, 100))[0]
        for number in range(calls):
            moment = calendar.at_work(world.now + int((ends - world.now) * (0.2 + 0.5 * rng.random())), rng)
            if moment >= ends:
                break
            yield world.until(moment)
            party = party_of(world, (c.DEAL, deal.id))
            if party is None:
                break
            if rng.random() < 0.2:
                world.at(
                    world.now,
                    self.telephony.ring,
                    party,
                    c.PIPELINE_BY_ID[deal.category].departments,
                    deal.assigned,
                    0.86,
                )
            else:
                self.telephony.dial(world.present(deal.assigned or 11), party, 0.62, tries=number + 1)
        if rng.random() < 0.28:
            contact = self.portal.cards[c.CONTACT].get(deal.contact_id)
            self.diary.write(world.present(deal.assigned), bindings, _mail(contact), rng, rng.random() < 0.3)
        yield world.until(ends)

    def _vary(self, deal: Deal, pipeline: c.Pipeline, rng: Random) -> None:
        """Between stages: bargaining, another responsible, a later date, another pipeline."""
        luck = rng.random()
        if luck < 0.13 and deal.amount:
            self._bargain(deal, rng)
        elif luck < 0.17:
            deal.assigned = self.world.pick_manager(pipeline.departments, rng, deal.assigned)
            self.world.touch(deal, deal.assigned)
        elif luck < 0.19 and pipeline.id not in (c.AUDIT_PIPELINE,):
            self._change_pipeline(deal, rng)
        today = self.world.calendar.day_of(self.world.now)
        if deal.close_day <= today and rng.random() < 0.6:
            deal.close_day = today + rng.choice((2, 3, 5, 7, 10, 14, 21, 30))
            self.world.touch(deal, deal.assigned)

    def _bargain(self, deal: Deal, rng: Random) -> None:
        rows = self.portal.product_rows.get(deal.id)
        if rows:
            if len(rows) > 1 and rng.random() < 0.3:
                rows.pop()
            else:
                rng.choice(rows).quantity = max(1, round(rows[0].quantity * rng.uniform(0.5, 1.8)))
            deal.amount = sum(row_total(row) for row in rows)
        else:
            deal.amount = max(100, round(deal.amount * rng.uniform(0.7, 1.35) / 10_000) * 10_000)
        self.world.touch(deal, deal.assigned)

    def _change_pipeline(self, deal: Deal, rng: Random, target: c.Pipeline | None = None) -> None:
        """Only a record of type 5; the stage is the first one of the new pipeline."""
        if target is None:
            current = c.PIPELINE_BY_ID[deal.category]
            near = [
                p
                for p in c.PIPELINES
                if p.id != current.id
                and p.id != c.AUDIT_PIPELINE
                and set(p.departments) & set(current.departments)
            ]
            target = rng.choice(near or [c.PIPELINE_BY_ID[0]])
        deal.category = target.id
        self.world.enter(c.DEAL, deal, target.prefix() + target.process()[0].code, "P", 5, deal.assigned)

    def _neglect(self, deal: Deal, rng: Random) -> Life:
        """Nobody closes it: it hangs overdue, touched now and then, closed as lost after months if at all."""
        world, calendar = self.world, self.world.calendar
        for _ in range(rng.randrange(1, 4)):
            yield world.until(calendar.days_later(world.now, 12 + rng.random() * 35, rng))
            if not world.alive(c.DEAL, deal):
                return
            if rng.random() < 0.4:
                deal.close_day = calendar.day_of(world.now) + rng.randrange(3, 40)
            world.touch(deal, deal.assigned)
        if rng.random() < 0.72:
            yield from self._finish(deal, False, rng)

    def _finish(self, deal: Deal, won: bool, rng: Random) -> Life:
        """Won or lost, and what may follow: an invoice, the next deal, a reopening, a deletion."""
        world, calendar = self.world, self.world.calendar
        self._close_deal(deal, won, rng)
        if not won:
            fate = rng.random()
            if fate < 0.035:
                yield world.until(calendar.days_later(world.now, 4 + rng.random() * 60, rng))
                yield from self._reopen(deal, rng, 0.5)
            elif fate < 0.055:  # registered by mistake
                yield world.until(calendar.days_later(world.now, 2 + rng.random() * 40, rng))
                if world.alive(c.DEAL, deal):
                    world.delete_card(c.DEAL, deal)
            return
        pipeline = c.PIPELINE_BY_ID[deal.category]
        if pipeline.id == c.AUDIT_PIPELINE:
            yield from self._hand_over(deal, rng)
            return
        if not self.shop.sells(deal):
            self._bill(deal, rng)
        self.documents.follow_up(deal)
        if rng.random() < 0.02:
            yield world.until(calendar.days_later(world.now, 2 + rng.random() * 25, rng))
            yield from self._reopen(deal, rng, 0.75)
        elif rng.random() < 0.004:
            yield world.until(calendar.days_later(world.now, 5 + rng.random() * 40, rng))
            if world.alive(c.DEAL, deal):
                world.delete_card(c.DEAL, deal)

    def _close_deal(self, deal: Deal, won: bool, rng: Random) -> None:
        world = self.world
        pipeline = c.PIPELINE_BY_ID[deal.category]
        failures = pipeline.failures()
        if won:
            stage = pipeline.success()
            self._remember_win(deal)
        else:
            stage = rng.choices(failures, [1 / (i + 1) ** 0.4 for i in range(len(failures))])[0]
            if rng.random() < 0.78:
                deal.custom[LOSS_REASON_FIELD.name] = rng.choices(
                    [o for o, _ in LOSS_REASON_FIELD.options], (26, 22, 16, 10, 16, 10)
                )[0]
        deal.is_new = False
        deal.close_day = world.calendar.day_of(world.now)  # the portal's option enable_close_date_sync is on
        world.enter(c.DEAL, deal, pipeline.prefix() + stage.code, stage.semantic, 3, deal.assigned)
        if not won and len(failures) > 1 and rng.random() < 0.03:
            other = rng.choice([f for f in failures if f is not stage])
            world.at(
                world.calendar.days_later(world.now, 1 + rng.random() * 9, rng),
                self._regrade,
                deal,
                pipeline.prefix() + other.code,
                stage.code,
            )

    def _regrade(self, deal: Deal, stage: str, expected: str) -> None:
        """From one failure stage to another: the deal was lost before and stays lost."""
        if self.world.alive(c.DEAL, deal) and deal.semantic == "F" and deal.stage.endswith(expected):
            self.world.enter(c.DEAL, deal, stage, "F", 3, deal.assigned)

    def _remember_win(self, deal: Deal) -> None:
        client = (deal.company_id, deal.contact_id)
        if client != (0, 0) and client not in self.winners and deal.category != c.AUDIT_PIPELINE:
            self.winners.add(client)
            self.clients.append(client)

    def _reopen(self, deal: Deal, rng: Random, chance: float) -> Life:
        world = self.world
        if not world.alive(c.DEAL, deal):
            return
        deal.custom[LOSS_REASON_FIELD.name] = None
        deal.close_day = world.calendar.day_of(world.now) + 7
        world.enter(c.DEAL, deal, self._code(deal, 2), "P", 2, deal.assigned)
        yield from self._work(deal, 1 + rng.random() * 14, rng)
        if world.alive(c.DEAL, deal):
            self._close_deal(deal, rng.random() < chance, rng)

    def _hand_over(self, deal: Deal, rng: Random) -> Life:
        """After a successful audit sellers take over: in the same card, or in a new deal of the same lead."""
        world = self.world
        if rng.random() < 0.28:
            yield world.until(world.calendar.days_later(world.now, rng.random() * 2, rng))
            if world.alive(c.DEAL, deal):
                target = c.PIPELINE_BY_ID[c.NEW_PIPELINE]
                deal.assigned = world.pick_manager(target.departments, rng)
                self._change_pipeline(deal, rng, target)
                self._price(deal, target, rng)
                deal.close_day = world.calendar.day_of(world.now) + 25
                yield from self._carry_on(deal, target, rng)
            return
        pipeline = rng.choices(
            (c.PIPELINE_BY_ID[c.NEW_PIPELINE], c.PIPELINE_BY_ID[15], c.PIPELINE_BY_ID[31]), (84, 8, 8)
        )[0]
        lead_id = deal.lead_id if rng.random() < 0.6 else 0
        yield world.until(world.now + 60 + rng.randrange(1800))
        self.add_deal(
            pipeline,
            deal.company_id,
            list(deal.contact_ids),
            source=deal.source,
            utm=deal.utm,
            lead_id=lead_id,
        )

    def _carry_on(self, deal: Deal, pipeline: c.Pipeline, rng: Random) -> Life:
        """The rest of a deal's way after it came to another pipeline."""
        world = self.world
        won = rng.random() < pipeline.win_rate * c_user(deal.assigned).skill ** 0.8
        count = len(pipeline.process())
        for position in range(1, count if won else rng.randrange(2, count + 1)):
            yield from self._work(deal, pipeline.cycle_days / count * rng.lognormvariate(-0.3, 0.7), rng)
            if not world.alive(c.DEAL, deal):
                return
            world.enter(c.DEAL, deal, self._code(deal, position), "P", 2, deal.assigned)
        yield from self._work(deal, 1 + rng.random() * 4, rng)
        if world.alive(c.DEAL, deal):
            yield from self._finish(deal, won, rng)

    # --- invoices

    def _bill(self, deal: Deal, rng: Random) -> None:
        """Invoices for a won deal: one, or an advance and the rest; some are never made."""
        if not deal.amount or rng.random() < 0.2:
            return
        shares = (0.3, 0.7) if deal.amount > 60_000_000 and rng.random() < 0.6 else (1.0,)
        for number, share in enumerate(shares):
            when = self.world.calendar.at_work(
                self.world.now + 300 + rng.randrange(7200) + number * 6 * DAY, rng
            )
            self.world.at(when, self._add_invoice, deal, round(deal.amount * share))

    def _add_invoice(self, deal: Deal, amount: int) -> None:
        world, portal = self.world, self.portal
        if not world.alive(c.DEAL, deal):
            return
        number = portal.next_id("invoice", 2)
        rng = world.stream(FOR_INVOICE, number)
        today = world.calendar.day_of(world.now)
        invoice = Invoice(
            id=number,
            title=f"Счёт № {number}",
            created=world.now,
            created_by=deal.assigned or 1,
            assigned=deal.assigned,
            category=c.INVOICE_CATEGORY,
            amount=amount,
            currency=deal.currency,
            number=str(number),
            deal_id=deal.id,
            quote_id=self.documents.accepted_quote(deal),
            company_id=deal.company_id,
            contact_ids=list(deal.contact_ids),
            my_company_id=OWN_COMPANY,
            source=deal.source,
            begin_day=today,
            close_day=today + rng.choice((3, 5, 7, 10, 14)),
            manual_amount=False,
        )
        self._fill_in(c.INVOICE, invoice)
        world.add_card(c.INVOICE, invoice)
        world.enter(c.INVOICE, invoice, "DT31_9:N", "P", 1, invoice.created_by)
        world.begin(self._invoice_life(invoice, rng))

    def _invoice_life(self, invoice: Invoice, rng: Random) -> Life:
        world, calendar = self.world, self.world.calendar
        if rng.random() < 0.85:
            yield world.until(calendar.at_work(world.now + 600 + rng.randrange(90_000), rng))
            world.enter(c.INVOICE, invoice, "DT31_9:S", "P", 2, invoice.assigned)
        fate = rng.random()
        if fate < 0.82:
            yield world.until(calendar.days_later(world.now, 0.4 + rng.expovariate(1 / 6.5), rng))
            world.enter(c.INVOICE, invoice, "DT31_9:P", "S", 3, invoice.assigned)
        elif fate < 0.90:
            yield world.until(calendar.days_later(world.now, 20 + rng.random() * 25, rng))
            world.enter(c.INVOICE, invoice, "DT31_9:D", "F", 3, invoice.assigned)
        elif fate > 0.985:  # made out twice, or to the wrong client
            yield world.until(calendar.days_later(world.now, 1 + rng.random() * 9, rng))
            world.delete_card(c.INVOICE, invoice)

    # --- people leave

    def dismiss(self, user: int) -> None:
        """Most open cards of somebody who leaves go to colleagues within the day; some are forgotten."""
        rng = self.world.stream(FOR_CHANGE, user)
        team = c_user(user).departments
        for kind in (c.DEAL, c.LEAD):
            for card in list(self.portal.cards[kind].values()):
                if card.assigned == user and card.semantic == "P" and rng.random() < 0.85:
                    card.assigned = self.world.pick_manager(team, rng, user)
                    self.world.touch(card, c.WEBHOOK_USER)


#: Products that are sold in several kinds, and which.
VARIANTS_OF = {
    product.id: tuple(v for v in c.VARIANTS if v.parent == product.id)
    for product in c.PRODUCTS
    if any(v.parent == product.id for v in c.VARIANTS)
}
_NOBODY = c.User(0, "", "", "", (), 0.8)


def c_user(user_id: int) -> c.User:
    return c.USER_BY_ID.get(user_id, _NOBODY)


def row_total(row: ProductRow) -> int:
    """Kopecks of a product row after its discount."""
    return row_price(row) * row.quantity


def row_price(row: ProductRow) -> int:
    return round(row.price * (100 - row.discount_rate) / 100)


def _mail(card: Any) -> str | None:
    return next((ch.value for ch in card.channels if ch.type == "EMAIL"), None) if card is not None else None


def _utm(source: c.Source, rng: Random) -> Utm:
    if source.utm is None or rng.random() < 0.12:
        return NO_UTM
    campaign = rng.choice(source.campaigns) if source.campaigns else None
    return (
        *source.utm,
        campaign,
        f"ad{rng.randrange(1, 9)}" if campaign else None,
        rng.choice((None, "учёт склада", "тсд купить", "автоматизация склада")) if campaign else None,
    )
