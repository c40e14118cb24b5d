"""Production as docker-compose.yml describes it, without an engine: a PostgreSQL that Voronka did not start, and the services'
own commands, environments and health checks, taken from the file; paths and addresses are this machine's instead."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from tests.conftest import ROOT, free_port
from tests.stack.containers import Host, dockerfile, image_environment
from tests.stack.own_server import OwnServer
from tests.stack.test_compose_files import DEV, secrets_file

TOKEN = "c0mp0secode"
DOMAIN = "localhost"


def wait_for(ready: Callable[[], bool], what: str, patience: float) -> None:
    deadline = time.monotonic() + patience
    while not ready():
        assert time.monotonic() < deadline, f"{what} did not come about in {patience} s"
        time.sleep(0.5)


@dataclass
class Server:
    """The service `postgres`, set up and started as its image does it with what the file says."""

    host: Host
    cluster: OwnServer

    @property
    def env(self) -> dict[str, str]:
        """For the health check: the container's port is the standard one."""
        return {"PATH": str(self.cluster.programs), "PGPORT": str(self.cluster.port)}

    def start(self) -> None:
        service = self.host.service("postgres")
        initdb = shlex.split(service["environment"]["POSTGRES_INITDB_ARGS"])
        self.cluster.start(initdb, service["command"])

    def ask(self, role: str, query: str, database: str = "voronka") -> list[tuple]:
        if role == "postgres":
            return self.cluster.ask(query, dbname=database)
        password = self.host.given[f"VORONKA_{role.upper()}_PASSWORD"]
        return self.cluster.ask(query, f"voronka_{role}", password, database)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    # Not pytest's own: its folders are closed to the account PostgreSQL runs as when we are root.
    where = Path(tempfile.mkdtemp(prefix="voronka-compose-"))
    where.chmod(0o755)
    yield where
    shutil.rmtree(where, ignore_errors=True)


@pytest.fixture(scope="module")
def portal() -> Iterator[str]:
    port = free_port()
    python = ROOT / ".voronka" / "envs" / "demo" / "bin" / "python"
    arguments = f"-m demo serve --port {port} --token {TOKEN} --scale 0.03 --no-limits".split()
    process = subprocess.Popen([python, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL)
    webhook = f"http://127.0.0.1:{port}/rest/1/{TOKEN}/"

    def answers() -> bool:
        try:
            return httpx.get(f"{webhook}server.time").status_code > 0
        except httpx.TransportError:
            return False

    wait_for(answers, "the portal", 60)
    yield webhook
    process.terminate()
    process.wait(60)


@pytest.fixture(scope="module")
def host(folder: Path, portal: str) -> Host:
    """A machine whose .env names a portal and a domain, with passwords of docker/new-secrets.sh."""
    home = folder / "home"
    home.mkdir()
    places = {"@postgres:5432": f"@127.0.0.1:{free_port()}"}
    given = {**secrets_file(), "BITRIX24_WEBHOOK_URL": portal, "VORONKA_DOMAIN": DOMAIN}
    return Host(given, home, places, {"VORONKA_SUPERSET_PORT": str(free_port())})


@pytest.fixture(scope="module")
def server(folder: Path, host: Host) -> Iterator[Server]:
    where = folder / "server"
    where.mkdir(mode=0o755)
    port = int(host.places["@postgres:5432"].rpartition(":")[2])
    password = host.service("postgres")["environment"]["POSTGRES_PASSWORD"]
    here = Server(host, OwnServer(where, port, password))
    assert not host.is_healthy("postgres", here.env)
    here.start()
    wait_for(lambda: host.is_healthy("postgres", here.env), "the health of postgres", 60)
    yield here
    assert here.cluster.process
    stop_signal = signal.Signals[host.service("postgres")["stop_signal"]]
    assert host.stop("postgres", here.cluster.process, stop_signal) == 0
    assert not host.is_healthy("postgres", here.env)


def left_of(host: Host) -> list[list[str]]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("VORONKA_HOME") == str(host.home):
                found.append(process.cmdline())
        except (psutil.Error, OSError):
            continue
    return found


@dataclass
class Production:
    """The whole, after its first refresh."""

    host: Host
    server: Server
    url: str
    began: float

    def login(self, name: str) -> dict[str, str]:
        password = self.host.given[f"VORONKA_{name.upper()}_PASSWORD"]
        return {"username": name, "password": password, "provider": "db"}


@pytest.fixture(scope="module")
def production(host: Host, server: Server, folder: Path) -> Iterator[Production]:
    """`docker compose up`: provision, then refresh and superset beside each other."""
    began = time.time()
    with pytest.raises(psycopg.OperationalError):
        server.ask("loader", "select 1")
    for _ in range(2):
        provisioned = host.run("provision")
        assert provisioned.returncode == 0, provisioned.stdout
    assert not host.is_healthy("superset") and not host.is_healthy("refresh")

    url = f"http://127.0.0.1:{host.extra['VORONKA_SUPERSET_PORT']}"
    running = {"superset": host.start("superset", folder / "superset.log")}
    try:
        # Stopped amidst its first refresh, the schedule ends at once and leaves nothing; started again, it goes on.
        refresh = running["refresh"] = host.start("refresh", folder / "refresh.log")
        wait_for((host.home / "logs" / "refresh.log").exists, "a refresh under way", 120)
        assert host.is_healthy("refresh")
        assert host.stop("refresh", refresh, signal.SIGTERM) == 0, (folder / "refresh.log").read_text()
        assert not [command for command in left_of(host) if "meltano" in " ".join(command)]
        assert not host.is_healthy("refresh")
        refresh = running["refresh"] = host.start("refresh", folder / "refresh.log")

        published = "select count(*) from pg_class c join pg_namespace n on n.oid = relnamespace where nspname = 'marts'"
        wait_for(lambda: server.ask("dbt", published) > [(50,)], "a publication", 600)
        wait_for(lambda: host.is_healthy("superset"), "the health of superset", 600)
        # Logins of the portal's people, which the refresh or the start of superset makes, whichever comes last.
        wait_for((host.home / "new_logins.csv").exists, "logins", 300)
        # A second schedule would wait for the lock; so does a backup, which refuses.
        wait_for(lambda: "in all" in (folder / "refresh.log").read_text(), "the end of the refresh", 300)
        assert host.is_healthy("refresh")
        assert host.stop("refresh", refresh, signal.SIGTERM) == 0

        yield Production(host, server, url, began)

        assert host.stop("superset", running["superset"], signal.SIGTERM) == 0
        assert not host.is_healthy("superset")
        assert left_of(host) == []
    finally:
        for process in running.values():
            process.kill()


def test_a_viewer_sees_charts(production: Production) -> None:
    with httpx.Client(base_url=production.url, timeout=60) as client:
        assert client.get("/health").text == "OK"
        token = client.post("/api/v1/security/login", json=production.login("director")).json()[
            "access_token"
        ]
        headers = {"Authorization": f"Bearer {token}"}
        charts = client.get("/api/v1/dashboard/kpi-otdela-prodazh/charts", headers=headers).json()["result"]
    assert len(charts) > 10
    python = ROOT / ".voronka" / "envs" / "superset" / "bin" / "python"
    ran = subprocess.run(
        [python, ROOT / "superset" / "server" / "verify.py", "kpi-otdela-prodazh", "--url", production.url],
        input=json.dumps(production.login("director")),
        capture_output=True,
        text=True,
        cwd="/",
    )
    answers = [line for line in ran.stdout.splitlines() if " rows · " in line]
    assert len(answers) == len(charts), ran.stdout + ran.stderr
    assert sum(" · 0 rows" not in line for line in answers) > 10


def test_a_person_gets_a_new_password(production: Production) -> None:
    """As the documentation says: in the running container of the schedule."""
    file = production.host.home / "new_logins.csv"
    *_, last = file.read_text(encoding="utf-8").splitlines()
    login = last.split(",")[2]
    issued = production.host.run("refresh", "password", login)
    assert issued.returncode == 0, issued.stdout
    *_, new = file.read_text(encoding="utf-8").splitlines()
    assert new.split(",")[:3] == last.split(",")[:3] and new != last


RIGHTS = [
    ("loader", "select count(*) from raw_bitrix24.deals", True),
    ("loader", "create table raw_bitrix24.probe (id int); drop table raw_bitrix24.probe", True),
    ("loader", "select count(*) from marts.fct_deals", False),
    ("loader", "create table marts.probe (id int)", False),
    ("dbt", "select count(*) from raw_bitrix24.deals", True),
    ("dbt", "delete from raw_bitrix24.deals", False),
    ("dbt", "create role probe", False),
    ("bi", "select count(*) from marts.fct_deals", True),
    ("bi", "select count(*) from raw_bitrix24.deals", False),
    ("bi", "select count(*) from staging.stg_bitrix24__deals", False),
    ("bi", "begin read write; delete from marts.fct_deals", False),
    ("bi", "begin read write; create table public.probe (id int)", False),
    ("bi", "copy (select 1) to program 'true'", False),
    ("upload", "create table uploads.probe (id int); drop table uploads.probe", True),
    ("upload", "select count(*) from marts.fct_deals", False),
    ("upload", "select count(*) from raw_bitrix24.deals", False),
    ("upload", "create table public.probe (id int)", False),
]


@pytest.mark.parametrize(("role", "statement", "may"), RIGHTS)
def test_each_account_can_do_its_work_and_nothing_else(
    production: Production, role: str, statement: str, may: bool
) -> None:
    if may:
        production.server.ask(role, statement)
    else:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            production.server.ask(role, statement)


def test_databases_are_closed_to_each_other_and_queries_end(production: Production) -> None:
    server = production.server
    homes = {"meltano": "meltano", "superset": "superset"}
    for role in ("loader", "dbt", "bi", "upload", "meltano", "superset"):
        for database in ("voronka", "meltano", "superset", "postgres"):
            if database == homes.get(role, "voronka"):
                assert server.ask(role, "select current_user", database) == [(f"voronka_{role}",)]
            elif database != "postgres":
                with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                    server.ask(role, "select 1", database)
    powers = "select count(*) from pg_roles where rolname like 'voronka%' and (rolsuper or rolcreaterole or rolcreatedb)"
    assert server.ask("postgres", powers) == [(0,)]
    assert server.ask("bi", "show statement_timeout") == [("30s",)]
    assert server.ask("upload", "show statement_timeout") == [("1min",)]
    # Cyrillic folds, whatever locale the server has.
    assert server.ask("bi", "select 'ЗАЯВКА Ёлки' ilike 'заявка ёлки'") == [(True,)]


def test_one_database_is_destroyed_and_comes_back_alone(production: Production) -> None:
    host, server = production.host, production.server
    count = "select count(*) from dashboards"
    before = server.ask("superset", count, "superset")
    marts = "select count(*), max(oid::bigint) from pg_class where relnamespace = 'marts'::regnamespace"
    built = server.ask("dbt", marts)

    saved = host.run("provision", "backup")
    assert saved.returncode == 0, saved.stdout
    [backup] = (host.home / "backups").iterdir()
    for file in backup.glob("secrets.env"):
        assert not any(secret in file.read_text() for secret in secrets_of(host))
    refused = host.run("refresh", "backup")
    assert refused.returncode == 1 and "VORONKA_POSTGRES_PASSWORD is not set" in refused.stdout

    server.ask("postgres", "drop database superset with (force)", "postgres")
    wait_for(lambda: not can_log_in(production), "the loss of the dashboards", 30)
    name = f"/var/lib/voronka/backups/{backup.name}"
    restored = host.run("provision", "restore", host.here(name), "--only", "superset")
    assert restored.returncode == 0, restored.stdout
    assert server.ask("superset", count, "superset") == before > [(0,)]
    assert server.ask("dbt", marts) == built
    wait_for(lambda: can_log_in(production), "a login after the restore", 30)


def can_log_in(production: Production) -> bool:
    answer = httpx.post(
        f"{production.url}/api/v1/security/login", json=production.login("director"), timeout=60
    )
    return answer.status_code == 200


def secrets_of(host: Host) -> list[str]:
    return [value for key, value in host.given.items() if key.endswith(("PASSWORD", "KEY"))]


def test_the_proxy_ends_tls(production: Production, folder: Path) -> None:
    """Its own file, but for the ports and who signs the certificate."""
    ports = {"8080": str(free_port()), "8443": str(free_port()), "8081": str(free_port())}
    text = (ROOT / "docker" / "Caddyfile").read_text()
    for there, here in ports.items():
        assert there in text
        text = text.replace(there, here)
    file = folder / "Caddyfile"
    file.write_text(text.replace("\tadmin off\n", "\tadmin off\n\tlocal_certs\n\tskip_install_trust\n"))
    [(_, _, command)] = [row for row in dockerfile() if row[:2] == ("proxy", "CMD")]
    arguments = [word.replace("/etc/caddy/Caddyfile", str(file)) for word in json.loads(command)]
    env = {
        "PATH": os.defpath,
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        **image_environment("proxy"),
        **{key: str(value) for key, value in production.host.service("proxy")["environment"].items()},
        "VORONKA_UPSTREAM": production.url.removeprefix("http://"),
    }
    assert env["VORONKA_DOMAIN"] == DOMAIN
    with (folder / "proxy.log").open("wb") as log:
        proxy = subprocess.Popen([DEV / "caddy", *arguments], env=env, cwd="/", stdout=log, stderr=log)
    try:
        health = production.host.service("proxy")["healthcheck"]["test"][-1].replace("8081", ports["8081"])

        def is_up() -> bool:
            try:
                return httpx.get(health).status_code == 200
            except httpx.TransportError:
                return False

        wait_for(is_up, "the proxy", 30)
        root = folder / "data" / "caddy" / "pki" / "authorities" / "local" / "root.crt"
        wait_for(root.exists, "its certificate", 30)
        plain = httpx.get(f"http://{DOMAIN}:{ports['8080']}/login/", follow_redirects=False)
        assert plain.status_code == 308 and plain.headers["location"] == f"https://{DOMAIN}/login/"
        with httpx.Client(
            base_url=f"https://{DOMAIN}:{ports['8443']}",
            verify=ssl.create_default_context(cafile=root),
            timeout=60,
        ) as client:
            page = client.get(
                "/login/", headers={"X-Forwarded-Prefix": "/elsewhere", "X-Forwarded-Host": "evil"}
            )
            assert page.status_code == 200 and "elsewhere" not in page.text and "evil" not in page.text
            assert page.headers.get_list("strict-transport-security") == ["max-age=31536000"]
            assert "nonce-" in page.headers["content-security-policy"]
            assert page.headers["x-content-type-options"] == "nosniff" and "server" not in page.headers
            cookie = page.headers["set-cookie"]
            assert all(word in cookie for word in ("Secure", "HttpOnly", "SameSite=Lax")), cookie
    finally:
        assert production.host.stop("proxy", proxy, signal.SIGTERM) == 0


def test_nothing_is_written_where_a_container_may_not(production: Production) -> None:
    """Containers are read-only but for their volumes and what is in memory."""
    service = production.host.service("refresh")
    writable = [ROOT / entry.split(":")[0].removeprefix("/opt/voronka/") for entry in service["tmpfs"]]
    written = []
    ours = "meltano.yml voronka extract dbt_project superset docker requirements .meltano .voronka/envs"
    for name in ours.split():
        for path in [ROOT / name, *(ROOT / name).rglob("*")]:
            if "__pycache__" in path.parts or any(path.is_relative_to(place) for place in writable):
                continue
            if path.is_file() and not path.is_symlink() and path.stat().st_mtime > production.began:
                written.append(path)
    assert written == []


def test_no_secret_stands_in_a_log(production: Production, folder: Path) -> None:
    logs = [*folder.glob("*.log"), *(production.host.home / "logs").rglob("*.log")]
    assert len(logs) > 4
    for log in logs:
        text = log.read_text(errors="replace")
        assert TOKEN not in text, log
        assert not any(secret in text for secret in secrets_of(production.host)), log
