"""The run ledger: what each stream read, from when, how much of it, at what cost, and whether it came
through.
"""

from __future__ import annotations

import datetime as dt
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from tap_bitrix24.client import Usage
from tap_bitrix24.errors import StreamSkipped
from tap_bitrix24.webhook import mask


def _now() -> str:
    return dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds")


def new_run_id() -> str:
    """Sorts by time, unique without coordination."""
    return f"{dt.datetime.now(dt.timezone.utc):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}"


@dataclass
class Entry:
    """One stream of one run. `seconds` is wall time from its first request to its last record.

    A sweep's entry (mode `sweep`) is kept beside that of the swept stream's load: `rows` are the ids present,
    `vanished` those that were there at the sweep before.
    """

    run_id: str
    stream: str
    mode: str
    window_from: str | None = None
    rows: int = 0
    portal_total: int | None = None
    usage: Usage = field(default_factory=Usage)
    started_at: str = field(default_factory=_now)
    finished_at: str | None = None
    status: str = "ok"
    error: str | None = None
    vanished: int | None = None
    _began: float = field(default_factory=time.monotonic)
    _ended: float | None = None

    def start(self) -> None:
        self.started_at, self._began = _now(), time.monotonic()

    @property
    def seconds(self) -> float:
        return (self._ended or time.monotonic()) - self._began

    def close(self, error: BaseException | None = None) -> None:
        self.finished_at, self._ended = _now(), time.monotonic()
        if error is not None:
            self.status = "skipped" if isinstance(error, StreamSkipped) else "failed"
            self.error = mask(str(error) or type(error).__name__)

    def record(self) -> dict[str, Any]:
        """A row of `extract_runs`."""
        return {
            "id": ":".join([self.run_id, *(["sweep"] if self.mode == "sweep" else []), self.stream]),
            "modified_at": self.finished_at,
            "payload": {
                "run_id": self.run_id,
                "stream": self.stream,
                "mode": self.mode,
                "window_from": self.window_from,
                "rows": self.rows,
                "portal_total": self.portal_total,
                "requests": self.usage.requests,
                "seconds": round(self.seconds, 3),
                "operating": round(self.usage.operating, 3),
                "started_at": self.started_at,
                "finished_at": self.finished_at,
                "status": self.status,
                "error": self.error,
                "vanished": self.vanished,
            },
        }
