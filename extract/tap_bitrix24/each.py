"""Streams that consist of one list a variant, walked by keyset: items and history of smart processes."""

from __future__ import annotations

from collections.abc import Iterator

from tap_bitrix24 import batch, records
from tap_bitrix24.batch import PAGE, Row, Total
from tap_bitrix24.catalogue import Variant
from tap_bitrix24.errors import NOT_OFFERED, StreamRefused
from tap_bitrix24.finding import portal_variants
from tap_bitrix24.questions import ask_each
from tap_bitrix24.steps import Step, SteppedStream, StepsPlan, Walk
from tap_bitrix24.streams import Chunk, Plan


class EachStream(SteppedStream):
    """The variants' first pages come in common requests, so that an increment of many lists is one request."""

    def fetch(self, plan: Plan) -> Iterator[Chunk]:
        assert isinstance(plan, StepsPlan)
        variants = portal_variants(self.tap, self.spec, self.entry.usage)
        walks = {variant.key: self.walk_of(plan, variant) for variant in variants}
        since = [walk.since for walk in walks.values()]
        self.entry.window_from = min(filter(None, since)) if since and None not in since else None
        writer = records.RecordWriter(self.name, self.spec.drop)
        for start in range(0, len(variants), self.tap.batch_size):
            yield from self._read_group(plan, variants[start : start + self.tap.batch_size], walks, writer)

    def _read_group(
        self, plan: StepsPlan, group: list[Variant], walks: dict[str, Walk], writer: records.RecordWriter
    ) -> Iterator[Chunk]:
        commands = {
            f"v{number}": variant.listing.command(
                *self._window(walks[variant.key]),
                (f"{variant.listing.filter}[>{variant.listing.id}]", walks[variant.key].after),
                *variant.listing.order,
                (variant.listing.start, "0"),
            )
            for number, variant in enumerate(group)
        }
        answer, refused = ask_each(self.tap.client, commands, usage=self.entry.usage)
        for number, variant in enumerate(group):
            name, walk = f"v{number}", walks[variant.key]
            if name in refused:
                self._without(variant, refused[name])
                continue
            first = variant.listing.rows(answer, name) or []
            total = answer.totals.get(name)
            if total is not None:
                self.entry.portal_total = (self.entry.portal_total or 0) + total
            yield from self._read(plan, variant, walk, writer, first, total)

    def _read(
        self,
        plan: StepsPlan,
        variant: Variant,
        walk: Walk,
        writer: records.RecordWriter,
        first: list[Row],
        total: int | None,
    ) -> Iterator[Chunk]:
        batch.check_order(variant.listing, first, int(walk.after))
        if len(first) < PAGE:
            yield self.done(plan, walk, self._lines(writer, variant, first))
            return
        last = str(first[-1][variant.listing.id])
        yield Step(self._lines(writer, variant, first), key=walk.key, state={"cursor": walk.cursor(last)})
        rest = batch.keyset(
            self.tap.client,
            variant.listing,
            window=self._window(walk),
            after=last,
            usage=self.entry.usage,
            total=Total(total - PAGE) if total and total > PAGE else None,
            commands=self.tap.batch_size,
        )
        for rows in rest:
            cursor = walk.cursor(str(rows[-1][variant.listing.id]))
            yield Step(self._lines(writer, variant, rows), key=walk.key, state={"cursor": cursor})
        yield self.done(plan, walk)

    def _window(self, walk: Walk) -> batch.Params:
        listing = self.spec.listing
        return self.window(listing.method, listing.filter, self.spec.modified[0], walk.since)

    def _lines(self, writer: records.RecordWriter, variant: Variant, rows: list[Row]) -> list[bytes]:
        return writer.lines([self.record({**variant.put, **row}) for row in rows])

    def _without(self, variant: Variant, refusal: StreamRefused) -> None:
        """A type that was deleted a moment ago, or has no stages, has no rows; all else is a failure."""
        if refusal.code not in NOT_OFFERED:
            raise refusal
        self.logger.info("%s %s: not offered (%s), taken as empty", self.name, variant.key, refusal.code)

    def finish(self, plan: Plan, *, complete: bool) -> None:
        """Forget variants that the portal no longer has: should one come back, it is loaded anew."""
        found = {variant.key for variant in portal_variants(self.tap, self.spec, self.entry.usage)}
        walks = self.stream_state.get("variants", {})
        for key in [key for key in walks if key not in found]:
            del walks[key]
        super().finish(plan, complete=complete)
