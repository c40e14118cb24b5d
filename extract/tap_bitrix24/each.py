"""Streams that consist of one list a variant, walked by keyset: items and history of smart processes.

Each variant has a bookmark and a cursor of its own in the state's `variants`, so that one that is new to the portal
gets its own first load.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tap_bitrix24 import records, spans
from tap_bitrix24.batch import PAGE, Row, check_order
from tap_bitrix24.catalogue import Variant
from tap_bitrix24.errors import NOT_OFFERED, StreamRefused
from tap_bitrix24.finding import portal_variants
from tap_bitrix24.questions import ask_each
from tap_bitrix24.spans import Span
from tap_bitrix24.streams import CatalogueStream, Chunk, Plan
from tap_bitrix24.turns import is_due_days


@dataclass
class EachPlan(Plan):
    """`saved` is a copy of the variants' states, so that a thread may read it; `again` allows whole passes due."""

    saved: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    again: bool = False


@dataclass
class Step(Chunk):
    """What one variant brought. Without `done` it is complete."""

    variant: str = ""
    own: Plan = field(default_factory=Plan)


class EachStream(CatalogueStream):
    """The variants' first pages come in common requests, so that an increment of many lists is one request."""

    def plan(self) -> EachPlan:
        saved = copy.deepcopy(dict(self.stream_state.get("variants", {})))
        whole = [each.get("whole_at") for each in saved.values() if "replication_key_value" in each]
        again = bool(whole) and self.tap.turns.take(
            self.spec.again_days, None if None in whole else min(map(str, whole))
        )
        bookmark = (self.tap.portal.server_time - self.tap.overlap).isoformat()
        return EachPlan(bookmark=bookmark, saved=saved, again=again)

    def _own_plan(self, plan: EachPlan, variant: Variant) -> Plan:
        saved = plan.saved.get(variant.key, {})
        if (resumed := Plan.resume(saved)) is not None:
            self.logger.info("%s %s: an interrupted run is resumed", self.name, variant.key)
            return resumed
        since = saved.get("replication_key_value")
        if since is None:
            return Plan(bookmark=plan.bookmark)
        due = plan.again and is_due_days(self.spec.again_days, saved.get("whole_at"), self.tap.turns.now)
        if due or not self.tap.portal.has_windows(variant.listing.method):
            since = None
        return Plan(since=since, bookmark=plan.bookmark, first=False)

    def fetch(self, plan: Plan) -> Iterator[Chunk]:
        assert isinstance(plan, EachPlan)
        variants = portal_variants(self.tap, self.spec, self.entry.usage)
        plans = {variant.key: self._own_plan(plan, variant) for variant in variants}
        since = [own.since for own in plans.values()]
        self.entry.window_from = min(filter(None, since)) if since and None not in since else None
        writer = records.RecordWriter(self.name, self.spec.drop)
        fresh = [variant for variant in variants if not plans[variant.key].resumed]
        self._totals: list[int | None] = []
        for start in range(0, len(fresh), self.tap.batch_size):
            yield from self._read_group(fresh[start : start + self.tap.batch_size], plans, writer)
        if None not in self._totals and len(fresh) == len(variants):
            self.entry.portal_total = sum(total for total in self._totals if total is not None)
        for variant in variants:
            if plans[variant.key].resumed:
                yield from self._read_rest(variant, plans[variant.key], writer)

    def _read_group(
        self, group: list[Variant], plans: Mapping[str, Plan], writer: records.RecordWriter
    ) -> Iterator[Chunk]:
        """First pages, counted; then what is left of those that have more."""
        commands = {
            f"v{number}": variant.listing.command(
                *self.window(variant.listing, self.spec.modified, plans[variant.key].since),
                (f"{variant.listing.filter}[>{variant.listing.id}]", "0"),
                *variant.listing.order,
                (variant.listing.start, "0"),
            )
            for number, variant in enumerate(group)
        }
        answer, refused = ask_each(self.tap.client, commands, usage=self.entry.usage)
        self._totals += [answer.totals.get(name) for name in commands if name not in refused]
        for number, variant in enumerate(group):
            name, own = f"v{number}", plans[variant.key]
            if name in refused:
                self._without(variant, refused[name])
                continue
            rows = variant.listing.rows(answer, name) or []
            check_order(variant.listing, rows, 0)
            lines = self._lines(writer, variant, rows)
            if len(rows) < PAGE:
                yield Step(lines, variant=variant.key, own=own)
                continue
            read = Span(0, int(rows[-1][variant.listing.id]))
            own.left[""] = spans.without(own.spans(""), read)
            yield Step(lines, read, variant=variant.key, own=own)
            yield from self._read_rest(variant, own, writer)

    def _read_rest(self, variant: Variant, own: Plan, writer: records.RecordWriter) -> Iterator[Chunk]:
        def convert(rows: list[Row]) -> list[bytes]:
            return self._lines(writer, variant, rows)

        for chunk in self.walk(own, variant.listing, self.spec.modified, convert):
            yield Step(chunk.lines, chunk.done, variant=variant.key, own=own)
        yield Step([], variant=variant.key, own=own)

    def _lines(self, writer: records.RecordWriter, variant: Variant, rows: list[Row]) -> list[bytes]:
        return writer.lines([self.record({**variant.put, **row}) for row in rows])

    def _without(self, variant: Variant, refusal: StreamRefused) -> None:
        """A type that was deleted a moment ago, or has no stages, has no rows; all else is a failure."""
        if refusal.code not in NOT_OFFERED:
            raise refusal
        self.logger.info("%s %s: not offered (%s), taken as empty", self.name, variant.key, refusal.code)

    def emit(self, plan: Plan, chunk: Chunk) -> None:
        """Write a step, then its variant's state: what is left of it, or its new bookmark."""
        super().emit(plan, Chunk(chunk.lines, complete=chunk.complete))
        if not isinstance(chunk, Step):  # The SDK's record limit cuts chunks, and resumes nothing.
            return
        state = self.stream_state.setdefault("variants", {}).setdefault(chunk.variant, {})
        own = chunk.own
        if chunk.done is not None:
            own.left[""] = spans.without(own.spans(""), chunk.done)
            state["cursor"] = own.cursor
        else:
            state.pop("cursor", None)
            state |= {"replication_key": self.replication_key, "replication_key_value": own.bookmark}
            if own.since is None:
                state["whole_at"] = own.bookmark
        self._flush_state()

    def finish(self, plan: Plan, *, complete: bool) -> None:
        """Forget variants that the portal no longer has: should one come back, it is loaded anew."""
        if any(found.name in self.tap.found_short for found in self.spec.found):
            return
        found = {variant.key for variant in portal_variants(self.tap, self.spec, self.entry.usage)}
        walks = self.stream_state.get("variants", {})
        for key in [key for key in walks if key not in found]:
            del walks[key]
        self._flush_state()
