"""Calls: dialling out, ringing in, queues, missed calls and whether anybody calls back."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import md5
from random import Random

from demo.company.catalogue import ACCOUNTS, COMPANY, CONTACT, DEAL, LEAD, NEW_CLIENTS, REGIONS, TELEMARKETING
from demo.company.records import Activity, Call
from demo.company.world import FOR_CALL, World

LINES = ("reg100200", "reg100200", "72000000010", "72000000020", "3")
REASONS = {
    "200": "",
    "304": "Missed call",
    "486": "Busy",
    "603": "Decline",
    "603-S": "Decline self",
    "480": "Temporarily unavailable",
    "404": "Not found",
    "402": "Payment required",
    "OTHER": "Unknown error",
}
FAILED_OUT = ("304", "486", "603-S", "480", "603", "404", "OTHER")
FAILED_OUT_SHARES = (46, 68, 77, 90, 96, 98, 100)
ENTITY_NAMES = {LEAD: "LEAD", CONTACT: "CONTACT", COMPANY: "COMPANY"}

OUT, IN, REDIRECTED, CALLBACK, INFO = 1, 2, 3, 4, 5


@dataclass(frozen=True)
class Party:
    """The other end: ten digits (empty: hidden number), the card it is known by, cards the call concerns."""

    digits: str
    kind: int = 0
    card_id: int = 0
    about: tuple[tuple[int, int], ...] = ()

    def bindings(self) -> list[tuple[int, int]]:
        own = [(self.kind, self.card_id)] if self.kind else []
        return [*(b for b in self.about if b not in own), *own]


def new_digits(rng: Random) -> str:
    """Ten digits of a number that cannot exist in Russia (codes 2xx are unassigned)."""
    return f"2{rng.randrange(10**9):09d}"


def spell(digits: str, rng: Random) -> str:
    """The number as a line happens to report it."""
    if not digits:
        return rng.choice(("anonymous", "anonymous", ""))
    style = rng.random()
    if style < 0.55:
        return "+7" + digits
    if style < 0.80:
        return "7" + digits
    if style < 0.92:
        return "8" + digits
    if style < 0.97:
        return f"8 ({digits[:3]}) {digits[3:6]}-{digits[6:8]}-{digits[8:]}"
    return f"+7 {digits[:3]} {digits[3:6]} {digits[6:8]} {digits[8:]}"


def write_phone(digits: str, rng: Random) -> str:
    """The number as somebody typed it into a card."""
    return rng.choice(("+7{0}", "+7{0}", "8{0}", "8 {1} {2}-{3}-{4}", "+7 ({1}) {2}-{3}-{4}")).format(
        digits, digits[:3], digits[3:6], digits[6:8], digits[8:]
    )


def digits_of(phone: str | None) -> str:
    """The last ten digits of a spelled number."""
    return "".join(c for c in phone or "" if c.isdigit())[-10:]


class Telephony:
    def __init__(self, world: World) -> None:
        self.world = world
        self.tries = 0

    def _stream(self) -> Random:
        self.tries += 1
        return self.world.stream(FOR_CALL, self.tries)

    # --- dialling out

    def dial(
        self, user: int, party: Party, chance: float, kind: int = OUT, tries: int = 1
    ) -> tuple[bool, int]:
        """Somebody dials now. Returns whether they talked and when the call is over."""
        rng = self._stream()
        now = self.world.now
        ring = 4 + rng.randrange(26)
        if rng.random() < chance:
            talk = max(1, int(rng.lognormvariate(4.75, 0.85)))
            talk = min(talk, 5400)
            self.world.at(
                now + ring + talk, self._write, user, party, kind, now, talk, "200", None, rng, tries
            )
            return True, now + ring + talk
        code = rng.choices(FAILED_OUT, cum_weights=FAILED_OUT_SHARES)[0]
        # Some lines count seconds of an answering machine without having connected anybody.
        self.world.at(now + ring, self._write, user, party, kind, now, 0, code, None, rng, tries)
        return False, now + ring

    # --- ringing in

    def ring(self, party: Party, team: tuple[int, ...], owner: int = 0, patience: float = 0.82) -> bool:
        """A client rings now. Returns whether somebody answered."""
        world, rng, now = self.world, self._stream(), self.world.now
        open_now = world.calendar.in_hours(now)
        owner = world.present(owner)
        staff = [u for u in world.colleagues(team, world.calendar.day_of(now))]
        first = owner if owner and rng.random() < 0.6 else 0
        queue = ([first] if first else []) + [
            u.id for u in rng.sample(staff, min(len(staff), rng.choice((1, 1, 1, 2, 2, 3)))) if u.id != first
        ]
        if not queue:
            queue = [owner or 11]
        session = str(3_800_000_000 + rng.randrange(99_999_999)) if rng.random() < 0.6 else None
        answered = open_now and rng.random() < patience
        taker = rng.randrange(len(queue)) if answered else len(queue)
        moment = now
        for number, user in enumerate(queue):
            ring = 8 + rng.randrange(14)
            kind = REDIRECTED if number and rng.random() < 0.25 else IN
            last = number == len(queue) - 1 or number == taker
            if number == taker:
                talk = min(5400, max(1, int(rng.lognormvariate(4.9, 0.8))))
                world.at(
                    moment + ring + talk, self._write, user, party, kind, moment, talk, "200", session, rng, 0
                )
                return True
            code = rng.choices(("304", "603-S", "486"), (88, 8, 4))[0]
            world.at(moment + ring, self._write, user, party, kind, moment, 0, code, session, rng, 0, last)
            moment += ring + 1 + rng.randrange(4)
        if party.digits:
            self._answer_a_miss(queue[-1], party, team, rng, moment)
        return False

    def _answer_a_miss(
        self, user: int, party: Party, team: tuple[int, ...], rng: Random, missed: int
    ) -> None:
        """Called back soon, late or never; now and then the client tries again first."""
        world, fate = self.world, rng.random()
        if fate < 0.56:
            world.at(
                world.calendar.at_work(missed + 120 + int(rng.expovariate(1 / 700)), rng),
                self._return_call,
                user,
                party,
                0,
                rng.random() < 0.12,
            )
        elif fate < 0.74:
            world.at(
                world.calendar.at_work(missed + 3600 + int(rng.expovariate(1 / 20_000)), rng),
                self._return_call,
                user,
                party,
                0,
                False,
            )
        elif fate < 0.84:
            world.at(missed + 300 + int(rng.expovariate(1 / 5000)), self.ring, party, team, user, 0.75)

    def _return_call(self, user: int, party: Party, attempt: int, by_robot: bool) -> None:
        talked, over = self.dial(self.world.present(user), party, 0.68, CALLBACK if by_robot else OUT)
        if not talked and attempt < 2:
            rng = self._stream()
            again = self.world.calendar.at_work(over + 900 + rng.randrange(7200), rng)
            self.world.at(again, self._return_call, user, party, attempt + 1, False)

    # --- calls that are nobody's clients

    def internal(self, user: int) -> None:
        rng = self._stream()
        talk = int(rng.expovariate(1 / 90)) + 3
        party = Party(str(100 + rng.randrange(60)))
        self.world.at(
            self.world.now + talk, self._write, user, party, OUT, self.world.now, talk, "200", None, rng, 0
        )

    def inform(self, party: Party) -> None:
        """A robot reads a message to a client."""
        rng = self._stream()
        heard = rng.random() < 0.7
        self.world.at(
            self.world.now + 35,
            self._write,
            1,
            party,
            INFO,
            self.world.now,
            20 if heard else 0,
            "200" if heard else "304",
            None,
            rng,
            0,
        )

    def stray_inbound(self, rng: Random) -> None:
        """An unknown or hidden number rings; a few ring two or three times in a row."""
        digits = "" if rng.random() < 0.09 else new_digits(rng)
        team = rng.choice(((TELEMARKETING,), (NEW_CLIENTS,), (ACCOUNTS,), (REGIONS,)))
        answered = self.ring(Party(digits), team, patience=0.74)
        if not answered and digits and rng.random() < 0.25:
            self.world.at(self.world.now + 60 + rng.randrange(1500), self.ring, Party(digits), team, 0, 0.6)

    # --- writing it down

    def _write(
        self,
        user: int,
        party: Party,
        kind: int,
        started: int,
        talk: int,
        code: str,
        session: str | None,
        rng: Random,
        tries: int,
        last: bool = True,
    ) -> None:
        world, portal = self.world, self.world.portal
        internal = len(party.digits) == 3
        external = not internal and rng.random() < 0.35
        call_id = portal.next_id("call")
        fingerprint = md5(f"{world.story.seed}:{call_id}".encode(), usedforsecurity=False).hexdigest()
        known = party.kind and party.card_id in portal.cards[party.kind]
        call = Call(
            id=call_id,
            call_id=f"externalCall.{fingerprint}.{started}"
            if external
            else f"{fingerprint[:16].upper()}.{started}.{11_000_000 + call_id}",
            user_id=user,
            line=rng.choice(LINES),
            phone=party.digits if internal else spell(party.digits, rng),
            call_type=kind,
            category="internal" if internal else "external",
            started=started,
            duration=talk,
            code=code,
            reason=REASONS[code],
            session=None if external else session or str(3_900_000_000 + call_id),
            crm_type=ENTITY_NAMES[party.kind] if known else None,
            crm_id=party.card_id if known else 0,
            redial=tries - 1 if tries > 1 else None,
            external=external,
            cost="0.0000" if external or not talk else f"{talk / 60 * 1.4:.4f}",
            cost_currency="" if external else "RUR",
        )
        portal.calls[call_id] = call
        if known and last and kind != INFO:
            self._note(call, party, rng)
        if talk > 20 and not internal:
            world.at(world.now + 300 + rng.randrange(40_000), self._fill, call, rng.random())

    def _fill(self, call: Call, luck: float) -> None:
        """Record, vote and transcript arrive after the row, without any trace of a modification time."""
        if luck < 0.7:
            call.record_file, call.record_seconds = 9000 + call.id * 2, call.duration
        if luck < 0.06:
            call.vote = 5 if luck < 0.04 else 3
        if luck < 0.03:
            call.transcript = call.id // 30 + 1

    def _concerned(self, party: Party) -> list[tuple[int, int]]:
        """The cards a call is bound to: deals in work with the client, newest first, then lead, company, contact.

        The first of them owns the activity; the lead keeps it where the number is known by the lead.
        """
        cards, deals_of = self.world.portal.cards, self.world.portal.deals_of
        named = [(kind, card_id) for kind, card_id in party.bindings() if card_id in cards[kind]]
        for kind, card_id in list(named):
            if kind in (LEAD, CONTACT):
                card = cards[kind][card_id]
                clients = (
                    (COMPANY, card.company_id),
                    *((CONTACT, i) for i in getattr(card, "contact_ids", ())),
                )
                named += [b for b in clients if b[1] in cards[b[0]] and b not in named]
        deals = {i for client in named for i in deals_of.get(client, ())}
        in_work = [
            (DEAL, i)
            for i in sorted(deals, reverse=True)
            if i in cards[DEAL] and cards[DEAL][i].semantic == "P" and not cards[DEAL][i].recurring
        ]
        if named and named[0][0] in (DEAL, LEAD):
            return [named[0], *(b for b in in_work if b != named[0]), *named[1:]]
        return [*in_work, *named]

    def _note(self, call: Call, party: Party, rng: Random) -> None:
        """The call activity on the cards the number belongs to."""
        world, portal = self.world, self.world.portal
        bindings = self._concerned(party)
        outgoing = call.call_type in (OUT, CALLBACK)
        answered = call.code == "200"
        activity = world.add_activity(
            Activity(
                id=portal.next_id("activity", 2),
                type_id=2,
                provider="VOXIMPLANT_CALL",
                provider_type="CALL",
                subject=(
                    "Исходящий звонок"
                    if outgoing
                    else "Входящий звонок"
                    if answered
                    else "Пропущенный звонок"
                )
                + f" {call.phone}",
                created=world.now,
                author=call.user_id,
                responsible=call.user_id,
                start=call.started,
                end=call.started + 3600,
                bindings=bindings,
                deadline=call.started,
                completed=outgoing or answered,
                direction=2 if outgoing else 1,
                origin=f"VI_{call.call_id}",
                communication=(call.id * 2 + 1, "PHONE", call.phone, party.card_id, party.kind),
            )
        )
        call.activity_id = activity.id
        if activity.completed:
            return
        day = world.calendar.days_later(world.now, rng.random() * 3, rng)
        if rng.random() < 0.8:
            world.at(day, self._complete, activity, call.user_id)

    def _complete(self, activity: Activity, by: int) -> None:
        if activity.id in self.world.portal.activities:
            activity.completed, activity.updated, activity.editor = True, self.world.now, by


def party_of(world: World, deal_or_lead: tuple[int, int]) -> Party | None:
    """Whom to call about a lead or a deal: the lead's own number, or the deal's contact, or its company."""
    kind, card_id = deal_or_lead
    card = world.portal.cards[kind].get(card_id)
    if card is None:
        return None
    if kind == LEAD:
        return Party(digits_of(card.phone()), LEAD, card_id) if card.phone() else None
    for other_kind, other_id in ((CONTACT, card.contact_id), (COMPANY, card.company_id)):
        other = world.portal.cards[other_kind].get(other_id)
        if other is not None and other.phone():
            about = ((DEAL, card_id), *(((COMPANY, card.company_id),) if card.company_id else ()))
            return Party(digits_of(other.phone()), other_kind, other_id, about)
    return None
