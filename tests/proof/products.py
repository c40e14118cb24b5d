"""What products brought: their rows' shares of each deal's amount, and the deals won with them by period."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from decimal import Decimal

from tests.proof.checks import Check, Marts
from tests.proof.truth import Card, Truth, money, number, words

KOPECK = Decimal("0.01")


class Products:
    """Of each deal the products and the part of its amount that each stands for."""

    def __init__(self, truth: Truth) -> None:
        self.sums: dict[int, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        for _, _, payload, _, _ in truth.rows("deal_product_rows"):
            for row in payload["productRows"]:
                name = words(row["productName"]) or "Без названия"
                self.sums[number(payload["ownerId"]) or 0][name] += money(row["price"]) * money(
                    row["quantity"]
                )

    def shares(self, deal: Card) -> dict[str, Decimal]:
        """Rows share what is more than they are worth with nothing, and what is less in their proportion."""
        sums = self.sums.get(deal.id, {})
        listed, amount = sum(sums.values(), Decimal(0)), money(deal.payload.get("opportunity"))
        if listed <= 0:
            return {"Без товаров": Decimal(1)}
        whole = amount if amount - listed > KOPECK else listed
        found = defaultdict(Decimal, {name: of_product / whole for name, of_product in sums.items()})
        if whole > listed:
            found["Без товаров"] += 1 - listed / whole
        return found


def products(marts: Marts) -> list[Check]:
    """Shares and amounts of each deal, and of the deals won in each period."""
    truth, known = marts.truth, Products(marts.truth)
    shares, won = Check("products: shares of a deal's amount"), Check("products: won deals by period")
    true = {
        (deal.id, name): (share, share * deal.amount)
        for deal in truth.deals.values()
        for name, share in known.shares(deal).items()
    }
    shown = {
        row[:2]: row[2:] for row in marts.read("fct_deal_products", "deal_id, product_name, share, amount")
    }
    for key in {**shown, **true}:
        pairs = zip(shown.get(key, (None,) * 2), true.get(key, (None,) * 2), strict=True)
        for name, (value, real) in zip(("share", "amount"), pairs, strict=True):
            shares.equal((*key, name), value, real)
    sums: dict[Hashable, list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 3)
    for deal in truth.wins:
        assert deal.success_at
        cycle = max(Decimal((deal.success_at - deal.created).total_seconds()) / 86400, Decimal(0))
        for name, share in known.shares(deal).items():
            for period in marts.own_periods(truth.day(deal.success_at)):
                row = sums[period.grain, period.start, truth.responsible(deal, deal.success_at), name]
                for place, value in enumerate((Decimal(1), share * deal.amount, cycle)):
                    row[place] += value
    keys = "period_grain, period_start, manager_id, product_name"
    of_period = marts.by_key(
        "mart_kpi__won_products",
        f"{keys}, count(distinct deal_id), sum(amount), sum(cycle_days)",
        f"true group by {keys}",
        key=4,
    )
    for key in {**of_period, **sums}:
        for place, name in enumerate(("deals", "revenue", "days of cycle")):
            value = Decimal(of_period.get(key, (0, 0, 0))[place])
            won.equal((*key, name), value, sums[key][place])
    return [shares, won]
