"""Plays chains of episodes: trouble, then clean runs, then the question whether raw holds the truth."""

from __future__ import annotations

import functools
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tap_bitrix24.catalogue import load

from tests.campaign import plan
from tests.campaign.company import Company
from tests.campaign.nursery import Nursery
from tests.campaign.pipe import Outcome, Pipe
from tests.campaign.plan import Accident, Episode, TroubledRun
from tests.campaign.state import KeptState
from tests.campaign.truth import SWEPT, Truth, deleted_cards, differences
from tests.campaign.warehouse import RAW, Warehouse
from tests.extract.loader_settings import loader_settings

CONTROL = "control"
TAP = Path(sys.executable).with_name("tap-bitrix24")
STREAMS = tuple(spec.name for spec in load())
# How long it waits for execution time where the portal does not say when it gives more.
HURRIED = {"tap_bitrix24.budget.UNKNOWN_WAIT": 1.0}
# The portal is served without its request limit, and nobody waits for a bucket here; every run sweeps.
SETTINGS = {
    "requests_per_second": 100,
    "burst": 1000,
    "sweep": "always",
    "sweep_guard_percent": 50,
    "bindings_days": 3660,
}


@dataclass
class Report:
    """What an episode found. `problems` is empty where raw held the truth and the ledger was honest."""

    episode: Episode
    problems: list[str] = field(default_factory=list)
    happened: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    rows: int = 0
    story: list[str] = field(default_factory=list)

    def tell(self, line: str) -> None:
        self.story.append(line)


@contextmanager
def plugins(loader: Path) -> Iterator[tuple[Nursery, Nursery]]:
    """Tap and loader, ready to be run many times."""
    taps = Nursery(TAP, constants=HURRIED, hurry=True)
    loaders = Nursery(loader, ("psycopg", "sqlalchemy.dialects.postgresql.psycopg"))
    try:
        yield taps, loaders
    finally:
        taps.close()
        loaders.close()


class Chain:
    """Episodes that go on from each other, of one company and one warehouse."""

    def __init__(self, number: int, sockets: str, taps: Nursery, loaders: Nursery, logs: Path) -> None:
        self.number = number
        self._taps, self._loaders = taps, loaders
        self._logs = logs
        start = plan.chain_start(number)
        self._start = start
        self._state = KeptState()
        self._known: tuple[tuple[str, int], Truth] | None = None
        with ExitStack() as built:
            self.warehouse = Warehouse(sockets, f"chain_{number}_{os.getpid()}")
            built.callback(self.warehouse.close)
            self._folder = Path(tempfile.mkdtemp(prefix=f"voronka-campaign-{number}-"))
            built.callback(shutil.rmtree, self._folder, ignore_errors=True)
            self.company = Company(
                seed=start.seed,
                start=start.start,
                scale=start.scale,
                clock=start.clock,
                bulk=start.bulk,
                log=self._folder / "portal.log",
            )
            built.callback(self.company.close)
            self._built = built.pop_all()

    def close(self) -> None:
        self._built.close()

    # --- an episode

    def play(self, episode: Episode) -> Report:
        report = Report(episode)
        for name in ("tap.log", "loader.log"):
            (self._folder / name).write_text("")
        self._pass(episode.minutes)
        report.tell(
            f"{self._start}; {episode.minutes} min pass, it is {self.company.clock()}; "
            f"tap {episode.tap}, loader {episode.loader}"
        )
        moves = self.company.moved()
        for number, run in enumerate(episode.troubled, 1):
            report.tell(f"troubled run {number}: {run}")
            self._troubled(episode, run, report, moves)
        # What changed while a run paged is caught by this run or the next. A sweep leaves alone what is no older
        # than itself, and where the clock stands still that may be a card that is gone already.
        last = 2 if self.company.moved() > moves else 1
        self._pass(last - 1)
        for number in range(1, last + 1):
            whole = episode.whole and number == last
            report.tell(f"clean run {number}{', full refresh' * whole}")
            self._calm()
            self._judge(self._run(episode, report, full_refresh=whole), report, clean=True)
            report.happened["full refresh"] += whole
        report.problems += differences(self.warehouse, self._truth(), STREAMS, SWEPT)
        if report.problems:
            self._save(report)
        return report

    def control(self, episode: Episode) -> Report:
        """Load the portal once from nothing into another schema: that must be the truth as well."""
        report = Report(episode)
        report.tell("control")
        self._calm()
        outcome = self._run(episode, report, state=KeptState(), schema=CONTROL)
        self._judge(outcome, report, clean=True)
        report.problems += differences(self.warehouse, self._truth(), STREAMS, SWEPT, CONTROL)
        report.happened["cards deleted, and known as such"] += deleted_cards(self.warehouse, self._truth())
        for row in outcome.ledger:
            total = row["portal_total"]
            if row["mode"] != "sweep" and total not in (None, row["rows"]):
                report.problems.append(f"{row['stream']}: {row['rows']} rows, the portal counted {total}")
        if report.problems:
            self._save(report)
        return report

    def _pass(self, minutes: int) -> None:
        now = datetime.fromisoformat(self.company.clock()) + timedelta(minutes=minutes)
        self.company.set_clock(now.isoformat())

    def _truth(self) -> Truth:
        """The portal's rows, read again where its clock or its rows have moved."""
        at = (self.company.clock(), self.company.moved())
        if self._known is None or self._known[0] != at:
            self._known = (at, Truth(self.company))
        return self._known[1]

    def _calm(self) -> None:
        """No fault and no change is left on order; the portal's own ways stay."""
        self.company.clear_orders()
        for quirk in self._start.quirks:
            self.company.order(kind=quirk)

    # --- a run

    def _troubled(self, episode: Episode, run: TroubledRun, report: Report, moves: int) -> None:
        """Play a run with its trouble; `moves` is how often orders had moved the clock before the episode."""
        self._calm()
        for fault in run.faults:
            to = {"to": self.company.renamed} if fault["kind"] == "REDIRECT" else {}
            self.company.order(**fault, **to)
        for move in run.moves:
            self.company.move_while_read(**move)
        struck, moved = self.company.struck(), self.company.moved()
        outcome = self._run(episode, report, run.accidents, full_refresh=run.full_refresh)
        report.happened.update(outcome.happened)
        report.happened.update({f"fault {kind}": n for kind, n in (self.company.struck() - struck).items()})
        report.happened["change while a run read"] += self.company.moved() - moved
        report.happened["full refresh"] += run.full_refresh
        self._judge(outcome, report, clean=False)
        if self.company.moved() == moves and not report.problems:
            # What the ledger in raw says to be all right must be so already, whatever befell the run.
            said = [
                row.payload
                for row in self.warehouse.rows("extract_runs")
                if row.payload["status"] == "ok"
                and row.payload["run_id"] in {r["run_id"] for r in outcome.ledger}
            ]
            fine = {row["stream"] for row in said if row["mode"] != "sweep"}
            swept = {row["stream"] for row in said if row["mode"] == "sweep"}
            self._calm()
            problems = differences(
                self.warehouse, self._truth(), [name for name in STREAMS if name in fine], swept & fine
            )
            report.problems += [f"said to be ok: {problem}" for problem in problems]

    def _run(
        self,
        episode: Episode,
        report: Report,
        accidents: tuple[Accident, ...] = (),
        *,
        full_refresh: bool = False,
        state: KeptState | None = None,
        schema: str = RAW,
    ) -> Outcome:
        for name in ("tap.log", "loader.log"):
            with (self._folder / name).open("a") as log:
                log.write(f"--- {report.story[-1]}\n")
        pipe = Pipe(self._taps, self._loaders, self._folder)
        at_line: dict[int, list[Any]] = {}
        with ExitStack() as ambushes:
            for accident in accidents:
                action = functools.partial(self._befall, accident)
                if accident.line is not None:
                    at_line.setdefault(accident.line, []).append(action)
                elif accident.table is not None:
                    strike = functools.partial(action, pipe)
                    ambushes.enter_context(self.warehouse.ambush(accident.table, strike))
            outcome = pipe.run(
                {"webhook_url": self.company.webhook, **SETTINGS, **episode.tap},
                {
                    **loader_settings(),
                    **episode.loader,
                    "sqlalchemy_url": self.warehouse.url,
                    "default_target_schema": schema,
                },
                self._state if state is None else state,
                at_line,
                full_refresh=full_refresh,
            )
        report.runs += 1
        report.rows += sum(outcome.rows.values())
        failed = [row["stream"] for row in outcome.ledger if row["status"] == "failed"]
        report.tell(
            f"  tap {outcome.tap}, loader {outcome.loader}, {outcome.lines} lines; "
            f"{'; '.join(outcome.happened) or 'no accident'}; failed: {', '.join(failed) or 'none'}"
        )
        return outcome

    def _befall(self, accident: Accident, pipe: Pipe) -> None:
        if accident.what == "cut":
            if self.warehouse.cut():
                pipe.outcome.happened.append("database connections cut")
        else:
            pipe.kill(accident.what.removeprefix("kill "), accident.how)

    def _judge(self, outcome: Outcome, report: Report, *, clean: bool) -> None:
        """Exit codes and ledger must say what happened."""
        problems = report.problems
        failed = {row["stream"] for row in outcome.ledger if row["status"] == "failed"}
        if outcome.hung:
            problems.append("the run hung")
        if clean and (outcome.tap or outcome.loader or failed):
            problems.append(
                f"a clean run ended with {outcome.tap}, {outcome.loader}; failed: {sorted(failed)}"
            )
        if not outcome.happened:
            if outcome.loader:
                problems.append(f"the loader ended with {outcome.loader} though nothing befell it")
            if outcome.tap != bool(failed):
                problems.append(f"the tap ended with {outcome.tap}, its ledger names {sorted(failed)} failed")
            if silent := set(STREAMS) - {row["stream"] for row in outcome.ledger}:
                problems.append(f"the ledger says nothing of {', '.join(sorted(silent))}")
        for row in outcome.ledger:
            came = outcome.rows[row["stream"]]
            if row["mode"] != "sweep" and row["rows"] != came:
                problems.append(f"{row['stream']}: the ledger says {row['rows']} rows, {came} came")
            if row["status"] != "ok" and not row["error"]:
                problems.append(f"{row['stream']}: {row['status']} without a reason")

    def _save(self, report: Report) -> None:
        """Keep what is needed to understand a failure: story, problems, logs."""
        folder = self._logs / report.episode.name
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self._folder, folder)
        (folder / "story.txt").write_text("\n".join([*report.story, "", *report.problems, ""]))
        report.tell(f"logs: {folder}")
