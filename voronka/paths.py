"""Where things lie. Everything generated is under the checkout's `.voronka` and `.meltano`, or under VORONKA_HOME."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
ENVIRONMENTS = ROOT / ".voronka" / "envs"
MELTANO_HOME = ROOT / ".meltano"
HOME = Path(os.environ.get("VORONKA_HOME") or ROOT / ".voronka").resolve()
LOGS = HOME / "logs"
PGDATA = HOME / "postgres"


def executable(environment: str, name: str) -> Path:
    """The program `name` of one of our own environments, e.g. ``executable("superset", "gunicorn")``."""
    return ENVIRONMENTS / environment / "bin" / name


def plugin_executable(kind: str, plugin: str, name: str) -> Path:
    """The program `name` of an environment that `meltano install` made, e.g. ``("utilities", "dbt-postgres", "dbt")``."""
    return MELTANO_HOME / kind / plugin / "venv" / "bin" / name
