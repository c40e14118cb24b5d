"""Erasing a person leaves no trace of the person, and every number as it was."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from tests.bench.pipeline import Warehouse, warehouse
from tests.bench.scale import fill
from tests.warehouse.rounds import build
from voronka import erasure
from voronka.failure import Failure
from voronka.forgetting import replace, seeds

# Columns that say who a card is of; all others have to stay what they were.
TEXTS = {
    "title",
    "client",
    "card_title",
    "subject",
    "phone",
    "phone_key",
    "details",
    "lost_client_id",
}


# Waits and the moment of the build grow by the microsecond between the two builds.
SHOWN = {
    "numeric": "round({}, 3)",
    "double precision": "round(cast({} as numeric), 3)",
    "timestamp with time zone": "date_trunc('second', {})",
    "timestamp without time zone": "date_trunc('second', {})",
}


def as_dbt(database: Warehouse) -> psycopg.Connection:
    e = database.env
    return psycopg.connect(
        host=e["WAREHOUSE_HOST"],
        port=e["WAREHOUSE_PORT"],
        dbname=e["WAREHOUSE_DBNAME"],
        user=e["WAREHOUSE_DBT_USER"],
        password=e["WAREHOUSE_DBT_PASSWORD"],
        autocommit=True,
    )


def numbers(connection: psycopg.Connection) -> dict[str, tuple[int, str]]:
    """Of each stored mart how many rows it has, and what they say but for texts; views stand on these."""
    found = {}
    for (mart,) in connection.execute(
        "select relname from pg_class where relnamespace = 'marts'::regnamespace and relkind = 'r'"
        # What dbt and the tap say of themselves: how many seconds things took.
        " and relname !~ '^mart_health__(streams|stream_rows|tests|build|nightly_build|freshness)$' order by 1"
    ).fetchall():
        columns = [
            sql.SQL(SHOWN.get(kind, "{}")).format(sql.Identifier(name))
            for name, kind in connection.execute(
                "select column_name, data_type from information_schema.columns"
                " where table_schema = 'marts' and table_name = %s order by ordinal_position",
                [mart],
            )
            if name not in TEXTS
        ]
        found[mart] = connection.execute(
            sql.SQL(
                "select count(*), coalesce(md5(string_agg(line, ',' order by line)), '')"
                " from (select md5(row({})::text) as line from marts.{}) as lines"
            ).format(sql.SQL(", ").join(columns), sql.Identifier(mart))
        ).fetchone()
    return found


@dataclass
class Erased:
    database: Warehouse
    found: erasure.Found
    before: dict[str, tuple[int, str]]
    mentioned_before: set[str]
    after: dict[str, tuple[int, str]]


def mentioned(connection: psycopg.Connection, said: erasure.Said) -> set[str]:
    """Tables of ours, raw's included, that have a row with the person in it; views stand on them."""
    tables = connection.execute(
        "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where c.relkind = 'r' and n.nspname !~ '^(pg_|information_schema)'"
        " and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')"
    ).fetchall()
    return {
        f"{schema}.{table}"
        for schema, table in tables
        if connection.execute(
            sql.SQL("select exists (select from {} as line where {})").format(
                sql.Identifier(schema, table), said.where(sql.SQL("line::text"))
            )
        ).fetchone()[0]
    }


@pytest.fixture(scope="module")
def erased() -> Iterator[Erased]:
    """The demonstration's busiest person and a sole trader's are erased, and all is built at the same moment again."""
    with warehouse() as database:
        fill(database, 0)
        now = dt.datetime.now(dt.timezone.utc)
        # A build goes by what changed since the one before: it has to be later, if only just.
        first, second = (
            (now + dt.timedelta(microseconds=more)).strftime("%Y-%m-%d %H:%M:%S.%f+00") for more in (0, 1)
        )
        with database.connect() as loader, as_dbt(database) as dbt:
            erasure.prepare(loader)
            (busiest,) = loader.execute(
                "select link from raw_bitrix24.deals, unnest(erasure.links('deals', payload)) as link"
                " where link ~ '^contacts:[1-9]' group by link order by count(*) desc, link limit 1"
            ).fetchone()
            (trader,) = loader.execute(
                "select 'contacts:' || contacts.id from raw_bitrix24.contacts inner join raw_bitrix24.companies"
                " on contacts.payload ->> 'companyId' = companies.id where companies.payload ->> 'title' like 'ИП %'"
                " and strpos(companies.payload ->> 'title', contacts.payload ->> 'lastName') > 0"
                " order by contacts.id::int limit 1"
            ).fetchone() or (busiest,)
            # Somebody wrote the number, as people write it, and the address where nobody looks for them.
            phone, email = loader.execute(
                "select right(erasure.phone_key(payload ->> 'phone'), 10), payload ->> 'email' from raw_bitrix24.contacts"
                " where id = %s",
                [busiest.split(":")[1]],
            ).fetchone()
            loader.execute(
                "update raw_bitrix24.companies set payload = payload || jsonb_build_object('comments', %s::text)"
                " where id = (select min(id::int)::text from raw_bitrix24.companies)",
                [f"Звонить 8 ({phone[:3]}) {phone[3:6]}-{phone[6:8]} {phone[8:]} или {email.upper()}"],
            )
            build(database.env, first)
            before = numbers(dbt)
            found = erasure.find(loader, [busiest, trader])
            seen = mentioned(dbt, found.said)
            erasure.remember(loader, found.keys)
            erasure.apply(loader)
            build(database.env, second)
            erasure.settle(dbt)
            yield Erased(database, found, before, seen, numbers(dbt))


def test_nothing_of_the_person_is_left(erased: Erased) -> None:
    assert {"raw_bitrix24.contacts", "raw_bitrix24.companies", "raw_bitrix24.calls", "marts.fct_calls"} <= (
        erased.mentioned_before
    )
    assert erased.found.phones and erased.found.emails
    with as_dbt(erased.database) as dbt:
        assert mentioned(dbt, erased.found.said) == set()


def test_every_number_of_every_mart_is_what_it_was(erased: Erased) -> None:
    assert len(erased.before) > 40
    assert {
        mart: (erased.before[mart], now) for mart, now in erased.after.items() if erased.before[mart] != now
    } == {}


def test_erasing_twice_changes_nothing(erased: Erased) -> None:
    with erased.database.connect() as loader:
        assert erasure.apply(loader) == {}
        known = loader.execute("select key, pseudonym from erasure.forgotten order by 1").fetchall()
        again = erasure.find(
            loader, [key for key, (mode, _, _) in erased.found.keys.items() if mode == "person"]
        )
        erasure.remember(loader, again.keys)
        assert erasure.apply(loader) == {}
        assert loader.execute("select key, pseudonym from erasure.forgotten order by 1").fetchall() == known
        assert again.said.parts == ()


def test_the_next_build_copies_what_is_published_a_second_time(erased: Erased) -> None:
    """The tables that wait for their turn were dropped: the indexes of the copies stood in each other's way."""
    moment = dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f+00")
    build(erased.database.env, moment, "", "--select", "dim_clients")


def test_an_unknown_card_and_an_employee_who_works_are_refused(erased: Erased) -> None:
    with erased.database.connect() as loader:
        with pytest.raises(Failure, match="has no contacts:987654321"):
            erasure.find(loader, ["contacts:987654321"])
        (user,) = loader.execute(
            "select id from raw_bitrix24.users where payload ->> 'ACTIVE' = 'true' order by id::int limit 1"
        ).fetchone()
        with pytest.raises(Failure, match="still works"):
            erasure.find_employee(loader, user)


def test_a_number_of_two_people_needs_a_word_whose_it_is(erased: Erased) -> None:
    with erased.database.connect() as loader, loader.transaction(force_rollback=True):
        one, two = (
            id_
            for (id_,) in loader.execute(
                "select distinct id from raw_bitrix24.contacts order by id desc limit 2"
            )
        )
        loader.execute(
            'update raw_bitrix24.contacts set payload = payload || \'{"phone": "8 901 222-33-44"}\' where id = any(%s)',
            [[one, two]],
        )
        with pytest.raises(Failure) as refused:
            seeds(loader, [], "+7 (901) 2223344", "")
        assert f"--contact {one} " in str(refused.value) and f"--contact {two} " in str(refused.value)
        # Of one of the two, the number stays with the other, and is told.
        found = erasure.find(loader, [f"contacts:{one}"])
        assert "9012223344" not in found.phones and any("9012223344" in remark for remark in found.remarks)


def test_retention_takes_those_without_business_for_so_long(erased: Erased) -> None:
    with erased.database.connect() as loader:
        everybody, nobody = erasure.inactive(loader, 3), erasure.inactive(loader, 600)
        assert nobody == [] and len(everybody) > 10
        busy = {
            link
            for (link,) in loader.execute(
                "select distinct unnest(erasure.links('deals', payload)) from raw_bitrix24.deals"
                " where payload ->> 'stageSemanticId' = 'P'"
                " or (payload ->> 'updatedTime')::timestamptz > now() - interval '3 months'"
            )
        } | {
            link
            for (link,) in loader.execute(
                "select distinct unnest(erasure.links('calls', payload)) from raw_bitrix24.calls"
                " where (payload ->> 'CALL_START_DATE')::timestamptz > now() - interval '3 months'"
            )
        }
        found = erasure.find(loader, everybody, mentions=False)
        assert not busy & {key for key, (mode, _, _) in found.keys.items() if mode == "person"}


def test_an_employee_who_was_erased_has_no_name_to_search_for(erased: Erased) -> None:
    """Given again, the command searched for «Сотрудник № 15», found it everywhere and failed."""
    with erased.database.connect() as loader, loader.transaction(force_rollback=True):
        (user,) = loader.execute(
            "select id from raw_bitrix24.users where payload ->> 'ACTIVE' = 'false' order by id::int limit 1"
        ).fetchone()
        found = erasure.find_employee(loader, user)
        assert found.names and found.emails
        erasure.remember(loader, found.keys)
        assert erasure.apply(loader)["users"] == 1
        again = erasure.find_employee(loader, user)
        assert again.said.parts == ()
        erasure.remember(loader, again.keys)
        assert erasure.apply(loader) == {}


def test_who_came_back_with_a_backup_is_known_until_erased_again(erased: Erased) -> None:
    with erased.database.connect() as loader, loader.transaction(force_rollback=True):
        assert erasure.traces(loader) == {}
        contact = next(
            key
            for key, (mode, _, _) in erased.found.keys.items()
            if (mode, key[:8]) == ("person", "contacts")
        )
        loader.execute(
            "update raw_bitrix24.contacts set payload = payload"
            ' || \'{"name": "Пётр", "lastName": "Вернувшийся", "phone": "+7 901 555-44-33"}\' where id = %s',
            [contact.split(":")[1]],
        )
        user, last, first = loader.execute(
            "select id, payload ->> 'LAST_NAME', payload ->> 'NAME' from raw_bitrix24.users"
            " where payload ->> 'ACTIVE' = 'false' order by id::int limit 1"
        ).fetchone()
        erasure.remember(loader, {f"users:{user}": ("person", None, False)})
        known = erasure.traces(loader)
        assert known.keys() == {"", user}
        assert known[""].is_in("Звонил 8 (901) 555 44 33") and known[""].is_in("Пётр Вернувшийся")
        assert known[user].is_in(f"{last} {first}") and not known[user].is_in("Пётр Вернувшийся")
        erasure.apply(loader)
        assert erasure.traces(loader) == {}


def test_a_mention_in_a_journal_is_replaced_and_nothing_beside_it(erased: Erased) -> None:
    said = erasure.said_of({"9015554433"}, {"p_o%c@example.com"}, {("Вернувшийся", "Пётр")})
    lines = {
        1: {"filter": "100 % Пётр Вернувшийся, 8 (901) 555-44-33"},
        2: {"filter": "P_O%C@example.com"},
        3: {"filter": "990155544330 и Вернувшийся Павел"},
    }
    with erased.database.connect() as loader, loader.transaction(force_rollback=True):
        loader.execute("create temporary table journal (id int, said jsonb)")
        for number, line in lines.items():
            loader.execute("insert into journal values (%s, %s)", [number, Jsonb(line)])
        replace(loader, "pg_temp", "journal", [("said", "jsonb")], said, "Данные удалены")
        assert dict(loader.execute("select id, said ->> 'filter' from journal").fetchall()) == {
            1: "100 % Данные удалены, Данные удалены",
            2: "Данные удалены",
            3: lines[3]["filter"],
        }
