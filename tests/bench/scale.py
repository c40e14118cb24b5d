"""`make scale`: seconds and memory of builds of a warehouse of any size: the whole, a refresh after a change, the night's."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import click
import psutil
import psycopg

from tests.bench import company
from tests.bench.pipeline import Warehouse, warehouse
from tests.bench.portal import serving
from tests.conftest import DBT, ROOT

NO_UNIT_TESTS = ("--exclude-resource-type", "unit_test")
# What the schedules of meltano.yml have dbt do.
REFRESH = ("build", "--selector", "refresh", *NO_UNIT_TESTS)
NIGHTLY = ("build", *NO_UNIT_TESTS)
EVERYTHING = ("build", "--full-refresh", *NO_UNIT_TESTS)
COUNTED = ("deals", "leads", "calls", "deal_stage_history", "lead_stage_history", "activities")


@dataclass
class Built:
    """One `dbt build`: seconds of the command, peak memory of PostgreSQL and dbt together, the slowest nodes."""

    seconds: float
    peak_mb: int
    rows_changed: int
    slowest: list[tuple[str, float]]
    nodes: int


class Memory:
    """The greatest sum of what the processes hold alone, and of shared memory once, sampled twice a second."""

    def __init__(self, *roots: psutil.Process) -> None:
        self.peak = 0
        self._roots = roots
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._end.wait(0.5):
            alone, shared = 0, 0
            for root in self._roots:
                with suppress(psutil.Error):
                    for process in [root, *root.children(recursive=True)]:
                        with suppress(psutil.Error):
                            memory = process.memory_info()
                            alone += memory.rss - memory.shared
                            shared = max(shared, memory.shared)
            self.peak = max(self.peak, alone + shared)

    def stop(self) -> int:
        self._end.set()
        self._thread.join()
        return self.peak // 1024 // 1024


def build(database: Warehouse, arguments: Iterable[str], rows_changed: int = 0) -> Built:
    """Run dbt.

    Raises:
        RuntimeError: something failed: figures of a build that did not come through are none.
    """
    target = Path(database.env["DBT_TARGET_PATH"])
    began = time.perf_counter()
    with database.log.open("a") as log:
        process = psutil.Popen([str(DBT), *arguments], cwd=ROOT, env=database.env, stdout=log, stderr=log)
        memory = Memory(process, database.server)
        code = process.wait()
    seconds = time.perf_counter() - began
    peak = memory.stop()
    if code:
        raise RuntimeError(f"dbt ended with {code}:\n{database.log.read_text(errors='replace')[-3000:]}")
    results = json.loads((target / "run_results.json").read_text())["results"]
    slowest = sorted(
        ((result["unique_id"].split(".")[2], round(result["execution_time"], 1)) for result in results),
        key=lambda named: -named[1],
    )
    return Built(round(seconds, 1), peak, rows_changed, slowest[:10], len(results))


def fill(database: Warehouse, deals: int) -> dict[str, int]:
    """The demonstration, loaded by the tap, multiplied."""
    with serving("--scale", "0.3", "--no-limits") as portal, database.log.open("a") as log:
        meltano = ROOT / ".voronka" / "envs" / "meltano" / "bin" / "meltano"
        subprocess.run(
            [str(meltano), "run", "tap-bitrix24", "target-postgres"],
            cwd=database.project,
            env={
                **database.env,
                "BITRIX24_WEBHOOK_URL": portal.webhook,
                "TAP_BITRIX24_REQUESTS_PER_SECOND": "100",
                "TAP_BITRIX24_BURST": "1000",
                "TAP_BITRIX24_SWEEP": "always",
            },
            stdout=log,
            stderr=log,
            check=True,
        )
    with database.connect() as loader:
        company.multiply(loader, deals)
        return {
            stream: loader.execute(f"select count(*) from raw_bitrix24.{stream}").fetchone()[0]
            for stream in COUNTED
        }


def changed(loader: psycopg.Connection, share: float, number: int) -> int:
    with loader.transaction():
        rows = sum(company.change(loader, share, number).values())
        return rows + company.sweep_away(loader, share / 100, number)


@click.command()
@click.option("--deals", default=50_000, show_default=True, help="How many deals; all else in proportion.")
@click.option(
    "--share", default=0.01, show_default=True, help="Share of the cards that changes between builds."
)
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write figures here.")
def main(deals: int, share: float, file: Path | None) -> None:
    """Fill raw tables, build all, and after each of some changes refresh; then the night's build."""
    figures: dict[str, Any] = {
        "cores": os.cpu_count(),
        "load_average": psutil.getloadavg()[0],
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "share": share,
    }

    def tell(name: str, built: Built) -> None:
        figures[name] = asdict(built)
        of_all = built.seconds / figures["full"]["seconds"]
        click.echo(
            f"{name:18} {built.seconds:8.1f} s  {of_all:6.1%} of the full build  {built.peak_mb} MB"
            f"  {built.nodes} nodes, {built.rows_changed} raw rows changed"
        )
        for node, seconds in built.slowest:
            click.echo(f"    {seconds:8.1f} s  {node}")
        if file:
            file.write_text(json.dumps(figures, indent=2) + "\n")

    with warehouse() as database:
        began = time.perf_counter()
        figures["rows"] = fill(database, deals)
        figures["fill_seconds"] = round(time.perf_counter() - began, 1)
        click.echo(json.dumps(figures))
        tell("full", build(database, EVERYTHING))
        with database.connect() as loader:
            # The first one after a build as a whole copies the marts that take turns.
            for number, (name, arguments) in enumerate(
                (("first refresh", REFRESH), ("refresh", REFRESH), ("nightly", NIGHTLY)), start=1
            ):
                tell(name, build(database, arguments, changed(loader, share, number)))


if __name__ == "__main__":
    main()
