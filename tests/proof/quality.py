"""What cards lack: each check anew, by whose they are, by month of creation, and the newest of the flawed ones."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Hashable, Iterator
from typing import NamedTuple

from tests.proof.checks import Check, Marts, months_on
from tests.proof.truth import Card, Payload, Truth, money

KEPT, MONTHS = 1000, 12
NOWHERE = "Без воронки", "Без канала"


class Looked(NamedTuple):
    """A card that a check looked at."""

    check: str
    id: int
    manager: int
    pipeline: str
    channel: str
    created: dt.datetime
    is_flawed: bool


class Quality:
    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.living = {
            (row["ENTITY_ID"].rstrip("0123456789_"), row["STATUS_ID"]) for row in truth.present("statuses")
        }

    def is_gone(self, dictionary: str, stage: str) -> bool:
        """The dictionary has it no more."""
        return (dictionary, stage) not in self.living

    def has_rate(self, payload: Payload) -> bool:
        code = str(payload.get("currencyId") or "").strip().upper().replace("RUR", "RUB")
        rates = self.truth.rates
        return bool(rates.get(code or self.truth.base))

    def all(self) -> Iterator[Looked]:
        truth = self.truth

        def looked(check: str, card: Card, pipeline: str, channel: str, is_flawed: bool) -> Looked:
            return Looked(check, card.id, card.manager, pipeline, channel, card.created, is_flawed)

        for deal in truth.deals.values():
            where = truth.pipelines[deal.pipeline], truth.channel(deal.source)
            sells = truth.sells(deal)
            flaws = {"deals_without_manager": deal.manager == 0}
            if sells:
                flaws["deals_without_client"] = deal.client is None
                flaws["deals_without_source"] = not deal.source
            if sells and deal.semantic == "process":
                flaws["open_deals_without_amount"] = not deal.amount
                flaws["open_deals_without_close_date"] = not deal.payload.get("closedate")
            if deal.success_at:
                flaws["won_deals_without_amount"] = not deal.amount
            if money(deal.payload.get("opportunity")):
                flaws["deals_in_unknown_currency"] = not self.has_rate(deal.payload)
            flaws["deals_in_deleted_stage"] = self.is_gone("DEAL_STAGE", deal.stage)
            for check, is_flawed in flaws.items():
                yield looked(check, deal, *where, is_flawed)
        for lead in truth.leads.values():
            where = NOWHERE[0], truth.channel(lead.source)
            yield looked("leads_without_manager", lead, *where, lead.manager == 0)
            yield looked("leads_without_source", lead, *where, not lead.source)
            yield looked("leads_in_deleted_stage", lead, *where, self.is_gone("STATUS", lead.stage))
        for invoice in truth.invoices.values():
            yield looked("invoices_without_manager", invoice, *NOWHERE, invoice.manager == 0)
            known = self.has_rate(invoice.payload)
            yield looked("invoices_in_unknown_currency", invoice, *NOWHERE, not known)
        for call in truth.attempts:
            who = truth.known(call.operator)
            yield Looked("calls_without_manager", call.id, who, *NOWHERE, call.at, who == 0)
            yield Looked("calls_without_number", call.id, who, *NOWHERE, call.at, not call.phone)


def quality(marts: Marts) -> list[Check]:
    truth = marts.truth
    counts, months, cards = (
        Check("quality of cards: by whose they are"),
        Check("quality of cards: by month of creation"),
        Check("quality of cards: the flawed ones"),
    )
    of_all: dict[Hashable, list[int]] = defaultdict(lambda: [0, 0])
    of_month: dict[Hashable, list[int]] = defaultdict(lambda: [0, 0])
    flawed: dict[str, list[Looked]] = defaultdict(list)
    first = months_on(truth.today.replace(day=1), 1 - MONTHS)
    for card in Quality(truth).all():
        key = card.check, card.manager, card.pipeline, card.channel
        month = truth.day(card.created).replace(day=1)
        for row in (of_all[key], *([of_month[(*key, month)]] if month >= first else [])):
            row[0], row[1] = row[0] + 1, row[1] + card.is_flawed
        if card.is_flawed:
            flawed[card.check].append(card)
    columns = "check_code, manager_id, pipeline, channel"
    for check, mart, keys, true in (
        (counts, "mart_health__data_quality", columns, of_all),
        (months, "mart_health__data_quality_months", f"{columns}, created_month", of_month),
    ):
        check.same(
            marts.by_key(mart, f"{keys}, cards, cards_flawed", key=keys.count(",") + 1),
            {key: tuple(row) for key, row in true.items()},
        )
    newest = {
        (check, place): (card.id, card.manager, card.pipeline, card.channel, truth.wall(card.created))
        for check, of_check in flawed.items()
        for place, card in enumerate(
            sorted(of_check, key=lambda card: (card.created, card.id), reverse=True)[:KEPT], 1
        )
    }
    cards.same(
        marts.by_key(
            "mart_health__data_quality_cards",
            "check_code, card_rank, card_id, manager_id, pipeline, channel, created_local",
            key=2,
        ),
        newest,
    )
    return [counts, months, cards]
