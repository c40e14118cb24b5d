"""What happens in an episode, drawn from its seed and nothing else."""

from __future__ import annotations

import math
import signal
from dataclasses import dataclass
from random import Random
from typing import Any

from demo.rest.faults import ANSWER_QUIRKS, ERRORS, METHOD_QUIRKS, TRANSPORT
from tests.campaign.truth import SOURCES

EPISODES_A_CHAIN = 8
"""A chain begins with an empty warehouse, and each of its episodes goes on with what the one before left."""
METHODS = tuple(sorted({source.method for source in SOURCES.values()} | {"crm.item.productrow.list"}))
# Those into which most runs write something.
TABLES = (
    *("portal", "extract_runs", "statuses", "users", "departments", "pipelines", "currencies"),
    *("leads", "deals", "activities", "activity_bindings", "calls", "deal_stage_history", "card_ids"),
)
# Errors after which a portal gives nothing more, and those that pass or hit one method only.
FATAL = frozenset({"OVERLOAD_LIMIT", "PORTAL_DELETED", "NO_AUTH_FOUND", "expired_token"})
PASSING = tuple(sorted(set(ERRORS) - FATAL))
QUIRKS = tuple(sorted(ANSWER_QUIRKS | METHOD_QUIRKS))
# Shorter than the portal's own, as the tap's patience is (see nursery).
SECONDS = {"SLOW": 0.3, "TIMEOUT": 2.5}
BULK = ("leads", "contacts", "companies", "deal_stage_history")
MINUTES = (3, 10, 60, 24 * 60, 3 * 24 * 60, 10 * 24 * 60)


@dataclass(frozen=True)
class Accident:
    """Something that befalls a run when its tap's line `line` is passed on, or while the loader writes `table`.

    `what` is `kill tap`, `kill loader` (by `how`), or `cut`: the database ends the loader's connections.
    """

    what: str
    line: int | None = None
    table: str | None = None
    how: signal.Signals = signal.SIGKILL

    def __str__(self) -> str:
        what = f"{self.what} by {self.how.name}" if "kill" in self.what else self.what
        return f"{what} at line {self.line}" if self.line else f"{what} in {self.table}"


@dataclass(frozen=True)
class TroubledRun:
    """A run with faults ordered from the portal, a clock that moves while it is read, and accidents."""

    faults: tuple[dict[str, Any], ...]
    moves: tuple[dict[str, Any], ...]
    accidents: tuple[Accident, ...]
    full_refresh: bool

    def __str__(self) -> str:
        parts = ["full refresh"] * self.full_refresh
        parts += [
            ", ".join(f"{k} {v}" for k, v in order.items() if v not in (0, ""))
            for order in (*self.faults, *self.moves)
        ]
        return "; ".join([*parts, *map(str, self.accidents)]) or "no trouble"


@dataclass(frozen=True)
class Episode:
    """Minutes that pass, then troubled runs; the clean ones follow by themselves, the last a `whole` refresh."""

    chain: int
    number: int
    minutes: int
    troubled: tuple[TroubledRun, ...]
    tap: dict[str, Any]
    loader: dict[str, Any]
    whole: bool

    @property
    def name(self) -> str:
        return f"{self.chain}.{self.number}"


@dataclass(frozen=True)
class ChainStart:
    """The company that a chain begins with; `quirks` are its portal's for good.

    `bulk` is a table that is large enough to be read in pieces, with its number of rows.
    """

    seed: int
    start: str
    scale: float
    clock: str
    quirks: tuple[str, ...]
    bulk: tuple[str, int] | None

    def __str__(self) -> str:
        bulk = f", {self.bulk[1]} {self.bulk[0]} in bulk" if self.bulk else ""
        return f"company {self.seed} × {self.scale}{bulk}, quirks: {', '.join(self.quirks) or 'none'}"


def chain_start(chain: int) -> ChainStart:
    rng = Random(f"chain {chain}")
    bulk = (rng.choice(BULK), rng.randrange(5500, 9000)) if chain % 3 == 0 else None
    return ChainStart(
        seed=rng.randrange(1, 10**6),
        start="2026-03-01",
        scale=round(rng.uniform(0.08, 0.2), 2),
        clock=f"2026-05-{rng.randrange(1, 29):02d}T{rng.randrange(8, 20):02d}:{rng.randrange(60):02d}:00+03:00",
        quirks=tuple(quirk for quirk in QUIRKS if rng.random() < 0.15),
        bulk=bulk,
    )


def episode(chain: int, number: int) -> Episode:
    rng = Random(f"episode {chain}.{number}")
    bulk = chain_start(chain).bulk
    return Episode(
        chain,
        number,
        minutes=0 if number == 1 else rng.choice(MINUTES),
        troubled=tuple(_run(rng, bulk) for _ in range(rng.choices((1, 2, 3), (5, 3, 2))[0])),
        tap={
            "batch_size": rng.choice((5, 20, 50)),
            "parallel": rng.choice((1, 4, 8)),
            "overlap_minutes": rng.choice((1, 5, 60)),
            "calls_window_days": rng.choice((1, 7)),
        },
        loader={"batch_size_rows": rng.choice((50, 300, 20000))},
        whole=rng.random() < 0.1,
    )


def _run(rng: Random, bulk: tuple[str, int] | None) -> TroubledRun:
    return TroubledRun(
        faults=tuple(_fault(rng) for _ in range(rng.choices((0, 1, 2, 4), (3, 3, 2, 1))[0])),
        moves=tuple(_move(rng, bulk) for _ in range(rng.random() < (0.6 if bulk else 0.3))),
        accidents=tuple(_accident(rng) for _ in range(rng.choices((0, 1, 2), (2, 6, 2))[0])),
        full_refresh=rng.random() < 0.06,
    )


def _fault(rng: Random) -> dict[str, Any]:
    family = rng.choices(("transport", "passing", "fatal"), (5, 5, 1))[0]
    fault: dict[str, Any] = {
        "kind": rng.choice(
            {"transport": sorted(TRANSPORT), "passing": PASSING, "fatal": sorted(FATAL)}[family]
        ),
        "method": "*" if family == "fatal" or rng.random() < 0.4 else rng.choice((*METHODS, "batch")),
        # A refresh of a small company is some ten requests.
        "skip": rng.choices((0, rng.randrange(1, 5), rng.randrange(5, 25)), (2, 5, 2))[0],
        "count": rng.choices((1, 2, 9, 30), (6, 3, 2, 1))[0],
    }
    if family == "passing" and rng.random() < 0.2:
        fault["command"] = rng.randrange(1, 6)
    if fault["kind"] in SECONDS:
        fault |= {"seconds": SECONDS[fault["kind"]], "count": 1}
    return fault


def _move(rng: Random, bulk: tuple[str, int] | None) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    if bulk:
        rows = {
            "stream": bulk[0],
            "modify": 0 if bulk[0].endswith("history") else rng.choice((0, 1, 30)),
            "add": rng.choice((0, 1, 60)),
            "delete": rng.choice((0, 1, 30)),
            "where": rng.choice(("behind", "ahead", "any")),
            "seed": rng.randrange(1000),
        }
    return {
        "on": rng.choice(("request", "command")),
        "after": rng.choice((rng.randrange(1, 5), rng.randrange(5, 40))),
        "every": rng.randrange(1, 20),
        "times": rng.choice((1, 3, 10)),
        "advance": rng.choice((0, 7, 90, 3600) if bulk else (7, 90, 3600, 86400)),
        **rows,
    }


def _accident(rng: Random) -> Accident:
    what = rng.choices(("kill tap", "kill loader", "cut"), (4, 4, 2))[0]
    how = rng.choice((signal.SIGKILL, signal.SIGTERM))
    if what != "kill tap" and rng.random() < 0.5:
        return Accident(what, table=rng.choice(TABLES), how=how)
    # Small numbers as likely as great ones: a refresh has some hundred lines, a first load thousands.
    return Accident(what, line=round(math.exp(rng.uniform(0, math.log(2500)))), how=how)
