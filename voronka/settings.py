"""What a person can set, from the environment or `.env`, and what is generated once and kept in VORONKA_HOME."""

from __future__ import annotations

import datetime as dt
import json
import os
import secrets
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit
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
# Of these, what never leaves VORONKA_HOME: no other process has to agree on it.
LOCAL = ("SUPERVISOR_PASSWORD", "DEMO_TOKEN")
# What an address may say of its connection, and the variable by which libpq passes it on to every program.
CONNECTION_OPTIONS = {
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "channel_binding": "PGCHANNELBINDING",
}
# Said outright: those variables are another server's, and the embedded one speaks no TLS.
EMBEDDED_OPTIONS = {"sslmode": "disable", "channel_binding": "disable"}


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server in which Voronka makes its databases and roles: the embedded one, or VORONKA_POSTGRES_URL's.

    `admin` makes them; None where only the server's address is known.
    """

    host: str
    port: int
    dbname: str
    admin: tuple[str, str] | None
    options: dict[str, str]
    embedded: bool


@dataclass(frozen=True)
class Warehouse:
    """Where the warehouse is and who reaches it as what. `ours`: Voronka made it and its roles; else it is DATABASE_URL's.

    `upload` writes spreadsheets into the schema uploads and reaches nothing else; None where no such account is given.
    """

    host: str
    port: int
    dbname: str
    loader: tuple[str, str]
    dbt: tuple[str, str]
    bi: tuple[str, str]
    upload: tuple[str, str] | None
    ours: bool
    options: dict[str, str] = field(default_factory=dict)

    def url(self, role: str) -> str:
        """A libpq URL for the role `loader`, `dbt`, `bi` or `upload`.

        Raises:
            Failure: this process was not given the role's password.
        """
        user, password = getattr(self, role)
        if self.ours and not password:
            raise Failure(f"VORONKA_{role.upper()}_PASSWORD is not set: {user} cannot log in without it")
        return _url("postgresql", user, password, self)


class Given(dict[str, str]):
    """Secrets by name; asking for one that this process was not given is a Failure that names its variable."""

    def __missing__(self, name: str) -> str:
        raise Failure(
            f"VORONKA_{name} is not set: without the administrator's password for VORONKA_POSTGRES_URL nothing is generated"
        )


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
        """Passwords and keys: those that VORONKA_<NAME> gives; the others are made at first use and kept in `secrets.env`,
        readable by the owner only. Where only the address of a server is known, they are its administrator's to make.

        Raises:
            Failure: one that is given is too short.
        """
        given = {name: text for name in GENERATED if (text := self.get(f"VORONKA_{name}"))}
        for name, text in given.items():
            least = 12 if name.endswith("PASSWORD") else 32
            if len(text) < least:
                raise Failure(f"VORONKA_{name} has {len(text)} characters: give at least {least}")
        path = paths.HOME / "secrets.env"
        kept = {k: v for k, v in dotenv_values(path).items() if v} if path.exists() else {}
        makes_all = self._address is None or self._address.password or "POSTGRES_PASSWORD" in given
        missing = [
            name for name in (GENERATED if makes_all else LOCAL) if name not in kept and name not in given
        ]
        if missing:
            kept.update(
                {name: secrets.token_urlsafe(12 if name.endswith("PASSWORD") else 32) for name in missing}
            )
            _write_private(path, "".join(f"{name}='{kept[name]}'\n" for name in GENERATED if name in kept))
        return Given({**kept, **given})

    @cached_property
    def _address(self) -> Address | None:
        """VORONKA_POSTGRES_URL, None where it is not set."""
        given = self.get("VORONKA_POSTGRES_URL")
        if not given:
            return None
        if self.get("DATABASE_URL"):
            raise Failure(
                "VORONKA_POSTGRES_URL and DATABASE_URL are both set: the first is a server in which Voronka makes its"
                " databases, the second a database that is there already. Leave one out."
            )
        return _address(given, "VORONKA_POSTGRES_URL", is_server=True)

    @cached_property
    def server(self) -> Server:
        address = self._address
        if address is None:
            admin = ("postgres", self.secrets["POSTGRES_PASSWORD"])
            port = self.port("VORONKA_PG_PORT")
            return Server("127.0.0.1", port, "postgres", admin, EMBEDDED_OPTIONS, embedded=True)
        # Not the one that was generated for an embedded server before.
        password = address.password or self.get("VORONKA_POSTGRES_PASSWORD")
        return Server(
            address.host,
            address.port,
            address.dbname or "postgres",
            (address.user or "postgres", password) if password else None,
            address.options,
            embedded=False,
        )

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

    @property
    def administrator(self) -> tuple[str, str]:
        """User and password of whoever makes databases and roles.

        Raises:
            Failure: this process knows the server's address only.
        """
        if self.server.admin is None:
            raise Failure(
                "VORONKA_POSTGRES_PASSWORD is not set: this is for the administrator of VORONKA_POSTGRES_URL to do"
            )
        return self.server.admin

    @cached_property
    def warehouse(self) -> Warehouse:
        url = self.get("DATABASE_URL")
        if not url or self._address:
            here, known = self.server, self.secrets
            return Warehouse(
                host=here.host,
                port=here.port,
                dbname="voronka",
                loader=("voronka_loader", known.get("LOADER_PASSWORD", "")),
                dbt=("voronka_dbt", known.get("DBT_PASSWORD", "")),
                bi=("voronka_bi", known.get("BI_PASSWORD", "")),
                upload=("voronka_upload", known.get("UPLOAD_PASSWORD", "")),
                ours=True,
                options=here.options,
            )
        owner = _address(url, "DATABASE_URL")
        reader = self._same_database("DATABASE_BI_URL", owner) or owner
        uploader = self._same_database("DATABASE_UPLOAD_URL", owner)
        if uploader and uploader.user == owner.user:
            raise Failure(
                "DATABASE_UPLOAD_URL names the owner of DATABASE_URL: whoever uploads a spreadsheet would reach the"
                " whole warehouse. Give an account without rights (create role … login password …)."
            )
        return Warehouse(
            host=owner.host,
            port=owner.port,
            dbname=owner.dbname,
            loader=owner.account,
            dbt=owner.account,
            bi=reader.account,
            upload=uploader.account if uploader else None,
            ours=False,
            options=owner.options,
        )

    def _same_database(self, name: str, owner: Address) -> Address | None:
        """The address of another account in the database of DATABASE_URL, None where it is not set."""
        given = self.get(name)
        if not given:
            return None
        address = _address(given, name)
        if address._replace(user=owner.user, password=owner.password) != owner:
            raise Failure(
                f"{name} names another database than DATABASE_URL: only user and password may differ"
            )
        return address

    def environment(self, *, demo: bool) -> dict[str, str]:
        """The variables of docs/architecture.md, for every process that Voronka starts and for `make env`."""
        here, server, known = self.warehouse, self.server, self.secrets

        def own(user: str, secret: str, scheme: str, database: str) -> str:
            return _url(scheme, user, known.get(secret, ""), server, database)

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
            # Every program that opens a connection does so by libpq, which takes these where the program says nothing.
            **({} if here.ours and server.embedded else libpq(here.options)),
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
            "SUPERSET_SECRET_KEY": known.get("SUPERSET_SECRET_KEY", ""),
            "VORONKA_SUPERSET_PORT": str(self.port("VORONKA_SUPERSET_PORT")),
        }


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    fresh = path.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
        handle.write(text)
    fresh.replace(path)


class Address(NamedTuple):
    """A libpq URL, taken apart."""

    host: str
    port: int
    dbname: str
    user: str
    password: str
    options: dict[str, str]

    @property
    def account(self) -> tuple[str, str]:
        return self.user, self.password


def libpq(options: dict[str, str]) -> dict[str, str]:
    """Options of a connection as libpq's variables."""
    return {CONNECTION_OPTIONS[name]: value for name, value in options.items()}


def _url(scheme: str, user: str, password: str, where: Server | Warehouse, dbname: str | None = None) -> str:
    options = f"?{urlencode(where.options)}" if where.options else ""
    host = f"[{where.host}]" if ":" in where.host else where.host
    account = f"{quote(user, safe='')}:{quote(password, safe='')}"
    return f"{scheme}://{account}@{host}:{where.port}/{dbname or where.dbname}{options}"


def _address(url: str, name: str, *, is_server: bool = False) -> Address:
    """A libpq URL, taken apart; that of a server may leave out everything but the host. Messages never repeat it.

    Raises:
        Failure: it cannot be read, or asks for something that would be lost.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or 5432
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
    except ValueError:
        parts, port, options = urlsplit(""), 0, {}
    is_whole = parts.username and parts.path.strip("/")
    if parts.scheme not in ("postgres", "postgresql") or not (parts.hostname and (is_whole or is_server)):
        raise Failure(
            f"{name} cannot be read: give postgresql://user:password@host:5432/database, special characters encoded"
        )
    if foreign := sorted(set(options) - set(CONNECTION_OPTIONS)):
        raise Failure(
            f"{name} asks for {', '.join(foreign)}, which would not reach every program: only"
            f" {', '.join(CONNECTION_OPTIONS)} may stand behind the question mark"
        )
    return Address(
        parts.hostname,
        port,
        unquote(parts.path.strip("/")),
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        options,
    )
