"""`make bench`: how fast a portal gets into PostgreSQL, against the portal's limits and against what else there is."""

from __future__ import annotations

import json
import platform
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
import psutil

from tests.bench import rivals
from tests.bench.pipeline import Fed, Load, Warehouse, feed, warehouse
from tests.bench.portal import CLOCK, serving

ROWS_A_REQUEST = 2500
RATE, BURST = 2, 50
# Only requests are limited: commands cost nothing.
QUICK = ("--command-ms", "0", "--count-ms-per-1000-rows", "0")
# The vendor's own measurement of COUNT, as the demonstration portal has it.
SLOW = ("--command-ms", "20", "--count-ms-per-1000-rows", "20.9")
# A bucket that drains unevenly drives fast-bitrix24 to give up now and then: it is asked again.
RIVALS_TRIES = 4
# A portal without limits: the tap's own bucket must not hold it back either.
FREE = {"requests_per_second": "100", "burst": "1000"}


@dataclass
class Setup:
    """What is asked of a bench: sizes, repetitions, and how long a rival is waited for."""

    rows: int
    fields: int | None
    wide_rows: int
    runs: int
    patience: float

    def deals(self, rows: int, fields: int | None) -> tuple[str, str]:
        return "--bulk", f"deals={rows}" + (f":{fields}" if fields else "")


def limit_seconds(rows: int) -> float:
    """The least time that the portal's request limit allows: full batches, the bucket first, then the rate."""
    return max(0, -(-rows // ROWS_A_REQUEST) - BURST) / RATE


def median(loads: list[Load]) -> Load:
    """The run in the middle by time, with the worst of the memories."""
    peaks: dict[str, int] = {}
    for load in loads:
        for program, peak in load.peak_mb.items():
            peaks[program] = max(peak, peaks.get(program, 0))
    middle = sorted(loads, key=lambda load: load.seconds)[(len(loads) - 1) // 2]
    return replace(middle, peak_mb=peaks)


def repeated(setup: Setup, database: Warehouse, options: Iterable[str], **settings: str) -> list[Load]:
    loads = []
    for _ in range(setup.runs):
        database.empty()
        with serving(*options) as portal:
            loads.append(database.load(portal, "deals", **settings))
    return loads


def versus(rows: int, ours: Load, rival: rivals.Read) -> dict[str, Any]:
    """A rival's reading beside our load; extrapolated at the rate it had where it was not waited for."""
    told = asdict(rival)
    if rival.rows:
        whole = rival.seconds if rival.complete else rival.seconds * rows / rival.rows
        told |= {
            "seconds_for_all": round(whole, 1),
            "extrapolated": not rival.complete,
            "times_ours": round(whole / ours.seconds, 1),
        }
    return told


def against_rivals(setup: Setup, database: Warehouse, options: tuple[str, ...]) -> dict[str, Any]:
    loads = repeated(setup, database, options)
    ours = median(loads)
    for given_up in range(RIVALS_TRIES):
        with serving(*options) as portal:
            fast = replace(rivals.fast_bitrix24(portal, setup.patience), given_up=given_up)
        if fast.complete:
            break
    with serving(*options) as portal:
        plain = rivals.plain_tap(portal, database.log.parent, setup.rows, setup.patience)
    limit = limit_seconds(setup.rows)
    return {
        "ours": asdict(ours),
        "seconds_of_runs": [load.seconds for load in loads],
        "limit_seconds": limit,
        "over_limit": round(ours.seconds / limit, 2) if limit else None,
        "fast_bitrix24": versus(setup.rows, ours, fast),
        "tap_rest_api_msdk": versus(setup.rows, ours, plain),
    }


def limit(setup: Setup, database: Warehouse) -> dict[str, Any]:
    """All deals under 2 requests a second and a bucket of 50, where commands take no time."""
    return against_rivals(setup, database, (*setup.deals(setup.rows, setup.fields), *QUICK))


def slow(setup: Setup, database: Warehouse) -> dict[str, Any]:
    """The same, where each command takes 20 ms and COUNT and offsets as long as the vendor measured."""
    return against_rivals(setup, database, (*setup.deals(setup.rows, setup.fields), *SLOW))


def wide(setup: Setup, database: Warehouse) -> dict[str, Any]:
    """Deals of 60 fields from a portal without limits: what tap, Meltano, loader and PostgreSQL can do."""
    options = (*setup.deals(setup.wide_rows, 60), "--no-limits")
    loads = repeated(setup, database, options, **FREE)
    with database.connect() as connection:
        size, payload = connection.execute(
            "select pg_total_relation_size('raw_bitrix24.deals'), avg(length(payload::text))"
            " from raw_bitrix24.deals"
        ).fetchone()
    ours = median(loads)
    return {
        "ours": asdict(ours),
        "rows_a_second": round(statistics.median(load.rows / load.seconds for load in loads)),
        "rows_a_second_of_runs": [round(load.rows / load.seconds) for load in loads],
        "table_mb": round(size / 1e6),
        "payload_bytes": round(payload),
    }


def refresh(setup: Setup, database: Warehouse) -> dict[str, Any]:
    """A load, an hour in which 1 % of the deals change, a refresh, and one with the daily sweep: 20 ms a command."""
    options = (*setup.deals(setup.rows, setup.fields), *SLOW, "--bulk-pace", "0.24", "0", "0")
    loads: dict[str, list[Load]] = {"full": [], "refresh": [], "sweep": []}
    for _ in range(setup.runs):
        database.empty()
        with serving(*options) as portal:
            loads["full"].append(database.load(portal, "deals"))
            later = datetime.fromisoformat(CLOCK) + timedelta(hours=1)
            portal.ask("POST", "clock", clock=later.isoformat())
            time.sleep(BURST / RATE)  # The bucket is empty again, as it would be an hour later.
            loads["refresh"].append(database.load(portal, "deals", sweep="never"))
            time.sleep(BURST / RATE)
            loads["sweep"].append(database.load(portal, "deals", sweep="always"))
    full, again, sweep = (median(loads[name]) for name in loads)
    return {
        "full": asdict(full),
        "refresh": asdict(again),
        "sweep": asdict(sweep),
        "share_of_seconds": round(again.seconds / full.seconds, 3),
        "share_of_requests": round(again.requests / full.requests, 3),
    }


def parallel(setup: Setup, database: Warehouse) -> dict[str, Any]:
    """All deals at 20 ms a command, with so many requests under way at the same time."""
    options = (*setup.deals(setup.rows, setup.fields), *SLOW)
    return {str(n): asdict(median(repeated(setup, database, options, parallel=str(n)))) for n in (4, 8, 12)}


def loader(setup: Setup, database: Warehouse) -> dict[str, Any]:
    """Deals of 60 fields from a file, twice over: our loader, and the one that it is made of at its best."""
    messages = database.log.with_name("messages.jsonl")
    with serving(*setup.deals(setup.wide_rows // 2, 60), "--no-limits") as portal:
        settings = {"webhook_url": portal.webhook, "streams": ["deals"]}
        settings |= {name: float(value) for name, value in FREE.items()}
        rivals.write_messages(settings, messages)
    best = {"target-postgres-jsonb": {}, "target-postgres": {"use_copy": True, "validate_records": False}}
    fed: dict[str, list[Fed]] = {name: [] for name in best}
    again: dict[str, list[Fed]] = {name: [] for name in best}
    for _ in range(setup.runs):
        for name, more in best.items():
            database.empty()
            fed[name].append(feed(database, name, messages, **more))
            again[name].append(feed(database, name, messages, **more))
    middle = {
        f"{name}{which}": asdict(sorted(runs, key=lambda run: run.seconds)[(len(runs) - 1) // 2])
        for which, found in (("", fed), (" again", again))
        for name, runs in found.items()
    }
    return {"loaders": middle}


CASES: dict[str, Callable[[Setup, Warehouse], dict[str, Any]]] = {
    "limit": limit,
    "slow": slow,
    "wide": wide,
    "refresh": refresh,
    "parallel": parallel,
    "loader": loader,
}


def told(name: str, case: dict[str, Any]) -> Iterable[tuple[str, str]]:
    """A case as lines of (what, figure)."""
    for label, run in case.get("loaders", {}).items():
        rate = run["rows"] / run["seconds"]
        yield (
            f"{name}: {label}",
            f"{run['seconds']:8.1f} s  {rate:8.0f} rows/s; {run['cpu_seconds']} s of processor,"
            f" {run['peak_mb']} MB; the table {run['table_mb']} MB",
        )
    for label in ("ours", "full", "refresh", "sweep", "4", "8", "12"):
        if label in case:
            load = case[label]
            yield (
                f"{name}: {'tap-bitrix24 to PostgreSQL' if label == 'ours' else label}",
                f"{load['seconds']:8.1f} s  {load['rows']:>8} rows  {load['requests']:>5} requests"
                f"  {load['refused']} refused; whole command {load['run_seconds']} s",
            )
            for what, unit in (("peak_mb", "MB"), ("cpu_seconds", "s of processor")):
                values = ", ".join(f"{program} {value}" for program, value in load[what].items())
                yield "", f"{values} {unit}"
    for rival in ("fast_bitrix24", "tap_rest_api_msdk"):
        if rival in case:
            read = case[rival]
            if read["rows"]:
                words = "extrapolated from" if read["extrapolated"] else "all of"
                line = f"{read['seconds_for_all']:8.1f} s  ({read['times_ours']} times ours; {words}"
                line += f" {read['rows']} rows in {read['seconds']} s, {read['requests']} requests)"
            else:
                line = f"         nothing in {read['seconds']:.0f} s, {read['requests']} requests"
            line += f"; gave up {read['given_up']} times before" if read["given_up"] else ""
            yield f"{name}: {rival}", line + (f"; {read['failure']}" if read["failure"] else "")
    for figure in case:
        if not isinstance(case[figure], dict):
            yield f"{name}: {figure}", str(case[figure])


@click.command()
@click.argument("cases", nargs=-1, type=click.Choice(list(CASES)))
@click.option("--rows", default=200_000, show_default=True, help="Deals of the portal.")
@click.option("--fields", type=int, help="Fields of a deal (default: those that the warehouse reads).")
@click.option("--wide-rows", default=200_000, show_default=True, help="Deals of 60 fields.")
@click.option("--runs", default=3, show_default=True, help="Repetitions of our loads; the median is told.")
@click.option("--patience", default=120.0, show_default=True, help="Seconds that a rival is waited for.")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write figures here.")
def main(cases: tuple[str, ...], file: Path | None, **given: Any) -> None:
    """Measure CASES (default: all): limit, slow, wide, refresh, parallel, loader."""
    setup = Setup(**given)
    figures: dict[str, Any] = {
        "machine": {
            "cores": psutil.cpu_count(),
            "memory_gb": round(psutil.virtual_memory().total / 1e9),
            "load_average": psutil.getloadavg()[0],
            "python": platform.python_version(),
        },
        "setup": asdict(setup),
    }
    click.echo(json.dumps(figures))
    with warehouse() as database:
        for name in cases or CASES:
            click.secho(f"\n{name}: {CASES[name].__doc__}", bold=True)
            figures[name] = CASES[name](setup, database)
            for what, figure in told(name, figures[name]):
                click.echo(f"  {what:38} {figure}")
            if file:
                file.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
