"""Streams whose rows are asked for by owner: the owners that changed, and the rows of each as one record."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from tap_bitrix24 import batch, records
from tap_bitrix24.batch import Row
from tap_bitrix24.catalogue import Owners
from tap_bitrix24.errors import NOT_OFFERED
from tap_bitrix24.questions import ask_each
from tap_bitrix24.streams import CatalogueStream, Chunk, Plan, first_filled

ASKED_PAGES = 10
"""Pages of owners a request where each owner costs a command: an interrupted run has no more to ask again."""


class OwnersStream(CatalogueStream):
    """One record an owner, so that a row taken out of it leaves with its set."""

    @property
    def owners(self) -> Owners:
        assert self.spec.owners is not None, "streams.yml is checked: mode owners has them"
        return self.spec.owners

    def plan(self) -> Plan:
        plan = super().plan()
        if plan.resumed:
            return plan
        days = self.owners.first_days
        if plan.first and days is not None:
            reach = dt.timedelta(days=self.tap.config[days])
            plan.since = (self.tap.portal.server_time - reach).isoformat()
        if not self.tap.portal.has_windows(self.owners.listing.method):
            plan.since = None
        return plan

    def fetch(self, plan: Plan) -> Iterator[Chunk]:
        """Ids of changed owners by a walk of our own, then their rows, each set as one record."""
        self.entry.window_from = plan.since
        writer = records.RecordWriter(self.name, self.spec.drop)
        owners = self.owners
        size = self.tap.batch_size * (1 if owners.ask else owners.per_command)

        def convert(changed: list[Row]) -> list[bytes]:
            moments = {str(row[owners.listing.id]): first_filled(row, owners.modified) for row in changed}
            ids, lines = list(moments), []
            for group in (ids[i : i + size] for i in range(0, len(ids), size)):
                sets = self._ask(group) if owners.ask else self._by_filter(group)
                # Empty sets too, even in a first load: a `--full-refresh` looks like one, and what it finds empty
                # may have had rows when the warehouse last heard of it.
                found = [
                    (owner, moments[owner], {owners.field: int(owner), **owners.put, owners.rows: rows})
                    for owner, rows in sets.items()
                ]
                lines += writer.lines(found)
            return lines

        pages = min(ASKED_PAGES, self.tap.batch_size) if owners.ask else None
        yield from self.walk(plan, owners.listing, owners.modified, convert, commands=pages)

    def _by_filter(self, group: list[str]) -> dict[str, list[Row]]:
        """The rows of many owners a command."""
        return batch.by_owner(
            self.tap.client,
            self.spec.listing,
            group,
            owner_field=self.owners.field,
            owner_filter=f"={self.owners.field}",
            per_command=self.owners.per_command,
            usage=self.entry.usage,
            commands=self.tap.batch_size,
        )

    def _ask(self, group: list[str]) -> dict[str, list[Row]]:
        """A command an owner. One that was deleted meanwhile has no rows."""
        listing, param = self.spec.listing, self.owners.ask or ""
        commands = {f"o{owner}": listing.command((param, owner)) for owner in group}
        answer, refused = ask_each(self.tap.client, commands, usage=self.entry.usage)
        for refusal in refused.values():
            if refusal.code not in NOT_OFFERED:
                raise refusal
        return {owner: listing.rows(answer, f"o{owner}") or [] for owner in group}
