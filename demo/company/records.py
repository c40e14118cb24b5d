"""Rows of the portal as the company keeps them: plain values, not yet in the clothes of any REST method.

Moments are unix seconds, days are ordinals (``date.toordinal``), money is kopecks (or cents) as int.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from demo.company.catalogue import ACTIVITY, CARD_TYPES, WITH_HISTORY

Utm = tuple[str | None, str | None, str | None, str | None, str | None]
NO_UTM: Utm = (None, None, None, None, None)


@dataclass(slots=True)
class Channel:
    """A telephone number or mail address of a card (a «multifield» row)."""

    id: int
    type: str
    kind: str
    value: str


@dataclass(slots=True)
class Card:
    """What leads, deals, contacts, companies and invoices have in common."""

    id: int
    title: str
    created: int
    created_by: int
    assigned: int
    updated: int = 0
    updated_by: int = 0
    activity_time: int = 0
    activity_by: int = 0
    opened: bool = True
    source: str = ""
    source_description: str | None = None
    utm: Utm = NO_UTM
    comments: str | None = None
    company_id: int = 0
    contact_ids: list[int] = field(default_factory=list)
    observers: list[int] = field(default_factory=list)
    channels: list[Channel] = field(default_factory=list)
    custom: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.updated = self.activity_time = self.created
        self.updated_by = self.activity_by = self.created_by

    @property
    def contact_id(self) -> int:
        return self.contact_ids[0] if self.contact_ids else 0

    def phone(self) -> str | None:
        return next((c.value for c in self.channels if c.type == "PHONE"), None)


@dataclass(slots=True)
class Staged(Card):
    """A card that moves through stages."""

    category: int = 0
    stage: str = ""
    semantic: str = "P"
    previous_stage: str = ""
    moved: int = 0
    moved_by: int = 0
    amount: int = 0
    currency: str = "RUB"
    manual_amount: bool = True


@dataclass(slots=True)
class Lead(Staged):
    name: str | None = None
    last_name: str | None = None
    second_name: str | None = None
    company_title: str | None = None
    post: str | None = None
    status_description: str | None = None
    honorific: str | None = None
    birth_day: int = 0
    city: str | None = None
    closed: int = 0
    returning: bool = False


@dataclass(slots=True)
class Deal(Staged):
    lead_id: int = 0
    type_id: str = "SALE"
    is_new: bool = True
    recurring: bool = False
    returning: bool = False
    repeated_approach: bool = False
    probability: int | None = None
    begin_day: int = 0
    close_day: int = 0
    additional_info: str | None = None


@dataclass(slots=True)
class Quote(Staged):
    number: str = ""
    deal_id: int = 0
    lead_id: int = 0
    my_company_id: int = 0
    begin_day: int = 0
    close_day: int = 0
    actual_day: int = 0
    last_communication: int = 0


@dataclass(slots=True)
class SmartItem(Staged):
    """A card of a smart process; ``deal_id`` is its parent."""

    deal_id: int = 0
    my_company_id: int = 0
    begin_day: int = 0
    close_day: int = 0


@dataclass(slots=True)
class Invoice(Staged):
    number: str = ""
    deal_id: int = 0
    quote_id: int = 0
    my_company_id: int = 0
    begin_day: int = 0
    close_day: int = 0


@dataclass(slots=True)
class Contact(Card):
    name: str = ""
    last_name: str | None = None
    second_name: str | None = None
    honorific: str | None = None
    post: str | None = None
    type_id: str = "CLIENT"
    lead_id: int = 0
    other_companies: list[int] = field(default_factory=list)
    birth_day: int = 0
    last_communication: int = 0


@dataclass(slots=True)
class Company(Card):
    type_id: str = "CUSTOMER"
    industry: str = "OTHER"
    employees: str = "EMPLOYEES_1"
    revenue: int = 0
    is_mine: bool = False
    lead_id: int = 0
    last_communication: int = 0


@dataclass(slots=True)
class HistoryRow:
    """The card entered a stage. ``type_id``: 1 created, 2 moved, 3 final, 5 pipeline changed."""

    id: int
    type_id: int
    owner_id: int
    created: int
    category: int
    semantic: str
    stage: str


@dataclass(slots=True)
class ProductRow:
    id: int
    owner_id: int
    product_id: int
    name: str
    price: int
    quantity: int
    discount_rate: int
    measure: tuple[int, str]
    sort: int


@dataclass(slots=True)
class Call:
    """One leg of a call, written when it ends."""

    id: int
    call_id: str
    user_id: int
    line: str
    phone: str
    call_type: int
    category: str
    started: int
    duration: int
    code: str
    reason: str
    session: str | None = None
    crm_type: str | None = None
    crm_id: int = 0
    activity_id: int = 0
    cost: str = "0.0000"
    cost_currency: str = "RUR"
    vote: int | None = None
    record_file: int | None = None
    record_seconds: int | None = None
    transcript: int | None = None
    redial: int | None = None
    external: bool = False
    log: str | None = None


@dataclass(slots=True)
class Activity:
    """A call, meeting, letter, task or to-do. ``bindings`` are (entity type, id), the owner first."""

    id: int
    type_id: int
    provider: str
    provider_type: str
    subject: str
    created: int
    author: int
    responsible: int
    start: int
    end: int
    bindings: list[tuple[int, int]]
    updated: int = 0
    editor: int = 0
    deadline: int | None = None
    completed: bool = False
    direction: int = 0
    description: str = ""
    priority: int = 2
    origin: str | None = None
    communication: tuple[int, str, str, int, int] | None = None

    def __post_init__(self) -> None:
        self.updated = self.updated or self.created
        self.editor = self.editor or self.author


@dataclass(slots=True)
class Order:
    """An order of the shop; ``deal_id`` is the deal it belongs to, 0 once that is gone."""

    id: int
    created: int
    amount: int
    currency: str
    buyer: int
    responsible: int
    deal_id: int
    company_id: int = 0
    updated: int = 0
    status: str = "N"
    status_time: int = 0
    paid: bool = False
    canceled: int = 0
    cancel_reason: str = ""

    def __post_init__(self) -> None:
        self.updated = self.status_time = self.created


@dataclass(slots=True)
class Payment:
    """A payment of an order: billed, perhaps paid, perhaps given back (``returned``, then it is paid no more)."""

    id: int
    order_id: int
    number: str
    billed: int
    amount: int
    currency: str
    system: int
    responsible: int
    paid: bool = False
    paid_at: int = 0
    paid_by: int = 0
    returned: int = 0


@dataclass(slots=True)
class Portal:
    """Everything the portal holds at one moment. Dictionaries are keyed by id, ascending.

    ``deleted``: by kind of card (and ``ACTIVITY``), the ids that are gone and since when; ``restored``: those that
    came back. ``deals_of``: ids of the deals a client ever had, by kind and id of contact or company.
    """

    cards: dict[int, dict[int, Any]]
    history: dict[int, dict[int, HistoryRow]]
    history_of: dict[tuple[int, int], list[int]]
    calls: dict[int, Call]
    activities: dict[int, Activity]
    activities_of: dict[tuple[int, int], list[int]]
    product_rows: dict[int, list[ProductRow]]
    deleted: dict[int, dict[int, int]]
    restored: dict[int, dict[int, int]]
    orders: dict[int, Order] = field(default_factory=dict)
    payments: dict[int, Payment] = field(default_factory=dict)
    payments_of: dict[int, list[Payment]] = field(default_factory=dict)
    deals_of: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)

    @classmethod
    def empty(cls) -> Portal:
        return cls(
            cards={k: {} for k in CARD_TYPES},
            history={k: {} for k in WITH_HISTORY},
            history_of={},
            calls={},
            activities={},
            activities_of={},
            product_rows={},
            deleted={k: {} for k in (*CARD_TYPES, ACTIVITY)},
            restored={k: {} for k in CARD_TYPES},
        )

    def next_id(self, name: str, step: int = 1) -> int:
        self.counters[name] = self.counters.get(name, 0) + step
        return self.counters[name]
