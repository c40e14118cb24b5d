"""Refreshes by the clock: the schedules of meltano.yml, one after another, and a word to people where something is wrong.

APScheduler keeps the time. Refreshes of the schedule never run side by side (one thread, no second instance), and one
that finds a command of somebody else at work (the lock of VORONKA_HOME) is left to the next turn.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import subprocess
import sys
import time

import click
import psycopg
import yaml
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.cron import CronTrigger

from voronka import alerts, paths
from voronka.failure import Failure
from voronka.settings import Settings

# How late a refresh may begin, the one before it having taken long.
GRACE_SECONDS = 600
# How long a refresh has to end when the schedule is told to.
STOP_SECONDS = 50
# Touched while the schedule keeps time: a container's health check looks at its age.
BEAT = paths.HOME / "schedule.beat"
BEAT_SECONDS = 20
_running: subprocess.Popen[str] | None = None
_stopping = False


def schedules() -> list[tuple[str, str, str]]:
    """(name, cron expression, job) of each schedule of meltano.yml.

    Raises:
        Failure: an interval is no cron expression of five fields.
    """
    project = yaml.safe_load((paths.ROOT / "meltano.yml").read_text(encoding="utf-8"))
    found = [(str(s["name"]), str(s["interval"]), str(s["job"])) for s in project["schedules"]]
    for name, interval, _ in found:
        try:
            CronTrigger.from_crontab(interval)
        except ValueError as error:
            raise Failure(
                f"meltano.yml, schedule {name}: {interval!r} is no cron expression ({error})"
            ) from None
    return found


def is_alive() -> bool:
    """Whether a schedule of this VORONKA_HOME keeps time."""
    try:
        return time.time() - BEAT.stat().st_mtime < 4 * BEAT_SECONDS
    except OSError:
        return False


def is_built(settings: Settings) -> bool:
    """Whether the warehouse has been published; True too where nobody can say."""
    query = "select exists (select from pg_namespace where nspname = 'marts')"
    try:
        with psycopg.connect(settings.warehouse.url("loader"), connect_timeout=5) as warehouse:
            return bool(warehouse.execute(query).fetchone()[0])  # type: ignore[index]
    except psycopg.OperationalError:
        return True


def _voronka(*args: str) -> subprocess.CompletedProcess[str]:
    """A command of ours, which `run` ends where it is told to stop."""
    global _running
    command = [sys.executable, "-m", "voronka", *args]
    with subprocess.Popen(
        command, cwd=paths.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as _running:
        said, _ = _running.communicate()
        return subprocess.CompletedProcess(command, _running.returncode, said)


def refresh(job: str) -> None:
    """One refresh as a person starts it, with its output, then the alerts that it gives reason for."""
    # The hourly job is for what has been built once.
    job = job if is_built(Settings()) else "nightly"
    click.echo(f"--- {job}")
    ended = _voronka("refresh", "--job", job)
    click.echo(ended.stdout, nl=False)
    if _stopping:
        return
    if "Another voronka command is at work" in ended.stdout:
        return
    failure = ""
    if ended.returncode:
        # Whoever was killed said nothing of it.
        said = ended.stdout.partition("\nvoronka: ")[2].strip().splitlines()
        failure = said[0] if said else f"процесс оборвался (код {ended.returncode})"
    try:
        alerts.tell(Settings(), failure)
    except Failure as problem:
        click.secho(f"voronka: {problem}", fg="red", err=True)


def _first() -> None:
    """A new installation does not wait for the clock."""
    if not is_built(Settings()):
        refresh("nightly")


def _stop(scheduler: BlockingScheduler) -> None:
    """No refresh begins any more, and the one under way ends as by Ctrl-C: nothing half-done is published."""
    global _stopping
    _stopping = True
    scheduler.shutdown(wait=False)
    if _running and _running.poll() is None:
        click.echo("ending the refresh under way")
        with contextlib.suppress(ProcessLookupError):
            _running.terminate()
        try:
            _running.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            _running.kill()
    BEAT.unlink(missing_ok=True)


def run(settings: Settings) -> None:
    """Refresh by the clock of the portal until told to stop."""
    scheduler = BlockingScheduler(
        timezone=settings.timezone,
        executors={"default": ThreadPoolExecutor(1), "beat": ThreadPoolExecutor(1)},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": GRACE_SECONDS},
    )
    now = dt.datetime.now(dt.timezone.utc)
    scheduler.add_job(BEAT.touch, "interval", seconds=BEAT_SECONDS, next_run_time=now, executor="beat")
    scheduler.add_job(_first)
    for name, interval, job in schedules():
        trigger = CronTrigger.from_crontab(interval, timezone=settings.timezone)
        scheduler.add_job(refresh, trigger, args=[job], id=name)
        click.echo(f"{name}: meltano job {job} at {interval} ({settings.timezone})")
    alerts.check(settings)
    try:
        scheduler.start()
    except KeyboardInterrupt:
        _stop(scheduler)
