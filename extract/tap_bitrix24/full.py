"""Streams that are read anew from their first row to their last (modes full and snapshot)."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from typing import Any

from tap_bitrix24 import batch, records
from tap_bitrix24.batch import Row
from tap_bitrix24.catalogue import Variant
from tap_bitrix24.errors import NOT_OFFERED, StreamRefused
from tap_bitrix24.finding import found_rows
from tap_bitrix24.questions import ask_each
from tap_bitrix24.streams import CatalogueStream, Chunk, Plan
from tap_bitrix24.turns import is_due


class FullStream(CatalogueStream):
    """Everything each run, or each `every_hours`; a snapshot is kept by the portal's date.

    A stream whose hour has not come makes no request; its row in the ledger says 0 requests.
    """

    def plan(self) -> Plan:
        now = self.tap.portal.server_time
        self.is_due = self.spec.every_hours is None or is_due(
            dt.timedelta(hours=self.spec.every_hours), self.stream_state.get("loaded_at"), now
        )
        versioned = self.mode == "full" and self.is_due
        return Plan(bookmark=now.isoformat(), version=int(time.time() * 1000) if versioned else None)

    def finish(self, plan: Plan, *, complete: bool) -> None:
        if complete and self.is_due and self.spec.every_hours is not None:
            self.stream_state["loaded_at"] = plan.bookmark
        if self.spec.optional and complete and not self.entry.rows:
            plan.version = None  # Nothing of an optional kind is nothing to warn of, nor to mark.
        super().finish(plan, complete=complete)

    def fetch(self, plan: Plan) -> Iterator[Chunk]:
        """Every variant that the portal offers; skipped where it offers none."""
        if not self.is_due:
            return
        writer = records.RecordWriter(self.name, self.spec.drop, plan.version)
        variants, complete = self._variants()
        yield Chunk([], complete=complete)
        refused = []
        read = self._once if self.spec.paging == "once" else self._one_by_one
        for variant, found in read(variants):
            if isinstance(found, StreamRefused):
                if found.code not in NOT_OFFERED:
                    raise found
                refused.append(found)
                continue
            rows, complete = found
            yield Chunk(writer.lines([self._record_of(variant, row) for row in rows]), complete=complete)
        if refused and len(refused) == len(variants):
            raise refused[0]

    def _variants(self) -> tuple[list[Variant], bool]:
        """The variants, and whether these are all. Given ones do not go without what could not be found."""
        variants, complete = list(self.spec.variants), True
        for found in self.spec.found:
            try:
                rows = found_rows(self.tap, found, self.entry.usage)
            except StreamRefused as refusal:
                if not self.spec.variants:
                    raise
                if refusal.code not in NOT_OFFERED:
                    complete = False
                    self.logger.warning("%s: without its %s: %s", self.name, found.name, refusal)
                continue
            complete = complete and found.name not in self.tap.found_short
            variants += found.variants(self.spec, rows)
        return list({variant.key: variant for variant in variants}.values()), complete

    def _once(self, variants: list[Variant]) -> Iterator[tuple[Variant, Any]]:
        """Lists that come as a whole: those of several variants in one request."""
        for start in range(0, len(variants), self.tap.batch_size):
            group = variants[start : start + self.tap.batch_size]
            commands = {f"v{i}": variant.listing.command() for i, variant in enumerate(group)}
            answer, refused = ask_each(self.tap.client, commands, usage=self.entry.usage)
            for name, variant in zip(commands, group, strict=True):
                if name in refused:
                    yield variant, refused[name]
                    continue
                rows = self._mapped(variant, answer, name)
                yield variant, (rows, self._counted(len(rows), answer.totals.get(name) or None))

    def _one_by_one(self, variants: list[Variant]) -> Iterator[tuple[Variant, Any]]:
        """Lists with pages."""
        for variant in variants:
            try:
                if self.spec.paging == "whole":
                    rows, total = batch.whole(self.tap.client, variant.listing, usage=self.entry.usage)
                    yield variant, (rows, self._counted(len(rows), total))
                    continue
                pages = batch.keyset(
                    self.tap.client,
                    variant.listing,
                    window=[],
                    usage=self.entry.usage,
                    commands=self.tap.batch_size,
                )
                came = 0
                for rows in pages:
                    came += len(rows)
                    yield variant, (rows, True)
                counted, _ = ask_each(
                    self.tap.client, {"count": variant.listing.count([])}, usage=self.entry.usage
                )
                yield variant, ([], self._counted(came, counted.totals.get("count")))
            except StreamRefused as refusal:
                yield variant, refusal

    def _counted(self, rows: int, total: int | None) -> bool:
        """Whether as many rows came as the portal counts."""
        if total is not None:
            self.entry.portal_total = (self.entry.portal_total or 0) + total
        return total is None or rows >= total

    def _mapped(self, variant: Variant, answer: batch.Answer, name: str) -> list[Row]:
        """The rows of an answer; of a map, its entries with the key as field `map`."""
        if self.spec.map is None:
            return variant.listing.rows(answer, name) or []
        page = answer.result[name]
        if variant.listing.result and isinstance(page, dict):
            page = page.get(variant.listing.result)
        if not page:
            return []
        if not isinstance(page, dict):
            raise StreamRefused(f"{variant.listing.method}: the answer is no map: check `map` in streams.yml")
        return [
            {self.spec.map: key, **(value if isinstance(value, dict) else {"value": value})}
            for key, value in page.items()
        ]

    def _record_of(self, variant: Variant, row: Row) -> tuple[str, str | None, Row]:
        day = self.tap.portal.server_time.date().isoformat() if self.mode == "snapshot" else None
        return self.record({**variant.put, **row}, day)
