"""The running company: one clock, one queue of things to come, one portal they leave traces in.

Everything is an event on a SimPy queue, processed strictly in order of time. What happens at a moment
depends only on what happened before it and on random streams keyed by purpose, so the portal's state at a
moment is the same whether the story is told up to that moment or a year further.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from random import Random
from typing import Any

import simpy

from demo.company.calendar import DAY, WorkCalendar
from demo.company.catalogue import ACTIVITY, CURRENCIES, DEAL, USER_BY_ID, USERS, User
from demo.company.randomness import stream
from demo.company.records import Activity, Card, Channel, HistoryRow, Portal, ProductRow, Staged

# What a random stream is for; the numbers are part of the story and must not change.
FOR_DAY, FOR_LEAD, FOR_DEAL, FOR_CLIENT, FOR_INVOICE, FOR_CALL, FOR_USER, FOR_RATE, FOR_CHANGE = range(1, 10)
FOR_FIELDS, FOR_STEP, FOR_TIES, FOR_LEAVE, FOR_QUOTE, FOR_CONTRACT, FOR_CLAIM, FOR_ORDER, FOR_GOODS = range(
    10, 19
)

#: Everybody's leave: so many days in a row, once in each half of a year of the story.
LEAVE_DAYS, LEAVE_EVERY = 14, 182

#: Accounts that get a card now and then although ``user.get`` never returns them.
OUTSIDERS = (90, 91)


@dataclass(frozen=True)
class Story:
    """What the portal's state is a function of, together with the clock."""

    seed: int
    start: date
    scale: float
    zone: str


class World:
    """Clock, calendar, people and tables; the trades (sales, telephony, diary) act on it."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.calendar = WorkCalendar(story.zone)
        self.start_day = story.start.toordinal()
        self.start = self.calendar.midnight(self.start_day)
        self.env = simpy.Environment(initial_time=self.start)
        self.portal = Portal.empty()
        self.colleagues = lru_cache(maxsize=512)(self._colleagues)
        self.leave_begins = lru_cache(maxsize=None)(self._leave_begins)
        #: Product rows of deals in the recycle bin.
        self._binned: dict[int, list[ProductRow]] = {}
        self.changes = 0

    @property
    def now(self) -> int:
        return self.env.now  # type: ignore[return-value]  # it starts as an int and only ints are added

    def stream(self, *keys: int) -> Random:
        return stream(self.story.seed, *keys)

    # --- the queue

    def at(self, moment: int, action: Callable[..., None], *arguments: Any) -> None:
        """Do something at a moment (now, if it is past)."""
        timeout = self.env.timeout(max(0, moment - self.now))
        timeout.callbacks.append(lambda _event: action(*arguments))  # type: ignore[union-attr]

    def until(self, moment: int) -> simpy.Timeout:
        """What a life yields to wait until a moment."""
        return self.env.timeout(max(0, moment - self.now))

    def begin(self, life: Generator[simpy.Timeout, Any, Any]) -> None:
        self.env.process(life)

    def run_to(self, moment: int) -> None:
        """Let everything up to and including ``moment`` happen."""
        if self.env.peek() <= moment:
            self.changes += 1
        self.env.run(until=moment + 1)

    # --- people

    def employed(self, user: User, day: int) -> bool:
        since = day - self.start_day
        return (user.hired is None or since >= user.hired) and (
            user.dismissed is None or since < user.dismissed
        )

    def _leave_begins(self, user: int, half: int) -> int:
        """The first day of somebody's leave in a half-year of the story, as days since its start."""
        return half * LEAVE_EVERY + self.stream(FOR_LEAVE, user, half).randrange(LEAVE_EVERY - LEAVE_DAYS)

    def on_leave(self, user: User, day: int) -> bool:
        since = day - self.start_day
        first = self.leave_begins(user.id, since // LEAVE_EVERY)
        return bool(user.departments) and first <= since < first + LEAVE_DAYS

    def _colleagues(self, departments: tuple[int, ...], day: int) -> list[User]:
        """Who of the departments works on a day: employed and not on leave."""
        return [
            u
            for u in USERS
            if u.departments
            and u.departments[0] in departments
            and self.employed(u, day)
            and not self.on_leave(u, day)
        ]

    def present(self, user_id: int) -> int:
        """The user, or a colleague who does their work while they are on leave or after they left."""
        user = USER_BY_ID.get(user_id)
        day = self.calendar.day_of(self.now)
        if (
            user is None
            or not user.departments
            or (self.employed(user, day) and not self.on_leave(user, day))
        ):
            return user_id
        team = self.colleagues(user.departments[:1], day)
        return team[user_id % len(team)].id if team else 5

    def pick_manager(self, departments: tuple[int, ...], rng: Random, besides: int = 0) -> int:
        """Somebody of the departments who works today; now and then an outsider or nobody (0)."""
        chance = rng.random()
        if not besides and chance < 0.008:
            return 0
        if not besides and chance < 0.020:
            return rng.choice(OUTSIDERS)
        team = [u for u in self.colleagues(departments, self.calendar.day_of(self.now)) if u.id != besides]
        return rng.choices(team, [u.pace for u in team])[0].id if team else 5

    # --- cards

    def add_card(self, kind: int, card: Card) -> None:
        self.portal.cards[kind][card.id] = card

    def alive(self, kind: int, card: Card) -> bool:
        return self.portal.cards[kind].get(card.id) is card

    def touch(self, card: Card, by: int) -> None:
        card.updated, card.updated_by = self.now, by or 1

    def add_channel(self, card: Card, kind: str, purpose: str, value: str) -> None:
        card.channels.append(Channel(self.portal.next_id("channel", 2), kind, purpose, value))

    def enter(self, kind: int, card: Staged, stage: str, semantic: str, type_id: int, by: int) -> None:
        """Put a card on a stage and write it into the history, where its type has one."""
        card.previous_stage, card.stage, card.semantic = card.stage, stage, semantic
        card.moved, card.moved_by = self.now, by or 1
        if kind in self.portal.history:
            self._record(kind, card, type_id)
        self.touch(card, by)

    def _record(self, kind: int, card: Staged, type_id: int) -> None:
        portal = self.portal
        row = HistoryRow(
            portal.next_id(f"history{kind}"),
            type_id,
            card.id,
            self.now,
            card.category,
            card.semantic,
            card.stage,
        )
        portal.history[kind][row.id] = row
        portal.history_of.setdefault((kind, card.id), []).append(row.id)

    def delete_card(self, kind: int, card: Card) -> None:
        """The card goes with its stage history, product rows and the activities that were only its own."""
        portal = self.portal
        del portal.cards[kind][card.id]
        portal.deleted[kind][card.id] = self.now
        for row_id in portal.history_of.pop((kind, card.id), ()):
            del portal.history[kind][row_id]
        if kind == DEAL:
            self._binned[card.id] = portal.product_rows.pop(card.id, [])
            for order in portal.orders.values():
                if order.deal_id == card.id:
                    order.deal_id, order.updated = 0, self.now
        for activity_id in portal.activities_of.pop((kind, card.id), ()):
            activity = portal.activities.get(activity_id)
            if activity is None:
                continue
            activity.bindings = [b for b in activity.bindings if b != (kind, card.id)]
            if activity.bindings:
                activity.updated = self.now
            else:
                self._forget(activity)

    def restore_card(self, kind: int, card: Staged) -> None:
        """Out of the recycle bin: the same id and fields, its history begun anew; its activities stay gone."""
        portal = self.portal
        cards = portal.cards[kind]
        cards[card.id] = card
        in_order = sorted(cards.items())
        cards.clear()
        cards.update(in_order)
        del portal.deleted[kind][card.id]
        portal.restored[kind][card.id] = self.now
        if kind == DEAL and self._binned.get(card.id):
            portal.product_rows[card.id] = self._binned.pop(card.id)
        if kind in portal.history:
            self._record(kind, card, 1 if card.semantic == "P" else 3)
        self.touch(card, 1)

    # --- activities

    def add_activity(self, activity: Activity) -> Activity:
        portal = self.portal
        portal.activities[activity.id] = activity
        for kind, card_id in activity.bindings:
            portal.activities_of.setdefault((kind, card_id), []).append(activity.id)
            card = portal.cards[kind].get(card_id)
            if card is not None:
                card.activity_time, card.activity_by = self.now, activity.author or 1
                if activity.type_id == 2 and activity.completed and hasattr(card, "last_communication"):
                    card.last_communication = self.now
        return activity

    def delete_activity(self, activity: Activity) -> None:
        """Somebody thinks better of it; deleted activities have no recycle bin."""
        if self.portal.activities.get(activity.id) is activity:
            self._forget(activity)

    def _forget(self, activity: Activity) -> None:
        del self.portal.activities[activity.id]
        self.portal.deleted[ACTIVITY][activity.id] = self.now

    # --- money

    def rate(self, currency: str, day: int) -> float:
        """Roubles for one unit of a currency on a day: a slow swing with daily noise."""
        spec = next(c for c in CURRENCIES if c.code == currency)
        if spec.base:
            return 1.0
        rng = self.stream(FOR_RATE, spec.sort, day)
        phase = ((day % 420) / 420 - 0.5) * 2
        return round(spec.middle + spec.swing * (1 - 2 * abs(phase)) + rng.gauss(0, spec.swing * 0.06), 4)

    def time(self, day: int, seconds: int) -> int:
        return self.calendar.midnight(day) + seconds


def parse_moment(text: str) -> int:
    """Unix seconds of an ISO moment; without an offset it is refused."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"moment {text!r} has no UTC offset, e.g. 2026-11-23T12:00:00+03:00")
    return int(moment.timestamp())


__all__ = ["DAY", "Story", "World", "parse_moment"]
