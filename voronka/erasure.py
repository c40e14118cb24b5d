"""Who a person is in the raw rows of the portal, and how the person leaves them: docs/personal-data.md.

What is erased is written down in `erasure.forgotten` (cards by their ids, never names or numbers) and in `forgotten.json`
of VORONKA_HOME, from which a restored backup is treated again. erasure.sql says how a row looks afterwards.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from voronka import paths
from voronka.failure import Failure

if TYPE_CHECKING:
    from voronka.settings import Settings

LIST = "forgotten.json"
RAW = "raw_bitrix24"
PEOPLE = ("contacts", "leads", "companies")
CARDS = (*PEOPLE, "deals", "quotes", "smart_invoices", "smart_process_items")
# Rows that can say something of a person; the others are dictionaries, histories of stages and the run ledger.
STREAMS = (*CARDS, "activities", "calls", "orders", "payments", "users")
SOLE_TRADER = r"^\s*(ИП|Индивидуальный предприниматель|самозанят\S*)\M"
# A mention of somebody on more cards than this is the name of something else.
TOO_MANY = 1000


def list_file() -> Path:
    return paths.HOME / LIST


SEPARATORS = str.maketrans("", "", " ()-")


@dataclass(frozen=True)
class Said:
    """What a person is mentioned by: regular expressions, of PostgreSQL as well as of Python, and plain texts, of which every
    mention has one (in lower case, without what separates the digits of a number): they are found much faster."""

    parts: tuple[str, ...] = ()
    needles: tuple[str, ...] = ()

    def __or__(self, other: Said) -> Said:
        return Said((*self.parts, *other.parts), (*self.needles, *other.needles))

    @property
    def pattern(self) -> str:
        return "|".join(self.parts)

    def where(self, text: sql.Composable) -> sql.Composed:
        """SQL of the condition that a text has a mention."""
        likely = [
            "%" + needle.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
            for needle in self.needles
        ]
        return sql.SQL("lower(translate({0}, ' ()-', '')) like any({1}) and {0} ~* {2}").format(
            text, sql.Literal(likely), sql.Literal(self.pattern)
        )

    def is_in(self, text: str) -> bool:
        plain = text.lower().translate(SEPARATORS)
        return any(needle in plain for needle in self.needles) and bool(
            re.search(self.pattern, text, re.IGNORECASE)
        )


@dataclass
class Found:
    """A person's traces: key of a row (`<stream>:<id>`) → (mode, pseudonym, covers), and what to search everything for."""

    keys: dict[str, tuple[str, str | None, bool]] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    """Cards that are the person's own, as people know them."""
    phones: set[str] = field(default_factory=set)
    emails: set[str] = field(default_factory=set)
    names: set[tuple[str, str]] = field(default_factory=set)
    """(last name, first name)"""
    pseudonyms: set[str] = field(default_factory=set)
    """Of `phones` those that stand in place of one already."""
    unfinished: Said = field(default_factory=Said)
    """What an earlier run that was cut short looked for."""
    remarks: list[str] = field(default_factory=list)

    @property
    def counts(self) -> Counter[str]:
        return Counter(key.split(":")[0] for key in self.keys)

    @property
    def said(self) -> Said:
        """What the person is mentioned by, wherever it may be."""
        return said_of(self.phones - self.pseudonyms, self.emails, self.names) | self.unfinished


def said_of(phones: Iterable[str], emails: Iterable[str], names: Iterable[tuple[str, str]]) -> Said:
    parts = [
        r"(?<!\d)(?:\+?[78][ ()\-]{0,3})?" + r"[ ()\-]{0,3}".join(phone) + r"(?!\d)"
        for phone in sorted(phones)
    ]
    parts += [r"(?<![\w.])" + re.escape(email) + r"(?!\w)" for email in sorted(emails)]
    # JSON may write letters as their codes.
    written = set(names) | {(json.dumps(last)[1:-1], json.dumps(first)[1:-1]) for last, first in names}
    needles = [*phones, *emails, *(last for last, _ in written)]
    for last, first in sorted(written):
        last, first, gap = re.escape(last), re.escape(first), r"[\s,\"]+"
        parts += [rf"(?<!\w){last}{gap}{first}(?!\w)", rf"(?<!\w){first}{gap}(?:\w+{gap})?{last}(?!\w)"]
    return Said(tuple(parts), tuple(needle.lower().translate(SEPARATORS) for needle in needles))


def connect(settings: Settings) -> psycopg.Connection:
    """As the loader: its are the rows."""
    return psycopg.connect(settings.warehouse.url("loader"), connect_timeout=5)


def prepare(connection: psycopg.Connection) -> None:
    """Make what erasing needs in the warehouse; safe to repeat."""
    connection.execute((Path(__file__).with_suffix(".sql")).read_text(encoding="utf-8"))


def _streams(connection: psycopg.Connection) -> list[str]:
    """Of the streams that can name a person those that the warehouse has."""
    rows = connection.execute(
        "select tablename from pg_tables where schemaname = %s and tablename = any(%s)", [RAW, list(STREAMS)]
    )
    there = {name for (name,) in rows}
    if not there.issuperset(PEOPLE):
        raise Failure(
            "There is nothing to erase yet: no refresh has loaded the portal's cards (`make refresh`)."
        )
    return [name for name in STREAMS if name in there]


def _table(stream: str) -> sql.Identifier:
    return sql.Identifier(RAW, stream)


def _index(connection: psycopg.Connection) -> None:
    """Numbers, addresses and names of the cards of people and companies, of every version: temporary tables."""
    connection.execute("drop table if exists pg_temp.numbers, pg_temp.addresses, pg_temp.names")
    of_people = sql.SQL(" union all ").join(
        sql.SQL("select {} as stream, id, payload from {}").format(sql.Literal(stream), _table(stream))
        for stream in PEOPLE
    )
    connection.execute(
        sql.SQL(
            """
            create temporary table numbers as
            select distinct stream || ':' || id as key, erasure.phone_key(said.value) as number
            from ({cards}) as cards
            cross join lateral (
              select jsonb_path_query(payload, '$.fm[*] ? (@.typeId == "PHONE").value') #>> '{{}}' as value
              union
              select unnest(string_to_array(payload ->> 'phone', ','))
            ) as said
            where erasure.phone_key(said.value) is not null;
            create index on numbers (number);
            create index on numbers (key);
            create temporary table addresses as
            select distinct stream || ':' || id as key, lower(btrim(said.value)) as address
            from ({cards}) as cards
            cross join lateral (
              select jsonb_path_query(payload, '$.fm[*] ? (@.typeId == "EMAIL").value') #>> '{{}}' as value
              union
              select unnest(string_to_array(payload ->> 'email', ','))
            ) as said
            where btrim(said.value) like '%@%' and btrim(said.value) <> 'deleted@example.invalid';
            create index on addresses (address);
            create temporary table names as
            select distinct
              stream || ':' || id as key,
              btrim(coalesce(payload ->> 'lastName', '')) as last_name,
              btrim(coalesce(payload ->> 'name', '')) as first_name,
              btrim(coalesce(payload ->> 'title', '')) as title,
              nullif(payload ->> 'contactId', '0') as contact_id
            from ({cards}) as cards;
            create index on names (key);
            analyze numbers; analyze addresses; analyze names;
            """
        ).format(cards=of_people)
    )


def keys_of(connection: psycopg.Connection, phone: str = "", email: str = "") -> dict[str, str]:
    """Cards with a phone or an e-mail: key → how people know it."""
    _streams(connection)
    prepare(connection)
    _index(connection)
    return _labels(
        connection,
        [
            key
            for (key,) in connection.execute(
                "select key from numbers where number = erasure.phone_key(%s)"
                " union select key from addresses where address = lower(btrim(%s)) order by 1",
                [phone, email],
            )
        ],
    )


def _labels(connection: psycopg.Connection, keys: list[str]) -> dict[str, str]:
    rows = connection.execute(
        "select distinct on (key) key, coalesce(nullif(concat_ws(' ', nullif(last_name, ''), nullif(first_name, '')), ''), title)"
        " from names where key = any(%s) order by key, last_name desc",
        [keys],
    )
    return {key: label for key, label in rows}


def find(
    connection: psycopg.Connection, seeds: list[str], *, phone: str = "", mentions: bool = True
) -> Found:
    """Everything in raw that is of the people whose cards `seeds` names (keys of contacts, leads, companies); `phone`: of
    somebody without a card.

    Raises:
        Failure: nothing was loaded yet, or a card is not known.
    """
    streams = _streams(connection)
    prepare(connection)
    _index(connection)
    known = _labels(connection, seeds)
    if unknown := [key for key in seeds if key not in known]:
        raise Failure(
            f"The warehouse has no {', '.join(unknown)}: look the id up in the card's address in the portal."
        )
    found = Found()
    if phone:
        number = connection.execute("select erasure.phone_key(%s)", [phone]).fetchone()
        found.phones = {number[0]} if number and number[0] else set()
    people = _people(connection, seeds)
    _numbers(connection, people, found)
    calls = _calls(connection, people, found) if "calls" in streams else {}
    pseudonyms = _pseudonyms(connection, sorted(found.phones | {n for _, n in calls.values() if n}))
    first = dict(
        connection.execute(
            "select distinct on (key) key, number from numbers where key = any(%s) and number = any(%s) order by key, number",
            [sorted(people), sorted(found.phones)],
        ).fetchall()
    )
    spare = _pseudonyms(connection, sorted(people))
    for key in people:
        found.keys[key] = ("person", pseudonyms.get(first.get(key, ""), spare[key]), True)
    for key, (_, number) in calls.items():
        found.keys.setdefault(key, ("texts", pseudonyms.get(number or ""), False))
    found.phones |= {number for _, number in calls.values() if number}
    found.pseudonyms = {
        number
        for (number,) in connection.execute("select erasure.phone_key(pseudonym) from erasure.forgotten")
    }
    _belongings(connection, streams, people, [activity for activity, _ in calls.values() if activity], found)
    _names(connection, streams, people, found)
    if mentions:
        _mentions(connection, streams, found)
    found.labels = [f"{key} {label}" for key, label in sorted(_labels(connection, sorted(people)).items())]
    return found


def _people(connection: psycopg.Connection, seeds: list[str]) -> set[str]:
    """Cards of the same people: leads of a contact, leads without a contact that have its number or address, companies
    of sole traders. A number or an address of another contact is no proof."""
    people = set(seeds)
    while True:
        rows = connection.execute(
            """
            with own as (select unnest(%(people)s::text[]) as key),
            of_cards as (select key, number as said from numbers union all select key, address from addresses),
            shared as (
              select numbers.number as said from numbers where key like 'contacts:%%' and key <> all(%(people)s)
              union all
              select addresses.address from addresses where key like 'contacts:%%' and key <> all(%(people)s)
            ),
            said as (
              (select number as said from numbers inner join own using (key)
               union select address from addresses inner join own using (key))
              except select said from shared
            )
            select key from names where key like 'leads:%%' and 'contacts:' || contact_id = any(%(people)s)
            union
            select names.key from names
            inner join of_cards using (key)
            inner join said using (said)
            where names.key like 'leads:%%' and names.contact_id is null
            union
            select traders.key from names as traders
            inner join of_cards using (key)
            inner join said using (said)
            inner join names as holders on holders.key = any(%(people)s) and holders.last_name <> ''
            where traders.key like 'companies:%%' and traders.title ~* %(trader)s
              and strpos(lower(traders.title), lower(holders.last_name)) > 0
            """,
            {"people": sorted(people), "trader": SOLE_TRADER},
        )
        more = {key for (key,) in rows} | _traders_of(connection, people)
        if more <= people:
            return people
        people |= more


def _traders_of(connection: psycopg.Connection, people: set[str]) -> set[str]:
    """Companies of the contacts themselves: named a sole trader's, with the contact's last name."""
    contacts = [key.split(":")[1] for key in people if key.startswith("contacts:")]
    rows = connection.execute(
        sql.SQL(
            """
            select distinct traders.key
            from {contacts} as cards
            cross join lateral (
              select cards.payload ->> 'companyId' as id
              union
              select jsonb_array_elements_text(
                case jsonb_typeof(cards.payload -> 'companyIds') when 'array' then cards.payload -> 'companyIds' else '[]' end
              )
            ) as companies
            inner join names as traders on traders.key = 'companies:' || companies.id
            where cards.id = any(%s) and traders.title ~* %s and coalesce(cards.payload ->> 'lastName', '') <> ''
              and strpos(lower(traders.title), lower(btrim(cards.payload ->> 'lastName'))) > 0
            """
        ).format(contacts=_table("contacts")),
        [contacts, SOLE_TRADER],
    )
    return {key for (key,) in rows}


def _numbers(connection: psycopg.Connection, people: set[str], found: Found) -> None:
    """Numbers and addresses that are of nobody else; who else has the others is told."""
    for table, column, into in (("numbers", "number", found.phones), ("addresses", "address", found.emails)):
        rows = connection.execute(
            f"select {column}, array_agg(distinct key order by key) filter (where key <> all(%(people)s)) from {table}"
            f" where {column} in (select {column} from {table} where key = any(%(people)s)) group by {column}",
            {"people": sorted(people)},
        )
        for said, others in rows:
            if others:
                found.remarks.append(
                    f"{said} is also of {', '.join(others[:5])}: it stays there and in their calls"
                )
            else:
                into.add(said)


def _calls(
    connection: psycopg.Connection, people: set[str], found: Found
) -> dict[str, tuple[str | None, str | None]]:
    """Calls of the people's numbers and cards: key → (activity, number where it is nobody else's)."""
    rows = connection.execute(
        sql.SQL(
            """
            with called as (
              select
                'calls:' || id as key, payload ->> 'CRM_ACTIVITY_ID' as activity,
                erasure.phone_key(payload ->> 'PHONE_NUMBER') as number, erasure.links('calls', payload) && %(people)s as bound
              from {calls}
            ),
            own as (
              select unnest(%(phones)s::text[]) as number
              union
              -- A number that called and is on no card at all.
              select number from called where bound and number not in (select number from numbers)
            )
            select called.key, nullif(called.activity, '0'), own.number
            from called
            left join own using (number)
            where called.bound or own.number is not null
            """
        ).format(calls=_table("calls")),
        {"people": sorted(people), "phones": sorted(found.phones)},
    )
    return {key: (activity, number) for key, activity, number in rows}


def _pseudonyms(connection: psycopg.Connection, whose: list[str]) -> dict[str, str]:
    """A random number for each, that no card and no call has: Russian numbers have no 0 behind +7."""
    if not whose:
        return {}
    rows = connection.execute(
        # What is a pseudonym already stays what it is.
        "select whose, case when '+7' || whose in (select pseudonym from erasure.forgotten) then '+7' || whose"
        " else '+70' || lpad((random() * 999999998 + 1)::bigint::text, 9, '0') end from unnest(%s::text[]) as whose",
        [whose],
    ).fetchall()
    return dict(rows)


def _belongings(
    connection: psycopg.Connection, streams: list[str], people: set[str], activities: list[str], found: Found
) -> None:
    """Cards that name the people, then what belongs to those cards: activities, orders and payments."""

    def add(keys: Iterable[str], covers: bool) -> None:
        for key in keys:
            found.keys.setdefault(key, ("texts", None, covers))

    for stream in streams:
        if stream in CARDS and stream not in PEOPLE:
            rows = connection.execute(
                sql.SQL(
                    "select distinct {0} || ':' || id from {1} where erasure.links({0}, payload) && %s"
                ).format(sql.Literal(stream), _table(stream)),
                [sorted(people)],
            )
            add((key for (key,) in rows), True)
    if "activities" in streams:
        covering = sorted(key for key, (_, _, covers) in found.keys.items() if covers)
        rows = connection.execute(
            sql.SQL(
                "select distinct 'activities:' || id from {} where id = any(%s) or erasure.links('activities', payload) && %s"
            ).format(_table("activities")),
            [activities, covering],
        )
        add((key for (key,) in rows), False)
    deals = sorted(key.split(":")[1] for key in found.keys if key.startswith("deals:"))
    has_owners = connection.execute(f"select to_regclass('{RAW}.order_owners')").fetchone()
    if "orders" in streams and has_owners and has_owners[0]:
        rows = connection.execute(
            sql.SQL(
                "select distinct payload ->> 'orderId' from {} where payload ->> 'ownerTypeId' = '2'"
                " and payload ->> 'ownerId' = any(%s)"
            ).format(_table("order_owners")),
            [deals],
        ).fetchall()
        for stream in ("orders", "payments"):
            add((f"{stream}:{order}" for (order,) in rows), False)


def _names(connection: psycopg.Connection, streams: list[str], people: set[str], found: Found) -> None:
    """Full names to search texts for, where nobody else is called so."""
    employees = sql.SQL(
        " union all select lower(payload ->> 'LAST_NAME'), lower(payload ->> 'NAME'), 'users:' || id from {}"
    ).format(_table("users"))
    rows = connection.execute(
        sql.SQL(
            """
            with own as (
              select distinct last_name, first_name from names
              where key = any(%(people)s) and last_name <> '' and first_name <> '' and last_name <> 'Данные удалены'
            ),
            others as (
              select lower(last_name) as last_name, lower(first_name) as first_name, key from names
              where key <> all(%(people)s){employees}
            )
            select own.last_name, own.first_name, array_agg(distinct others.key) filter (where others.key is not null)
            from own
            left join others
              on lower(own.last_name) = others.last_name and lower(own.first_name) = others.first_name
            group by own.last_name, own.first_name
            """
        ).format(employees=employees if "users" in streams else sql.SQL("")),
        {"people": sorted(people)},
    ).fetchall()
    for last, first, namesakes in rows:
        if namesakes:
            found.remarks.append(
                f"{', '.join(namesakes[:5])} bears the same name: texts are searched for numbers and addresses only."
                " If it is the same person, name that card too"
            )
        else:
            found.names.add((last, first))


def _mentions(connection: psycopg.Connection, streams: list[str], found: Found) -> None:
    """Other rows whose texts name the person."""
    if not found.said.parts:
        return
    for stream in streams:
        rows = connection.execute(
            sql.SQL("select distinct {} || ':' || id from {} where {}").format(
                sql.Literal(stream), _table(stream), found.said.where(sql.SQL("payload::text"))
            )
        ).fetchall()
        others = {key for (key,) in rows} - found.keys.keys()
        if len(others) > TOO_MANY:
            raise Failure(
                f"{len(others)} rows of {stream} name this person: that is the name or the number of something else."
                " Correct the card in the portal, refresh, and run this again."
            )
        named = _named_so(connection, found.said) if stream == "companies" else {}
        for key in others:
            found.keys[key] = ("person", named[key], False) if key in named else ("texts", None, False)


def _named_so(connection: psycopg.Connection, said: Said) -> dict[str, str]:
    """Companies that are called by the person's name, with a pseudonym for each."""
    rows = connection.execute(
        sql.SQL("select distinct 'companies:' || id from {} where {}").format(
            _table("companies"), said.where(sql.SQL("(payload ->> 'title')"))
        )
    )
    return _pseudonyms(connection, sorted(key for (key,) in rows))


def inactive(connection: psycopg.Connection, months: int) -> list[str]:
    """Contacts and leads of people with whom nothing has happened for so long: no deal, lead or activity of theirs is open
    or has changed since, nor a card with one of their numbers or addresses; not those who are erased already."""
    streams = _streams(connection)
    prepare(connection)
    _index(connection)
    since = f"now() - interval '{months} months'"
    moment = "cast(substring({} from '^[12]\\d{{3}}-\\d\\d-\\d\\d[T ].*$') as timestamptz)"
    # Rows that keep somebody's card alive, and the cards.
    lively: list[sql.Composable] = []
    for stream in streams:
        own = sql.SQL("array[{} || ':' || id]").format(sql.Literal(stream))
        links = sql.SQL("erasure.links({}, payload)").format(sql.Literal(stream))
        if stream in CARDS:
            changed = moment.format("payload ->> 'updatedTime'") + f" >= {since}"
            is_open = (
                "false" if stream in ("contacts", "companies") else "payload ->> 'stageSemanticId' = 'P'"
            )
        elif stream == "activities":
            changed = moment.format("payload ->> 'LAST_UPDATED'") + f" >= {since}"
            is_open = "payload ->> 'COMPLETED' = 'N'"
        elif stream == "calls":
            changed, is_open = moment.format("payload ->> 'CALL_START_DATE'") + f" >= {since}", "false"
        else:
            continue
        cards = sql.SQL("{} || {}").format(own, links) if stream in PEOPLE else links
        lively.append(
            sql.SQL(
                # Of each row its newest version counts.
                "select unnest({cards}) as key from"
                " (select distinct on (id) id, payload from {table} order by id, modified_at desc) as newest where {when}"
            ).format(cards=cards, table=_table(stream), when=sql.SQL(f"{changed} or {is_open}"))
        )
    connection.execute("drop table if exists pg_temp.alive")
    connection.execute(
        sql.SQL(
            "create temporary table alive as select distinct key from ({}) as found where key is not null"
        ).format(sql.SQL(" union all ").join(lively))
    )
    if "deals" in streams:
        # What happened with a deal happened with its people.
        connection.execute(
            sql.SQL(
                "insert into alive select distinct unnest(erasure.links('deals', payload)) from {}"
                " where 'deals:' || id in (select key from alive)"
            ).format(_table("deals"))
        )
    rows = connection.execute(
        """
        with said as (select key, number as value from numbers union all select key, address from addresses),
        living as (
          select value from said inner join alive using (key)
          union
          select of_lead.value from said as of_lead
          inner join names using (key)
          inner join alive on alive.key = 'contacts:' || names.contact_id
        )
        select distinct names.key from names
        left join alive on alive.key in (names.key, 'contacts:' || names.contact_id)
        left join erasure.forgotten on forgotten.key = names.key and forgotten.mode = 'person'
        where names.key not like 'companies:%' and alive.key is null and forgotten.key is null
          and not exists (select from said inner join living using (value) where said.key = names.key)
        order by 1
        """
    )
    return [key for (key,) in rows]


def find_employee(connection: psycopg.Connection, user_id: str) -> Found:
    """A dismissed employee: the numbers stay, under «Сотрудник № …».

    Raises:
        Failure: there is no such employee, or he still works.
    """
    streams = _streams(connection)
    prepare(connection)
    known = _employee(connection, user_id) if "users" in streams else None
    if known is None:
        raise Failure(
            f"The warehouse has no employee {user_id}: look the id up in the address of the employee's page."
        )
    found, works = known
    if works:
        raise Failure(
            f"Employee {user_id} still works: dismiss the account in the portal, `make refresh`, then run this again."
        )
    found.keys[f"users:{user_id}"] = ("person", _pseudonyms(connection, ["x"])["x"], False)
    for last, first in found.names:
        files = [
            f"{file.name} line {number}"
            for file in sorted((paths.ROOT / "dbt_project" / "seeds").glob("*.csv"))
            for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
            if f"{last} {first}".lower() in line.lower()
        ]
        if files:
            raise Failure(
                f"{', '.join(files)} of dbt_project/seeds name{'s' if len(files) == 1 else ''} this employee:"
                f" write «Сотрудник № {user_id}» there, then run this again."
            )
    _mentions(connection, streams, found)
    return found


def _employee(connection: psycopg.Connection, user_id: str) -> tuple[Found, bool] | None:
    """What an employee is mentioned by, nothing where erased already, and whether he works."""
    row = connection.execute(
        sql.SQL(
            "select payload ->> 'LAST_NAME', payload ->> 'NAME', payload ->> 'EMAIL',"
            " lower(payload ->> 'ACTIVE') in ('true', 'y', '1') and _sdc_deleted_at is null,"
            " array_remove(array[erasure.phone_key(payload ->> 'PERSONAL_MOBILE'),"
            " erasure.phone_key(payload ->> 'WORK_PHONE')], null)"
            " from {} where id = %s"
        ).format(_table("users")),
        [user_id],
    ).fetchone()
    if row is None:
        return None
    last, first, email, works, phones = row
    found = Found(labels=[f"users:{user_id} {last} {first}"])
    # As erasure.sql writes it.
    if (last, first) != ("Сотрудник", f"№ {user_id}"):
        found.phones = {phone for phone in phones if len(phone) == 10}
        found.emails = {email.lower()} if email else set()
        found.names = {(last, first)} if last and first else set()
    return found, works


def remember(connection: psycopg.Connection, keys: dict[str, tuple[str, str | None, bool]]) -> None:
    """Put cards on the list. What is there already keeps its pseudonym; a person stays a person."""
    prepare(connection)
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into erasure.forgotten as old (key, mode, pseudonym, covers) values (%s, %s, %s, %s)"
            " on conflict (key) do update set mode = least(old.mode, excluded.mode),"
            " pseudonym = coalesce(old.pseudonym, excluded.pseudonym), covers = old.covers or excluded.covers",
            [(key, *how) for key, how in keys.items()],
        )


def apply(connection: psycopg.Connection) -> dict[str, int]:
    """Take what is on the list out of raw, of every version; rows changed, by stream."""
    changed = {}
    for stream in _streams(connection):
        row = connection.execute(
            "select erasure.take(%s::regclass, %s)", [f"{RAW}.{stream}", stream]
        ).fetchone()
        if row and row[0]:
            changed[stream] = row[0]
    return changed


def settle(connection: psycopg.Connection) -> None:
    """After a whole build, as dbt: empty the logs of changes, which know numbers; all that stands on them has read them.
    Tables called __spare are of a version before, and go."""
    tables = connection.execute(
        "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where c.relkind = 'r' and n.nspname in ('staging', 'intermediate', 'marts', 'marts_next')"
        r" and c.relname ~ '__(spare|changes)$' order by c.relname"
    ).fetchall()
    for schema, table in tables:
        what = "drop table {}" if table.endswith("__spare") else "truncate {}"
        connection.execute(sql.SQL(what).format(sql.Identifier(schema, table)))


def save_list(connection: psycopg.Connection) -> None:
    """Write the list beside the secrets: a warehouse that is restored from an older backup lacks it."""
    rows = connection.execute(
        "select key, mode, pseudonym, covers from erasure.forgotten order by key"
    ).fetchall()
    fresh = list_file().with_suffix(".new")
    fresh.write_text(
        json.dumps([list(row) for row in rows], ensure_ascii=False, indent=0) + "\n", encoding="utf-8"
    )
    fresh.chmod(0o600)
    fresh.replace(list_file())


def again(settings: Settings, *files: Path) -> tuple[dict[str, int], dict[str, Said]]:
    """Erase anew who is on the lists of these files, after a restore: rows changed, by stream, and `traces` of those who had
    come back."""
    keys = {}
    for file in files:
        if file.exists():
            keys.update(
                {
                    key: (mode, pseudonym, covers)
                    for key, mode, pseudonym, covers in json.loads(file.read_text())
                }
            )
    if not keys:
        return {}, {}
    with connect(settings) as connection:
        remember(connection, keys)
        loaded = _is_loaded(connection)
        known = traces(connection) if loaded else {}
        changed = apply(connection) if loaded else {}
        save_list(connection)
    return changed, known


def traces(connection: psycopg.Connection) -> dict[str, Said]:
    """What people on the list are mentioned by, as far as raw rows still tell: of clients under "", of employees under
    their ids."""
    streams = _streams(connection)
    _index(connection)
    listed = connection.execute(
        "select key, erasure.phone_key(pseudonym) from erasure.forgotten where mode = 'person'"
    ).fetchall()
    found = Found(pseudonyms={number for _, number in listed if number})
    clients = {key for key, _ in listed if not key.startswith("users:")}
    _numbers(connection, clients, found)
    _names(connection, streams, clients, found)
    known = {"": found.said}
    for user_id in (key.removeprefix("users:") for key, _ in listed if key.startswith("users:")):
        if "users" in streams and (employee := _employee(connection, user_id)):
            known[user_id] = employee[0].said
    return {whose: said for whose, said in known.items() if said.parts}


def _is_loaded(connection: psycopg.Connection) -> bool:
    row = connection.execute(f"select to_regclass('{RAW}.contacts') is not null").fetchone()
    return bool(row and row[0])


def is_loaded(settings: Settings) -> bool:
    """Whether a refresh has brought anything yet."""
    with connect(settings) as connection:
        return _is_loaded(connection)


def discard(settings: Settings) -> None:
    """Forget the list: its ids are of a portal that makes room for another."""
    with connect(settings) as connection:
        connection.execute("drop schema if exists erasure cascade")
    list_file().unlink(missing_ok=True)
