"""One run of tap and loader, joined as Meltano joins them, with accidents at chosen moments.

Meltano hands the tap's lines to the loader one by one; when the tap has ended it closes the loader's input and
keeps the state lines that the loader writes; when the loader ends first it kills the tap.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.campaign.nursery import Nursery
from tests.campaign.state import KeptState

LEDGER = b'"stream":"extract_runs"'
HUNG_SECONDS = 150.0
"""A run that takes longer is taken for hanging; a whole one takes a few seconds."""


@dataclass
class Outcome:
    """What became of a run: exit codes, lines of each stream, and the ledger's rows that passed by."""

    tap: int = 0
    loader: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    ledger: list[dict[str, Any]] = field(default_factory=list)
    lines: int = 0
    hung: bool = False
    happened: list[str] = field(default_factory=list)


class Pipe:
    """The two processes of a run while it lasts; accidents call its methods from any thread."""

    def __init__(self, taps: Nursery, loaders: Nursery, folder: Path) -> None:
        self._taps, self._loaders, self._folder = taps, loaders, folder
        self._alive: dict[str, int] = {}
        self._lock = threading.Lock()
        self.outcome = Outcome()

    def run(
        self,
        tap_config: dict[str, Any],
        loader_config: dict[str, Any],
        state: KeptState,
        at_line: dict[int, list[Callable[[Pipe], None]]],
        *,
        full_refresh: bool = False,
    ) -> Outcome:
        """Run to the end of both processes; `at_line` acts before the tap's line of that number is passed on."""
        given = {} if full_refresh else state.given()
        tap_arguments = ["--config", self._file("tap.json", tap_config)]
        if given:
            tap_arguments += ["--state", self._file("state.json", given)]
        loader_arguments = ["--config", self._file("loader.json", loader_config)]
        from_tap, tap_out = os.pipe()
        loader_in, to_loader = os.pipe()
        from_loader, loader_out = os.pipe()
        nothing = os.open(os.devnull, os.O_RDONLY)
        logs = [
            os.open(self._folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            for name in ("tap.log", "loader.log")
        ]
        self._alive = {
            "tap": self._taps.start(tap_arguments, nothing, tap_out, logs[0]),
            "loader": self._loaders.start(loader_arguments, loader_in, loader_out, logs[1]),
        }
        for handle in (tap_out, loader_in, loader_out, nothing, *logs):
            os.close(handle)

        keeper = threading.Thread(target=self._keep, args=(from_loader, state, full_refresh))
        alarm = threading.Timer(HUNG_SECONDS, self._give_up)
        keeper.start()
        alarm.start()
        try:
            self._relay(from_tap, to_loader, at_line)
            self.outcome.tap = self._ended("tap", self._taps)
            self.outcome.loader = self._ended("loader", self._loaders)
            keeper.join()
        finally:
            alarm.cancel()
        return self.outcome

    def kill(self, who: str, how: signal.Signals) -> bool:
        """Send a signal to `tap` or `loader`; False where it has already ended."""
        if not self._signal(who, how):
            return False
        self.outcome.happened.append(f"{how.name} to the {who}")
        return True

    def _signal(self, who: str, how: signal.Signals) -> bool:
        with self._lock:
            try:
                os.kill(self._alive[who], how)
            except (KeyError, ProcessLookupError):
                return False
        return True

    def _file(self, name: str, content: dict[str, Any]) -> str:
        path = self._folder / name
        path.write_text(json.dumps(content, indent=1))
        return str(path)

    def _relay(self, from_tap: int, to_loader: int, at_line: dict[int, list[Callable[[Pipe], None]]]) -> None:
        with os.fdopen(from_tap, "rb") as source:
            sink = os.fdopen(to_loader, "wb")
            try:
                for number, line in enumerate(source, 1):
                    self._note(line)
                    if number in at_line:
                        sink.flush()
                        for action in at_line[number]:
                            action(self)
                    sink.write(line)
                sink.close()
            except BrokenPipeError:
                # The loader has ended: Meltano kills the tap.
                self._signal("tap", signal.SIGKILL)
                for _ in source:
                    pass
            finally:
                with contextlib.suppress(BrokenPipeError):
                    sink.close()

    def _note(self, line: bytes) -> None:
        self.outcome.lines += 1
        if not line.startswith(b'{"type":"RECORD"') or not line.endswith(b"}\n"):
            return
        head = line[:120]
        self.outcome.rows[head.split(b'"', 8)[7].decode()] += 1
        if LEDGER in head:
            self.outcome.ledger.append(json.loads(line)["record"]["payload"])

    def _keep(self, from_loader: int, state: KeptState, full_refresh: bool) -> None:
        with os.fdopen(from_loader, "rb") as source:
            for line in source:
                if line.startswith(b"{") and line.endswith(b"}\n"):
                    state.add(json.loads(line), full_refresh=full_refresh)

    def _ended(self, who: str, nursery: Nursery) -> int:
        code = nursery.wait()
        with self._lock:
            del self._alive[who]
        return code

    def _give_up(self) -> None:
        self.outcome.hung = True
        for who in ("tap", "loader"):
            self._signal(who, signal.SIGKILL)
