"""A portal that can misbehave, the tap run in this process, and a PostgreSQL for the loader."""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tap_bitrix24.tap import TapBitrix24

from tests.conftest import missing
from tests.embedded_postgres import core_python, embedded_postgres
from tests.extract.fake_portal import FakePortal, serving

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Outcome:
    """What a run of the tap wrote, by kind; `code` is its exit code."""

    code: int
    log: str
    messages: list[dict[str, Any]] = field(repr=False)

    @property
    def records(self) -> dict[str, list[dict[str, Any]]]:
        found = defaultdict(list)
        for message in self.messages:
            if message["type"] == "RECORD":
                found[message["stream"]].append(message["record"])
        return found

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["type"] == kind]

    @property
    def state(self) -> dict[str, Any]:
        return self.of("STATE")[-1]["value"]

    @property
    def ledger(self) -> dict[str, dict[str, Any]]:
        """Of each stream's load; sweeps have rows of their own."""
        rows = [row["payload"] for row in self.records["extract_runs"]]
        return {row["stream"]: row for row in rows if row["mode"] != "sweep"}


Run = Callable[..., Outcome]


@pytest.fixture
def portal() -> Iterator[FakePortal]:
    with serving(FakePortal()) as fake:
        yield fake


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Waits between tries take no time here; their lengths are kept."""
    taken: list[float] = []
    monkeypatch.setattr(time, "sleep", taken.append)
    return taken


@pytest.fixture
def run(portal: FakePortal) -> Run:
    """Run the tap against `portal` with settings given by name, and `state` and `catalog` if given."""

    def call(
        state: dict[str, Any] | None = None, catalog: dict[str, Any] | None = None, **config: Any
    ) -> Outcome:
        out, err, code = io.StringIO(), io.StringIO(), 0
        with redirect_stdout(out), redirect_stderr(err):
            try:
                tap = TapBitrix24(
                    config={"webhook_url": portal.webhook, **config},
                    state=json.loads(json.dumps(state)) if state else None,
                    catalog=catalog,
                )
                tap.sync_all()
            except SystemExit as leaving:
                code = int(leaving.code or 0)
        return Outcome(code, err.getvalue(), [json.loads(line) for line in out.getvalue().splitlines()])

    return call


def card(number: int, modified: str = "2026-05-01T10:00:00+03:00", **more: Any) -> dict[str, Any]:
    """A CRM card as crm.item.list gives it."""
    return {
        "id": number,
        "title": f"Сделка {number}",
        "createdTime": "2026-01-01T09:00:00+03:00",
        "updatedTime": modified,
        **more,
    }


@pytest.fixture(scope="session")
def loader() -> str:
    """The executable of target-postgres, from VORONKA_LOADER."""
    path = os.environ.get("VORONKA_LOADER", "")
    if not Path(path).is_file():
        missing(f"VORONKA_LOADER names no loader ({path or 'unset'}): what the warehouse gets was NOT tested")
    return path


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A socket folder of a PostgreSQL of our own, with a database `extract`, user postgres."""
    if not core_python().is_file():
        missing(f"no core environment at {core_python()} (make demo makes it): the loader was NOT tested")
    import psycopg

    with embedded_postgres() as sockets:
        with psycopg.connect(host=sockets, user="postgres", dbname="postgres", autocommit=True) as connection:
            connection.execute("create database extract template template0 encoding 'UTF8' locale 'C'")
        yield sockets


@pytest.fixture
def tap_command() -> list[str]:
    """The tap as a process of its own."""
    return [sys.executable, "-m", "tap_bitrix24"]
