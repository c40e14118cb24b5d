"""What dbt offers models, as far as sqlfluff needs it to see their SQL without dbt and without a warehouse."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml

_project = yaml.safe_load(
    (Path(__file__).resolve().parent.parent / "dbt_project.yml").read_text(encoding="utf-8")
)

run_started_at = datetime(2026, 1, 1, tzinfo=timezone.utc)
modules = SimpleNamespace(re=re)
execute = False


def var(name: str, default: Any = None) -> Any:
    """The project's own default, so that a model is linted as a live build compiles it."""
    return _project["vars"].get(name, default)


def env_var(name: str, default: str = "") -> str:
    """The default: linting reads nothing of the environment."""
    return default
