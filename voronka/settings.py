"""What a person can set, from the environment or `.env`, and what is generated once and kept in VORONKA_HOME."""

from __future__ import annotations

import datetime as dt
import json
import os
import secrets
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit
from zoneinfo import ZoneInfo

from dotenv import dotenv_values

from voronka import paths
from voronka.failure import Failure

PORTS = {"VORONKA_PG_PORT": 55432, "VORONKA_PORTAL_PORT": 18024, "VORONKA_SUPERSET_PORT": 8088}
GENERATED = (
    "POSTGRES_PASSWORD",
    "LOADER_PASSWORD",
    "DBT_PASSWORD",
    "BI_PASSWORD",
    "UPLOAD_PASSWORD",
    "MELTANO_PASSWORD",
    "SUPERSET_PASSWORD",
    "SUPERSET_SECRET_KEY",
    "SUPERVISOR_PASSWORD",
    "DEMO_TOKEN",
    "ADMIN_PASSWORD",
    "DIRECTOR_PASSWORD",
)


@dataclass(frozen=True)
class Warehouse:
    """Where the warehouse is and who reaches it as what. `embedded` is the PostgreSQL that Voronka runs itself.

    `upload` writes spreadsheets into the schema uploads and reaches nothing else; None where no such account is given.
    """

    host: str
    port: int
    dbname: str
    loader: tuple[str, str]
    dbt: tuple[str, str]
    bi: tuple[str, str]
    upload: tuple[str, str] | None
    embedded: bool

    def url(self, role: str) -> str:
        """A libpq URL for the role `loader`, `dbt`, `bi` or `upload`."""
        user, password = getattr(self, role)
        return f"postgresql://{quote(user)}:{quote(password, safe='')}@{self.host}:{self.port}/{self.dbname}"


class Settings:
    """All settings of one installation; reading them creates nothing but the file of generated secrets.

    Raises:
        Failure: a setting cannot be used; the text names it.
    """

    def __init__(self, environ: dict[str, str] | None = None) -> None:
        file = {k: v for k, v in dotenv_values(paths.ROOT / ".env", interpolate=False).items() if v}
        self._given = {**file, **(dict(os.environ) if environ is None else environ)}
        paths.HOME.mkdir(parents=True, exist_ok=True)

    def get(self, name: str, default: str = "") -> str:
        return (self._given.get(name) or default).strip()

    def port(self, name: str) -> int:
        text = self.get(name, str(PORTS[name]))
        if not text.isdigit() or not 0 < int(text) < 65536:
            raise Failure(
                f"{name} is {text!r}: give a port number between 1 and 65535 (in .env or the environment)"
            )
        return int(text)

    @cached_property
    def timezone(self) -> str:
        name = self.get("VORONKA_TIMEZONE", "Europe/Moscow")
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise Failure(
                f"VORONKA_TIMEZONE is {name!r}: give an IANA zone name such as Europe/Moscow"
            ) from None
        return name

    @property
    def portal_webhook(self) -> str:
        """The webhook of the company's own portal, empty where none is configured."""
        return self.get("BITRIX24_WEBHOOK_URL")

    @cached_property
    def secrets(self) -> dict[str, str]:
        """Generated passwords and keys, made at first use and kept in `secrets.env`, readable by the owner only."""
        path = paths.HOME / "secrets.env"
        known = {k: v for k, v in dotenv_values(path).items() if v} if path.exists() else {}
        missing = [name for name in GENERATED if name not in known]
        if missing:
            known.update(
                {name: secrets.token_urlsafe(12 if name.endswith("PASSWORD") else 32) for name in missing}
            )
            _write_private(path, "".join(f"{name}='{known[name]}'\n" for name in GENERATED))
        return known

    @cached_property
    def demo(self) -> dict[str, str]:
        """Seed, first day and scale of the invented company: fixed at the first start, so that it ages and stays itself."""
        path = paths.HOME / "demo.json"
        if path.exists():
            return dict(json.loads(path.read_text()))
        today = dt.datetime.now(ZoneInfo(self.timezone)).date()
        chosen = {
            "seed": self.get("VORONKA_DEMO_SEED", "20"),
            "start": self.get("VORONKA_DEMO_START", today.replace(year=today.year - 2, day=1).isoformat()),
            "scale": self.get("VORONKA_DEMO_SCALE", "1.0"),
        }
        path.write_text(json.dumps(chosen, indent=2) + "\n")
        return chosen

    @property
    def demo_webhook(self) -> str:
        return f"http://127.0.0.1:{self.port('VORONKA_PORTAL_PORT')}/rest/1/{self.secrets['DEMO_TOKEN']}/"

    @cached_property
    def warehouse(self) -> Warehouse:
        url = self.get("DATABASE_URL")
        if not url:
            return Warehouse(
                host="127.0.0.1",
                port=self.port("VORONKA_PG_PORT"),
                dbname="voronka",
                loader=("voronka_loader", self.secrets["LOADER_PASSWORD"]),
                dbt=("voronka_dbt", self.secrets["DBT_PASSWORD"]),
                bi=("voronka_bi", self.secrets["BI_PASSWORD"]),
                upload=("voronka_upload", self.secrets["UPLOAD_PASSWORD"]),
                embedded=True,
            )
        owner = _database(url, "DATABASE_URL")
        reader = _database(self.get("DATABASE_BI_URL") or url, "DATABASE_BI_URL")
        if reader[:3] != owner[:3]:
            raise Failure(
                "DATABASE_BI_URL names another database than DATABASE_URL: only user and password may differ"
            )
        host, port, dbname, credentials = owner
        return Warehouse(
            host, port, dbname, credentials, credentials, reader[3], self._uploader(owner), embedded=False
        )

    def _uploader(self, owner: tuple[str, int, str, tuple[str, str]]) -> tuple[str, str] | None:
        """User and password of DATABASE_UPLOAD_URL; there are no uploads without it."""
        given = self.get("DATABASE_UPLOAD_URL")
        if not given:
            return None
        uploader = _database(given, "DATABASE_UPLOAD_URL")
        if uploader[:3] != owner[:3]:
            raise Failure(
                "DATABASE_UPLOAD_URL names another database than DATABASE_URL: only user and password may differ"
            )
        if uploader[3][0] == owner[3][0]:
            raise Failure(
                "DATABASE_UPLOAD_URL names the owner of DATABASE_URL: whoever uploads a spreadsheet would reach the"
                " whole warehouse. Give an account without rights (create role … login password …)."
            )
        return uploader[3]

    def environment(self, *, demo: bool) -> dict[str, str]:
        """The variables of docs/architecture.md, for every process that Voronka starts and for `make env`."""
        here, pg = self.warehouse, self.port("VORONKA_PG_PORT")

        def own(user: str, secret: str, scheme: str, database: str) -> str:
            return f"{scheme}://{user}:{self.secrets[secret]}@127.0.0.1:{pg}/{database}"

        bins = [
            paths.executable("core", "x").parent,
            paths.executable("meltano", "x").parent,
            paths.plugin_executable("utilities", "dbt-postgres", "x").parent,
        ]
        return {
            "PATH": os.pathsep.join([*map(str, bins), self._given.get("PATH", os.defpath)]),
            "VORONKA_HOME": str(paths.HOME),
            "VORONKA_TIMEZONE": self.timezone,
            # The invented company sells audits for nothing in its first pipeline: they open sales and are none.
            "VORONKA_NOT_SELLING_PIPELINES": "1" if demo else self.get("VORONKA_NOT_SELLING_PIPELINES"),
            "BITRIX24_WEBHOOK_URL": self.demo_webhook if demo else self.portal_webhook,
            "MELTANO_ENVIRONMENT": "demo" if demo else "prod",
            "MELTANO_PROJECT_ROOT": str(paths.ROOT),
            "MELTANO_DATABASE_URI": own(
                "voronka_meltano", "MELTANO_PASSWORD", "postgresql+psycopg", "meltano"
            ),
            "WAREHOUSE_HOST": here.host,
            "WAREHOUSE_PORT": str(here.port),
            "WAREHOUSE_DBNAME": here.dbname,
            "WAREHOUSE_LOADER_USER": here.loader[0],
            "WAREHOUSE_LOADER_PASSWORD": here.loader[1],
            "WAREHOUSE_DBT_USER": here.dbt[0],
            "WAREHOUSE_DBT_PASSWORD": here.dbt[1],
            "WAREHOUSE_BI_USER": here.bi[0],
            "WAREHOUSE_BI_PASSWORD": here.bi[1],
            "WAREHOUSE_UPLOAD_USER": here.upload[0] if here.upload else "",
            "WAREHOUSE_UPLOAD_PASSWORD": here.upload[1] if here.upload else "",
            "DBT_PROJECT_DIR": str(paths.ROOT / "dbt_project"),
            "DBT_PROFILES_DIR": str(paths.ROOT / "dbt_project"),
            "DBT_TARGET_PATH": str(paths.HOME / "dbt" / "target"),
            "DBT_LOG_PATH": str(paths.HOME / "dbt" / "logs"),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "SUPERSET_CONFIG_PATH": str(paths.ROOT / "superset" / "server" / "superset_config.py"),
            "SUPERSET_DATABASE_URI": own(
                "voronka_superset", "SUPERSET_PASSWORD", "postgresql+psycopg2", "superset"
            ),
            "SUPERSET_SECRET_KEY": self.secrets["SUPERSET_SECRET_KEY"],
        }


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    fresh = path.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
        handle.write(text)
    fresh.replace(path)


def _database(url: str, name: str) -> tuple[str, int, str, tuple[str, str]]:
    """Host, port, database and (user, password) of a libpq URL; the message never repeats the URL."""
    try:
        parts = urlsplit(url)
        port = parts.port or 5432
    except ValueError:
        parts, port = urlsplit(""), 0
    if parts.scheme not in ("postgres", "postgresql") or not (
        parts.hostname and parts.username and parts.path.strip("/")
    ):
        raise Failure(
            f"{name} cannot be read: give postgresql://user:password@host:5432/database, special characters encoded"
        )
    return (
        parts.hostname,
        port,
        parts.path.strip("/"),
        (unquote(parts.username), unquote(parts.password or "")),
    )
