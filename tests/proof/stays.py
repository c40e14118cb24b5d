"""Stays of cards in stages of work: how long each lasted, how long is usual, and who is stuck."""

from __future__ import annotations

import bisect
import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Hashable
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import NamedTuple

from tests.proof.checks import DAY, Check, Marts
from tests.proof.truth import Card, Truth, date_of, moment

FEW = 20


class Stay(NamedTuple):
    """In a stage of work; one that lasts has no end."""

    pipeline: int
    stage: str
    since: dt.datetime
    until: dt.datetime | None


def stays_of(truth: Truth, card: Card) -> list[Stay]:
    """By its history; where that is at odds with the card, the card is right about where it is now."""
    moves: list[tuple[dt.datetime, str, int, str]] = []
    for entry in card.entries:
        if not moves or moves[-1][1] != entry[1]:
            moves.append(entry)
    told = moment(card.payload.get("movedTime"))
    moved = told if told and told < truth.at else None
    found = []
    for place, (at, stage, pipeline, semantic) in enumerate(moves):
        if semantic != "process":
            continue
        here = stage == card.stage
        if place + 1 < len(moves):
            until: dt.datetime | None = moves[place + 1][0]
        elif card.semantic != "process":
            until = max(at, card.closed_at or truth.at)
        else:
            until = None if here else max(at, moved or at)
        found.append(Stay(card.pipeline if here else pipeline, stage, at, until))
    last = moves[-1] if moves else None
    if card.semantic == "process" and not (last and last[1] == card.stage):
        since = moved or card.created
        found.append(Stay(card.pipeline, card.stage, max(since, last[0]) if last else since, None))
    return found


class Norms:
    """How long completed stays of the last year were, in a stage and in its pipeline."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth

    @cached_property
    def stays(self) -> dict[tuple[str, int], list[Stay]]:
        cards = (("deal", self.truth.deals), ("lead", self.truth.leads))
        return {
            (kind, id): stays_of(self.truth, card) for kind, of_kind in cards for id, card in of_kind.items()
        }

    @cached_property
    def _lengths(self) -> dict[Hashable, list[dt.timedelta]]:
        found: dict[Hashable, list[dt.timedelta]] = defaultdict(list)
        for (kind, _), stays in self.stays.items():
            for stay in stays:
                if stay.until and self.truth.day(stay.until) > self.truth.today - 365 * DAY:
                    for stage in (stay.stage, None):
                        found[kind, stay.pipeline, stage].append(stay.until - stay.since)
        for lengths in found.values():
            lengths.sort()
        return found

    def of(self, kind: str, stay: Stay) -> list[dt.timedelta]:
        """Those that a stay is compared with, the shortest first."""
        own = self._lengths[kind, stay.pipeline, stay.stage]
        return own if len(own) >= FEW else self._lengths[kind, stay.pipeline, None]

    def usual_days(self, kind: str, stay: Stay) -> Decimal | None:
        """The shortest length that three quarters do not exceed."""
        lengths = self.of(kind, stay)
        for place, length in enumerate(lengths, 1):
            if 4 * place >= 3 * len(lengths):
                days = Decimal(length // dt.timedelta(microseconds=1)) / 86_400_000_000
                return days.quantize(Decimal("0.1"), ROUND_HALF_UP)
        return None

    def is_stuck(self, kind: str, stay: Stay) -> bool:
        """Three quarters of the others were shorter."""
        lengths = self.of(kind, stay)
        shorter = bisect.bisect_left(lengths, self.truth.at - stay.since)
        return bool(lengths) and 4 * shorter >= 3 * len(lengths)


def stuck(marts: Marts) -> list[Check]:
    """Of each card in work since when it stands in its stage, how long is usual there, and whether it is stuck."""
    truth, norms = marts.truth, Norms(marts.truth)
    check = Check("stuck: days in the stage, usual days, flag")
    for kind, cards in (("deal", truth.deals), ("lead", truth.leads)):
        shown = marts.by_key(
            f"mart_pipeline__open_{kind}s",
            f"{kind}_id, stage_since_local, days_in_stage, stuck_after_days, is_stuck",
        )
        for id, card in cards.items():
            if card.semantic != "process":
                continue
            (stay,) = [stay for stay in norms.stays[kind, id] if stay.until is None]
            since, days, usual, is_stuck = shown.get(id, (None,) * 4)
            true_days = (truth.today - truth.day(stay.since)).days
            check.equal((kind, id), (since, days), (truth.wall(stay.since), true_days))
            if (true_usual := norms.usual_days(kind, stay)) is None:
                check.equal((kind, id, "usual"), usual is None, True)
            else:
                check.equal((kind, id, "usual"), usual, true_usual)
            check.equal((kind, id, "stuck"), is_stuck, norms.is_stuck(kind, stay))
    return [check, by_stage(marts, norms)]


def by_stage(marts: Marts, norms: Norms) -> Check:
    """Open deals of each stage and manager, and how many of them lack something."""
    truth, touches = marts.truth, marts.touches
    check = Check("open deals by stage: what is wrong with them")
    names = (
        "open_deals", "days_in_stage", "without_next_step", "stuck", "overdue", "without_close_date", "without_amount",
    )  # fmt: skip
    true: dict[Hashable, Counter[str]] = defaultdict(Counter)
    amounts: dict[Hashable, Decimal] = defaultdict(Decimal)
    for deal in truth.deals.values():
        if deal.semantic != "process":
            continue
        (stay,) = [stay for stay in norms.stays["deal", deal.id] if stay.until is None]
        due = date_of(deal.payload.get("closedate"))
        flags = (
            1, (truth.today - truth.day(stay.since)).days, touches.around("deal", deal)[2] is None,
            norms.is_stuck("deal", stay), bool(due and due < truth.today), not due, not deal.amount,
        )  # fmt: skip
        key = truth.pipelines[deal.pipeline], truth.stages["deal", deal.stage][0], deal.manager
        key = (*key, truth.channel(deal.source))
        true[key].update(dict(zip(names, map(int, flags), strict=True)))
        amounts[key] += deal.amount
    keys = "pipeline, stage, manager_id, channel"
    shown = marts.by_key(
        "mart_pipeline__by_stage",
        f"{keys}, sum(amount), {', '.join(f'sum({name})' for name in names)}",
        f"true group by {keys}",
        key=4,
    )
    for key in {**shown, **true}:
        amount, *counts = shown.get(key, (Decimal(0), *[0] * len(names)))
        check.equal((key, "amount"), amount, amounts[key])
        check.equal(key, tuple(map(int, counts)), tuple(true[key][name] for name in names))
    return check
