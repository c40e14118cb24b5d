"""The demonstration portal as a process, its control room, and what it holds, read without the tap."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
import requests

from tests.conftest import free_port

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "campaign-token"
Row = dict[str, Any]


class Portal:
    """A demonstration portal that runs, as its control room and its webhook's owner know it."""

    def __init__(self, base: str, token: str) -> None:
        self.base = base
        self.webhook = f"{base}/rest/1/{token}/"
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"

    # --- the control room

    def control(self, what: str, **values: Any) -> dict[str, Any]:
        method = "POST" if values else "GET"
        response = self._session.request(
            method, f"{self.base}/__demo/{what}", json=values or None, timeout=60
        )
        if not response.ok:
            raise RuntimeError(f"/__demo/{what} {values}: {response.text[:500]}")
        return response.json()

    def clock(self) -> str:
        return self.control("clock")["clock"]

    def set_clock(self, clock: str) -> None:
        self.control("clock", clock=clock)

    def order(self, **fault: Any) -> None:
        self.control("faults", **fault)

    def struck(self) -> Counter[str]:
        """How often each kind of fault has struck so far."""
        return Counter(self.control("faults")["struck"])

    def move_while_read(self, **order: Any) -> None:
        """Order the clock to move on between requests or commands of whoever reads."""
        self.control("change", **order)

    def moved(self) -> int:
        """How often such orders have moved the clock so far."""
        return len(self.control("change")["applied"])

    def clear_orders(self) -> None:
        """Take back what has not struck yet."""
        for what in ("change", "faults"):
            self._session.delete(f"{self.base}/__demo/{what}", timeout=60).raise_for_status()

    # --- what it holds

    def _lines(self, path: str, params: Iterable[tuple[str, Any]] = ()) -> list[Row]:
        response = self._session.get(f"{self.base}/__demo/{path}", params=list(params), timeout=120)
        if not response.ok:
            raise RuntimeError(f"/__demo/{path}: {response.text[:500]}")
        return [orjson.loads(line) for line in response.content.splitlines()]

    def told(self, stream: str) -> list[Row]:
        """Ids and moments of a stream as the portal's own tables have them, the deleted ones last."""
        return self._lines(f"truth/{stream}")

    def listed(self, method: str, params: Iterable[tuple[str, Any]] = ()) -> list[Row]:
        """All rows that a list method has for these parameters; no fault or limit applies."""
        return self._lines(f"rows/{method}", params)

    def asked(self, method: str, **params: Any) -> Any:
        """The result of a single call."""
        response = self._session.post(f"{self.webhook}{method}", json=params, timeout=60)
        response.raise_for_status()
        return response.json()["result"]


class Company(Portal):
    """A portal with a company of its own, whose clock stands still until it is moved."""

    def __init__(
        self, *, seed: int, start: str, scale: float, clock: str, bulk: tuple[str, int] | None, log: Path
    ) -> None:
        port = free_port()
        super().__init__(f"http://127.0.0.1:{port}", TOKEN)
        self.renamed = f"localhost:{port}"
        """Its other name, which a redirect may send to."""
        options = {
            "port": port,
            "token": TOKEN,
            "seed": seed,
            "start": start,
            "scale": scale,
            "clock": clock,
            # Execution time that is used up comes back at once.
            "operating-window": 1,
        }
        command = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        if bulk:
            command += [
                "--bulk",
                f"{bulk[0]}={bulk[1]}",
                "--bulk-gaps",
                "0.1",
                "--bulk-pace",
                "0.01",
                "0.003",
                "0.002",
            ]
        with log.open("a") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "demo", "serve", "--no-limits", *command],
                cwd=ROOT,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
                stdout=said,
                stderr=said,
            )
        for _ in range(900):
            if self._process.poll() is not None:
                raise RuntimeError(f"the demonstration portal did not start: see {log}")
            try:
                self.control("clock")
                return
            except requests.ConnectionError:
                time.sleep(0.1)
        raise RuntimeError("the demonstration portal did not answer within 90 s")

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(10)
