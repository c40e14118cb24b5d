"""Streams: how each mode of the catalogue turns pages into records, and what it remembers between runs.

A stream plans (reads its state), fetches (a generator that touches no shared state, so that it may run in a
thread of its own) and emits (writes records, then the state that belongs to them). Planning and emitting
belong to one thread.
"""

from __future__ import annotations

import datetime as dt
import time
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from tap_rest_api_msdk.streams import DynamicStream

from tap_bitrix24 import admission, records, spans
from tap_bitrix24.batch import Listing, Params, Row
from tap_bitrix24.catalogue import Spec
from tap_bitrix24.counts import COUNTED_ROWS, Count
from tap_bitrix24.errors import PortalError, StreamSkipped
from tap_bitrix24.ledger import Entry
from tap_bitrix24.spans import EVERYTHING, Span
from tap_bitrix24.walk import Walk

if TYPE_CHECKING:
    from singer_sdk.mapper import StreamMap

    from tap_bitrix24.tap import TapBitrix24

SCHEMA = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "modified_at": {"type": ["string", "null"]},
        "payload": {"type": "object"},
    },
}
EPOCH = "1970-01-01T00:00:00+00:00"
"""Stands for a missing moment where it is part of the key."""


@dataclass
class Plan:
    """What a fetch starts from.

    `since` opens the window (None: everything), `left` are the ids not yet delivered, by part of the stream
    (a part not in it: all), `bookmark` is what the next run's window will open at, `first` says that no earlier
    run was completed, `version` marks the rows of a full load.
    """

    since: str | None = None
    left: dict[str, list[Span]] = field(default_factory=dict)
    bookmark: str | None = None
    first: bool = True
    resumed: bool = False
    version: int | None = None

    def spans(self, part: str) -> list[Span]:
        return self.left.get(part, list(EVERYTHING))

    @property
    def cursor(self) -> dict[str, Any]:
        """What an interrupted run leaves in the state."""
        left = {part: spans.dump(of_part) for part, of_part in self.left.items()}
        return {"since": self.since, "bookmark": self.bookmark, "first": self.first, "left": left}

    @classmethod
    def resume(cls, state: Mapping[str, Any]) -> Plan | None:
        """What the cursor in `state` says, or a release before it wrote (`after`: one id for all).

        None where it says nothing, or what is over: Meltano merges the states of a `--full-refresh`, so that a
        cursor that was taken out comes back beside the bookmark of its own, finished walk.
        """
        cursor = state.get("cursor")
        if not isinstance(cursor, dict) or not {"since", "bookmark", "first"} <= cursor.keys():
            return None
        if cursor["bookmark"] == state.get("replication_key_value"):
            return None
        left = cursor.get("left", {"": [[cursor.get("after"), None]]})
        parsed = {part: spans.parse(value) for part, value in left.items()} if isinstance(left, dict) else {}
        return cls(
            since=cursor["since"],
            left={part: value for part, value in parsed.items() if value is not None},
            bookmark=cursor["bookmark"],
            first=bool(cursor["first"]),
            resumed=True,
        )


@dataclass
class Chunk:
    """Records ready to be written, and the ids of `part` that are complete once they are (None: no cursor)."""

    lines: list[bytes]
    done: Span | None = None
    part: str = ""
    complete: bool = field(default=True)
    """False where the portal did not show everything, so that absent rows must not be taken for deleted ones.
    """


class BitrixStream(DynamicStream):
    """A stream with records of the fixed shape {"id", "modified_at", "payload"}."""

    def __init__(
        self, tap: TapBitrix24, name: str, *, path: str, mode: str, key: list[str], replicated: bool
    ) -> None:
        super().__init__(
            tap=tap,
            name=name,
            path=path,
            records_path="$.result[*]",
            primary_keys=key,
            replication_key="modified_at" if replicated else None,
            schema=SCHEMA,
        )
        self.tap = tap
        self.mode = mode
        self.logger = tap.logger.getChild(name)
        self.entry = Entry(tap.run_id, name, mode)
        self.counts: list[Count] = []
        self.walks: list[Walk[list[bytes]]] = []

    @property
    def expected(self) -> float | None:
        """Share of the stream that is still to be read; None where nobody knows."""
        known = [(walk.delivered, walk.expected) for walk in self.walks]
        if not known or any(left is None for _, left in known):
            return None
        left = sum(left for _, left in known if left is not None)
        return left / max(1, left + sum(delivered for delivered, _ in known))

    @property
    def url_base(self) -> str:
        """The portal's address without the webhook: requests are made by the tap's client."""
        return self.tap.client.webhook.base

    @property
    def stream_maps(self) -> list[StreamMap]:
        """The SDK's identity map, without its log line a stream."""
        return self._tap.mapper.stream_maps[self.name]

    # --- to be given by subclasses --------------------------------------------------------------------------

    def plan(self) -> Plan:
        return Plan()

    def admit(self) -> None:
        """Raises StreamSkipped or StreamRefused where the webhook's scopes say that there is no point in asking."""

    def judge(self, error: Exception) -> Exception:
        """What an error of `fetch` means: itself, or StreamSkipped."""
        return error

    @abstractmethod
    def fetch(self, plan: Plan) -> Iterator[Chunk]:
        """The stream's rows, a chunk an answer."""

    # --- shared ---------------------------------------------------------------------------------------------

    def emit(self, plan: Plan, chunk: Chunk) -> None:
        """Write a chunk and then, where the stream can be resumed, the state that says so."""
        records.write(chunk.lines)
        self.entry.rows += len(chunk.lines)
        if chunk.done is not None:
            plan.left[chunk.part] = spans.without(plan.spans(chunk.part), chunk.done)
            self.stream_state["cursor"] = plan.cursor
            self._flush_state()

    def finish(self, plan: Plan, *, complete: bool) -> None:
        """Everything is written: move the bookmark; let the loader mark what a full load no longer held."""
        if plan.version is not None:
            if complete and self.entry.rows:
                message = {"type": "ACTIVATE_VERSION", "stream": self.name, "version": plan.version}
                records.write([orjson.dumps(message) + b"\n"])
            else:
                self.logger.warning(
                    "%s: the portal showed less than it counts; no row is marked as deleted", self.name
                )
        state = self.stream_state
        state.pop("cursor", None)
        if self.replication_key and plan.bookmark:
            state["replication_key"] = self.replication_key
            state["replication_key_value"] = plan.bookmark
            if plan.since is None:
                state["whole_at"] = plan.bookmark
        self._flush_state()

    def _flush_state(self) -> None:
        self._is_state_flushed = False
        self._write_state_message()

    def get_records(self, context: Any) -> Iterable[dict[str, Any]]:
        """Records as the SDK's own callers expect them."""
        for chunk in self.fetch(self.plan()):
            for line in chunk.lines:
                yield orjson.loads(line)["record"]

    def _sync_records(self, context: Any = None, *, write_messages: bool = True) -> Generator[dict, Any, Any]:
        """The SDK's way in (`--test`, its standard tests): fetch and emit in one thread, within a record
        limit.
        """
        plan, limit, complete = self.plan(), self.ABORT_AT_RECORD_COUNT, True
        self.entry.start()
        try:
            self.admit()
            for chunk in self.fetch(plan):
                if limit is not None:
                    chunk = Chunk(chunk.lines[: limit - self.entry.rows])
                complete = complete and chunk.complete
                if write_messages:
                    self.emit(plan, chunk)
                yield from (orjson.loads(line)["record"] for line in chunk.lines)
                if limit is not None and self.entry.rows >= limit:
                    break
        except PortalError as error:
            verdict = self.judge(error)
            if not isinstance(verdict, StreamSkipped):
                raise
            self.logger.info("%s: skipped: %s", self.name, verdict)
            return
        if limit is None:
            self.finish(plan, complete=complete)
        self._flush_state()


class CatalogueStream(BitrixStream):
    """A stream of streams.yml that is walked by keyset; other ways of reading are subclasses."""

    def __init__(self, tap: TapBitrix24, spec: Spec) -> None:
        super().__init__(
            tap, spec.name, path=spec.method, mode=spec.mode, key=spec.key, replicated=spec.bookmarked
        )
        self.spec = spec

    @property
    def was_loaded(self) -> bool:
        """Whether an earlier run came through."""
        state = self.stream_state
        return any("replication_key_value" in each for each in [state, *state.get("variants", {}).values()])

    def plan(self) -> Plan:
        """Resume where an interrupted run stopped, else open a window at the bookmark.

        The next bookmark is the portal's clock when the first attempt began, less the overlap: never a value
        seen, since a card modified behind the cursor during the run would be lost.
        """
        if self.mode == "full":
            return Plan(version=int(time.time() * 1000))
        if not self.spec.bookmarked:
            return Plan()
        state = self.stream_state
        if (plan := Plan.resume(state)) is not None:
            self.logger.info("%s: an interrupted run is resumed: %s", self.name, _told(plan))
            return plan
        since = state.get("replication_key_value")
        bookmark = (self.tap.portal.server_time - self.tap.overlap).isoformat()
        if since is None:
            return Plan(since=self.tap.start_date if self.spec.dated else None, bookmark=bookmark)
        asks_all = not self.tap.portal.has_windows(self.spec.method)
        if asks_all or self.tap.turns.take(self.spec.again_days, state.get("whole_at")):
            return Plan(bookmark=bookmark, first=False)
        if self.mode == "window":
            since = (dt.datetime.fromisoformat(since) - self.tap.calls_window).isoformat()
        return Plan(since=since, bookmark=bookmark, first=False)

    def admit(self) -> None:
        admission.admit(self.spec, self.tap.portal)

    def judge(self, error: Exception) -> Exception:
        return admission.judge(self.spec, self.tap.portal, error)

    def fetch(self, plan: Plan) -> Iterator[Chunk]:
        """Read the stream from the portal."""
        self.entry.window_from = plan.since
        writer = records.RecordWriter(self.name, self.spec.drop, plan.version)
        for listing in self.spec.listings:
            yield from self.read(plan, listing, writer)

    def read(self, plan: Plan, listing: Listing, writer: records.RecordWriter) -> Iterator[Chunk]:
        """What one listing has to give: here the rows of the window, by keyset."""

        def convert(rows: list[Row]) -> list[bytes]:
            return writer.lines([self.record(row) for row in rows])

        yield from self.walk(plan, listing, self.spec.modified, convert, counted=not plan.resumed)

    def walk(
        self,
        plan: Plan,
        listing: Listing,
        modified: tuple[str, ...],
        convert: Callable[[list[Row]], list[bytes]],
        *,
        part: str = "",
        counted: bool = False,
        commands: int | None = None,
    ) -> Iterator[Chunk]:
        """What `convert` makes of the rows of the window, in no order.

        Args:
            modified: fields of the moment of change, the first of which opens the window.
            convert: runs in several threads at once, with up to 2500 rows.
            part: tells the listings of one stream apart in its state.
            counted: ask the portal for its count, where that is cheap.
            commands: pages a request, if not as many as it may carry.
        """
        client, since = self.tap.client, plan.since
        window = self.window(listing, modified, since)
        walk = Walk(
            client,
            listing,
            convert,
            window=window,
            left=plan.spans(part),
            usage=self.entry.usage,
            commands=commands or self.tap.batch_size,
            parallel=self.tap.parallel,
            name=self.name,
            small=since is not None,
        )
        self.walks.append(walk)
        # A window is counted beside its first page, since it may grow; a table when its size is known.
        if counted and since is not None:
            self.counts.append(Count(client, listing.count(window), self.name))
        for number, piece in enumerate(walk):
            if counted and since is None and number == 0 and (walk.expected or 0) <= COUNTED_ROWS:
                self.counts.append(Count(client, listing.count(window), self.name))
            yield Chunk(piece.value, piece.done if self.spec.bookmarked else None, part)

    def window(self, listing: Listing, modified: tuple[str, ...], since: str | None) -> Params:
        """The condition on what changed since a moment; none for everything."""
        if not since:
            return []
        return [(f"{listing.filter}[>={modified[0]}]", self.tap.portal.moment(listing.method, since))]

    def record(self, row: Row, day: str | None = None) -> tuple[str, str | None, Row]:
        # A part of a pattern that the portal leaves out is empty, and stops no load.
        own_id = self.spec.id
        key = own_id.format_map(defaultdict(str, row)) if "{" in own_id else str(row[own_id])
        modified_at = day or first_filled(row, self.spec.modified)
        if modified_at is None and "modified_at" in self.spec.key:
            modified_at = EPOCH
        return key, modified_at, row


def _told(plan: Plan) -> str:
    """What is left, for people."""
    parts = [
        f"{part}{' ' if part else ''}ids " + ", ".join(f"{s.after + 1}–{s.upto or ''}" for s in left[:3])
        for part, left in plan.left.items()
        if left
    ]
    return "; ".join(parts) or "nothing is left to read"


def first_filled(row: Row, names: tuple[str, ...]) -> str | None:
    """The first of the fields that is filled."""
    return next((str(row[name]) for name in names if row.get(name)), None)
