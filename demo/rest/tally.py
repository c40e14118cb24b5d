"""What was asked of the portal, to be looked at afterwards."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Tally:
    """Requests, refused ones included, with the seconds from the first to the end of the last; commands by method,
    answers by status, errors of requests and of commands within batches by code.
    """

    requests: int = 0
    at_once: int = 0
    most_at_once: int = 0
    commands: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    command_errors: Counter[str] = field(default_factory=Counter)
    began: float | None = None
    ended: float | None = None

    @contextmanager
    def request(self) -> Iterator[None]:
        """A request is being served."""
        self.began = time.monotonic() if self.began is None else self.began
        self.requests += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            yield
        finally:
            self.at_once -= 1
            self.ended = time.monotonic()

    def told(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "seconds": None if self.began is None or self.ended is None else self.ended - self.began,
            "most_at_once": self.most_at_once,
            "commands": dict(self.commands),
            "statuses": dict(self.statuses),
            "errors": dict(self.errors),
            "command_errors": dict(self.command_errors),
        }
