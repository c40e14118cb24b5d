"""Streams that are read anew in each run, from their first row to their last (modes full and snapshot)."""

from __future__ import annotations

from collections.abc import Iterator

from tap_bitrix24 import batch, records
from tap_bitrix24.batch import Listing
from tap_bitrix24.errors import StreamRefused, StreamSkipped
from tap_bitrix24.streams import CatalogueStream, Chunk, Plan


class FullStream(CatalogueStream):
    """Everything each run; a snapshot is kept by the portal's date."""

    def fetch(self, plan: Plan) -> Iterator[Chunk]:
        """Every variant that the portal offers; skipped where it offers none."""
        writer = records.RecordWriter(self.name, self.spec.drop, plan.version)
        absent: list[Exception] = []
        for listing in self.spec.listings:
            try:
                yield from self.read(plan, listing, writer)
            except StreamRefused as refusal:
                verdict = self.judge(refusal)
                if not isinstance(verdict, StreamSkipped):
                    raise
                absent.append(verdict)
        if len(absent) == len(self.spec.listings):
            raise absent[0]

    def read(self, plan: Plan, listing: Listing, writer: records.RecordWriter) -> Iterator[Chunk]:
        day = self.tap.portal.server_time.date().isoformat() if self.mode == "snapshot" else None
        if self.spec.paging == "keyset":
            for rows in self.walk(plan, listing, (), None):
                yield Chunk(writer.lines([self.record(row, day) for row in rows]))
            return
        rows, total = batch.whole(self.tap.client, listing, usage=self.entry.usage)
        if total is not None:
            self.entry.portal_total = (self.entry.portal_total or 0) + total
        yield Chunk(
            writer.lines([self.record(row, day) for row in rows]),
            complete=total is None or len(rows) >= total,
        )
