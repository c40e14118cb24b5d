"""One refresh: check the portal, see that the warehouse is this portal's, run Meltano's job."""

from __future__ import annotations

import hashlib
import subprocess

import click
import psycopg

from voronka import erasure, paths, progress, uploads
from voronka.failure import Failure
from voronka.settings import Settings

# What the models were at the last build of everything.
BUILT_OF = paths.HOME / "built.sha256"
# What a person wants to see of Meltano's output: the tap's counts, dbt's verdicts.
SHOWN = (
    r"(tap-bitrix24 (?:\w+: )?[\d\s]+rows .*|tap-bitrix24 .*(?:failed|refused).*"
    r"|Done\. PASS=.*|\d+ of \d+ (?:ERROR|FAIL) .*|Publishing .*|Nothing published.*)$"
)


def check_portal(env: dict[str, str]) -> str:
    """Ask the portal who we are to it; its name and rights in one line.

    Raises:
        Failure: with the cause and the cure in one line, never the token.
    """
    python = paths.plugin_executable("extractors", "tap-bitrix24", "python")
    result = subprocess.run(
        [str(python), "-m", "tap_bitrix24.check"], env=env, capture_output=True, text=True, cwd=paths.HOME
    )
    said = (result.stdout.strip() or result.stderr.strip()).splitlines()
    line = said[-1] if said else "the check ended without a word"
    if result.returncode:
        raise Failure(line)
    return line


def _portals(settings: Settings) -> list[tuple[str, str, bool]]:
    """Portals whose rows the warehouse holds: (host, host that it answered at, is it the demonstration)."""
    try:
        with psycopg.connect(settings.warehouse.url("loader"), connect_timeout=5) as warehouse:
            if not warehouse.execute("select to_regclass('raw_bitrix24.portal')").fetchone()[0]:
                return []
            rows = warehouse.execute(
                "select id, split_part(payload ->> 'url', '://', 2),"
                " coalesce((payload ->> 'is_demonstration')::boolean, false) from raw_bitrix24.portal"
            ).fetchall()
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[-1]
        setting = "VORONKA_POSTGRES_URL" if settings.warehouse.ours else "DATABASE_URL"
        where, cure = f"The database of {setting}", f"Correct {setting}."
        if settings.warehouse.ours and settings.server.embedded:
            where, cure = "The embedded database", "Start it with `make demo`."
        raise Failure(f"{where} cannot be reached: {reason}. {cure}") from None
    return rows


def _rename(settings: Settings, known: list[str], host: str) -> None:
    """Let a portal keep its rows under its new name."""
    with psycopg.connect(settings.warehouse.url("loader")) as warehouse:
        warehouse.execute("delete from raw_bitrix24.portal where id = %s", [host])
        warehouse.execute("update raw_bitrix24.portal set id = %s where id = %s", [host, known[0]])
        warehouse.execute("delete from raw_bitrix24.portal where id = any(%s)", [known])
    click.echo(f"      the portal {known[0]} is now {host}")


def claim_warehouse(settings: Settings, host: str, *, demo: bool, env: dict[str, str]) -> None:
    """See that the warehouse holds nothing of another portal: two portals in one set of tables would be wrong sums.

    The demonstration is disposable and makes room for a company's own portal, never the other way round. A portal
    under a new name is still the same.

    Raises:
        Failure: the warehouse belongs to another portal.
    """
    portals = _portals(settings)
    # A portal that was renamed sent us from its old address to the new one, and its row says so.
    if known := [name for name, answered_at, _ in portals if name != host and answered_at == host]:
        _rename(settings, known, host)
    others = [(name, is_demo) for name, _, is_demo in portals if name != host and name not in known]
    real = [name for name, is_demo in others if not is_demo]
    if real:
        raise Failure(
            f"The warehouse holds the data of {real[0]}; {host} would be mixed into it. "
            "Give this portal a database of its own (DATABASE_URL in .env), or `make clean` to drop the old data."
        )
    if not others:
        return
    what = "demonstration data of another address" if demo else "the demonstration data"
    click.secho(f"      removing {what} from the warehouse, to load {host}", fg="yellow")
    with psycopg.connect(settings.warehouse.url("dbt"), autocommit=True) as warehouse:
        for schema in ("marts", "marts_next", "intermediate", "staging", "raw_inputs"):
            warehouse.execute(f'drop schema if exists "{schema}" cascade')
    BUILT_OF.unlink(missing_ok=True)
    uploads.discard(settings)
    erasure.discard(settings)
    with psycopg.connect(settings.warehouse.url("loader"), autocommit=True) as warehouse:
        tables = warehouse.execute(
            "select tablename from pg_tables where schemaname = 'raw_bitrix24'"
        ).fetchall()
        for (table,) in tables:
            warehouse.execute(f'drop table raw_bitrix24."{table}" cascade')
    progress.run(
        [
            paths.executable("meltano", "meltano"),
            "state",
            "clear",
            "--force",
            f"{env['MELTANO_ENVIRONMENT']}:tap-bitrix24-to-target-postgres",
        ],
        log="meltano-state",
        env=env,
    )


def _models() -> str:
    """A fingerprint of what the project says of tables: what people fill in (seeds) may change at any time."""
    digest = hashlib.sha256()
    folder = paths.ROOT / "dbt_project"
    for file in sorted(
        [folder / "dbt_project.yml", *folder.glob("models/**/*.*"), *folder.glob("macros/**/*.*")]
    ):
        digest.update(str(file.relative_to(folder)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def due(job: str) -> str:
    """The job to run where `job` is asked for: everything, where models are others than at the last build of everything.

    The refresh reads what the night computes: after an upgrade, or an edit, those tables may lack a column that it needs.
    """
    if job != "refresh" or (BUILT_OF.exists() and BUILT_OF.read_text() == _models()):
        return job
    return "nightly"


def refresh(settings: Settings, *, demo: bool, job: str = "nightly") -> str:
    """Extract, build, test, publish by a job of meltano.yml; returns the portal check's line.

    Raises:
        Failure: any of them failed; what viewers see is then what it was.
    """
    env = settings.environment(demo=demo)
    checked = check_portal(env)
    click.echo(f"      {checked}")
    host = checked.split()[1]
    claim_warehouse(settings, host, demo=demo, env=env)
    models, due_job = _models(), due(job)
    if due_job != job:
        click.echo("      models have changed since the last build of everything: all is built, as at night")
    progress.run(
        # A run that was killed counts as running for five minutes. Ours is the only one: whoever calls holds the lock.
        [paths.executable("meltano", "meltano"), "run", "--force", due_job],
        log="refresh",
        env=env,
        show=SHOWN,
        cure="Dashboards keep showing the last complete refresh.",
    )
    if due_job == "nightly":
        BUILT_OF.write_text(models)
    return checked
