"""A warehouse of the proof's own: raw tables in an embedded PostgreSQL, and the real `dbt build` over them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from tests.conftest import DBT, ROOT

Environment = dict[str, str]


@dataclass(frozen=True)
class Built:
    """What dbt said."""

    ok: bool
    output: str

    @property
    def failures(self) -> list[str]:
        return re.findall(
            r"^\S+\s+(?:Failure|Error) in .*$|^.*Compilation Error.*$", self.output, re.MULTILINE
        )


@dataclass(frozen=True)
class Warehouse:
    """One database of a server that trusts its socket, or of an installation."""

    host: str
    database: str
    folder: Path
    variables: Environment = field(default_factory=dict)

    @property
    def environment(self) -> Environment:
        return {
            **{
                name: value for name, value in os.environ.items() if not name.startswith(("DBT_", "VORONKA_"))
            },
            "WAREHOUSE_HOST": self.host,
            "WAREHOUSE_PORT": "5432",
            "WAREHOUSE_DBNAME": self.database,
            "WAREHOUSE_DBT_USER": "postgres",
            "WAREHOUSE_DBT_PASSWORD": "",
            "WAREHOUSE_BI_USER": "",
            "DBT_PROJECT_DIR": str(ROOT / "dbt_project"),
            "DBT_PROFILES_DIR": str(ROOT / "dbt_project"),
            "DBT_TARGET_PATH": str(self.folder / "target"),
            "DBT_LOG_PATH": str(self.folder / "logs"),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            **self.variables,
        }

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(host=self.host, dbname=self.database, user="postgres", autocommit=True)

    def build(self, *arguments: str) -> Built:
        """`dbt build` without unit tests, which know no data."""
        done = subprocess.run(
            [str(DBT), "build", "--exclude-resource-type", "unit_test", "--no-use-colors", *arguments],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        return Built(done.returncode == 0, done.stdout + done.stderr)


def project(folder: Path, files: dict[str, list[str]]) -> Path:
    """The dbt project as it is but for lines that people put under the headings of their files."""
    sound, copy = ROOT / "dbt_project", folder / "project"
    if not copy.exists():
        copy.mkdir(parents=True)
        for part in sound.iterdir():
            if part.name != "seeds":
                (copy / part.name).symlink_to(part)
        shutil.copytree(sound / "seeds", copy / "seeds")
    for name, lines in files.items():
        heading = (sound / "seeds" / f"{name}.csv").read_text(encoding="utf-8").splitlines()[0]
        text = "\n".join([heading, *lines]) + "\n"
        (copy / "seeds" / f"{name}.csv").write_text(text, encoding="utf-8")
    return copy


@contextmanager
def database(host: str, name: str, folder: Path, **variables: str) -> Iterator[Warehouse]:
    """An empty database on the server behind the socket in `host`, gone afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    with psycopg.connect(host=host, dbname="postgres", user="postgres", autocommit=True) as server:
        server.execute(f"drop database if exists {name} with (force)")
        server.execute(f"create database {name}")
        try:
            yield Warehouse(host, name, folder, variables)
        finally:
            server.execute(f"drop database if exists {name} with (force)")
