"""The list methods over bulk tables: the same filters, orders, pages and refusals as over the company's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
from numpy.typing import NDArray

from demo.bulk.rows import Block, MomentTexts, RawRows, Writer, block, own_values
from demo.bulk.schema import SHAPES, Field, Shape, draw_variants, user_kind, wide
from demo.bulk.table import Pace, Table
from demo.rest import errors
from demo.rest.columns import Column
from demo.rest.filters import PAGE, condition, is_container, split_prefix
from demo.rest.parameters import Parameters, to_int
from demo.rest.service import METHODS, Answer, list_work

if TYPE_CHECKING:
    from demo.rest.service import Service

Places = NDArray[np.int64]

#: How many filters' results, and how many selections' writers, are kept.
KEPT = 16
#: Rows written at a time where a whole table is told.
CHUNK = 5_000

LAST_ID = 2**32 - 1
_ID_PREFIXES = ("", "=", "@", ">", ">=", "<", "<=")


@dataclass(frozen=True)
class Wanted:
    """One table as it was ordered: ``deals=200000:60`` is 200 000 deals of 60 fields."""

    table: str
    rows: int
    fields: int | None = None

    @classmethod
    def parse(cls, text: str) -> Wanted:
        name, _, rest = text.strip().partition("=")
        rows, _, fields = rest.partition(":")
        if name not in SHAPES:
            raise ValueError(f"no bulk table {name!r}; known: {', '.join(SHAPES)}")
        try:
            return cls(name, int(rows), int(fields) if fields else None)
        except ValueError:
            raise ValueError(f"{text!r}: expected {name}=ROWS or {name}=ROWS:FIELDS") from None


@dataclass
class BulkList:
    """One bulk table and the ways it is asked for."""

    shape: Shape
    fields: tuple[Field, ...]
    table: Table
    service: Service
    seed: int
    moments: MomentTexts
    _writers: dict[Any, Writer] = field(default_factory=dict)
    _found: dict[bytes, Places | None] = field(default_factory=dict)
    _version: int = -1

    def __post_init__(self) -> None:
        self.variants = draw_variants(self.shape, self.fields, self.seed)
        self._names = {f.name.lower(): f for f in self.fields} | {f.old.lower(): f for f in self.fields}

    # --- which rows

    def find(self, conditions: dict[str, Any], unknown: Callable[[str], None]) -> Places | None:
        """Places of the rows that pass the conditions, ascending; None for all rows.

        ``unknown`` is told the name of a field that these rows do not have: it raises, or the condition is dropped.
        """
        if self._version != self.table.version:
            self._version = self.table.version
            self._found.clear()
        key = orjson.dumps(
            [self.service.encoder.iso_filters, sorted(conditions.items(), key=lambda kv: kv[0])], default=str
        )
        if key not in self._found:
            if len(self._found) >= KEPT:
                self._found.clear()
            masks = [
                mask
                for name, value in conditions.items()
                if (mask := self._mask(*split_prefix(name), value, unknown)) is not None
            ]
            self._found[key] = np.flatnonzero(np.logical_and.reduce(masks)) if masks else None
        return self._found[key]

    def _mask(
        self, prefix: str, name: str, value: Any, unknown: Callable[[str], None]
    ) -> NDArray[np.bool_] | None:
        known = self._names.get(name.lower())
        if known is None:
            unknown(name)
            return None
        column = Column(known.name, known.kind, lambda plain: plain, lambda plain: plain)
        test = condition(prefix, column, value, self.service.encoder)
        if test is None:
            return None
        if not known.own:
            passing = np.array([test(variant.get(known.name)) for variant in self.variants])
            return passing[self.block(slice(None)).variants()]
        if known.own in ("created", "updated") and prefix in (">", ">=", "<", "<="):
            bound = self.service.encoder.parse_moment(value[0] if isinstance(value, list) else value)
            compare = {">": np.greater, ">=": np.greater_equal, "<": np.less, "<=": np.less_equal}[prefix]
            return compare(getattr(self.table, known.own).astype(np.int64), bound)
        return np.fromiter(map(test, own_values(known.own, self.block(slice(None)))), bool, len(self.table))

    def _by_id(
        self, places: Places | None, conditions: list[tuple[str, Any]]
    ) -> tuple[Places | None, int, int]:
        """The places that also pass conditions on the id: as a range of the places given, first and last."""
        low, high, wanted = 0, LAST_ID, None
        for prefix, value in conditions:
            if is_container(value) or value in (None, ""):
                continue
            if prefix in ("", "=", "@"):
                values = value.values() if isinstance(value, dict) else value
                some = {to_int(v) for v in (values if isinstance(value, (dict, list)) else [value])}
                wanted = some if wanted is None else wanted & some
                continue
            bound = to_int(value[0] if isinstance(value, list) else value)
            if prefix.startswith(">"):
                low = max(low, bound + (prefix == ">"))
                self.table.cursor = min(max(0, bound), LAST_ID)
            else:
                high = min(high, bound - (prefix == "<"))
        if wanted is not None:
            at = self.table.places(np.array(sorted(i for i in wanted if low <= i <= high), dtype=np.uint32))
            at = at[at >= 0]
            places = at if places is None else np.intersect1d(at, places, assume_unique=True)
            return places, 0, len(places)
        ids = self.table.ids if places is None else self.table.ids[places]
        # Bounds of the ids' own type: any other, and NumPy converts the whole table first.
        first = int(np.searchsorted(ids, np.uint32(min(low, LAST_ID)), "left"))
        last = int(np.searchsorted(ids, np.uint32(max(high, 0)), "right"))
        return places, first, max(first, last)

    def page(
        self,
        conditions: dict[str, Any],
        order: list[tuple[str, str]],
        start: int,
        unknown: Callable[[str], None],
        unknown_order: Callable[[str], None],
    ) -> tuple[Places, int, int | None]:
        """Places of a page's rows in order, the count of all that pass, and the next offset."""
        on_id = [
            (prefix, value)
            for key, value in conditions.items()
            for prefix, name in (split_prefix(key),)
            if name.lower() == "id" and prefix in _ID_PREFIXES
        ]
        others = {
            key: value
            for key, value in conditions.items()
            if split_prefix(key)[1].lower() != "id" or split_prefix(key)[0] not in _ID_PREFIXES
        }
        places, first, last = self._by_id(self.find(others, unknown), on_id)
        count, offset = last - first, max(0, start) // PAGE * PAGE
        name, direction = next(iter(order), ("id", "ASC"))
        by = self._names.get(name.lower())
        if by is None:
            unknown_order(name)
        descending = direction.upper() == "DESC" and by is not None
        if by is not None and by.own in ("created", "updated"):
            some = np.arange(first, last) if places is None else places[first:last]
            sorted_ = some[np.argsort(getattr(self.table, by.own)[some], kind="stable")]
            return (
                (sorted_[::-1] if descending else sorted_)[offset : offset + PAGE],
                count,
                self._next(offset, count),
            )
        if by is not None and by.own != "id":
            raise errors.bad_argument(f"Bulk tables are sorted by the id or a moment, not by '{name}'")
        size = max(0, min(PAGE, count - offset))
        here = (
            np.arange(last - offset - 1, last - offset - size - 1, -1)
            if descending
            else np.arange(first + offset, first + offset + size)
        )
        return (here if places is None else places[here]), count, self._next(offset, count)

    @staticmethod
    def _next(offset: int, count: int) -> int | None:
        return offset + PAGE if offset + PAGE < count else None

    # --- what they look like

    def block(self, places: Places | slice) -> Block:
        table = self.table
        return block(table.ids[places], table.created[places], table.updated[places], self.seed, self.moments)

    def writer(self, names: list[str], old: bool = False) -> Writer:
        """The writer of a ``select``: the id and what is named; the older ``*`` leaves out user fields."""
        key = (tuple(names), old)
        if key not in self._writers:
            if len(self._writers) >= KEPT:
                self._writers.clear()
            wanted = {name.lower() for name in names}
            chosen = tuple(
                f
                for f in self.fields
                if not wanted
                or f.own == "id"
                or wanted & {f.name.lower(), f.old.lower()}
                or ("*" in wanted and not (old and f.label))
                or ("uf_*" in wanted and f.label)
            )
            typed = self.shape.typed and not old
            self._writers[key] = Writer(chosen, typed, old, self.variants, self.service.encoder)
        return self._writers[key]

    def all_rows(self, names: list[str], old: bool = False) -> Iterator[list[bytes]]:
        """Every row, ascending by id, some thousand at a time."""
        writer = self.writer(names, old)
        for first in range(0, len(self.table), CHUNK):
            yield writer.rows(self.block(slice(first, first + CHUNK)))

    def truth(self, more: bytes) -> Iterator[list[bytes]]:
        """Every living row's id and moment, then those deleted, as JSON; ``more`` stands in each living row."""
        table, shown = self.table, "created" if self.shape.final or self.shape.blind else "updated"
        line = b'{"id":"%d","modified_at":"%b"' + more.replace(b"%", b"%%") + b"}"
        for first in range(0, len(table), CHUNK):
            here = slice(first, first + CHUNK)
            moments = self.moments.of(getattr(table, shown)[here])
            yield [line % pair for pair in zip(table.ids[here].tolist(), moments, strict=True)]
        iso = self.service.encoder.calendar.iso
        yield [
            b'{"id":"%d","deleted_at":"%b"}' % (key, iso(when).encode()) for key, when in sorted(table.gone)
        ]


class Bulk:
    """The bulk tables of a portal, in place of the company's own tables of the same name."""

    def __init__(
        self,
        wanted: list[Wanted],
        seed: int,
        since: int,
        at: int,
        gaps: float = 0.0,
        pace: Pace | None = None,
    ) -> None:
        self.wanted, self.seed, self.since, self.at, self.gaps, self.pace = (
            wanted,
            seed,
            since,
            at,
            gaps,
            pace,
        )
        self.lists: dict[str, BulkList] = {}

    def open(self, service: Service) -> None:
        """Make the tables, as the portal's clock shows them."""
        moments = MomentTexts(service.encoder.calendar)
        for wanted in self.wanted:
            shape = SHAPES[wanted.table]
            number = list(SHAPES).index(wanted.table)
            table = Table(
                (self.seed, number), wanted.rows, self.since, self.at, self.gaps, self.pace, shape.final
            )
            fields = wide(shape, wanted.fields)
            self.lists[wanted.table] = BulkList(shape, fields, table, service, self.seed + number, moments)
        self.tell(int(service.now()))

    def tell(self, clock: int) -> None:
        for bulk in self.lists.values():
            bulk.table.tell(clock)

    def counts(self) -> dict[str, int]:
        """Rows by table."""
        return {name: len(bulk.table) for name, bulk in self.lists.items()}

    def deleted(self) -> dict[str, int]:
        """Rows deleted since the tables began, by table."""
        return {name: len(bulk.table.gone) for name, bulk in self.lists.items()}

    def truth(self, stream: str) -> Iterator[list[bytes]] | None:
        """Rows as ``demo.truth.rows`` tells them, JSON already; None for a stream that is not in bulk."""
        bulk = self.lists.get("deals" if stream == "deal_product_rows" else stream)
        if bulk is None:
            return None
        return bulk.truth(b',"rows":[]' if stream == "deal_product_rows" else b"")

    # --- methods

    def asked(self, method: str, p: Parameters) -> tuple[BulkList, bool] | None:
        """The table a method's answer comes from, and whether in the older dialect; None if from no bulk table."""
        for bulk in self.lists.values():
            shape = bulk.shape
            if method == shape.old_method or method == shape.old_method.replace(".list", ".get"):
                return bulk, True
            same = method == shape.method or method == shape.method.replace(".list", ".get")
            if same and (not shape.entity or to_int(p.get("entityTypeId")) == shape.entity):
                return bulk, False
        return None

    def answer(self, service: Service, method: str, p: Parameters) -> Answer | None:
        """The answer of a method that bulk tables give; None where the company gives it."""
        if method == "crm.item.fields":
            return self._fields(service, p)
        if method == "crm.item.productrow.list" and "deals" in self.lists:
            return Answer({"productRows": []}, 0, None)
        if method == "crm.activity.binding.list" and "activities" in self.lists:
            activity = self._get(
                self.lists["activities"], Parameters({"id": p.get("activityId")}), False
            ).result
            return Answer(
                [{"entityTypeId": int(activity["OWNER_TYPE_ID"]), "entityId": int(activity["OWNER_ID"])}],
                work=0.004,
            )
        asked = self.asked(method, p)
        if asked is None:
            return None
        bulk, old = asked
        return (
            self._get(bulk, p, old)
            if method.endswith(".get") and "voximplant" not in method
            else self._list(service, bulk, p, old)
        )

    def _list(self, service: Service, bulk: BulkList, p: Parameters, old: bool) -> Answer:
        shape = bulk.shape
        refusing = shape.typed and not old

        def unknown(name: str) -> None:
            index = service.columns[shape.entity].item_index if shape.method == "crm.item.list" else {}
            if refusing and name.lower() not in index:
                raise errors.bad_argument(f"Invalid filter: field '{name}' is not allowed in filter")

        def unknown_order(name: str) -> None:
            if refusing and shape.method == "crm.item.list":
                raise errors.bad_argument(f"Invalid order: field '{name}' is not allowed in order")

        if shape.method == "voximplant.statistic.get":
            conditions = {k: v for k, v in p.mapping("FILTER").items() if k == k.upper() and "@" not in k}
            sort, direction = p.get("SORT"), p.get("ORDER")
            order = [(sort, direction)] if isinstance(sort, str) and isinstance(direction, str) else []
        else:
            conditions = p.mapping("filter")
            order = [(name, str(direction)) for name, direction in p.mapping("order").items()]
        start = to_int(p.get("start"), 0)
        places, count, following = bulk.page(conditions, order, start, unknown, unknown_order)
        names = [] if shape.method == "voximplant.statistic.get" else p.names("select")
        rows: Any = RawRows(bulk.writer(names, old).rows(bulk.block(places)))
        work = list_work(count + max(0, start), len(rows), start >= 0)
        return Answer(
            {"items": rows} if shape.typed and not old else rows,
            count if start >= 0 else 0,
            following if start >= 0 else None,
            work,
        )

    @staticmethod
    def _get(bulk: BulkList, p: Parameters, old: bool) -> Answer:
        at = bulk.table.places(np.array([to_int(p.get("id"))], dtype=np.int64))
        if at[0] < 0:
            raise errors.legacy_not_found() if old else errors.not_found()
        row = orjson.loads(bulk.writer([], old).rows(bulk.block(at))[0])
        return Answer({"item": row} if bulk.shape.typed and not old else row, work=0.02)

    def _fields(self, service: Service, p: Parameters) -> Answer | None:
        """The company's description of its cards, and of the user fields that bulk rows have besides."""
        entity = to_int(p.get("entityTypeId"))
        bulk = next((b for b in self.lists.values() if b.shape.entity == entity and b.shape.old_method), None)
        made = [f for f in bulk.fields if f.label] if bulk else []
        if not made:
            return None
        answer = METHODS["crm.item.fields"].run(service, p)
        for number, one in enumerate(made):
            answer.result["fields"][one.name] = _described(one, user_kind(number).type)
        return answer


def _described(one: Field, kind: str) -> dict[str, Any]:
    options = {"items": [{"ID": str(n), "VALUE": f"Вариант {n}"} for n in (101, 103, 105, 107)]}
    return {
        "type": kind,
        "isRequired": False,
        "isReadOnly": False,
        "isImmutable": False,
        "isMultiple": False,
        "isDynamic": True,
        **(options if kind == "enumeration" else {}),
        "title": one.label,
        "settings": {},
        "upperName": one.old,
    }
