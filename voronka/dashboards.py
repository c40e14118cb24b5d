"""Superset: its metadata database, the bundle in git, its users, its web server."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg

from voronka import paths, progress
from voronka.settings import Settings

SERVER = paths.ROOT / "superset" / "server"
FIRST_DASHBOARD = "kpi-otdela-prodazh"
# What superset/README.md lets one set in .env.
OPTIONAL = (
    "VORONKA_SUPERSET_HOST",
    "VORONKA_SUPERSET_WORKERS",
    "VORONKA_BEHIND_PROXY",
    "VORONKA_CURRENCY_SIGN",
    "VORONKA_OIDC_URL",
    "VORONKA_OIDC_CLIENT_ID",
    "VORONKA_OIDC_CLIENT_SECRET",
    "VORONKA_OIDC_CLAIM",
    "VORONKA_OIDC_NAME",
)


def url(settings: Settings) -> str:
    return f"http://127.0.0.1:{settings.port('VORONKA_SUPERSET_PORT')}"


def logins(settings: Settings) -> dict[str, tuple[str, str, str]]:
    """Who may enter: by role name (login, password, what it is for)."""
    return {
        "admin": ("admin", settings.secrets["ADMIN_PASSWORD"], "администратор: всё, и правка дашбордов"),
        "director": ("director", settings.secrets["DIRECTOR_PASSWORD"], "руководитель: просмотр дашбордов"),
    }


def environment(settings: Settings, env: dict[str, str]) -> dict[str, str]:
    """Superset reads relative dates by the clock of its own process: give it the portal's zone."""
    given = {name: settings.get(name) for name in OPTIONAL if settings.get(name)}
    return {
        **env,
        **given,
        "TZ": settings.timezone,
        "PATH": f"{paths.executable('superset', 'x').parent}:{env['PATH']}",
        "VORONKA_SUPERSET_PORT": str(settings.port("VORONKA_SUPERSET_PORT")),
        "PYTHONUNBUFFERED": "1",
    }


def _script(name: str) -> list[str]:
    return [str(paths.executable("superset", "python")), str(SERVER / f"{name}.py")]


def command() -> list[str]:
    """The command line of the web server."""
    gunicorn = str(paths.executable("superset", "gunicorn"))
    return [gunicorn, "-c", str(SERVER / "gunicorn.conf.py"), "superset.app:create_app()"]


def _metadata(settings: Settings) -> psycopg.Connection:
    """Superset's metadata, in autocommit."""
    uri = settings.environment(demo=False)["SUPERSET_DATABASE_URI"].replace("+psycopg2", "")
    return psycopg.connect(uri, autocommit=True)


@contextmanager
def _in_turn(settings: Settings) -> Iterator[psycopg.Connection]:
    """Changes of the metadata wait for one another: a refresh that makes logins, a web server that starts and imports. They may
    run on machines of their own, so the turn is the database's to give; it ends with the connection."""
    with _metadata(settings) as metadata:
        metadata.execute("select pg_advisory_lock(hashtext('voronka'))")
        yield metadata


def migrate(settings: Settings, env: dict[str, str]) -> None:
    """Bring the metadata database to the installed Superset's version, with its built-in roles; skipped when it is there."""
    wanted = hashlib.sha256((paths.REQUIREMENTS / "superset.txt").read_bytes()).hexdigest()
    with _in_turn(settings) as metadata:
        metadata.execute("create table if not exists voronka_migrated (fingerprint text primary key)")
        if metadata.execute("select 1 from voronka_migrated where fingerprint = %s", [wanted]).fetchone():
            return
        superset = paths.executable("superset", "superset")
        ours = environment(settings, env)
        progress.run([superset, "db", "upgrade"], log="superset-migrate", env=ours, cwd=paths.HOME)
        progress.run([superset, "init"], log="superset-init", env=ours, cwd=paths.HOME)
        metadata.execute("delete from voronka_migrated")
        metadata.execute("insert into voronka_migrated values (%s)", [wanted])


def issued_passwords() -> Path:
    """The file that passwords of new logins are written to, readable by its owner only: to hand out, and delete."""
    return paths.HOME / "new_logins.csv"


def is_imported(settings: Settings) -> bool:
    """Whether Superset holds the dashboards: a warehouse can be refreshed without ever having been shown."""
    with _metadata(settings) as metadata:
        if not metadata.execute("select to_regclass('dashboards')").fetchone()[0]:
            return False
        found = metadata.execute("select 1 from dashboards where slug = %s", [FIRST_DASHBOARD]).fetchone()
        return found is not None


def provision(settings: Settings, env: dict[str, str], *, reissue: str = "") -> None:
    """Roles, row-level rules, and the logins of the people whom the warehouse knows now; `reissue`: a login that gets a new
    password. With single sign-on nobody is given one."""
    people = json.dumps(
        {
            role: {"username": login, "password": password}
            for role, (login, password, _) in logins(settings).items()
        }
    )
    with _in_turn(settings):
        progress.run(
            [
                *_script("provision"),
                *([] if settings.get("VORONKA_OIDC_URL") else ["--passwords", str(issued_passwords())]),
                *(["--reissue", reissue] if reissue else []),
            ],
            log="superset-provision",
            env=environment(settings, env),
            cwd=paths.HOME,
            stdin=people,
            show=r"^(provisioned .*)$",
        )


def import_assets(settings: Settings, env: dict[str, str]) -> None:
    """Import the bundle, all of it or nothing, then roles, rights and users."""
    ours = environment(settings, env)
    with _in_turn(settings):
        progress.run(
            [*_script("import_assets")],
            log="superset-import",
            env=ours,
            cwd=paths.HOME,
            show=r"^(imported .*)$",
        )
    provision(settings, env)


def export_assets(settings: Settings, env: dict[str, str]) -> None:
    """Write what was changed in the browser into the bundle, and say which files."""
    progress.run(
        [*_script("export_assets")],
        log="superset-export",
        env=environment(settings, env),
        cwd=paths.HOME,
        show=r"^(exported .*|  superset/.*)$",
    )


def is_healthy(settings: Settings) -> bool:
    try:
        return httpx.get(f"{url(settings)}/health", timeout=5).text == "OK"
    except httpx.HTTPError:
        return False


def verify(settings: Settings, env: dict[str, str]) -> None:
    """Ask for every chart of every dashboard as a viewer's browser does.

    Raises:
        Failure: a chart answers with an error or without rows.
    """
    login, password, _ = logins(settings)["director"]
    progress.run(
        [*_script("verify"), "--url", url(settings)],
        log="superset-verify",
        env=environment(settings, env),
        cwd=paths.HOME,
        stdin=json.dumps({"username": login, "password": password}),
        show=r"^(verified .*|.*(?:error|empty).*)$",
    )
