"""The loader: reads messages, decides when batches are written, and tells the state whose rows are committed."""

from __future__ import annotations

import sys
import time
from types import FrameType
from typing import Any, ClassVar

from singer_sdk.exceptions import RecordsWithoutSchemaException
from singer_sdk.helpers.capabilities import CapabilitiesEnum, PluginCapabilities, TargetCapabilities
from target_postgres.target import TargetPostgres

from target_postgres_jsonb.messages import Line, LineReader
from target_postgres_jsonb.sink import JsonbSink

BATCH_ROWS = 20_000
# Of all streams together: bounds memory whatever the rows weigh.
BATCH_BYTES = 64 * 2**20
# How much work a killed run may have to repeat.
STATE_SECONDS = 5.0


class TargetPostgresJsonb(TargetPostgres):
    """Loads JSON records into PostgreSQL; settings and tables are those of target-postgres."""

    name = "target-postgres-jsonb"
    package_name = "target-postgres-jsonb"
    default_sink_class = JsonbSink
    message_reader_class = LineReader
    # Neither stream maps nor flattening, validation or batch files: records bypass the SDK's record path.
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.STRUCTURED_LOGGING,
        PluginCapabilities.ACTIVATE_VERSION,
        TargetCapabilities.TARGET_SCHEMA,
        TargetCapabilities.HARD_DELETE,
    ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The parent sets this too, but before the SDK does: one transaction after another is meant.
        self.max_parallelism = 1
        self._batch_rows = self.config.get("batch_size_rows") or BATCH_ROWS
        self._held_rows = self._held_bytes = 0
        self._drained_at = time.monotonic()
        self._draining = False

    def _process_record_message(self, line: Line) -> None:  # type: ignore[override]
        sink = self._sinks_active.get(line.stream)
        if sink is None:
            raise RecordsWithoutSchemaException(f"a record of stream {line.stream!r} came before its schema")
        self._held_bytes += sink.add(line)
        self._held_rows += 1
        if self._held_rows >= self._batch_rows or self._held_bytes >= BATCH_BYTES:
            self._drain()

    def _process_schema_message(self, message_dict: dict[str, Any]) -> None:
        """Rows that came under an older schema go first: a newer one's must not be overtaken by them."""
        if message_dict.get("stream") in self._sinks_active and self._held_rows:
            self._drain()
        super()._process_schema_message(message_dict)

    def _process_state_message(self, message_dict: dict[str, Any]) -> None:
        super()._process_state_message(message_dict)
        if time.monotonic() - self._drained_at >= STATE_SECONDS:
            self._drain()

    def _process_activate_version_message(self, message_dict: dict[str, Any]) -> None:
        """This writes as well: the stream's rows first, then the marks."""
        self._draining = True
        super()._process_activate_version_message(message_dict)
        self._draining = False

    def _drain(self) -> None:
        """Commit what all streams hold, then tell the last state that came: its rows came before it."""
        self._draining = True
        self.drain_all()
        self._draining = False
        self._held_rows = self._held_bytes = 0
        self._drained_at = time.monotonic()

    def process_endofpipe(self) -> None:
        self._draining = True
        super().process_endofpipe()

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """Asked to end: commit what is held, or, in the midst of that, leave the transaction to be undone.

        Written from here, rows of that transaction would wait for it, and it for us.
        """
        if self._draining:
            self.logger.warning(
                "signal %d while writing: what was not committed yet is left to the next run", signum
            )
            sys.exit(1)
        self._draining = True
        super()._handle_termination(signum, frame)
