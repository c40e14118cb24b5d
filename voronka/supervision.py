"""The long-running processes, kept alive by supervisord: database, demonstration portal, Superset."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shlex
import socket
import subprocess
import tempfile
import time
import xmlrpc.client
from dataclasses import dataclass
from pathlib import Path

import click
import psutil
from supervisor.xmlrpc import SupervisorTransport

from voronka import paths
from voronka.failure import Failure
from voronka.settings import Settings

MARK = "VORONKA_SUPERVISED"
CONFIG = paths.HOME / "supervisord.conf"
# What the supervised processes of ours run.
CODE = (paths.ROOT / "demo", paths.ROOT / "superset" / "server")


@dataclass(frozen=True)
class Program:
    """One supervised process: what runs, where it listens, and who it runs as."""

    name: str
    command: list[str]
    port: int
    port_setting: str
    user: str | None = None
    stop_signal: str = "TERM"


def _socket_path() -> Path:
    """supervisord's socket; socket paths end at 107 bytes, so a deep checkout gets one in the temporary folder."""
    here = paths.HOME / "supervisor.sock"
    if len(str(here)) < 90:
        return here
    digest = hashlib.sha256(str(paths.HOME).encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"voronka-{os.getuid()}-{digest}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / "supervisor.sock"


def _configuration(programs: list[Program], settings: Settings) -> str:
    password = settings.secrets["SUPERVISOR_PASSWORD"]
    parts = [
        "[supervisord]",
        f"logfile={paths.LOGS / 'supervisord.log'}",
        f"pidfile={paths.HOME / 'supervisord.pid'}",
        f"childlogdir={paths.LOGS}",
        f"directory={paths.ROOT}",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
        "[unix_http_server]",
        f"file={_socket_path()}",
        "chmod=0600",
        "username=voronka",
        f"password={password}",
    ]
    if os.geteuid() == 0:
        parts.insert(1, "user=root")
    for program in programs:
        parts += [
            f"[program:{program.name}]",
            f"command={shlex.join(program.command)}".replace("%", "%%"),
            f"stdout_logfile={paths.LOGS / program.name}.log",
            "redirect_stderr=true",
            "stdout_logfile_maxbytes=10MB",
            "stdout_logfile_backups=2",
            "autostart=false",
            "autorestart=true",
            "startsecs=1",
            "startretries=5",
            f"stopsignal={program.stop_signal}",
            "stopwaitsecs=30",
            "killasgroup=true",
            f"directory={'/' if program.user else paths.ROOT}",
            *([f"user={program.user}"] if program.user else []),
        ]
    return "\n".join(parts) + "\n"


def _server(settings: Settings) -> xmlrpc.client.ServerProxy:
    transport = SupervisorTransport(
        "voronka", settings.secrets["SUPERVISOR_PASSWORD"], f"unix://{_socket_path()}"
    )
    return xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)


def _processes(settings: Settings) -> dict[str, dict] | None:
    """What supervisord knows of its programs by name, None where it does not run."""
    try:
        return {info["name"]: info for info in _server(settings).supervisor.getAllProcessInfo()}
    except (OSError, xmlrpc.client.Error):
        return None


def ours() -> list[psutil.Process]:
    """Every process started under supervision for this VORONKA_HOME, wherever its parent went."""
    found = []
    for process in psutil.process_iter():
        try:
            environ = process.environ()
        except (psutil.Error, OSError):
            continue
        if environ.get(MARK) == str(paths.HOME) and process.pid != os.getpid():
            found.append(process)
    return found


def _end(processes: list[psutil.Process], patience: float) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _, alive = psutil.wait_procs(processes, timeout=patience)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=5)


def ensure_supervisor(programs: list[Program], settings: Settings, env: dict[str, str]) -> set[str]:
    """supervisord runs with exactly these programs; what a killed one left behind is ended first.

    Returns the names of programs that ran before and were ended for it: the caller starts them again.
    """
    paths.LOGS.mkdir(parents=True, exist_ok=True)
    wanted = _configuration(programs, settings)
    running = _processes(settings)
    # Environment and code enter too: a changed port, zone or configuration must reach the processes.
    digest = hashlib.sha256((wanted + repr(sorted(env.items()))).encode())
    for file in sorted(
        file for folder in CODE for file in folder.rglob("*.*") if file.suffix in (".py", ".yaml")
    ):
        digest.update(file.read_bytes())
    mark = digest.hexdigest()
    stamp = paths.HOME / "supervisord.stamp"
    if running is not None and stamp.exists() and stamp.read_text() == mark:
        return set()
    if running is not None or ours():
        click.echo("      ending processes of an earlier run")
        stop(settings)
    with os.fdopen(os.open(CONFIG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
        handle.write(wanted)
    _socket_path().unlink(missing_ok=True)
    result = subprocess.run(
        [str(paths.executable("core", "supervisord")), "-c", str(CONFIG)],
        env={**env, MARK: str(paths.HOME)},
        capture_output=True,
        text=True,
        start_new_session=True,
    )
    if result.returncode:
        raise Failure(f"supervisord did not start: {(result.stderr or result.stdout).strip()[-400:]}")
    deadline = time.monotonic() + 15
    while _processes(settings) is None:
        if time.monotonic() > deadline:
            raise Failure(f"supervisord does not answer; see {paths.LOGS / 'supervisord.log'}")
        time.sleep(0.1)
    stamp.write_text(mark)
    return {name for name, info in (running or {}).items() if info["statename"] in ("RUNNING", "STARTING")}


def _port_holder(port: int) -> str | None:
    """Who listens on a port of this machine, None where nobody does."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return None
        except OSError:
            pass
    try:
        for connection in psutil.net_connections("tcp"):
            if (
                connection.status == psutil.CONN_LISTEN
                and connection.laddr
                and connection.laddr.port == port
                and connection.pid
            ):
                return f"{psutil.Process(connection.pid).name()}, process {connection.pid}"
    except psutil.Error:
        pass
    return "another program"


def listens(port: int) -> bool:
    """Whether anybody answers on a port of this machine."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def start(program: Program, settings: Settings) -> None:
    """Start a program unless it runs.

    Raises:
        Failure: its port is taken, or it ends at once.
    """
    state = (_processes(settings) or {}).get(program.name, {}).get("statename")
    if state in ("RUNNING", "STARTING"):
        return
    if holder := _port_holder(program.port):
        raise Failure(
            f"Port {program.port}, wanted by {program.name}, is taken ({holder}). "
            f"Stop that program, or set {program.port_setting} in .env to a free port."
        )
    try:
        _server(settings).supervisor.startProcess(program.name)
    except xmlrpc.client.Fault as fault:
        raise Failure(
            f"{program.name} does not start ({fault.faultString}):\n{log_tail(program.name)}"
        ) from None


def halt(name: str, settings: Settings) -> None:
    """Stop one program, where it runs."""
    if (_processes(settings) or {}).get(name, {}).get("statename") in ("RUNNING", "STARTING"):
        _server(settings).supervisor.stopProcess(name)


def statuses(settings: Settings) -> dict[str, tuple[str, str]]:
    """By program: state (RUNNING, STOPPED, FATAL …) and supervisord's words about it."""
    return {
        name: (info["statename"], info["description"]) for name, info in (_processes(settings) or {}).items()
    }


def log_tail(name: str, lines: int = 12) -> str:
    path = paths.LOGS / f"{name}.log"
    text = path.read_text(errors="replace").splitlines()[-lines:] if path.exists() else []
    return "\n".join(f"  {line}" for line in [f"Last lines of {path}:", *text])


def wait_until(ready, what: str, seconds: float, settings: Settings) -> None:
    """Poll until `ready()` is true.

    Raises:
        Failure: the program gave up or the time is over; its last lines are in the text.
    """
    deadline = time.monotonic() + seconds
    while not ready():
        state = (_processes(settings) or {}).get(what, {}).get("statename", "gone")
        if state in ("FATAL", "gone") or time.monotonic() > deadline:
            raise Failure(f"{what} is not ready ({state.lower()}).\n{log_tail(what)}")
        time.sleep(0.2)


def stop(settings: Settings) -> int:
    """End supervisord, its programs and whatever they left behind; the number of processes ended."""
    before = ours()
    if _processes(settings) is not None:
        with contextlib.suppress(OSError, xmlrpc.client.Error):
            _server(settings).supervisor.shutdown()
        psutil.wait_procs(before, timeout=45)
    # Orphans of a killed supervisord; PostgreSQL takes SIGTERM as a smart shutdown, so ask it for a fast one.
    left = [process for process in ours() if process.is_running()]
    for process in left:
        try:
            if process.name() == "postgres":
                process.send_signal(2)
        except psutil.Error:
            pass
    psutil.wait_procs([p for p in left if p.is_running() and _name(p) == "postgres"], timeout=20)
    _end(ours(), patience=15)
    _socket_path().unlink(missing_ok=True)
    (paths.HOME / "supervisord.stamp").unlink(missing_ok=True)
    return len(before)


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:
        return ""
