"""`meltano run` from a portal into PostgreSQL: when the rows were there, and what each process took."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg

from tests.bench.portal import Portal
from tests.conftest import CORE, LOADER, ROOT, Installation
from tests.extract.loader_settings import loader_settings

STATE_ID = "demo:tap-bitrix24-to-target-postgres"
PROGRAMS = {"tap-bitrix24": "tap", "target-postgres-jsonb": "loader", "meltano": "meltano"}


@dataclass
class Load:
    """One `meltano run`. Seconds count from the portal's first request; `run_seconds` is the whole command's time.

    `peak_mb` is by program of the run: tap, loader, meltano; `cpu_seconds` has postgres and portal too.
    """

    rows: int
    seconds: float
    run_seconds: float
    requests: int
    refused: int
    peak_mb: dict[str, int] = field(default_factory=dict)
    cpu_seconds: dict[str, float] = field(default_factory=dict)


class Watch:
    """Samples processes and all below them: the memory of those of the run, the processor's time of everybody.

    The peak of memory is the kernel's own figure, so that none is missed; what a process did in its last quarter of
    a second may be.

    Args:
        run: the `meltano run`, whose parts are told by their names.
        others: servers by name.
    """

    def __init__(self, run: psutil.Process, **others: psutil.Process) -> None:
        self.peak_mb: dict[str, int] = {}
        self._run, self._others = run, others
        self._seconds: dict[tuple[str, int], float] = {}
        self._before: dict[tuple[str, int], float] = {}
        self._look()
        self._before = dict(self._seconds)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def _sample(self) -> None:
        while not self._end.wait(0.25):
            self._look()

    def _look(self) -> None:
        for program, root in {"": self._run, **self._others}.items():
            with suppress(psutil.Error):
                for process in [root, *root.children(recursive=True)]:
                    with suppress(psutil.Error, OSError):
                        self._note(process, program)

    def _note(self, process: psutil.Process, program: str) -> None:
        if not program:
            names = {Path(part).name for part in process.cmdline()[:2]}
            program = next((PROGRAMS[name] for name in PROGRAMS if name in names), "")
            if not program:
                return
            status = Path(f"/proc/{process.pid}/status").read_text()
            peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
            self.peak_mb[program] = max(self.peak_mb.get(program, 0), peak // 1024)
        times = process.cpu_times()
        self._seconds[program, process.pid] = times.user + times.system

    def stop(self) -> None:
        self._end.set()
        self._thread.join()

    @property
    def cpu_seconds(self) -> dict[str, float]:
        sums: dict[str, float] = {}
        for (program, pid), seconds in self._seconds.items():
            sums[program] = sums.get(program, 0.0) + seconds - self._before.get((program, pid), 0.0)
        return {program: round(seconds, 1) for program, seconds in sums.items()}


def _project(folder: Path) -> Path:
    """The checkout's Meltano project with a `.meltano/run` of its own: another run, which may be at work in the
    checkout, would take its files away.
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / ".meltano").mkdir(parents=True)
    # Meltano wants this one to be within.
    shutil.copy(ROOT / "meltano.yml", folder)
    for name in ("requirements", "extract"):
        (folder / name).symlink_to(ROOT / name)
    for kind in ("extractors", "loaders", "utilities"):
        (folder / ".meltano" / kind).symlink_to(ROOT / ".meltano" / kind)
    return folder


class Warehouse:
    """The installation's PostgreSQL, and loads into it."""

    def __init__(self, installation: Installation, server: psutil.Process) -> None:
        self.server = server
        self.project = _project(installation.home / "project")
        self.env = {**installation.env, "MELTANO_PROJECT_ROOT": str(self.project)}
        self.log = installation.home / "meltano.log"

    def connect(self, role: str = "loader") -> psycopg.Connection:
        e = self.env
        return psycopg.connect(
            host=e["WAREHOUSE_HOST"],
            port=e["WAREHOUSE_PORT"],
            dbname=e["WAREHOUSE_DBNAME"],
            user=e[f"WAREHOUSE_{role.upper()}_USER"],
            password=e[f"WAREHOUSE_{role.upper()}_PASSWORD"],
            autocommit=True,
        )

    def empty(self) -> None:
        """Forget all rows and the state."""
        with self.connect() as connection:
            for (table,) in connection.execute(
                "select tablename from pg_tables where schemaname = 'raw_bitrix24'"
            ).fetchall():
                connection.execute(f'drop table raw_bitrix24."{table}"')
        self._meltano(["state", "clear", "--force", STATE_ID])

    def _meltano(self, arguments: list[str], **more: str) -> psutil.Popen:
        program = ROOT / ".voronka" / "envs" / "meltano" / "bin" / "meltano"
        with self.log.open("a") as log:
            process = psutil.Popen(
                [str(program), *arguments],
                cwd=self.project,
                env={**self.env, **more},
                stdout=log,
                stderr=log,
            )
        if not more:
            process.wait()
        return process

    def load(self, portal: Portal, stream: str, **settings: str) -> Load:
        """Load one stream; the rows are counted against the portal's own.

        Args:
            settings: of the tap, by name.

        Raises:
            RuntimeError: the run failed, or rows are missing: a speed without them is none.
        """
        portal.forget()
        first = portal.first_request()
        began = time.time()
        given = {f"TAP_BITRIX24_{name.upper()}": value for name, value in settings.items()}
        process = self._meltano(
            ["run", "tap-bitrix24", "target-postgres"],
            BITRIX24_WEBHOOK_URL=portal.webhook,
            TAP_BITRIX24_STREAMS=json.dumps([stream]),
            **given,
        )
        watch = Watch(process, postgres=self.server, portal=portal.process)
        code = process.wait()
        ended = time.time()
        watch.stop()
        if code:
            tail = self.log.read_text(errors="replace")[-3000:]
            raise RuntimeError(f"meltano run ended with {code}:\n{tail}")
        with self.connect() as connection:
            found, written, last = connection.execute(
                "select count(distinct id), count(*) filter (where committed > to_timestamp(%s)),"
                " extract(epoch from max(committed))"
                " from (select id, pg_xact_commit_timestamp(xmin) as committed"
                f" from raw_bitrix24.{stream}) as rows",
                [began],
            ).fetchone()
        alive = portal.rows(stream)
        if found < alive:
            raise RuntimeError(f"{stream}: {found} of {alive} rows arrived")
        # Where nothing of the stream was new, the command's end is all there is to go by.
        done = float(last) if written else ended
        return Load(
            rows=written,
            seconds=round(done - first.moment(), 2),
            run_seconds=round(ended - began, 1),
            requests=portal.requests(),
            refused=portal.refused(),
            peak_mb=watch.peak_mb,
            cpu_seconds=watch.cpu_seconds,
        )


@dataclass
class Fed:
    """What a loader made of a file: seconds of the whole command, seconds of its own processor time, the table."""

    seconds: float
    cpu_seconds: float
    peak_mb: int
    rows: int
    table_mb: int


def feed(database: Warehouse, loader: str, messages: Path, **settings: Any) -> Fed:
    """Load a file of Singer messages of deals with one of the two loaders in the plugin's environment.

    Raises:
        RuntimeError: the loader failed.
    """
    e = database.env
    config = {
        "host": e["WAREHOUSE_HOST"],
        "port": int(e["WAREHOUSE_PORT"]),
        "database": e["WAREHOUSE_DBNAME"],
        "user": e["WAREHOUSE_LOADER_USER"],
        "password": e["WAREHOUSE_LOADER_PASSWORD"],
        **loader_settings(),
        **settings,
    }
    secret = messages.with_suffix(".config")
    secret.touch(mode=0o600)
    secret.write_text(json.dumps(config))
    began = time.perf_counter()
    with messages.open("rb") as lines, database.log.open("a") as log:
        process = subprocess.Popen(
            [LOADER.with_name(loader), "--config", secret], stdin=lines, stdout=log, stderr=log
        )
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    secret.unlink()
    if status:
        raise RuntimeError(
            f"{loader} ended with status {status}:\n{database.log.read_text(errors='replace')[-3000:]}"
        )
    with database.connect() as connection:
        rows, size = connection.execute(
            "select count(*), pg_total_relation_size('raw_bitrix24.deals') from raw_bitrix24.deals"
        ).fetchone()
    return Fed(
        round(seconds, 2),
        round(usage.ru_utime + usage.ru_stime, 1),
        usage.ru_maxrss // 1024,
        rows,
        round(size / 1e6),
    )


@contextmanager
def warehouse(home: Path | None = None) -> Iterator[Warehouse]:
    """PostgreSQL as Voronka runs it, in a home of its own; one that was given stays, and is taken up where it was left."""
    installation = Installation.kept(home) if home else Installation.new()
    with (installation.home / "postgres.log").open("w") as log:
        server = subprocess.Popen(
            [str(CORE), "-m", "tests.bench.database"],
            cwd=ROOT,
            env=installation.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        assert server.stdin and server.stdout
        if server.stdout.readline().strip() != "ready":
            raise RuntimeError("PostgreSQL did not start")
        yield Warehouse(installation, psutil.Process(server.pid))
    finally:
        if server.stdin:
            server.stdin.close()
        server.wait(90)
        if not home:
            installation.close()
