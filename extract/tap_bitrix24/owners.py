"""Streams whose rows are asked for by owner: the owners that changed, and the rows of each as one record."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from tap_bitrix24 import batch, records
from tap_bitrix24.batch import Row, Total
from tap_bitrix24.errors import NOT_OFFERED
from tap_bitrix24.questions import ask_each
from tap_bitrix24.steps import Step, SteppedStream, StepsPlan
from tap_bitrix24.streams import Chunk, Plan, first_filled


class OwnersStream(SteppedStream):
    """One record an owner, so that a row taken out of it leaves with its set."""

    def fetch(self, plan: Plan) -> Iterator[Chunk]:
        """Ids of changed owners by a walk of our own, then their rows, each set as one record."""
        owners, (variant,) = self.spec.owners, self.spec.variants
        assert owners is not None and isinstance(plan, StepsPlan), (
            "streams.yml is checked: mode owners has them"
        )
        walk = self.walk_of(plan, variant, self._first_since(owners.first_days))
        self.entry.window_from = walk.since
        total = None if walk.resumed else Total()
        changed = batch.keyset(
            self.tap.client,
            owners.listing,
            window=self.window(owners.listing.method, owners.listing.filter, owners.modified[0], walk.since),
            after=walk.after,
            usage=self.entry.usage,
            total=total,
            commands=self.tap.batch_size,
        )
        writer = records.RecordWriter(self.name, self.spec.drop)
        size = self.tap.batch_size * (1 if owners.ask else owners.per_command)
        for rows in changed:
            moments = {str(row[owners.listing.id]): first_filled(row, owners.modified) for row in rows}
            ids = list(moments)
            for group in (ids[i : i + size] for i in range(0, len(ids), size)):
                sets = self._ask(group) if owners.ask else self._by_filter(group)
                # Nothing is known of owners before the first load, so that their empty sets say nothing new.
                found = [
                    (owner, moments[owner], {owners.field: int(owner), **owners.put, owners.rows: rows})
                    for owner, rows in sets.items()
                    if rows or not walk.first
                ]
                yield Step(writer.lines(found), state={"cursor": walk.cursor(group[-1])})
        yield self.done(plan, walk)

    def _first_since(self, days: str | None) -> str | None:
        if days is None:
            return None
        return (self.tap.portal.server_time - dt.timedelta(days=self.tap.config[days])).isoformat()

    def _by_filter(self, group: list[str]) -> dict[str, list[Row]]:
        """The rows of many owners a command."""
        owners = self.spec.owners
        assert owners is not None
        return batch.by_owner(
            self.tap.client,
            self.spec.listing,
            group,
            owner_field=owners.field,
            owner_filter=f"={owners.field}",
            per_command=owners.per_command,
            usage=self.entry.usage,
            commands=self.tap.batch_size,
        )

    def _ask(self, group: list[str]) -> dict[str, list[Row]]:
        """A command an owner. One that was deleted meanwhile has no rows."""
        owners, listing = self.spec.owners, self.spec.listing
        assert owners is not None and owners.ask is not None
        commands = {f"o{owner}": listing.command((owners.ask, owner)) for owner in group}
        answer, refused = ask_each(self.tap.client, commands, usage=self.entry.usage)
        for refusal in refused.values():
            if refusal.code not in NOT_OFFERED:
                raise refusal
        return {owner: listing.rows(answer, f"o{owner}") or [] for owner in group}
