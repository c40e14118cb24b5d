"""The portal as its methods see it: state at the clock, encodings, rights, scopes, register of methods."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from demo.company import catalogue as c
from demo.company.chronicle import Chronicle
from demo.company.records import Portal
from demo.company.world import Story
from demo.rest.columns import Column, Encoder
from demo.rest.entities import NAMES, EntityColumns
from demo.rest.limits import Costs, Work
from demo.rest.listing import Lister
from demo.rest.parameters import Parameters

if TYPE_CHECKING:
    from demo.bulk.lists import Bulk

#: Every scope a webhook of the demonstration may have.
ALL_SCOPES = ("crm", "telephony", "user", "department", "user.userfield", "catalog", "sale")


@dataclass(frozen=True)
class Settings:
    """How the portal is served.

    ``frozen``: unix seconds at which its clock stands still, None for real time. ``limits``: whether the leaky bucket
    (``drain`` a second, ``burst`` at once) and the operating budget hold; ``bill_batch``: a batch is charged as a whole
    to ``batch``, not each command to its method. ``wall_seconds``: the longest a request may take. ``old_history``: a
    deal's stage history has only the rows of its present pipeline.
    """

    token: str
    frozen: int | None = None
    scopes: tuple[str, ...] = ALL_SCOPES
    admin: bool = True
    limits: bool = True
    drain: float = 2.0
    burst: int = 50
    operating_limit: float = 480.0
    operating_window: float = 600.0
    bill_batch: bool = False
    costs: Costs = field(default_factory=Costs)
    wall_seconds: float = 60.0
    old_history: bool = False
    user: int = c.WEBHOOK_USER


@dataclass
class Answer:
    """What a method returns; ``total`` and ``next`` stand beside ``result``; ``work``: what it costs, in seconds."""

    result: Any
    total: int | None = None
    next: int | None = None
    work: Work | float = 0.002


Method = Callable[["Service", Parameters], Answer]


@dataclass(frozen=True)
class Registered:
    name: str
    scopes: tuple[str, ...]
    run: Method


METHODS: dict[str, Registered] = {}


def method(name: str, *scopes: str) -> Callable[[Method], Method]:
    """Register a REST method; any one of ``scopes`` opens it, none means it is always open."""

    def register(run: Method) -> Method:
        METHODS[name] = Registered(name, scopes, run)
        return run

    return register


@dataclass
class Service:
    """One portal being served; ``bulk`` tables stand in for the company's of the same name."""

    story: Story
    settings: Settings
    bulk: Bulk | None = None
    chronicle: Chronicle = field(init=False)
    encoder: Encoder = field(init=False)
    lister: Lister = field(init=False)
    columns: dict[int, EntityColumns] = field(init=False)

    def __post_init__(self) -> None:
        self.chronicle = Chronicle(self.story)
        self.encoder = Encoder(self.chronicle.world.calendar)
        self.lister = Lister(self.encoder)
        self.columns = {entity: EntityColumns(entity, self.encoder) for entity in NAMES}
        self.frozen = self.settings.frozen
        self._shift = 0
        self.portal: Portal = self.chronicle.portal
        if self.bulk is not None:
            self.bulk.open(self)
        self.refresh()

    # --- the clock

    def now(self) -> float:
        """Unix seconds of the portal's clock."""
        return float(self.frozen) if self.frozen is not None else time.time() + self._shift

    def set_clock(self, moment: int | None) -> None:
        """Freeze the clock at a moment, or let it run in real time."""
        self.frozen, self._shift = moment, 0
        self.refresh()

    def advance(self, seconds: int) -> None:
        """Move the clock on, frozen or not."""
        if self.frozen is not None:
            self.frozen += seconds
        else:
            self._shift += seconds
        self.refresh()

    def refresh(self) -> None:
        """Bring the portal to the clock."""
        moment = int(self.now())
        self.portal = self.chronicle.tell(moment)
        if self.bulk is not None:
            self.bulk.tell(moment)

    # --- methods

    def run(self, entry: Registered, p: Parameters) -> Answer:
        """One method's work, over bulk tables where there are any for it."""
        answer = self.bulk.answer(self, entry.name, p) if self.bulk is not None else None
        return entry.run(self, p) if answer is None else answer

    @property
    def version(self) -> int:
        return self.chronicle.world.changes

    def today(self) -> int:
        return self.chronicle.world.calendar.day_of(int(self.now()))

    # --- rights

    def visible(self) -> Callable[[Any], bool] | None:
        """Row rights: an administrator sees all, anybody else only what is open or their own."""
        if self.settings.admin:
            return None
        user = self.settings.user
        return lambda card: card.opened or card.assigned == user

    def allowed(self, scopes: tuple[str, ...]) -> bool:
        return not scopes or any(scope in self.settings.scopes for scope in scopes)


def select_columns(columns: list[Column], names: list[str]) -> list[Column]:
    """Columns of a ``select``: ``*`` is every ordinary field, ``UF_*`` every user field, else by name."""
    if not names:
        return [column for column in columns if column.group != "multi"]
    wanted = {name.lower() for name in names}
    return [
        column
        for column in columns
        if column.name.lower() in wanted
        or column.upper.lower() in wanted
        or ("*" in wanted and column.group == "field")
        or ("uf_*" in wanted and column.group == "user")
        or column.name.lower() == "id"
    ]


def list_work(scanned: int, rows: int, counted: bool) -> Work:
    """The work of a list call: a page costs little, counting and offsets cost by what they read."""
    return Work(0.012 + rows * 0.0004, scanned if counted else 0)


__all__ = [
    "METHODS",
    "Answer",
    "Method",
    "Registered",
    "Service",
    "Settings",
    "c",
    "list_work",
    "method",
    "select_columns",
]
