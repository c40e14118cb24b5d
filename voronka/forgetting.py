"""The commands `forget` and `retention`: erase people from everything that Voronka keeps, and show that they are gone."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import psycopg
from psycopg import sql

from voronka import erasure, paths, progress
from voronka.erasure import Found, Said
from voronka.failure import Failure
from voronka.settings import Settings

# Of dbt and of what the person's texts may have been copied into; what a build makes is made anew instead.
KEPT_COPIES = ("uploads", "raw_inputs", "build_log")
BUILT_ASIDE = r"^(staging|intermediate|marts|marts_next)_(?!next$)"
# Neither logs nor anything that anybody wrote: programs, the server's own files, secrets; backups age out.
NOT_SEARCHED = ("envs", "postgres", "backups", "secrets.env", "lock", "forget.pending")
PENDING = "forget.pending"
LARGEST_FILE = 200 * 2**20


def look_up(settings: Settings, cards: list[str], phone: str, email: str, employee: int | None) -> Found:
    """Everything of the person whom the options name; nothing is changed.

    Raises:
        Failure: nobody is known so, or several people are.
    """
    with erasure.connect(settings) as connection:
        if employee is not None:
            return erasure.find_employee(connection, str(employee))
        known = seeds(connection, cards, phone, email)
        found = erasure.find(connection, known, phone=phone if not known else "")
    if not found.keys:
        raise Failure(f"Neither a card nor a call has {phone}.")
    return found


def seeds(connection: psycopg.Connection, cards: list[str], phone: str, email: str) -> list[str]:
    """The cards to begin with.

    Raises:
        Failure: nobody has the phone or the e-mail, or several people have.
    """
    if not phone and not email:
        return cards
    known = erasure.keys_of(connection, phone, email)
    said = phone or email
    if not known and not phone:
        raise Failure(f"No contact, lead or company has {said}.")
    if not known:
        return cards
    contacts = [key for key in known if key.startswith("contacts:")]
    if len(contacts) > 1 or (not contacts and len({label.lower() for label in known.values()}) > 1):
        listed = "\n".join(f"  {_option(key)}   {label}" for key, label in known.items())
        raise Failure(
            f"Several cards have {said}. Say which are the person's (an option may stand several times):\n{listed}"
        )
    people = contacts or [key for key in known if not key.startswith("companies:")]
    if not people:
        listed = ", ".join(f"{_option(key)} ({label})" for key, label in known.items())
        raise Failure(f"{said} is a company's, which is no person. A sole trader's is erased by {listed}.")
    return cards + people


def _option(key: str) -> str:
    stream, id_ = key.split(":")
    return f"--{ {'contacts': 'contact', 'leads': 'lead', 'companies': 'company'}[stream] } {id_}"


def show(found: Found) -> None:
    click.echo("      own cards: " + "; ".join(found.labels))
    click.echo("      rows: " + ", ".join(f"{stream} {count}" for stream, count in found.counts.items()))
    own = (
        sorted(found.phones - found.pseudonyms)
        + sorted(found.emails)
        + [" ".join(n) for n in sorted(found.names)]
    )
    click.echo("      searched for everywhere: " + (", ".join(own) or "nothing"))
    for remark in found.remarks:
        click.secho(f"      {remark}.", fg="yellow")


def erase(settings: Settings, found: Found) -> None:
    """Take the person out of raw rows and put the cards on the list that the loader goes by."""
    with erasure.connect(settings) as connection:
        erasure.remember(connection, found.keys)
        changed = erasure.apply(connection)
        connection.commit()
        erasure.save_list(connection)
    _vacuum(settings, changed)
    click.echo(
        "      rewritten: " + (", ".join(f"{name} {count}" for name, count in changed.items()) or "nothing")
    )


def forget(settings: Settings, found: Found, env: dict[str, str], employee: int | None) -> None:
    """Everything that `--yes` does: raw rows, copies and journals, marts; the answers kept meanwhile go last."""
    instead = _instead(str(employee or ""))
    # What a run that was cut short was looking for: raw knows it no more.
    if pending().exists():
        parts, needles = json.loads(pending().read_text(encoding="utf-8"))
        found.unfinished = Said(tuple(parts), tuple(needles))
    with os.fdopen(os.open(pending(), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
        json.dump([found.said.parts, found.said.needles], handle)
    clean_up(settings, found.said, instead, str(employee or ""))
    erase(settings, found)
    rebuild(settings, env)
    # Again: the build's log, and what somebody looked at until it was published.
    clean_up(settings, found.said, instead, str(employee or ""))


def _instead(employee: str) -> str:
    return f"Сотрудник № {employee}" if employee else "Данные удалены"


def pending() -> Path:
    return paths.HOME / PENDING


def check(settings: Settings, found: Found) -> None:
    """Raises:
    Failure: the person is mentioned somewhere still; the text says where.
    """
    places = left(settings, found.said)
    if places:
        raise Failure(
            "The person is mentioned still in: "
            + "; ".join(places)
            + ". Run the same command again; if it stays,"
            " build everything anew (`dbt build --full-refresh`, README «By hand»)."
        )
    pending().unlink(missing_ok=True)
    click.echo("      nowhere to be found")


def again(saved: Path, settings: Settings) -> None:
    """After a restore: who was erased since the backup was made is erased again."""
    changed, known = erasure.again(settings, erasure.list_file(), saved / erasure.list_file().name)
    if changed:
        _vacuum(settings, changed)
        click.echo("      erased again: " + ", ".join(f"{name} {count}" for name, count in changed.items()))
    for employee, said in known.items():
        if len(said.parts) > erasure.TOO_MANY:
            click.secho("      too many people to search uploads and Superset's metadata for", fg="yellow")
            continue
        # What the backup brought back beside the rows: uploads, Superset's journals and logins.
        clean_up(settings, said, _instead(employee), employee)
        if places := left(settings, said):
            click.secho(f"      mentioned still in: {'; '.join(places)}", fg="yellow")


def _vacuum(settings: Settings, changed: dict[str, int]) -> None:
    """The rows as they were stay in the files of tables until they are vacuumed."""
    with psycopg.connect(settings.warehouse.url("loader"), autocommit=True) as connection:
        for stream in changed:
            connection.execute(
                sql.SQL("vacuum (full, analyze) {}").format(sql.Identifier(erasure.RAW, stream))
            )


def rebuild(settings: Settings, env: dict[str, str]) -> None:
    """Build all marts without the person, and drop what held the person until now."""
    with psycopg.connect(settings.warehouse.url("dbt"), autocommit=True) as connection:
        for (schema,) in connection.execute(
            "select nspname from pg_namespace where nspname ~ %s", [BUILT_ASIDE]
        ).fetchall():
            click.echo(f"      dropping {schema}: built from the rows as they were")
            connection.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(schema)))
    progress.run(
        [paths.executable("meltano", "meltano"), "invoke", "dbt-postgres:build"],
        log="forget-build",
        env=env,
        show=r"(Done\. PASS=.*|\d+ of \d+ (?:ERROR|FAIL) .*|Publishing .*|Nothing published.*)$",
        cure="The rows are erased; what viewers see is not yet. Mend that, then run the same command again.",
    )
    settle(settings)


def settle(settings: Settings) -> None:
    """After a build: what dbt keeps for its next builds loses the person too."""
    with psycopg.connect(settings.warehouse.url("dbt"), autocommit=True) as connection:
        erasure.settle(connection)


def clean_up(settings: Settings, said: Said, instead: str, employee: str = "") -> None:
    """Superset's answers and journals, Meltano's, uploads, logs: the words are replaced, cached answers are dropped."""
    for name, connection in databases(settings):
        if name == "superset":
            if not connection.execute("select to_regclass('ab_user')").fetchone()[0]:  # type: ignore[index]
                # Nobody has looked at a dashboard yet.
                continue
            _forget_answers(connection, said)
            if employee and said.parts:
                connection.execute(
                    "update ab_user set first_name = 'Сотрудник', last_name = %s, username = %s, email = %s"
                    " where concat_ws(' ', email, username) ~* %s or concat_ws(' ', last_name, first_name) ~* %s",
                    [
                        f"№ {employee}",
                        f"deleted-{employee}",
                        f"user{employee}@example.invalid",
                        *[said.pattern] * 2,
                    ],
                )
        if not said.parts:
            continue
        schemas = KEPT_COPIES if name in ("warehouse", "uploads") else ("public",)
        for schema, table, columns in _texts(connection, schemas):
            if name == "warehouse" and schema == "uploads":
                continue
            replace(connection, schema, table, columns, said, instead)
    for file in files() if said.parts else ():
        _clean_file(file, said, instead)


def databases(settings: Settings) -> Iterator[tuple[str, psycopg.Connection]]:
    """Connections to all that Voronka keeps in PostgreSQL, each as who owns it."""
    env = settings.environment(demo=True)
    urls = {"warehouse": settings.warehouse.url("dbt"), "raw": settings.warehouse.url("loader")}
    if settings.warehouse.upload:
        urls["uploads"] = settings.warehouse.url("upload")
    urls["superset"] = env["SUPERSET_DATABASE_URI"].replace("+psycopg2", "")
    urls["meltano"] = env["MELTANO_DATABASE_URI"].replace("+psycopg", "")
    for name, url in urls.items():
        with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
            yield name, connection


def _texts(
    connection: psycopg.Connection, schemas: tuple[str, ...]
) -> list[tuple[str, str, list[tuple[str, str]]]]:
    rows = connection.execute(
        "select n.nspname, c.relname, array_agg(array[a.attname::text, t.typname::text])"
        " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped"
        " join pg_type t on t.oid = a.atttypid"
        " where c.relkind = 'r' and n.nspname = any(%s)"
        " and t.typname in ('text', 'varchar', 'json', 'jsonb', 'bpchar')"
        " and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'update')"
        " group by 1, 2 order by 1, 2",
        [list(schemas)],
    ).fetchall()
    return [(schema, table, [tuple(pair) for pair in columns]) for schema, table, columns in rows]


def replace(
    connection: psycopg.Connection,
    schema: str,
    table: str,
    columns: list[tuple[str, str]],
    said: Said,
    instead: str,
) -> None:
    for column, kind in columns:
        given = {
            "table": sql.Identifier(schema, table),
            "column": sql.Identifier(column),
            "kind": sql.Identifier("pg_catalog", kind),
            # No parameters beside the condition: its texts have percent signs.
            "pattern": sql.Literal(said.pattern),
            "instead": sql.Literal(instead),
        }
        connection.execute(
            sql.SQL(
                "update {table} set {column} = regexp_replace({column}::text, {pattern}, {instead}, 'gi')::{kind}"
                " where {mentions}"
            ).format(**given, mentions=said.where(sql.SQL("{}::text").format(given["column"])))
        )


def _forget_answers(connection: psycopg.Connection, said: Said) -> None:
    """Answers kept for two minutes, and addresses that carry filters somebody typed."""
    connection.execute("delete from key_value where resource = 'superset_metastore_cache'")
    for number, value in connection.execute("select id, value from key_value").fetchall():
        text = bytes(value).decode("utf-8", "ignore")
        if said.is_in(text):
            connection.execute("delete from key_value where id = %s", [number])
    connection.execute("delete from cache_keys")


def files() -> Iterator[Path]:
    """Logs, runs and lists that this installation wrote."""
    for folder in (paths.HOME, paths.MELTANO_HOME / "logs", paths.MELTANO_HOME / "run"):
        for where, folders, names in os.walk(folder):
            if Path(where) == paths.HOME:
                folders[:] = [name for name in folders if name not in NOT_SEARCHED]
                names = [name for name in names if name not in NOT_SEARCHED]
            for name in names:
                file = Path(where) / name
                if file.is_file() and not file.is_symlink() and file.stat().st_size < LARGEST_FILE:
                    yield file


def _clean_file(file: Path, said: Said, instead: str) -> None:
    try:
        text = file.read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return
    if said.is_in(text):
        fresh = re.sub(said.pattern, instead, text, flags=re.IGNORECASE)
        # In place: whoever writes this log holds it open.
        with file.open("r+b") as handle:
            handle.write(fresh.encode("utf-8", "surrogateescape"))
            handle.truncate()


def left(settings: Settings, said: Said) -> list[str]:
    """Where the person is mentioned still: every table of every database, as text, and every file."""
    places: list[str] = []
    if not said.parts:
        return places
    for name, connection in databases(settings):
        tables = connection.execute(
            "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where c.relkind in ('r', 'm') and n.nspname !~ '^(pg_|information_schema)'"
            " and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') order by 1, 2"
        ).fetchall()
        for schema, table in tables:
            count = connection.execute(
                sql.SQL("select count(*) from {} as line where {}").format(
                    sql.Identifier(schema, table), said.where(sql.SQL("line::text"))
                )
            ).fetchone()
            if count and count[0]:
                places.append(f"{count[0]} rows of {schema}.{table} ({name})")
    for file in files():
        if said.is_in(file.read_bytes().decode("utf-8", "surrogateescape")):
            places.append(str(file))
    return sorted(set(places))


def months(settings: Settings) -> int:
    """VORONKA_RETENTION_MONTHS; 0: people are kept for ever."""
    text = settings.get("VORONKA_RETENTION_MONTHS", "0")
    if not text.isdigit() or 0 < int(text) < 3 or int(text) > 1200:
        raise Failure(
            f"VORONKA_RETENTION_MONTHS is {text!r}: give a whole number of months, 3 or more,"
            " or leave it out to keep people for ever"
        )
    return int(text)


def retain(settings: Settings, *, really: bool) -> bool:
    """Erase people whose business ended longer ago than the setting says; whether there are any."""
    kept = months(settings)
    if not kept:
        click.echo("      VORONKA_RETENTION_MONTHS is not set: people are kept for ever")
        return False
    with erasure.connect(settings) as connection:
        keys = erasure.inactive(connection, kept)
        if not keys:
            click.echo(f"      nobody's business ended more than {kept} months ago")
            return False
        found = erasure.find(connection, keys, mentions=False)
    click.echo(f"      {len(found.labels)} cards of people without business for {kept} months")
    click.echo("      rows: " + ", ".join(f"{stream} {count}" for stream, count in found.counts.items()))
    if really:
        erase(settings, found)
    return True


@contextmanager
def retaining(settings: Settings, job: str) -> Iterator[None]:
    """Around a refresh: by night, who has to go is erased before it, and what held them afterwards."""
    gone = (
        job == "nightly"
        and months(settings) > 0
        and erasure.is_loaded(settings)
        and retain(settings, really=True)
    )
    yield
    if gone:
        settle(settings)
