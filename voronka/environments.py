"""One virtual environment per tool, from pinned requirements, made again only when the pins change.

The `core` environment is the Makefile's: it holds this package's own libraries and `uv`, which makes the others. Tap,
loader and dbt are Meltano's to install, as meltano.yml says.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import click

from voronka import paths, progress
from voronka.failure import Failure

PRODUCTION = ("meltano", "superset")
RUNTIME = (*PRODUCTION, "demo")
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


def _fingerprint(*files: Path) -> str:
    digest = hashlib.sha256(sys.version.encode() + str(paths.ROOT).encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _tool_environ() -> dict[str, str]:
    """The caller's environment with our uv in reach. Compiling would cost more than the first import does."""
    return {
        **os.environ,
        "PATH": f"{paths.executable('core', 'x').parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
    }


def prepare(name: str) -> bool:
    """Make the environment `name` from `requirements/<name>.txt` unless it stands already; True if it was made.

    Raises:
        Failure: the packages could not be installed (no network, an unsupported Python).
    """
    wanted = paths.REQUIREMENTS / f"{name}.txt"
    folder, stamp = paths.ENVIRONMENTS / name, paths.ENVIRONMENTS / name / ".voronka-stamp"
    print_ = _fingerprint(wanted)
    if stamp.exists() and stamp.read_text() == print_:
        return False
    click.echo(f"      {name}: installing from requirements/{name}.txt")
    shutil.rmtree(folder, ignore_errors=True)
    uv = paths.executable("core", "uv")
    cure = "Check the network and that Python is 3.10–3.12, then run the command again."
    progress.run(
        [uv, "venv", "-q", "--python", sys.executable, folder],
        log=f"install-{name}",
        env=_tool_environ(),
        cure=cure,
    )
    progress.run(
        [uv, "pip", "install", "-q", "--require-hashes", "--python", folder / "bin" / "python", "-r", wanted],
        log=f"install-{name}",
        env=_tool_environ(),
        cure=cure,
    )
    stamp.write_text(print_)
    return True


def prepare_plugins(env: dict[str, str]) -> bool:
    """`meltano install` for tap, loader and dbt unless they stand already; True if it was run."""
    stamp = paths.MELTANO_HOME / "voronka-stamp"
    print_ = _fingerprint(
        paths.ROOT / "meltano.yml",
        paths.ROOT / "extract" / "pyproject.toml",
        paths.ROOT / "extract" / "loader" / "pyproject.toml",
        *(paths.REQUIREMENTS / f"{name}.txt" for name in ("tap", "loader", "dbt")),
    )
    if stamp.exists() and stamp.read_text() == print_:
        return False
    click.echo("      tap, loader and dbt: meltano install")
    progress.run(
        # A database of its own, so that plugins can be installed before PostgreSQL runs.
        [paths.executable("meltano", "meltano"), "install"],
        log="meltano-install",
        env={**env, "MELTANO_DATABASE_URI": f"sqlite:///{paths.HOME / 'meltano-install.db'}"},
        show=r"(Install\w+ \S.*)$",
        cure="Check the network, then run the command again.",
    )
    stamp.write_text(print_)
    return True


def prepare_development() -> bool:
    """The test environment: test tools, the tap's and the portal's libraries, and the tap itself."""
    made = prepare("dev")
    if made:
        uv = paths.executable("core", "uv")
        progress.run(
            [
                uv,
                "pip",
                "install",
                "-q",
                "--no-deps",
                "--python",
                paths.executable("dev", "python"),
                "-e",
                paths.ROOT / "extract",
            ],
            log="install-dev",
            env=_tool_environ(),
        )
    return made


def browser() -> str | None:
    """The path of a Chromium on this machine, None where there is none."""
    return next((found for name in CHROMIUM if (found := shutil.which(name))), None)


def prepare_browser() -> None:
    """Install Debian's Chromium for the browser tests where it is missing and we may; say so where we may not."""
    if browser():
        return
    apt = shutil.which("apt-get")
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    allowed = apt and (
        not sudo
        or (shutil.which("sudo") and subprocess.run([*sudo, "true"], capture_output=True).returncode == 0)
    )
    if not allowed:
        click.secho(
            "      no Chromium here and no right to install it: browser tests will be skipped (as root: apt install chromium)",
            fg="yellow",
        )
        return
    click.echo("      chromium: installing Debian's package for the browser tests")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        progress.run([*sudo, "apt-get", "update", "-q"], log="install-chromium", env=env)
        progress.run(
            [
                *sudo,
                "apt-get",
                "install",
                "-y",
                "-q",
                "--no-install-recommends",
                "chromium",
                "fonts-dejavu-core",
            ],
            log="install-chromium",
            env=env,
        )
    except Failure as failure:
        click.secho(f"      {failure}\n      Browser tests will be skipped.", fg="yellow")
