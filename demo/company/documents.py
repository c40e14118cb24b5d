"""What deals bring with them: quotes, contracts and claims, with lives of their own."""

from __future__ import annotations

from collections.abc import Generator
from random import Random
from typing import Any

from demo.company import catalogue as c
from demo.company.diary import Diary
from demo.company.records import Deal, Quote, SmartItem
from demo.company.user_fields import filled
from demo.company.world import FOR_CLAIM, FOR_CONTRACT, FOR_FIELDS, FOR_QUOTE, World

Life = Generator[Any, Any, None]

#: The company that sells, see ``Sales.found_own_companies``.
OWN_COMPANY = 2

QUOTED, CONTRACTED, FRAMED, CLAIMED = 0.45, 0.45, 0.3, 0.07
#: Won clients for whom a call or visit some months ahead is put into the diary.
KEPT_IN_TOUCH = 0.35
#: From this many kopecks on a sale is worth a contract.
WORTH_A_CONTRACT = 12_000_000
CLAIM_TITLES = (
    "Не читает этикетки",
    "Недостача в коробе",
    "Отказ лицензии",
    "Брак партии",
    "Опоздала доставка",
)


class Documents:
    def __init__(self, world: World, diary: Diary) -> None:
        self.world = world
        self.diary = diary
        self.portal = world.portal
        #: The quote of each deal that has one.
        self._quotes: dict[int, int] = {}

    def _custom(self, kind: int, card_id: int) -> dict[str, Any]:
        world = self.world
        rng = world.stream(FOR_FIELDS, kind, card_id)
        return filled(kind, rng, world.calendar.day_of(world.now), world.now)

    def _bindings(self, kind: int, card_id: int, deal: Deal) -> list[tuple[int, int]]:
        return [
            (kind, card_id),
            (c.DEAL, deal.id),
            (c.CONTACT, deal.contact_id),
            (c.COMPANY, deal.company_id),
        ]

    def _put(self, kind: int, card: Quote | SmartItem, stage: str) -> None:
        self.world.add_card(kind, card)
        self.world.enter(kind, card, stage, "P", 1, card.created_by)

    # --- quotes

    def offer(self, deal: Deal) -> None:
        """Now that the deal has come so far, somebody may write a quote."""
        rng = self.world.stream(FOR_QUOTE, deal.id)
        if deal.amount and rng.random() < QUOTED:
            when = self.world.calendar.at_work(self.world.now + 1800 + rng.randrange(80_000), rng)
            self.world.at(when, self._add_quote, deal, rng)

    def _add_quote(self, deal: Deal, rng: Random) -> None:
        world = self.world
        if not world.alive(c.DEAL, deal):
            return
        number = self.portal.next_id("quote", 2)
        author = world.present(deal.assigned)
        today = world.calendar.day_of(world.now)
        quote = Quote(
            id=number,
            title=f"Предложение № {number}: {deal.title}",
            created=world.now,
            created_by=author or 1,
            assigned=author,
            opened=deal.opened,
            amount=deal.amount,
            currency=deal.currency,
            manual_amount=deal.manual_amount,
            number=str(number),
            deal_id=deal.id,
            lead_id=deal.lead_id,
            company_id=deal.company_id,
            contact_ids=list(deal.contact_ids),
            my_company_id=OWN_COMPANY,
            begin_day=today,
            close_day=today + 7,
            actual_day=today + rng.choice((7, 10, 14, 30)),
            comments="Цены с НДС, доставка по договорённости" if rng.random() < 0.4 else None,
            custom=self._custom(c.QUOTE, number),
        )
        self._quotes[deal.id] = number
        self._put(c.QUOTE, quote, "DRAFT")
        world.begin(self._quote_life(quote, deal, rng))

    def _quote_life(self, quote: Quote, deal: Deal, rng: Random) -> Life:
        world, calendar = self.world, self.world.calendar
        if rng.random() < 0.93:
            yield world.until(calendar.at_work(world.now + 900 + rng.randrange(90_000), rng))
            if not world.alive(c.QUOTE, quote):
                return
            world.enter(c.QUOTE, quote, "SENT", "P", 2, quote.assigned)
        yield world.until(calendar.days_later(world.now, 0.5 + rng.expovariate(1 / 5), rng))
        if rng.random() < 0.2:  # bargained over: the same number with another sum
            quote.amount = max(100, round(quote.amount * rng.uniform(0.8, 0.98) / 10_000) * 10_000)
            world.touch(quote, quote.assigned)
            yield world.until(calendar.days_later(world.now, 0.5 + rng.random() * 4, rng))
        fate = rng.random()
        lost = deal.semantic == "F" or not world.alive(c.DEAL, deal)
        if fate < 0.04:
            world.delete_card(c.QUOTE, quote)
        elif fate < 0.12:
            return  # nobody ever said yes or no
        elif lost or fate < 0.45:
            stage = "APOLOGY" if rng.random() < 0.25 else "DECLAINED"
            world.enter(c.QUOTE, quote, stage, "F", 3, quote.assigned)
        else:
            world.enter(c.QUOTE, quote, "APPROVED", "S", 3, quote.assigned)

    def accepted_quote(self, deal: Deal) -> int:
        """The id of the deal's quote if the client accepted it, else 0."""
        quote = self.portal.cards[c.QUOTE].get(self._quotes.get(deal.id, 0))
        return quote.id if quote is not None and quote.semantic == "S" else 0

    # --- smart processes

    def follow_up(self, deal: Deal) -> None:
        """What a win brings: a contract, sometimes a claim weeks later, a next step with the client."""
        world, calendar = self.world, self.world.calendar
        rng = world.stream(FOR_CONTRACT, deal.id)
        if deal.amount >= WORTH_A_CONTRACT and rng.random() < CONTRACTED:
            world.at(
                calendar.at_work(world.now + 900 + rng.randrange(60_000), rng), self._add_contract, deal, rng
            )
        rng = world.stream(FOR_CLAIM, deal.id)
        if rng.random() < CLAIMED:
            world.at(
                calendar.days_later(world.now, 3 + rng.expovariate(1 / 20), rng), self._add_claim, deal, rng
            )
        if rng.random() < KEPT_IN_TOUCH:
            client = [(c.CONTACT, deal.contact_id), (c.COMPANY, deal.company_id)]
            self.diary.plan(
                deal.assigned, client, calendar.days_later(world.now, 20 + rng.random() * 100, rng), rng
            )

    def _add(
        self,
        process: c.SmartProcess,
        category: int,
        deal: Deal,
        title: str,
        manager: int,
        term: int,
        rng: Random,
    ) -> SmartItem:
        world = self.world
        number = self.portal.next_id(f"item{process.entity}", 2)
        today = world.calendar.day_of(world.now)
        item = SmartItem(
            id=number,
            title=f"{title} № {number}",
            created=world.now,
            created_by=manager or 1,
            assigned=manager,
            category=category,
            amount=deal.amount if process.products else 0,
            currency=deal.currency,
            source=deal.source if process.source else "",
            my_company_id=OWN_COMPANY if process.mine else 0,
            deal_id=deal.id,
            company_id=deal.company_id,
            contact_ids=list(deal.contact_ids),
            begin_day=today,
            close_day=today + term,
            observers=[5] if rng.random() < 0.1 else [],
            custom=self._custom(process.entity, number),
        )
        self._put(process.entity, item, process.stage(category, "NEW"))
        return item

    def _add_contract(self, deal: Deal, rng: Random) -> None:
        if not self.world.alive(c.DEAL, deal):
            return
        process = c.PROCESS_BY_ENTITY[c.CONTRACT]
        frame = deal.returning and rng.random() < FRAMED
        category = c.FRAME_CATEGORY if frame else c.CONTRACT_CATEGORY
        manager = self.world.present(deal.assigned)
        item = self._add(process, category, deal, "Договор поставки", manager, 365, rng)
        self.world.begin(self._item_life(process, item, rng, 3.0, 0.86, 0.05))

    def _add_claim(self, deal: Deal, rng: Random) -> None:
        if not self.world.alive(c.DEAL, deal):
            return
        process = c.PROCESS_BY_ENTITY[c.CLAIM]
        manager = self.world.pick_manager((c.ACCOUNTS,), rng)
        item = self._add(process, c.CLAIM_CATEGORY, deal, rng.choice(CLAIM_TITLES), manager, 14, rng)
        due = self.world.calendar.days_later(self.world.now, 1 + rng.random() * 3, rng)
        self.diary.plan(manager, self._bindings(c.CLAIM, item.id, deal), due, rng)
        self.world.begin(self._item_life(process, item, rng, 4.0, 0.7, 0.08))

    def _item_life(
        self, process: c.SmartProcess, item: SmartItem, rng: Random, stay: float, good: float, gone: float
    ) -> Life:
        """From stage to stage, ``stay`` days on each; ``good`` of them end well, ``gone`` are deleted on the way."""
        world, calendar, kind = self.world, self.world.calendar, process.entity
        steps = [stage.code for stage in process.category(item.category).stages if stage.semantic == "P"][1:]
        if rng.random() < gone:
            yield world.until(calendar.days_later(world.now, rng.random() * stay * 3, rng))
            world.delete_card(kind, item)
            return
        for step in steps:
            yield world.until(calendar.days_later(world.now, rng.expovariate(1 / stay), rng))
            if rng.random() < 0.08:
                return  # left where it is
            world.enter(kind, item, process.stage(item.category, step), "P", 2, item.assigned)
        if kind == c.CONTRACT and item.category == c.CONTRACT_CATEGORY and rng.random() < 0.06:
            item.category = (
                c.FRAME_CATEGORY
            )  # the client wants a frame contract instead: only a record of type 5
            world.enter(kind, item, process.stage(item.category, "CLIENT"), "P", 5, item.assigned)
        yield world.until(calendar.days_later(world.now, rng.expovariate(1 / stay), rng))
        semantic = "S" if rng.random() < good else "F"
        final = rng.choice([s for s in process.category(item.category).stages if s.semantic == semantic])
        world.enter(kind, item, process.stage(item.category, final.code), final.semantic, 3, item.assigned)
