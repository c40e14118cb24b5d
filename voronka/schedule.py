"""Refreshes by the clock: the schedules of meltano.yml, one after another, and a word to people where something is wrong.

APScheduler keeps the time. Refreshes of the schedule never run side by side (one thread, no second instance), and one
that finds a command of somebody else at work (the lock of VORONKA_HOME) is left to the next turn.
"""

from __future__ import annotations

import subprocess
import sys

import click
import yaml
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.cron import CronTrigger

from voronka import alerts, paths
from voronka.failure import Failure
from voronka.settings import Settings

# How late a refresh may begin, the one before it having taken long.
GRACE_SECONDS = 600


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


def refresh(job: str) -> None:
    """One refresh as a person starts it, with its output, then the alerts that it gives reason for."""
    click.echo(f"--- {job}")
    ended = subprocess.run(
        [sys.executable, "-m", "voronka", "refresh", "--job", job],
        cwd=paths.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    click.echo(ended.stdout, nl=False)
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


def run(settings: Settings) -> None:
    """Refresh by the clock of the portal until told to stop."""
    scheduler = BlockingScheduler(
        timezone=settings.timezone,
        executors={"default": ThreadPoolExecutor(1)},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": GRACE_SECONDS},
    )
    for name, interval, job in schedules():
        trigger = CronTrigger.from_crontab(interval, timezone=settings.timezone)
        scheduler.add_job(refresh, trigger, args=[job], id=name)
        click.echo(f"{name}: meltano job {job} at {interval} ({settings.timezone})")
    alerts.check(settings)
    scheduler.start()
