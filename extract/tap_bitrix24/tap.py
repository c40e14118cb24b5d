"""The tap: settings, discovery, and the run over all selected streams."""

from __future__ import annotations

import datetime as dt
import sys
import threading
import time
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from singer_sdk import typing as th
from singer_sdk._singerlib import StateMessage
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.helpers._classproperty import classproperty
from singer_sdk.helpers.capabilities import CapabilitiesEnum, PluginCapabilities, TapCapabilities
from tap_rest_api_msdk.tap import TapRestApiMsdk

from tap_bitrix24 import portal, sweep, webhook
from tap_bitrix24.batch import Row
from tap_bitrix24.bucket import LeakyBucket
from tap_bitrix24.budget import Budgets
from tap_bitrix24.catalogue import CatalogueError, Spec, load
from tap_bitrix24.client import MAX_COMMANDS, PARALLEL, Client, Usage
from tap_bitrix24.counts import total
from tap_bitrix24.each import EachStream
from tap_bitrix24.errors import PortalError, PortalRefused, StreamSkipped
from tap_bitrix24.full import FullStream
from tap_bitrix24.ledger import new_run_id
from tap_bitrix24.moments import METHOD
from tap_bitrix24.own import LedgerStream, PortalStream
from tap_bitrix24.owners import OwnersStream
from tap_bitrix24.progress import Progress, spaced
from tap_bitrix24.run import Ended, fetch_all
from tap_bitrix24.streams import BitrixStream, CatalogueStream, Chunk, Plan
from tap_bitrix24.sweep import TABLE, CardIdsStream, Sweep
from tap_bitrix24.turns import Turns

COUNT_SECONDS = 5.0
"""What the portal's counts may still take when all rows are there."""


def reader(spec: Spec) -> type[CatalogueStream]:
    """How a stream is read."""
    if spec.owners:
        return OwnersStream
    if spec.mode in ("full", "snapshot"):
        return FullStream
    return EachStream if spec.is_varied else CatalogueStream


class TapBitrix24(TapRestApiMsdk):
    """Loads a Bitrix24 portal through an inbound webhook: cards, history, activities, calls."""

    name = "tap-bitrix24"
    tap_name = name
    package_name = "tap-bitrix24"

    config_jsonschema = th.PropertiesList(
        th.Property(
            "webhook_url",
            th.StringType,
            required=True,
            secret=True,
            description="Inbound webhook, https://portal/rest/1/code/. Plain http for loopback hosts only.",
        ),
        th.Property(
            "streams",
            th.ArrayType(th.CustomType({"type": ["string", "object"]})),
            description="Only these: names from streams.yml, or definitions (a name and fields to replace).",
        ),
        th.Property(
            "start_date",
            th.DateTimeType,
            description="First load of calls from this moment. Deals are never limited.",
        ),
        th.Property(
            "overlap_minutes",
            th.NumberType,
            default=5,
            description="How far a window reaches back before the last run.",
        ),
        th.Property(
            "calls_window_days",
            th.NumberType,
            default=7,
            description="Calls of so many days are read again each run.",
        ),
        th.Property(
            "bindings_days",
            th.NumberType,
            default=90,
            description="First load of bindings: of calls changed in so many days.",
        ),
        th.Property(
            "sweep",
            th.StringType,
            default=sweep.DAILY,
            allowed_values=list(sweep.MODES),
            description="When to read all ids, to find deleted cards: daily, always or never.",
        ),
        th.Property(
            "sweep_hour",
            th.IntegerType,
            default=3,
            description="The daily sweep is part of the first run after that hour, by the portal's clock.",
        ),
        th.Property(
            "sweep_guard_percent",
            th.NumberType,
            default=10,
            description="A sweep that misses more cards than this is refused: the owner may have lost rights.",
        ),
        th.Property(
            "requests_per_second", th.NumberType, default=2, description="The portal's rate: 2, Enterprise 5."
        ),
        th.Property(
            "burst", th.NumberType, default=50, description="The portal's burst: 50, Enterprise 250."
        ),
        th.Property(
            "margin",
            th.NumberType,
            default=0.1,
            description="Share of the rate left to other users of the portal.",
        ),
        th.Property(
            "operating_limit",
            th.NumberType,
            default=480,
            description="Seconds a method may work in ten minutes: 480; a box 420 if it has the limit, else 0.",
        ),
        th.Property(
            "batch_size", th.IntegerType, default=MAX_COMMANDS, description="Commands a request, at most 50."
        ),
        th.Property(
            "parallel", th.IntegerType, default=PARALLEL, description="Requests under way at the same time."
        ),
    ).to_dict()

    @classproperty
    def capabilities(self) -> list[CapabilitiesEnum]:
        """No stream maps, flattening or batch files: records bypass the SDK's record path."""
        return [
            TapCapabilities.CATALOG,
            TapCapabilities.STATE,
            TapCapabilities.DISCOVER,
            PluginCapabilities.ABOUT,
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.run_id = new_run_id()
        self.portal_usage = Usage()
        self._asking = threading.Lock()
        self.finding = threading.Lock()
        self.found_rows: dict[str, list[Row]] = {}
        self.found_short: set[str] = set()
        super().__init__(*args, **kwargs)

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Settings that a JSON schema cannot judge, or whose value must not be repeated in a message."""
        url = self._config.get("webhook_url")
        if url is not None and not isinstance(url, str):
            raise ConfigValidationError("webhook_url is not a text", errors=["webhook_url is not a text"])
        errors = super()._validate_config(raise_errors=raise_errors)
        if not raise_errors:
            return errors
        try:
            self._webhook = webhook.parse(url)
            webhook.keep_secret(self._webhook.code)
            load(self._config.get("streams"))
        except (PortalRefused, CatalogueError) as error:
            raise ConfigValidationError(str(error), errors=[str(error)]) from None
        for name, low, high in (
            ("batch_size", 1, MAX_COMMANDS),
            ("parallel", 1, 32),
            ("operating_limit", 0, 6000),
            ("margin", 0, 0.9),
            ("requests_per_second", 0.1, 100),
            ("burst", 1, 1000),
            ("overlap_minutes", 0, 1440),
            ("calls_window_days", 0, 3660),
            ("bindings_days", 0, 3660),
            ("sweep_hour", 0, 23),
            ("sweep_guard_percent", 0, 100),
        ):
            if not low <= self._config[name] <= high:
                text = f"setting {name} is {self._config[name]}: give a value from {low} to {high}"
                raise ConfigValidationError(text, errors=[text])
        return errors

    # --- what streams ask of their tap ----------------------------------------------------------------------

    @cached_property
    def client(self) -> Client:
        margin = self.config["margin"]
        return Client(
            self._webhook,
            LeakyBucket(self.config["requests_per_second"], self.config["burst"], margin),
            budgets=Budgets(self.config["operating_limit"], margin),
            parallel=self.parallel,
            user_agent=f"tap-bitrix24/{self.plugin_version}",
        )

    @property
    def portal(self) -> portal.Portal:
        """Asked at first use, once, whichever thread needs it first."""
        with self._asking:
            return self._portal

    @cached_property
    def _portal(self) -> portal.Portal:
        return portal.ask(self.client, self.portal_usage)

    @cached_property
    def turns(self) -> Turns:
        return Turns(self.portal.server_time)

    @property
    def overlap(self) -> dt.timedelta:
        return dt.timedelta(minutes=self.config["overlap_minutes"]) + self.portal.doubt

    @property
    def calls_window(self) -> dt.timedelta:
        return dt.timedelta(days=self.config["calls_window_days"])

    @property
    def start_date(self) -> str | None:
        return self.config.get("start_date")

    @property
    def batch_size(self) -> int:
        return self.config["batch_size"]

    @property
    def parallel(self) -> int:
        return self.config["parallel"]

    def discover_streams(self) -> Sequence[BitrixStream]:  # type: ignore[override]
        """The catalogue's streams, the portal's own row and the run ledger; no request is made."""
        return [
            *(reader(spec)(self, spec) for spec in load(self.config.get("streams"))),
            PortalStream(self),
            CardIdsStream(self),
            LedgerStream(self),
        ]

    # --- the run --------------------------------------------------------------------------------------------

    def sync_all(self) -> None:  # type: ignore[override]
        """Load all selected streams. One that fails is named with its cure, the others load; exit code 1."""
        try:
            failed = self._run()
        except BrokenPipeError:
            # What is still buffered has nowhere to go; the interpreter must not try again at its exit.
            sys.stdout = open("/dev/null", "w")  # noqa: SIM115
            self.logger.error("the loader closed the pipe: its own message above says why")
            sys.exit(1)
        if failed:
            self.logger.error(
                "%d of %d streams failed: %s", len(failed), len(self._chosen), ", ".join(failed)
            )
            sys.exit(1)

    @cached_property
    def _chosen(self) -> list[BitrixStream]:
        """Selected streams in the catalogue's order, the ledger not counted."""
        order = ["portal", *(spec.name for spec in load(self.config.get("streams")))]
        return [self.streams[name] for name in order if self.streams[name].selected]

    def _run(self) -> list[str]:
        self._reset_state_progress_markers()
        self.write_message(StateMessage(value=self.state))
        ledger = self.streams["extract_runs"]
        for stream in [*self._chosen, self.streams[TABLE], ledger]:
            if stream.selected:
                stream._write_schema_message()
        sys.stdout.flush()
        failed: list[str] = []
        told: list[str] = []

        def close(stream: BitrixStream, error: Exception | None) -> None:
            error = stream.judge(error) if error is not None else None
            if error is not None:
                stream.entry.close(error)
            if isinstance(error, StreamSkipped):
                self.logger.info("%s: skipped: %s", stream.name, error)
            elif error is not None:
                failed.append(stream.name)
                refused = isinstance(error, PortalRefused)
                if not (refused and told):  # A portal that refuses everything is one piece of news.
                    told.extend([stream.name] if refused else [])
                    self.logger.error(
                        "%s: %s", stream.name, error, exc_info=not isinstance(error, PortalError)
                    )
            if ledger.selected:
                ledger.note(stream.entry)

        try:
            server_time = self.portal.server_time
        except PortalError as error:
            self.logger.error("portal %s: %s", self._webhook.host, error)
            self.client.refused = self.client.refused or PortalRefused(str(error), error.code)
            for stream in self._chosen:
                stream.entry.start()
                stream.entry.close(error)
                failed.append(stream.name)
                if ledger.selected:
                    ledger.note(stream.entry)
            return failed
        self.logger.info("portal %s, its time %s", self.portal.host, server_time.isoformat())
        if not self.portal.is_admin:
            self.logger.warning("the webhook's owner is no administrator: rows they may not see are missing")

        if self.portal.owner_shift:
            self.logger.warning(
                "the webhook's owner lives in %s, not in the portal's zone: Bitrix24 then shifts some moments;"
                " set the portal's zone in their profile",
                self.portal.owner_zone,
            )

        if self.portal.is_shifted:
            self.logger.warning(
                "this portal compares other moments than it shows: windows reach back a day more;"
                " set the portal's zone in the profile of the webhook's owner"
            )
        if not self.portal.has_windows(METHOD):
            self.logger.warning(
                "this portal ignores moments in filters of %s: cards are read as a whole each run,"
                " which is complete but slow; tell Bitrix24's support",
                METHOD,
            )

        began = time.monotonic()
        incomplete: set[str] = set()
        planned: list[tuple[BitrixStream, Plan]] = []
        for stream in [*self._chosen, *self._sweeps()]:
            try:
                stream.admit()
            except PortalError as error:
                stream.entry.start()
                close(stream, error)
            else:
                planned.append((stream, stream.plan()))
        progress = Progress(self.logger)
        running = {stream.name: stream for stream, _ in planned}
        uncounted: list[BitrixStream] = []
        for happened in fetch_all(planned, self.client.crew):
            progress.tick(running.values())
            if happened is None:
                continue
            stream, plan, event = happened
            if isinstance(event, Chunk):
                stream.emit(plan, event)
                if not event.complete:
                    incomplete.add(stream.name)
            elif isinstance(event, Ended):
                del running[stream.name]
                if event.error is not None:
                    close(stream, event.error)
                    continue
                stream.finish(plan, complete=stream.name not in incomplete)
                stream.entry.close()
                progress.done(stream)
                if any(count.pending for count in stream.counts):
                    uncounted.append(stream)
                else:
                    self._compare(stream, 0)
                    close(stream, None)
        patience = time.monotonic() + COUNT_SECONDS
        for stream in uncounted:
            self._compare(stream, max(0.0, patience - time.monotonic()))
            close(stream, None)
        self._sum_up(time.monotonic() - began)
        return failed

    def _sweeps(self) -> list[Sweep]:
        """The deletion sweeps that are due."""
        if not self.streams[TABLE].selected:
            return []
        swept = [
            (stream, Sweep(self, stream.spec))
            for stream in self._chosen
            if isinstance(stream, CatalogueStream) and stream.spec.sweep
        ]
        return [each for stream, each in swept if each.is_due(stream.was_loaded)]

    def _sum_up(self, seconds: float) -> None:
        rows = [stream.entry.rows for stream in self._chosen if stream.entry.status == "ok"]
        self.logger.info(
            "%s rows of %d streams (%d had nothing new) in %.1f s, %s rows/s, %d requests with %s commands",
            spaced(sum(rows)),
            len(rows),
            rows.count(0),
            seconds,
            spaced(sum(rows) / max(seconds, 1e-3)),
            self.client.usage.requests,
            spaced(self.client.usage.commands),
        )

    def _compare(self, stream: BitrixStream, seconds: float) -> None:
        """Set what arrived against what the portal counts, if its count comes within `seconds`."""
        if stream.counts:
            stream.entry.portal_total = total(stream.counts, seconds)
        counted, rows = stream.entry.portal_total, stream.entry.rows
        if counted is not None and rows < counted:
            self.logger.warning(
                "%s: %s rows came, the portal counted %s: deleted meanwhile, or hidden from the owner",
                stream.name,
                spaced(rows),
                spaced(counted),
            )
