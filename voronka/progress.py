"""Steps with a clock, and long commands whose output goes to a log while what matters is shown."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import psutil

from voronka import paths
from voronka.failure import Failure

HEARTBEAT_SECONDS = 15
# In the environment of whatever a command runs, with the command's process id, so that it is found when the command is gone.
MARK = "VORONKA_COMMAND_OF"
_running: set[subprocess.Popen[str]] = set()


class Steps:
    """Numbers the steps of a command, says when each starts and ends, and remembers how long each took."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.taken: list[tuple[str, float]] = []
        self.began = time.monotonic()

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        click.secho(f"[{len(self.taken) + 1}/{self.total}] {title} …", bold=True)
        start = time.monotonic()
        yield
        self.taken.append((title, time.monotonic() - start))
        click.echo(f"      done in {self.taken[-1][1]:.1f} s")

    def summary(self) -> str:
        rows = [f"  {seconds:7.1f} s  {title}" for title, seconds in self.taken]
        return "\n".join([*rows, f"  {time.monotonic() - self.began:7.1f} s  in all"])


def _end(process: subprocess.Popen[str]) -> None:
    """End a command with everything that it started: Meltano would leave dbt building, and publishing."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(15)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def end_running() -> None:
    """End every command that any thread of ours waits for."""
    for process in list(_running):
        _end(process)


def _is_at_work(pid: str) -> bool:
    """Whether a command of ours with this process id runs still."""
    try:
        process = psutil.Process(int(pid))
        return process.status() != psutil.STATUS_ZOMBIE and "voronka" in process.cmdline()
    except (psutil.Error, ValueError):
        return False


def end_left_behind() -> list[str]:
    """End what commands that were killed outright left at work in this VORONKA_HOME: a loader or a build beside the next
    one; names of what was ended."""
    left = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            home, _, command = process.environ().get(MARK, "").rpartition(":")
            if home == str(paths.HOME) and not _is_at_work(command):
                left.append(process)
    names = []
    for process in left:
        with contextlib.suppress(psutil.Error):
            names.append(process.name())
            # Its reader is gone: what it still has to say goes nowhere, and what it has not committed is done again.
            process.kill()
    psutil.wait_procs(left, timeout=15)
    return names


def run(
    command: list[str | Path],
    *,
    log: str,
    env: dict[str, str],
    show: str | None = None,
    cure: str = "",
    stdin: str | None = None,
    cwd: Path = paths.ROOT,
) -> None:
    """Run a command with its output in `logs/<log>.log`; lines that match the pattern `show` are echoed as they come.

    A silent command gives a sign of life every 15 s. The process is stopped with us.

    Raises:
        Failure: it could not start or ended non-zero; the text names the log and repeats its last lines.
    """
    paths.LOGS.mkdir(parents=True, exist_ok=True)
    target = paths.LOGS / f"{log}.log"
    tail: list[str] = []
    pattern = re.compile(show) if show else None
    said = [time.monotonic()]

    def heartbeat(done: threading.Event, began: float) -> None:
        while not done.wait(1):
            if time.monotonic() - said[0] > HEARTBEAT_SECONDS:
                click.echo(f"      … {log}: {time.monotonic() - began:.0f} s")
                said[0] = time.monotonic()

    with target.open("w", encoding="utf-8") as handle:
        try:
            process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={**env, MARK: f"{paths.HOME}:{os.getpid()}"},
                cwd=cwd,
                text=True,
                errors="replace",
                # A group of its own, to be ended as a whole.
                start_new_session=True,
            )
        except OSError as error:
            raise Failure(
                f"{Path(command[0]).name} cannot be started ({error.strerror}). Run `make demo` to repair."
            ) from None
        _running.add(process)
        done = threading.Event()
        threading.Thread(target=heartbeat, args=(done, time.monotonic()), daemon=True).start()
        try:
            if stdin is not None and process.stdin:
                process.stdin.write(stdin)
                process.stdin.close()
            assert process.stdout
            for line in process.stdout:
                handle.write(line)
                handle.flush()
                tail = [*tail[-24:], line.rstrip()]
                if pattern and (match := pattern.search(line)):
                    click.echo(f"      {(match.group(1) if match.groups() else line).strip()[:150]}")
                    said[0] = time.monotonic()
            code = process.wait()
        finally:
            done.set()
            _end(process)
            _running.discard(process)
    if code:
        sys.stdout.flush()
        raise Failure(
            f"{log} ended with code {code}. {cure}\nLast lines of {target}:\n  " + "\n  ".join(tail[-15:])
        )
