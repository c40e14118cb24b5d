"""What raw must hold, by docs/architecture.md, said without the tap's catalogue, and every way in which it does not.

The portal says in two ways what it has: ids and moments straight from its tables (`/__demo/truth`), and the rows
as its methods write them, without pages, limits and faults (`/__demo/rows`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from tests.campaign.company import Portal, Row
from tests.campaign.warehouse import RAW, Raw, RawRow

MOVES_ALONE = ("lastActivity", "lastCommunication")
"""Fields of a card that the portal moves without the card's moment of change, as extract/README.md says."""
FOLLOWS_RATES = "priceAccount"
"""The field of a product row that follows the currency's present rate."""
SHOWN = 4
"""Ids named of each kind of difference."""
GROUP = 200

Params = tuple[tuple[str, Any], ...]
Problems = dict[str, list[str]]


@dataclass(frozen=True)
class Source:
    """Where the portal shows a stream, and what becomes of it in raw.

    `kept` is `versions` (every version seen), `append` (for ever), `newest` (one row an id, newest wins), `full`
    (vanished rows marked) or `daily` (a snapshot a day). `each` names a list of which every row makes a variant;
    `told` says that the portal's own tables are asked too.
    """

    kept: str
    method: str
    id: str = "{ID}"
    modified: str = ""
    params: Params = ()
    dropped: frozenset[str] = frozenset()
    each: str = ""
    told: bool = True

    def rows(self, truth: Truth) -> dict[str, Row]:
        """The portal's rows by the id that raw gives them."""
        found = (
            {**put, **row}
            for params, put in truth.variants(self.each)
            for row in truth.company.listed(self.method, (*self.params, *params))
        )
        return {self.id.format(**row): row for row in found}


def _cards(entity: int) -> Source:
    return Source(
        "versions", "crm.item.list", "{id}", "updatedTime", (("entityTypeId", entity), ("select[0]", "*"))
    )


def _history(entity: int) -> Source:
    return Source("append", "crm.stagehistory.list", "{ID}", "CREATED_TIME", (("entityTypeId", entity),))


def _full(method: str, id: str = "{ID}", params: Params = (), each: str = "") -> Source:
    return Source("full", method, id, params=params, each=each, told=False)


SOURCES: dict[str, Source] = {
    "leads": _cards(1),
    "deals": _cards(2),
    "contacts": _cards(3),
    "companies": _cards(4),
    "quotes": _cards(7),
    "smart_invoices": _cards(31),
    "smart_process_items": Source(
        "versions",
        "crm.item.list",
        "{entityTypeId}:{id}",
        "updatedTime",
        (("select[0]", "*"),),
        each="processes",
    ),
    "lead_stage_history": _history(1),
    "deal_stage_history": _history(2),
    "smart_invoice_stage_history": _history(31),
    "smart_process_stage_history": Source(
        "append", "crm.stagehistory.list", "{entityTypeId}:{ID}", "CREATED_TIME", each="processes"
    ),
    "activities": Source("versions", "crm.activity.list", modified="LAST_UPDATED"),
    "calls": Source(
        "newest",
        "voximplant.statistic.get",
        modified="CALL_START_DATE",
        dropped=frozenset({"CALL_RECORD_URL", "CALL_LOG"}),
    ),
    "orders": Source("versions", "sale.order.list", "{id}", "dateUpdate"),
    "order_owners": _full("crm.orderentity.list", "{ownerTypeId}:{ownerId}:{orderId}"),
    "products": _full(
        "catalog.product.list", "{id}", (("select[0]", "id"), ("select[1]", "iblockId")), "catalogs"
    ),
    "smart_processes": _full("crm.type.list", "{entityTypeId}"),
    "pipelines": _full("crm.category.list", "{entityTypeId}:{id}", each="pipelined"),
    "statuses": _full("crm.status.list"),
    "users": _full("user.get"),
    "departments": _full("department.get"),
    "currencies": Source("daily", "crm.currency.list", "{CURRENCY}", told=False),
}
PRODUCT_ROWS, PAYMENTS, BINDINGS, FIELDS = "deal_product_rows", "payments", "activity_bindings", "fields"
STREAMS = (*SOURCES, PRODUCT_ROWS, PAYMENTS, BINDINGS, FIELDS)
CARDS = {"leads": 1, "deals": 2, "contacts": 3, "companies": 4, "quotes": 7, "smart_invoices": 31}
SWEPT = (*CARDS, "smart_process_items", "activities")


class Truth:
    """What the portal has at its present clock, asked for when first needed."""

    def __init__(self, company: Portal) -> None:
        self.company = company
        self.day = company.clock()[:10]
        self._rows: dict[str, dict[str, Row]] = {}
        self._told: dict[str, list[Row]] = {}
        self._sets: dict[str, dict[str, list[Row]]] = {}

    def rows(self, stream: str) -> dict[str, Row]:
        """Rows as the method writes them, by raw's id."""
        if stream not in self._rows:
            self._rows[stream] = SOURCES[stream].rows(self)
        return self._rows[stream]

    def told(self, stream: str, *, deleted: bool = False) -> dict[str, Row]:
        """Ids and moments (and what a set holds) of the living, or of the deleted, by raw's id."""
        if stream not in self._told:
            self._told[stream] = self.company.told(stream)
        return {row["id"]: row for row in self._told[stream] if ("deleted_at" in row) is deleted}

    @cached_property
    def processes(self) -> list[int]:
        """Type numbers of the smart processes."""
        return [row["entityTypeId"] for row in self.company.listed("crm.type.list")]

    def variants(self, each: str) -> list[tuple[Params, Row]]:
        """Parameters of each variant of a list, and what raw puts into its rows."""
        if not each:
            return [((), {})]
        if each == "catalogs":
            blocks = self.company.listed("catalog.catalog.list")
            return [((("filter[iblockId]", block["iblockId"]),), {}) for block in blocks]
        types = self.processes if each == "processes" else [2, 31, *self.processes]
        return [((("entityTypeId", number),), {"entityTypeId": number}) for number in types]

    def sets(self, stream: str) -> dict[str, list[Row]]:
        """Rows of each owner that has any."""
        if stream not in self._sets:
            self._sets[stream] = self._read_sets(stream)
        return self._sets[stream]

    def _read_sets(self, stream: str) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = defaultdict(list)
        if stream == BINDINGS:
            return {key: row["bindings"] for key, row in self.told(stream).items()}
        method, owner, more = {
            PRODUCT_ROWS: ("crm.item.productrow.list", "ownerId", (("filter[=ownerType]", "D"),)),
            PAYMENTS: ("sale.payment.list", "orderId", ()),
        }[stream]
        owners = list(self.told("deals" if stream == PRODUCT_ROWS else "orders"))
        for group in (owners[i : i + GROUP] for i in range(0, len(owners), GROUP)):
            asked = [(f"filter[={owner}][{n}]", key) for n, key in enumerate(group)]
            for row in self.company.listed(method, (*more, *asked)):
                found[str(row[owner])].append(row)
        return found

    @cached_property
    def fields(self) -> set[str]:
        """Ids of the fields of every card type."""
        return {
            f"{entity}:{name}"
            for entity in (*CARDS.values(), *self.processes)
            for name in self.company.asked("crm.item.fields", entityTypeId=entity)["fields"]
        }


def differences(
    warehouse: Raw, truth: Truth, streams: Iterable[str], swept: Container[str], schema: str = RAW
) -> list[str]:
    """Every difference between raw and the portal, a line each; empty where raw holds the truth.

    Args:
        streams: those to compare.
        swept: those of which the deleted cards must be known too.
    """
    found: list[str] = []
    for stream in streams:
        raw = warehouse.rows(stream, schema)
        if stream in (PRODUCT_ROWS, PAYMENTS, BINDINGS):
            problems = _sets(stream, raw, truth)
        elif stream == FIELDS:
            problems = _marks({row.id for row in raw if not row.deleted}, truth.fields)
        elif stream in SOURCES:
            problems = _compared(stream, raw, truth)
        else:
            problems = {"unknown to the campaign (tests/campaign/truth.py)": [stream]}
        if stream in swept:
            problems |= _deletions(
                stream, raw, warehouse.rows("card_ids", schema), warehouse.rows("extract_runs", schema), truth
            )
        for what, ids in problems.items():
            if ids:
                names = ", ".join(sorted(ids)[:SHOWN]) + (" …" if len(ids) > SHOWN else "")
                found.append(f"{stream}: {len(ids)} {what}: {names}")
    return found


def moment(text: str | None) -> datetime:
    return datetime.fromisoformat(text or "1970-01-01T00:00:00+00:00")


def latest(raw: Iterable[RawRow]) -> dict[str, RawRow]:
    """The latest version of each id: greatest moment, ties by the loader's time."""
    return {row.id: row for row in sorted(raw, key=lambda row: (moment(row.modified_at), row.received))}


def _compared(stream: str, raw: list[RawRow], truth: Truth) -> Problems:
    source, shown = SOURCES[stream], truth.rows(stream)
    if source.kept == "full":
        kept = {row.id: row for row in raw if not row.deleted}
        problems = _marks(kept.keys(), shown.keys())
    elif source.kept == "daily":
        kept = {row.id: row for row in raw if row.modified_at == truth.day}
        problems = {"missing today": [key for key in shown if key not in kept]}
    else:
        kept = latest(raw)
        problems = {
            "missing": [key for key in shown if key not in kept],
            "of another moment": [
                key
                for key, row in shown.items()
                if key in kept and moment(kept[key].modified_at) != moment(row[source.modified])
            ],
            "marked as deleted": [row.id for row in raw if row.deleted],
        }
    problems["with another payload"] = [
        key for key, row in shown.items() if key in kept and _differs(source, row, kept[key].payload)
    ]
    if source.told:
        told = truth.told(stream)
        problems["unlike the portal's own tables"] = [
            key
            for key in told.keys() | shown.keys()
            if key not in told
            or key not in kept
            or moment(told[key]["modified_at"]) != moment(kept[key].modified_at)
        ]
    return problems


def _marks(kept: Iterable[str], shown: Iterable[str]) -> Problems:
    kept, shown = set(kept), set(shown)
    return {"missing or marked": list(shown - kept), "not marked though vanished": list(kept - shown)}


def _differs(source: Source, shown: Row, kept: Row) -> bool:
    """Whether a payload lacks or changes what the portal shows now."""
    return any(
        name not in kept or _plain(kept[name]) != _plain(value)
        for name, value in shown.items()
        if name not in source.dropped and not (source.kept == "versions" and name.startswith(MOVES_ALONE))
    )


def _plain(value: Any) -> Any:
    """Some portals write numbers of a history as texts."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _sets(stream: str, raw: list[RawRow], truth: Truth) -> Problems:
    """The set of each living owner: an owner whose set is empty may be absent."""
    field = {PRODUCT_ROWS: "productRows", PAYMENTS: "payments", BINDINGS: "bindings"}[stream]
    shown = truth.sets(stream)
    kept = {row.id: row for row in raw if not row.deleted}
    told = truth.told(stream)
    return {
        "with another set": [
            key
            for key in told
            if _set(kept[key].payload[field] if key in kept else []) != _set(shown.get(key, []))
        ],
        "of another moment": [
            key
            for key, row in told.items()
            if key in kept and moment(kept[key].modified_at) != moment(row["modified_at"])
        ],
    }


def _set(rows: list[Row]) -> list[list[tuple[str, Any]]]:
    return sorted(sorted((k, str(v)) for k, v in row.items() if k != FOLLOWS_RATES) for row in rows)


def deleted_cards(warehouse: Raw, truth: Truth) -> int:
    """How many cards raw holds that the portal has no longer."""
    return sum(len({row.id for row in warehouse.rows(name)} - truth.told(name).keys()) for name in SWEPT)


# --- deletions ----------------------------------------------------------------------------------------------


def _deletions(
    stream: str, raw: list[RawRow], sweeps: list[RawRow], ledger: list[RawRow], truth: Truth
) -> Problems:
    """The contract's rule of card_ids, against the portal: no living card dead, no dead card living.

    The last sweep that came through by the ledger looked at all buckets, those too that it had no need to write.
    """
    last = max(
        (
            moment(row.payload["window_from"])
            for row in ledger
            if (row.payload["stream"], row.payload["mode"], row.payload["status"]) == (stream, "sweep", "ok")
        ),
        default=moment(None),
    )
    versions = sorted(
        (row for row in sweeps if row.payload["stream"] == stream), key=lambda row: moment(row.modified_at)
    )
    newest = {row.id: row for row in versions}
    buckets: dict[str, list[RawRow]] = defaultdict(list)
    for row in newest.values():
        prefix = f"{row.payload['entity_type_id']}:" if stream == "smart_process_items" else ""
        buckets[prefix].append(row)
    created = "CREATED" if stream == "activities" else "createdTime"

    def is_dead(row: RawRow) -> bool:
        prefix, _, number = row.id.rpartition(":")
        for bucket in buckets[f"{prefix}:" if prefix else ""]:
            if bucket.payload["first"] <= int(number) <= bucket.payload["last"]:
                present = any(low <= int(number) <= high for low, high in bucket.payload["ids"])
                began = max(last, moment(bucket.modified_at))
                return not present and moment(row.payload[created]) < began
        return False

    living, dead = truth.told(stream), truth.told(stream, deleted=True)
    now = latest(raw)
    return {
        "never of this portal": [key for key in now if key not in living and key not in dead],
        "alive but dead by the sweep": [key for key, row in now.items() if key in living and is_dead(row)],
        "deleted but alive by the sweep": [
            key for key, row in now.items() if key not in living and not is_dead(row)
        ],
    }
