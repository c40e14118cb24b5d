"""The two tables that the tap makes itself: what the portal says of itself, and the run ledger."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tap_bitrix24 import records
from tap_bitrix24.ledger import Entry
from tap_bitrix24.streams import BitrixStream, Chunk, Plan

if TYPE_CHECKING:
    from tap_bitrix24.tap import TapBitrix24


class PortalStream(BitrixStream):
    """One row about the portal itself: dashboards link to it, invented portals are told by it."""

    def __init__(self, tap: TapBitrix24) -> None:
        super().__init__(tap, "portal", path="server.time", mode="full", key=["id"], replicated=False)

    def fetch(self, plan: Plan) -> Iterator[Chunk]:
        portal = self.tap.portal
        self.entry.usage = self.tap.portal_usage
        yield Chunk(records.RecordWriter(self.name).lines([(portal.host, None, portal.payload())]))


class LedgerStream(BitrixStream):
    """The run ledger; its rows are made by the tap as streams end."""

    def __init__(self, tap: TapBitrix24) -> None:
        super().__init__(tap, "extract_runs", path="", mode="append", key=["id"], replicated=False)

    def fetch(self, plan: Plan) -> Iterator[Chunk]:
        """Nothing: the portal has no such rows."""
        return iter(())

    def note(self, entry: Entry) -> None:
        """Write an ended stream's row."""
        row = entry.record()
        records.write(
            records.RecordWriter(self.name).lines([(row["id"], row["modified_at"], row["payload"])])
        )
