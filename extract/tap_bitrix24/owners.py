"""Streams whose rows are asked for by owner: the owners that changed, and the rows of each as one record."""

from __future__ import annotations

from collections.abc import Iterator

from tap_bitrix24 import batch, records
from tap_bitrix24.batch import Listing, Total
from tap_bitrix24.streams import CatalogueStream, Chunk, Plan, first_filled


class OwnersStream(CatalogueStream):
    """One record an owner, so that a row taken out of it leaves with its set."""

    def read(self, plan: Plan, listing: Listing, writer: records.RecordWriter) -> Iterator[Chunk]:
        """Ids of changed owners by a walk of our own, then their rows, each set as one record."""
        owners = self.spec.owners
        assert owners is not None, "streams.yml is checked: mode owners has them"
        size = owners.per_command * self.tap.batch_size
        for changed in self.walk(plan, owners.listing, owners.modified, None if plan.resumed else Total()):
            moments = {str(row[owners.listing.id]): first_filled(row, owners.modified) for row in changed}
            ids = list(moments)
            for group in (ids[i : i + size] for i in range(0, len(ids), size)):
                sets = batch.by_owner(
                    self.tap.client,
                    listing,
                    group,
                    owner_field=owners.field,
                    owner_filter=owners.id_filter,
                    per_command=owners.per_command,
                    usage=self.entry.usage,
                    commands=self.tap.batch_size,
                )
                # Nothing is known of owners before the first load, so that their empty sets say nothing new.
                found = [
                    (
                        owner,
                        moments[owner],
                        {"ownerId": int(owner), "ownerType": owners.type, listing.result: rows},
                    )
                    for owner, rows in sets.items()
                    if rows or not plan.first
                ]
                yield Chunk(writer.lines(found), after=group[-1])
