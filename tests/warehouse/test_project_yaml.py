"""dbt itself checks YAML against its schema for some warehouses only, Postgres not among them: so it is done here."""

from __future__ import annotations

import json
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from tests.conftest import DBT, ROOT

PROJECT = ROOT / "dbt_project"
PROPERTIES = sorted(
    p for folder in ("models", "seeds", "macros", "tests") for p in (PROJECT / folder).rglob("*.yml")
)


# Incremental strategies of the project's own: the schema would have them written in a way that dbt 1.11 does not know.
STRATEGIES = {
    found[1]
    for file in (PROJECT / "macros").glob("*.sql")
    for found in re.finditer(r"macro get_incremental_(\w+)_sql\(", file.read_text(encoding="utf-8"))
}


@cache
def validator(name: str) -> Draft7Validator:
    """dbt's own schema from its wheel, `resources/…` of property files, `project/…` of dbt_project.yml."""
    (path,) = DBT.parent.parent.glob(f"lib/python3*/site-packages/dbt/jsonschemas/{name}")
    return Draft7Validator(json.loads(path.read_text(encoding="utf-8")))


def without_what_the_schema_cannot_judge(content: Any) -> Any:
    """Settings that dbt renders first (Jinja) left out, and strategies of the project's own."""
    if isinstance(content, dict):
        return {
            key: without_what_the_schema_cannot_judge(value)
            for key, value in content.items()
            if not (key.startswith("+") and str(value).startswith("{{"))
            and not (key == "+incremental_strategy" and value in STRATEGIES)
        }
    if isinstance(content, list):
        return [without_what_the_schema_cannot_judge(item) for item in content]
    return content


def complaints(schema: str, path: Path) -> list[str]:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    # Through JSON, as dbt does it: dates of unit tests are texts there.
    content = without_what_the_schema_cannot_judge(json.loads(json.dumps(content, default=str)))
    return [
        f"{'.'.join(map(str, e.absolute_path))}: {e.message}" for e in validator(schema).iter_errors(content)
    ]


def test_there_are_property_files() -> None:
    assert len(PROPERTIES) > 10


@pytest.mark.parametrize("path", PROPERTIES, ids=lambda p: str(p.relative_to(PROJECT)))
def test_properties_follow_the_schema(path: Path) -> None:
    assert complaints("resources/latest.json", path) == []


def test_a_deprecated_spelling_would_be_found(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yml"
    bad.write_text(
        "sources:\n  - name: s\n    freshness: {warn_after: {count: 1, period: hour}}\n    surprise: 1\n"
    )
    assert complaints("resources/latest.json", bad)


def test_project_file_follows_the_schema() -> None:
    assert complaints("project/0.0.110.json", PROJECT / "dbt_project.yml") == []


def test_parse_is_free_of_deprecations(tmp_path: Path) -> None:
    env = {
        "WAREHOUSE_HOST": "nowhere.invalid",
        "WAREHOUSE_PORT": "1",
        "WAREHOUSE_DBNAME": "none",
        "WAREHOUSE_DBT_USER": "none",
        "WAREHOUSE_DBT_PASSWORD": "none",
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
    }
    flags = ["--project-dir", PROJECT, "--profiles-dir", PROJECT]
    flags += ["--target-path", tmp_path / "target", "--log-path", tmp_path / "logs"]
    result = subprocess.run(
        [
            DBT,
            "--warn-error",
            "parse",
            "--show-all-deprecations",
            "--no-partial-parse",
            "--project-dir",
            PROJECT,
            "--profiles-dir",
            PROJECT,
            "--target-path",
            tmp_path / "target",
            "--log-path",
            tmp_path / "logs",
        ],
        env=env,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout
    assert "deprecated" not in result.stdout.lower() and "DeprecationSummary" not in result.stdout, (
        result.stdout
    )
