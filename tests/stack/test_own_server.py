"""Settings of a PostgreSQL of one's own, and what Voronka makes in it, whoever administers it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.conftest import CORE, ROOT, Installation, free_port
from tests.stack.own_server import OwnServer

PASSWORD = "administrator's & own"
IN_ADDRESS = "administrator%27s%20%26%20own"
BLANK = dict.fromkeys(Installation.BLANK, "")


@contextmanager
def server(version: int) -> Iterator[OwnServer]:
    folder = Path(tempfile.mkdtemp(prefix="voronka-own-server-"))
    folder.chmod(0o755)
    here = OwnServer(folder, free_port(), PASSWORD, version)
    try:
        here.start(["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"], ["postgres"])
        deadline = time.monotonic() + 30
        while not here.is_ready():
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield here
    finally:
        if here.process:
            here.process.terminate()
            here.process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def installation() -> Iterator[Installation]:
    fresh = Installation.new()
    yield fresh
    fresh.close()


def provision(
    installation: Installation, here: OwnServer, user: str, **extra: str
) -> subprocess.CompletedProcess[str]:
    address = f"postgresql://{user}:{IN_ADDRESS}@127.0.0.1:{here.port}/postgres"
    installation.extra = {"VORONKA_POSTGRES_URL": address, **extra}
    return installation.voronka("provision")


def test_an_administrator_who_is_no_superuser_is_enough(installation: Installation) -> None:
    """As managed services give it: roles and databases may be made, nothing else. Then all of it backed up and restored."""
    with server(18) as here:
        quoted = PASSWORD.replace("'", "''")
        here.ask(f"create role manager login createrole createdb password '{quoted}'")
        for _ in range(2):
            made = provision(installation, here, "manager")
            assert made.returncode == 0, made.stdout
        assert PASSWORD not in made.stdout and IN_ADDRESS not in made.stdout
        roles = here.ask(
            "select count(*), bool_or(rolsuper or rolcreaterole) from pg_roles where rolname like 'voronka%'"
        )
        assert roles == [(6, False)]
        # All that was generated is what the accounts log in with; nothing of an embedded server was started.
        env = installation.env
        assert not (installation.home / "postgres").exists()
        assert env["WAREHOUSE_PORT"] == str(here.port)
        loader = {"user": env["WAREHOUSE_LOADER_USER"], "password": env["WAREHOUSE_LOADER_PASSWORD"]}
        fill = "create table raw_bitrix24.deals (id text); insert into raw_bitrix24.deals values ('7')"
        here.ask(fill, **loader, dbname="voronka")
        with psycopg.connect(env["SUPERSET_DATABASE_URI"].replace("+psycopg2", "")) as metadata:
            metadata.execute("create table dashboards as select 6 as number")

        saved = installation.voronka("backup")
        assert saved.returncode == 0, saved.stdout
        here.ask("drop table raw_bitrix24.deals", **loader, dbname="voronka")
        [backup] = (installation.home / "backups").iterdir()
        restored = installation.voronka("restore", str(backup))
        assert restored.returncode == 0, restored.stdout
        assert here.ask("select id from raw_bitrix24.deals", **loader, dbname="voronka") == [("7",)]
        with psycopg.connect(env["SUPERSET_DATABASE_URI"].replace("+psycopg2", "")) as metadata:
            assert metadata.execute("select number from dashboards").fetchone() == (6,)
        dbt = {"user": env["WAREHOUSE_DBT_USER"], "password": env["WAREHOUSE_DBT_PASSWORD"]}
        assert here.ask("select count(*) from raw_bitrix24.deals", **dbt, dbname="voronka") == [(1,)]


def test_what_stands_in_the_way_is_named(installation: Installation) -> None:
    with server(18) as here:
        quoted = PASSWORD.replace("'", "''")
        here.ask(f"create role weak login password '{quoted}'")
        refused = provision(installation, here, "weak")
        assert refused.returncode == 1 and "give a superuser" in refused.stdout.lower(), refused.stdout
        here.ask("create database superset")
        taken = provision(installation, here, "postgres")
        assert (
            taken.returncode == 1 and "has a database superset already, which is postgres's" in taken.stdout
        )
        unknown = provision(installation, here, "nobody")
        assert unknown.returncode == 1 and "cannot be reached" in unknown.stdout
        assert all("Traceback" not in ran.stdout for ran in (refused, taken, unknown))


def test_a_server_that_is_too_old_is_refused(installation: Installation) -> None:
    with server(16) as here:
        old = provision(installation, here, "postgres")
        assert old.returncode == 1 and "is PostgreSQL 16: 17 or later is needed" in old.stdout
        assert here.ask("select count(*) from pg_roles where rolname like 'voronka%'") == [(0,)]


UPLOADS = """
import sys
from voronka import uploads
from voronka.failure import Failure
from voronka.settings import Settings
try:
    uploads.provision(Settings())
except Failure as failure:
    sys.exit(str(failure))
"""


def test_spreadsheets_are_uploaded_into_a_database_of_ones_own_by_an_account_without_rights(
    tmp_path: Path,
) -> None:
    with server(18) as here:
        for role in ("owner", "uploader", "reader"):
            here.ask(f"create role {role} login password '{role}'")
        here.ask("create database company owner owner")
        owner, uploader = (
            {"user": role, "password": role, "dbname": "company"} for role in ("owner", "uploader")
        )
        here.ask("create schema raw_bitrix24", **owner)

        def provisioned(role: str, password: str = "", database: str = "company") -> str:
            given = {
                "DATABASE_URL": f"postgresql://owner:owner@127.0.0.1:{here.port}/company",
                "DATABASE_UPLOAD_URL": f"postgresql://{role}:{password or role}@127.0.0.1:{here.port}/{database}",
            }
            env = {"PATH": os.defpath, "VORONKA_HOME": str(tmp_path), **BLANK, **given}
            ran = subprocess.run(
                [str(CORE), "-c", UPLOADS], cwd=ROOT, env=env, capture_output=True, text=True, check=False
            )
            assert "Traceback" not in ran.stderr, ran.stderr
            return ran.stderr

        assert "names the owner of DATABASE_URL" in provisioned("owner")
        assert "names another database than DATABASE_URL" in provisioned("uploader", database="postgres")
        assert "The schema of uploads cannot be made" in provisioned("uploader", "wrong")
        for _ in range(2):
            assert provisioned("uploader") == ""
        here.ask("create table uploads.targets as select 7 as target", **uploader)
        assert here.ask("select target from uploads.targets", **owner) == [(7,)]
        reader = {"user": "reader", "password": "reader", "dbname": "company"}
        for refused in (
            ("create table raw_bitrix24.mine (id int)", uploader),
            ("select target from uploads.targets", reader),
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                here.ask(refused[0], **refused[1])
        here.ask("grant usage on schema raw_bitrix24 to uploader", **owner)
        assert "uploader of uploads reaches the schemas raw_bitrix24" in provisioned("uploader")


SHOW = """
import json, sys
from voronka.failure import Failure
from voronka.settings import Settings
try:
    given = Settings()
    env = given.environment(demo=False)
    print(json.dumps({**env, "bi": given.warehouse.url("bi")}))
except Failure as failure:
    print(json.dumps({"failure": str(failure)}))
"""


def settings(tmp_path: Path, **given: str) -> dict[str, str]:
    env = {"PATH": os.defpath, "VORONKA_HOME": str(tmp_path), **BLANK, **given}
    ran = subprocess.run(
        [str(CORE), "-c", SHOW], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    return json.loads(ran.stdout)


def test_what_an_address_asks_of_tls_reaches_every_program(tmp_path: Path) -> None:
    address = "postgresql://own:s%40cret@db.example.com/crm?sslmode=verify-full&sslrootcert=/etc/ca.pem"
    env = settings(tmp_path, DATABASE_URL=address)
    assert (env["PGSSLMODE"], env["PGSSLROOTCERT"]) == ("verify-full", "/etc/ca.pem")
    assert env["bi"] == address.replace("@db.example.com/", "@db.example.com:5432/").replace(
        "/etc/ca.pem", "%2Fetc%2Fca.pem"
    )
    # The embedded server beside it speaks no TLS, whatever the variables say.
    assert all("sslmode=disable" in env[name] for name in ("SUPERSET_DATABASE_URI", "MELTANO_DATABASE_URI"))

    env = settings(tmp_path, VORONKA_POSTGRES_URL="postgresql://a:b@db.example.com?sslmode=require")
    assert env["PGSSLMODE"] == "require" and env["SUPERSET_DATABASE_URI"].endswith(
        "/superset?sslmode=require"
    )
    assert "PGSSLMODE" not in settings(tmp_path)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"DATABASE_URL": "postgresql://o:p@h/d?options=-cfoo"}, "DATABASE_URL asks for options"),
        ({"VORONKA_POSTGRES_URL": "mysql://o:p@h/d"}, "VORONKA_POSTGRES_URL cannot be read"),
        ({"VORONKA_POSTGRES_URL": "postgresql://o:p@h", "DATABASE_URL": "postgresql://o:p@h/d"}, "are both set"),
        ({"VORONKA_BI_PASSWORD": "short"}, "VORONKA_BI_PASSWORD has 5 characters: give at least 12"),
        ({"VORONKA_SUPERSET_SECRET_KEY": "x" * 31}, "VORONKA_SUPERSET_SECRET_KEY has 31 characters"),
        ({"VORONKA_POSTGRES_URL": "postgresql://h"}, "VORONKA_BI_PASSWORD is not set"),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_be_used_is_named(tmp_path: Path, given: dict[str, str], says: str) -> None:
    assert says in settings(tmp_path, **given)["failure"]


def test_who_knows_an_address_only_generates_no_password(tmp_path: Path) -> None:
    settings(tmp_path, VORONKA_POSTGRES_URL="postgresql://h", VORONKA_BI_PASSWORD="b" * 12)
    assert [line.split("=")[0] for line in (tmp_path / "secrets.env").read_text().splitlines()] == [
        "SUPERVISOR_PASSWORD",
        "DEMO_TOKEN",
    ]
