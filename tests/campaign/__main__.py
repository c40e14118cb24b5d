"""`python -m tests.campaign`: play many chains, a line an episode, and a summary of what was survived."""

from __future__ import annotations

import signal
import sys
import time
from collections import Counter
from pathlib import Path

import click

from tests.campaign import plan
from tests.campaign.play import Chain, Report, plugins
from tests.conftest import LOADER, ROOT
from tests.embedded_postgres import embedded_postgres


@click.command()
@click.option("--episodes", default=200, show_default=True, help="How many episodes to play.")
@click.option("--seed", default=1, show_default=True, help="The first chain; further ones count up from it.")
@click.option("--replay", help="Play one episode again, e.g. 7.3: its chain from the beginning up to it.")
@click.option(
    "--logs",
    type=click.Path(path_type=Path, file_okay=False),
    default=ROOT / ".voronka" / "campaign",
    show_default=True,
    help="Where failed episodes leave their logs.",
)
@click.option("--loader", type=click.Path(path_type=Path, exists=True, dir_okay=False), default=LOADER)
def main(episodes: int, seed: int, replay: str | None, logs: Path, loader: Path) -> None:
    """Play chains of episodes; exit code 1 where raw was not the truth after one of them."""
    for number in (signal.SIGINT, signal.SIGTERM):  # A shell's background job would be deaf to the first.
        signal.signal(number, lambda *_: sys.exit(130))
    if replay:
        chain, _, last = replay.partition(".")
        lengths = {int(chain): int(last)}
    else:
        whole, rest = divmod(episodes, plan.EPISODES_A_CHAIN)
        lengths = {seed + i: plan.EPISODES_A_CHAIN for i in range(whole)}
        lengths |= {seed + whole: rest} if rest else {}
    began = time.monotonic()
    reports: list[Report] = []
    with embedded_postgres() as sockets, plugins(loader) as (taps, loaders):
        for number, length in lengths.items():
            chain = Chain(number, sockets, taps, loaders, logs)
            try:
                for episode_number in range(1, length + 1):
                    at = time.monotonic()
                    report = chain.play(plan.episode(number, episode_number))
                    if episode_number == length and not report.problems:
                        control = chain.control(report.episode)
                        report.problems += [f"control: {problem}" for problem in control.problems]
                        report.runs += control.runs
                        report.happened += control.happened
                    reports.append(report)
                    _say(report, time.monotonic() - at, whole=bool(replay))
                    if report.problems:
                        break  # What follows would stand on a wrong warehouse.
            finally:
                chain.close()
    wrong = [report.episode.name for report in reports if report.problems]
    happened = sum((report.happened for report in reports), Counter())
    click.echo(
        f"\n{len(reports)} episodes, {sum(r.runs for r in reports)} runs, {sum(r.rows for r in reports)} rows"
        f" in {time.monotonic() - began:.0f} s"
    )
    for what, count in sorted(happened.items()):
        click.echo(f"{count:6d}  {what}")
    if wrong:
        click.echo(f"WRONG: {', '.join(wrong)} (--replay plays one again; logs in {logs})")
        sys.exit(1)
    click.echo("raw held the portal's truth after each of them")


def _say(report: Report, seconds: float, *, whole: bool) -> None:
    happened = (
        ", ".join(f"{count}× {what}" for what, count in sorted(report.happened.items()) if count) or "nothing"
    )
    click.echo(
        f"{report.episode.name:>6} {seconds:5.1f} s {report.runs} runs {report.rows:6d} rows  "
        f"{'WRONG' if report.problems else 'ok':5} {happened}"
    )
    if report.problems or whole:
        for line in (*report.story, *report.problems):
            click.echo(f"         {line}")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
