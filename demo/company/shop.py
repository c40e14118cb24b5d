"""The shop: clients of some pipelines order and pay there, at once or in parts, late, never, or get it back."""

from __future__ import annotations

from collections.abc import Generator
from random import Random
from typing import Any

from demo.company import catalogue as c
from demo.company.records import Deal, Order, Payment
from demo.company.world import FOR_ORDER, World

Life = Generator[Any, Any, None]

#: The share of won deals of the shop's pipelines that are paid there and not by invoice.
PAID_IN_SHOP = 0.6


class Shop:
    def __init__(self, world: World) -> None:
        self.world = world
        self.portal = world.portal

    def sells(self, deal: Deal) -> bool:
        """Whether the won deal is paid in the shop; then its order begins."""
        rng = self.world.stream(FOR_ORDER, deal.id)
        if not deal.amount or deal.category not in c.SHOP_PIPELINES or rng.random() >= PAID_IN_SHOP:
            return False
        self.world.begin(self._life(deal, rng))
        return True

    def _life(self, deal: Deal, rng: Random) -> Life:
        world, calendar = self.world, self.world.calendar
        yield world.until(world.now + 60 + rng.randrange(1800))
        if not world.alive(c.DEAL, deal):
            return
        order = self._open(deal)
        halves = rng.random() < 0.3
        shares = (0.5, 0.5) if halves else (1.0,)
        payments = [self._bill(order, number, share) for number, share in enumerate(shares, start=1)]
        payments[-1].amount = order.amount - sum(p.amount for p in payments[:-1])
        fate = rng.random()
        if fate < 0.08:
            yield world.until(calendar.days_later(world.now, 2 + rng.random() * 10, rng))
            self._cancel(order)
            return
        # Of those that are neither cancelled nor forgotten, some pay only the first half.
        due = 0 if fate < 0.16 else 1 if halves and fate < 0.30 else len(payments)
        for payment in payments[:due]:
            payment.system = rng.choice(c.PAY_SYSTEMS).id
            yield world.until(calendar.days_later(world.now, rng.expovariate(1 / 2.5), rng))
            self._pay(order, payment)
        if due and rng.random() < 0.12:
            yield world.until(calendar.days_later(world.now, 3 + rng.random() * 20, rng))
            self._give_back(order, payments[due - 1])
        elif order.paid:
            yield world.until(calendar.days_later(world.now, 1 + rng.random() * 5, rng))
            self._set_status(order, "F")

    def _open(self, deal: Deal) -> Order:
        order = Order(
            id=self.portal.next_id("order", 2),
            created=self.world.now,
            amount=deal.amount,
            currency=deal.currency,
            buyer=1000 + deal.contact_id,
            responsible=self.world.present(deal.assigned or 1),
            deal_id=deal.id,
            company_id=deal.company_id,
        )
        self.portal.orders[order.id] = order
        return order

    def _bill(self, order: Order, number: int, share: float) -> Payment:
        payment = Payment(
            id=self.portal.next_id("payment"),
            order_id=order.id,
            number=f"{order.id}/{number}",
            billed=self.world.now,
            amount=round(order.amount * share),
            currency=order.currency,
            system=c.PAY_SYSTEMS[0].id,
            responsible=order.responsible,
        )
        self.portal.payments[payment.id] = payment
        self.portal.payments_of.setdefault(order.id, []).append(payment)
        return payment

    def _set_status(self, order: Order, status: str) -> None:
        order.status, order.status_time, order.updated = status, self.world.now, self.world.now

    def _pay(self, order: Order, payment: Payment) -> None:
        payment.paid, payment.paid_at, payment.paid_by = True, self.world.now, order.responsible
        self._settle(order)

    def _give_back(self, order: Order, payment: Payment) -> None:
        """A returned payment is no longer paid; the moment it was paid stays."""
        payment.paid, payment.returned = False, self.world.now
        self._settle(order)

    def _settle(self, order: Order) -> None:
        order.paid = all(payment.paid for payment in self.portal.payments_of[order.id])
        self._set_status(order, "P" if order.paid else "N")

    def _cancel(self, order: Order) -> None:
        order.canceled, order.cancel_reason = self.world.now, "Клиент передумал"
        order.updated = self.world.now
