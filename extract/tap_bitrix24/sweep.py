"""The deletion sweep: which cards the portal still has, since it does not tell which it has lost.

Once a day the ids of every list flagged `sweep` are read, ids only, and written to `card_ids` in buckets of 10 000,
each as ranges; a bucket is written when it differs from what was written last. Whoever reads the table tells deleted
cards from it: a card whose newest bucket lacks its id, and that is older than that bucket.

A card that was created while the ids were read may be missing from them: it is newer than the moment that the buckets
carry, which is taken before. One that was deleted meanwhile may still be among them, until the next sweep.

Lost rights look like deletions. So nothing of a list is written when too many of its ids are gone. And so does a list
that the portal cut short: buckets that changed are counted by the portal, and read again if it has more.
"""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tap_bitrix24 import admission, records
from tap_bitrix24.batch import Listing, Params, Row
from tap_bitrix24.catalogue import Spec, Variant
from tap_bitrix24.errors import NOT_OFFERED, PortalError, StreamRefused, Temporary
from tap_bitrix24.finding import portal_variants
from tap_bitrix24.ledger import Entry
from tap_bitrix24.presence import BUCKET, NOTHING, Presence
from tap_bitrix24.questions import ask_each
from tap_bitrix24.spans import EVERYTHING, Span
from tap_bitrix24.streams import BitrixStream, Chunk, Plan
from tap_bitrix24.walk import Walk

if TYPE_CHECKING:
    from tap_bitrix24.tap import TapBitrix24

TABLE = "card_ids"
FEW = 50
"""So many cards may vanish from a list between two sweeps whatever their share."""
CHUNK = 500
ALL_IDS = EVERYTHING[0]
ALWAYS, DAILY, NEVER = "always", "daily", "never"
MODES = (DAILY, ALWAYS, NEVER)


class TooManyVanished(PortalError):
    """More cards are gone than the guard lets through."""


def last_hour(now: dt.datetime, hour: int) -> dt.datetime:
    """The last time that it was `hour` o'clock, by the portal's clock."""
    today = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    return today if today <= now else today - dt.timedelta(days=1)


def is_due(
    mode: str, state: Mapping[str, Any], *, now: dt.datetime, hour: int, percent: float, loaded: bool
) -> bool:
    """Whether a list is to be swept in this run.

    Args:
        state: what the list's last sweep left.
        loaded: the list was loaded completely by an earlier run.
    """
    if mode != DAILY:
        return mode == ALWAYS
    since = last_hour(now, hour)
    refused = state.get("refused")
    if refused and refused["percent"] == percent and dt.datetime.fromisoformat(refused["at"]) >= since:
        return False  # Nothing but another guard, or another day, would change the answer.
    swept_at = state.get("swept_at")
    return loaded and (swept_at is None or dt.datetime.fromisoformat(swept_at) < since)


class CardIdsStream(BitrixStream):
    """The table of the sweeps; its rows come from `Sweep`."""

    def __init__(self, tap: TapBitrix24) -> None:
        super().__init__(tap, TABLE, path="", mode="sweep", key=["id", "modified_at"], replicated=False)

    def fetch(self, plan: Plan) -> Iterator[Chunk]:
        """Nothing: each list is swept for itself."""
        return iter(())


@dataclass
class SweepPlan(Plan):
    """`kept` is a copy of what the last accepted sweep left, `began` the moment of this one.

    `at` is the moment that it vouches for: earlier where the portal may show moments of creation too early.
    """

    kept: Mapping[str, Any] = field(default_factory=dict)
    began: str = ""
    at: str = ""

    @property
    def saved(self) -> Mapping[str, Any]:
        """Of each list: how many ids, the greatest, the last bucket written, and the buckets' fingerprints."""
        return self.kept.get("lists", {})


@dataclass
class Found(Chunk):
    """Lines for the table, and the state to keep once they are written."""

    state: dict[str, Any] | None = None


class Sweep(BitrixStream):
    """One stream's sweep, with a state and a row in the ledger of its own."""

    def __init__(self, tap: TapBitrix24, spec: Spec) -> None:
        super().__init__(tap, f"sweep_{spec.name}", path=spec.method, mode="sweep", key=[], replicated=False)
        self.spec = spec
        self.entry = Entry(tap.run_id, spec.name, "sweep")

    def is_due(self, loaded: bool) -> bool:
        config = self.tap.config
        return is_due(
            config["sweep"],
            self.stream_state,
            now=self.tap.portal.server_time,
            hour=config["sweep_hour"],
            percent=config["sweep_guard_percent"],
            loaded=loaded,
        )

    def plan(self) -> SweepPlan:
        state = {name: value for name, value in self.stream_state.items() if name in ("swept_at", "lists")}
        portal = self.tap.portal
        return SweepPlan(
            kept=copy.deepcopy(state),
            began=portal.server_time.isoformat(),
            at=(portal.server_time - portal.doubt).isoformat(),
        )

    def admit(self) -> None:
        admission.admit(self.spec, self.tap.portal)

    def judge(self, error: Exception) -> Exception:
        return admission.judge(self.spec, self.tap.portal, error)

    def fetch(self, plan: Plan) -> Iterator[Chunk]:
        """Read all ids, then write the buckets that changed; or nothing, if the guard says so."""
        assert isinstance(plan, SweepPlan)
        self.entry.window_from = plan.at
        variants = {
            variant.key: variant for variant in portal_variants(self.tap, self.spec, self.entry.usage)
        }
        if short := [found.name for found in self.spec.found if found.name in self.tap.found_short]:
            raise Temporary(f"{self.name}: the portal shows fewer {', '.join(short)} than it counts")
        # A list that the portal no longer has lost all that it had.
        present = {key: Presence() for key in plan.saved}
        for key, variant in variants.items():
            present[key] = Presence()
            self._read(variant, present[key])
            self._recount(variant, present[key], plan.saved.get(key, {}))
        self.entry.rows = sum(ids.count() for ids in present.values())
        yield from self._guard(plan, present)
        lines: list[bytes] = []
        lists: dict[str, Any] = {}
        writer = records.RecordWriter(TABLE)
        for key, ids in present.items():
            saved = plan.saved.get(key, {})
            lists[key] = {
                "count": ids.count(),
                "greatest": ids.greatest,
                "reach": _reach(ids, saved),
                "prints": {str(bucket): ids.fingerprint(bucket) for bucket in sorted(ids.buckets)},
            }
            for bucket in _changed(ids, saved):
                lines += writer.lines([self._record(plan, key, bucket, ids)])
                if len(lines) >= CHUNK:
                    yield Found(lines)
                    lines = []
        yield Found(lines, state={"swept_at": plan.began, "lists": lists})

    def _read(self, variant: Variant, ids: Presence, span: Span = ALL_IDS) -> None:
        listing = ids_only(variant.listing)

        def convert(rows: list[Row]) -> list[int]:
            return [int(row[listing.id]) for row in rows]

        walk = Walk(
            self.tap.client,
            listing,
            convert,
            window=[],
            left=[span],
            usage=self.entry.usage,
            commands=self.tap.batch_size,
            parallel=self.tap.parallel,
            name=self.name,
        )
        try:
            for piece in walk:
                ids.add(piece.value)
        except StreamRefused as refusal:
            # A smart process that was deleted a moment ago.
            if not (variant.key and refusal.code in NOT_OFFERED):
                raise

    def _recount(self, variant: Variant, ids: Presence, saved: Mapping[str, Any]) -> None:
        """Let the portal count what is about to be written; a bucket that it has more of is read once more.

        Raises:
            Temporary: the second reading was short too.
        """
        for first, last in self._short(variant, ids, _ranges(ids, _changed(ids, saved))):
            self._read(variant, ids, Span(max(0, first - 1), last))
            # Cards that were created meanwhile have greater ids than any that came.
            if self._short(variant, ids, [(first, min(last, ids.greatest))]):
                raise Temporary(
                    f"{self.name}: the portal shows fewer ids from {first} to {last} than it counts"
                )

    def _short(self, variant: Variant, ids: Presence, ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Those of the ranges in which the portal counts more ids than it has shown."""
        listing = ids_only(variant.listing)
        short = []
        for start in range(0, len(ranges), self.tap.batch_size):
            group = ranges[start : start + self.tap.batch_size]
            commands = {f"b{first}": listing.count(_between(listing, first, last)) for first, last in group}
            answer, _ = ask_each(self.tap.client, commands, usage=self.entry.usage)
            short += [
                (first, last)
                for first, last in group
                if answer.totals.get(f"b{first}", 0) > ids.within(first, last)
            ]
        return short

    def _guard(self, plan: SweepPlan, present: Mapping[str, Presence]) -> Iterator[Chunk]:
        """Count what is gone of the ids that were there.

        Raises:
            TooManyVanished: more than the guard lets through; that it was refused goes into the state.
        """
        had = sum(saved["count"] for saved in plan.saved.values())
        kept = sum(present[key].count(saved["greatest"]) for key, saved in plan.saved.items())
        vanished = max(0, had - kept)
        self.entry.vanished = vanished if plan.saved else None
        percent = self.tap.config["sweep_guard_percent"]
        if vanished > FEW and vanished * 100 > had * percent:
            yield Found([], state={**plan.kept, "refused": {"at": plan.began, "percent": percent}})
            raise TooManyVanished(
                f"{vanished} of {had} ids are gone since the last sweep, more than the {percent:g} % of"
                " sweep_guard_percent: nothing is marked as deleted. Check that the webhook's owner may still see"
                " everything (administrator); if the cards were deleted indeed, run once with"
                " sweep_guard_percent: 100"
            )

    def _record(
        self, plan: SweepPlan, key: str, bucket: int, ids: Presence
    ) -> tuple[str, str | None, dict[str, Any]]:
        payload = {
            "stream": self.spec.name,
            "entity_type_id": int(key) if key else _entity_type(self.spec.listing),
            "bucket": bucket,
            "first": bucket * BUCKET,
            "last": (bucket + 1) * BUCKET - 1,
            "ids": ids.runs(bucket),
        }
        return ":".join([self.spec.name, *([key] if key else []), str(bucket)]), plan.at, payload

    def emit(self, plan: Plan, chunk: Chunk) -> None:
        records.write(chunk.lines)
        if isinstance(chunk, Found) and chunk.state is not None:
            self.stream_state.clear()
            self.stream_state.update(chunk.state)
            self._flush_state()

    def finish(self, plan: Plan, *, complete: bool) -> None:
        """Nothing more: the last chunk brought the state."""


def _reach(ids: Presence, saved: Mapping[str, Any]) -> int:
    """The last bucket to be written of a list: one more than there is, so that a card deleted off the end before its
    first sweep is told as well.
    """
    return max(ids.greatest // BUCKET + 1, saved.get("reach", -1))


def _changed(ids: Presence, saved: Mapping[str, Any]) -> list[int]:
    """Buckets that differ from what was written last, or were never written."""
    before, reach = saved.get("prints", {}), saved.get("reach", -1)
    return [
        bucket
        for bucket in range(_reach(ids, saved) + 1)
        if bucket > reach or ids.fingerprint(bucket) != before.get(str(bucket), NOTHING)
    ]


def _ranges(ids: Presence, buckets: list[int]) -> list[tuple[int, int]]:
    """The buckets as ranges of ids, empty neighbours as one."""
    ranges: list[tuple[int, int]] = []
    is_open = False
    for bucket in buckets:
        first, last, empty = bucket * BUCKET, (bucket + 1) * BUCKET - 1, bucket not in ids.buckets
        if empty and is_open and ranges[-1][1] == first - 1:
            ranges[-1] = (ranges[-1][0], last)
        else:
            ranges.append((first, last))
        is_open = empty
    return ranges


def _between(listing: Listing, first: int, last: int) -> Params:
    return [
        (f"{listing.filter}[>{listing.id}]", str(first - 1)),
        (f"{listing.filter}[<={listing.id}]", str(last)),
    ]


def ids_only(listing: Listing) -> Listing:
    """The same list, with nothing but ids."""
    params = [(name, value) for name, value in listing.params if not name.startswith("select")]
    return replace(listing, params=[*params, ("select[0]", listing.id)])


def _entity_type(listing: Listing) -> int | None:
    """The type of the cards; none for activities, which are not cards."""
    value = dict(listing.params).get("entityTypeId")
    return int(value) if value else None
