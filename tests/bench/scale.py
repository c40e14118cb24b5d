"""`make scale`: seconds and memory of builds of a warehouse of any size: the whole, a refresh after a change, the night's."""

from __future__ import annotations

import json
import os
import resource
import shlex
import subprocess
import sys
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
STEPS = {"full": EVERYTHING, "refresh": REFRESH, "nightly": NIGHTLY, "nothing": ()}
SLOWEST = 10
COUNTED = ("deals", "leads", "calls", "deal_stage_history", "lead_stage_history", "activities")


@dataclass
class Built:
    """One `dbt build`: seconds of the command, of them before the first node and after the last (reading the project,
    publishing), seconds of the processor (which do not grow when the machine has other work), peak memory of PostgreSQL and
    dbt together, the slowest nodes.
    """

    seconds: float
    before: float
    after: float
    cpu_seconds: float
    load_average: float
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


def processor_seconds(server: psutil.Process) -> float:
    """What dbt's processes so far, PostgreSQL's present ones and those that ended have used."""
    ours = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = ours.ru_utime + ours.ru_stime
    for postmaster in server.children():
        times = postmaster.cpu_times()
        used += times.children_user + times.children_system
        for process in postmaster.children():
            with suppress(psutil.Error):
                alive = process.cpu_times()
                used += alive.user + alive.system
    return used


def build(database: Warehouse, arguments: Iterable[str], rows_changed: int = 0) -> Built:
    """Run dbt.

    Raises:
        RuntimeError: something failed: figures of a build that did not come through are none.
    """
    target = Path(database.env["DBT_TARGET_PATH"])
    used = processor_seconds(database.server)
    started, began = time.time(), time.perf_counter()
    with database.log.open("a") as log:
        process = psutil.Popen([str(DBT), *arguments], cwd=ROOT, env=database.env, stdout=log, stderr=log)
        memory = Memory(process, database.server)
        code = process.wait()
    seconds = time.perf_counter() - began
    peak = memory.stop()
    # Its connections end with it.
    time.sleep(1)
    used = processor_seconds(database.server) - used
    if code:
        raise RuntimeError(f"dbt ended with {code}:\n{database.log.read_text(errors='replace')[-3000:]}")
    results = json.loads((target / "run_results.json").read_text())["results"]
    moments = [
        datetime.fromisoformat(step[end].replace("Z", "+00:00")).timestamp()
        for result in results
        for step in result["timing"]
        for end in ("started_at", "completed_at")
    ]
    slowest = sorted(
        ((result["unique_id"].split(".")[2], round(result["execution_time"], 1)) for result in results),
        key=lambda named: -named[1],
    )
    return Built(
        seconds=round(seconds, 1),
        before=round(min(moments) - started, 1),
        after=round(started + seconds - max(moments), 1),
        cpu_seconds=round(used, 1),
        load_average=round(psutil.getloadavg()[1], 1),
        peak_mb=peak,
        rows_changed=rows_changed,
        slowest=slowest[:SLOWEST],
        nodes=len(results),
    )


def fill(database: Warehouse, deals: int) -> None:
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
        loader.execute("analyze")


def vacuumed(database: Warehouse) -> tuple[float, float]:
    """Do at once what autovacuum would do beside whatever comes next: seconds of the wall and of the processor."""
    used, began = processor_seconds(database.server), time.perf_counter()
    with database.connect() as loader:
        loader.execute("vacuum")
    with database.connect("dbt") as dbt:
        dbt.execute("vacuum")
    seconds = time.perf_counter() - began
    time.sleep(1)
    return round(seconds, 1), round(processor_seconds(database.server) - used, 1)


def counted(database: Warehouse) -> dict[str, int]:
    """Rows of raw tables; nothing where there are none yet."""
    with database.connect() as loader:
        if loader.execute("select to_regclass('raw_bitrix24.deals')").fetchone() == (None,):
            return {}
        return {
            stream: loader.execute(f"select count(*) from raw_bitrix24.{stream}").fetchone()[0]
            for stream in COUNTED
        }


def changed(loader: psycopg.Connection, share: float, number: int, among: float, swept: bool) -> int:
    """Rows that the change wrote; deleted cards among them where the daily sweep, which goes before the night's build, has
    looked.
    """
    with loader.transaction():
        rows = sum(company.change(loader, share, number, among).values())
        return rows + (company.sweep_away(loader, share / 100, number) if swept else 0)


class Steps(click.ParamType):
    """Names of steps, separated by commas."""

    name = "steps"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        names = value.split(",") if isinstance(value, str) else value
        if wrong := sorted({*names} - {*STEPS}):
            self.fail(f"{', '.join(wrong)}: choose from {', '.join(STEPS)}", param, ctx)
        return names


@click.command()
@click.option("--deals", default=50_000, show_default=True, help="How many deals; all else in proportion.")
@click.option(
    "--share", default=0.01, show_default=True, help="Share of the cards that changes between builds."
)
@click.option(
    "--among",
    default=1.0,
    show_default=True,
    help="From which share of the cards, the youngest, the changed ones are chosen; 1: evenly from all of them.",
)
@click.option(
    "--steps",
    default="full,refresh,refresh,nightly",
    show_default=True,
    type=Steps(),
    help="What is built, in order: a change comes before each but the full one; nothing is for filling only.",
)
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the warehouse here, and take it up again where it is filled.",
)
@click.option(
    "--serve", is_flag=True, help="Then tell how to reach it, and wait for the end of standard input."
)
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write figures here.")
def main(
    deals: int,
    share: float,
    among: float,
    steps: list[str],
    home: Path | None,
    serve: bool,
    file: Path | None,
) -> None:
    """Fill raw tables, build all, and after each of some changes refresh; then the night's build."""
    figures: dict[str, Any] = {"cores": os.cpu_count(), "share": share, "among": among, "steps": []}

    def tell(name: str, built: Built) -> None:
        figures["steps"].append({"step": name, **asdict(built)})
        full = next((step for step in figures["steps"] if step["step"] == "full"), None)
        of_all = ""
        if full:
            share_of_all, of_cpu = built.seconds / full["seconds"], built.cpu_seconds / full["cpu_seconds"]
            of_all = f"{share_of_all:.1%} of the full build ({of_cpu:.1%} of its processor time)  "
        click.echo(
            f"{datetime.now(timezone.utc):%H:%M} {name:8} {built.seconds:8.1f} s ({built.before} before the first node,"
            f" {built.after} after the last; {built.cpu_seconds} s of the processor)  {of_all}"
        )
        click.echo(
            f"    {built.peak_mb} MB at most, load {built.load_average}, {built.nodes} nodes,"
            f" {built.rows_changed} raw rows changed"
        )
        for node, seconds in built.slowest:
            click.echo(f"    {seconds:8.1f} s  {node}")
        # New and changed tables are vacuumed sooner or later: after the build that wrote them, not in the next one's figures.
        seconds, of_processor = vacuumed(database)
        figures["steps"][-1] |= {"vacuum_seconds": seconds, "vacuum_cpu_seconds": of_processor}
        click.echo(f"    {seconds:8.1f} s to vacuum what it wrote, {of_processor} s of the processor")
        if file:
            file.write_text(json.dumps(figures, indent=2) + "\n")

    with warehouse(home) as database:
        if not counted(database):
            began = time.perf_counter()
            fill(database, deals)
            figures["fill_seconds"] = round(time.perf_counter() - began, 1)
        figures["rows"] = counted(database)
        click.echo(json.dumps(figures))
        for number, step in enumerate(steps):
            if step == "full":
                tell(step, build(database, EVERYTHING))
            elif step != "nothing":
                with database.connect() as loader:
                    rows = changed(loader, share, int(time.time()) + number, among, step == "nightly")
                tell(step, build(database, STEPS[step], rows))
        if serve:
            for name, value in database.env.items():
                if name.startswith("WAREHOUSE_"):
                    click.echo(f"export {name}={shlex.quote(value)}")
            sys.stdin.read()


if __name__ == "__main__":
    main()
