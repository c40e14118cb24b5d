"""The chronicle: the company from its first day to the clock."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from demo.company import catalogue as c
from demo.company.diary import Diary
from demo.company.documents import Documents
from demo.company.randomness import poisson
from demo.company.records import Portal
from demo.company.sales import Life, Sales
from demo.company.shop import Shop
from demo.company.telephony import Party, Telephony, digits_of, new_digits
from demo.company.world import FOR_DAY, Story, World

#: Arrivals on an ordinary working day of the first month at scale 1.
LEADS_A_DAY, ACTIVE_A_DAY, REPEAT_A_DAY = 8.4, 1.9, 2.4
COLD_CALLS_A_DAY, STRAYS_A_DAY, CLIENT_CALLS_A_DAY = 11.0, 2.2, 2.6
INTERNAL_A_DAY, ROBOT_A_DAY = 1.2, 1.5


@contextmanager
def _no_collection() -> Iterator[None]:
    """A story only grows: looking for garbage meanwhile takes a third of the time and finds nothing."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Chronicle:
    """Tells the story up to a moment, and further when the clock moves on.

    ``portal`` is the state at ``moment``; nothing later exists in it.
    """

    def __init__(self, story: Story) -> None:
        self.story = story
        self._open()

    def _open(self) -> None:
        self.world = World(self.story)
        self.telephony = Telephony(self.world)
        self.diary = Diary(self.world)
        self.documents = Documents(self.world, self.diary)
        self.shop = Shop(self.world)
        self.sales = Sales(self.world, self.telephony, self.diary, self.documents, self.shop)
        self.moment = self.world.start - 1
        self.sales.found_own_companies()
        self.world.begin(self._days())
        for user in c.USERS:
            if user.dismissed is not None:
                self.world.at(
                    self.world.time(self.world.start_day + user.dismissed, 17 * 3600),
                    self.sales.dismiss,
                    user.id,
                )

    @property
    def portal(self) -> Portal:
        return self.world.portal

    def tell(self, moment: int) -> Portal:
        """The portal at a moment (unix seconds). Going back in time tells the story anew."""
        if moment < self.moment:
            changes = self.world.changes
            self._open()
            self.world.changes = changes + 1
        if moment > self.moment:
            if moment >= self.world.now:
                with _no_collection():
                    self.world.run_to(moment)
            self.moment = moment
        return self.portal

    def _days(self) -> Life:
        """Every midnight the arrivals of the day are drawn and put on the queue."""
        world, calendar = self.world, self.world.calendar
        day = world.start_day
        while True:
            yield world.until(calendar.midnight(day))
            rng = world.stream(FOR_DAY, day)
            load = calendar.load(day, world.start_day) * self.story.scale * rng.uniform(0.85, 1.15)
            at_work = load if calendar.is_workday(day) else 0.0
            for mean, moment, action in (
                (load * LEADS_A_DAY, calendar.client_moment, self.sales.add_lead),
                (at_work * ACTIVE_A_DAY, calendar.work_moment, self.sales.add_active_deal),
                (at_work * REPEAT_A_DAY, calendar.work_moment, self.sales.add_repeat_deal),
                (at_work * COLD_CALLS_A_DAY, calendar.work_moment, self._cold_call),
                (load * STRAYS_A_DAY, calendar.client_moment, self.telephony.stray_inbound),
                (load * CLIENT_CALLS_A_DAY, calendar.client_moment, self._client_rings),
                (at_work * INTERNAL_A_DAY, calendar.work_moment, self._internal),
                (at_work * ROBOT_A_DAY, calendar.work_moment, self._robot),
            ):
                for _ in range(poisson(rng, mean)):
                    when = moment(day, rng)
                    world.at(when, action, Random(rng.getrandbits(64)))
            day += 1

    def _cold_call(self, rng: Random) -> None:
        user = self.world.pick_manager(
            (c.TELEMARKETING, c.TELEMARKETING, c.NEW_CLIENTS, c.REGIONS, c.EAST), rng, -1
        )
        self.telephony.dial(user, Party(new_digits(rng)), 0.34)

    def _client_rings(self, rng: Random) -> None:
        """A client calls about something: picked among those who ever talked to us."""
        if not self.sales.known:
            return
        company_id, contact_id = rng.choice(self.sales.known[-1500:])
        contact = self.portal.cards[c.CONTACT].get(contact_id)
        if contact is None or not contact.phone():
            return
        self.telephony.ring(
            Party(
                digits_of(contact.phone()),
                c.CONTACT,
                contact_id,
                ((c.COMPANY, company_id),) if company_id else (),
            ),
            (c.ACCOUNTS, c.NEW_CLIENTS),
            contact.assigned,
            0.84,
        )

    def _internal(self, rng: Random) -> None:
        self.telephony.internal(
            self.world.pick_manager((c.TELEMARKETING, c.NEW_CLIENTS, c.ACCOUNTS, c.REGIONS), rng, -1)
        )

    def _robot(self, rng: Random) -> None:
        if self.sales.known:
            _, contact_id = rng.choice(self.sales.known)
            contact = self.portal.cards[c.CONTACT].get(contact_id)
            if contact is not None and contact.phone():
                self.telephony.inform(Party(digits_of(contact.phone()), c.CONTACT, contact_id))
