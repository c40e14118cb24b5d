"""A raw schema of any size: the demonstration's rows over and over, each time with ids, numbers and links of their own.

Everything happens in PostgreSQL, one statement a stream. A copy shifts every id of a card by the same step,
so that leads, deals, clients, calls and histories of a copy belong together as those of the demonstration do; people,
pipelines and stages are shared.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import psycopg

STREAMS_AT_ONCE = 3
# Ids of different cards must not meet: no id of the demonstration is as great. Whole buckets of the deletion sweep.
BUCKET = 10_000
# Of ten copies so many have calls and activities, which brings five calls a deal.
TALKATIVE = 7
# What the loader writes beside the row.
LOADED = "_sdc_extracted_at, _sdc_received_at, _sdc_batched_at, _sdc_sequence"
NOW = "now() at time zone 'UTC', now() at time zone 'UTC', now() at time zone 'UTC', 0"
# Copies were loaded long before the rest, so that an incremental build does not take them for news.
BEFORE = NOW.replace("now()", "(now() - interval '1 day')")


@dataclass(frozen=True)
class Stream:
    """Which keys of a payload are ids of cards, and how the row's own id is made of the shifted one."""

    ids: tuple[str, ...]
    lists: tuple[str, ...] = ()
    own: str = "{shift}(id)"
    marks: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    rows: dict[str, tuple[str, ...]] = field(default_factory=dict)
    talkative: bool = False


CLIENTS = ("companyId", "contactId")
CARDS: dict[str, Stream] = {
    "leads": Stream(("id", *CLIENTS), ("contactIds",), phones=("phone",)),
    "deals": Stream(("id", "leadId", "quoteId", *CLIENTS), ("contactIds",)),
    "contacts": Stream(("id", "leadId", "companyId"), phones=("phone",)),
    "companies": Stream(("id", "leadId"), phones=("phone",)),
    "quotes": Stream(("id", "dealId", "leadId", *CLIENTS)),
    "smart_invoices": Stream(("id", "parentId2", *CLIENTS)),
    "smart_process_items": Stream(
        ("id", "parentId1", "parentId2", *CLIENTS),
        own="split_part(id, ':', 1) || ':' || {shift}(split_part(id, ':', 2))",
    ),
    "lead_stage_history": Stream(("ID", "OWNER_ID")),
    "deal_stage_history": Stream(("ID", "OWNER_ID")),
    "smart_invoice_stage_history": Stream(("ID", "OWNER_ID")),
    "smart_process_stage_history": Stream(
        ("ID", "OWNER_ID"), own="split_part(id, ':', 1) || ':' || {shift}(split_part(id, ':', 2))"
    ),
    "activities": Stream(("ID", "OWNER_ID"), marks=("ORIGIN_ID",), talkative=True),
    "activity_bindings": Stream(("activityId",), rows={"bindings": ("entityId",)}, talkative=True),
    "calls": Stream(
        ("ID", "CRM_ENTITY_ID", "CRM_ACTIVITY_ID"),
        marks=("CALL_ID", "SESSION_ID"),
        phones=("PHONE_NUMBER",),
        talkative=True,
    ),
    "deal_product_rows": Stream(("ownerId",)),
    "orders": Stream(("id",)),
    "payments": Stream(("orderId",), rows={"payments": ("id", "orderId")}),
    "order_owners": Stream(
        ("orderId", "ownerId"),
        own="split_part(id, ':', 1) || ':' || {shift}(split_part(id, ':', 2)) || ':' || {shift}(split_part(id, ':', 3))",
    ),
}


def _shifted(of: str, key: str) -> str:
    """An id moved on by the step of the copy, as text or number as it was; what is no id stays."""
    value = f"{of} -> '{key}'"
    moved = f"cast({of} ->> '{key}' as bigint) + copies.step"
    return (
        f"case when {of} ->> '{key}' ~ '^[1-9][0-9]*$' then"
        f" case jsonb_typeof({value}) when 'string' then to_jsonb(cast({moved} as text)) else to_jsonb({moved}) end"
        f" else {value} end"
    )


def _copied(stream: Stream) -> str:
    """The payload of a copy."""
    pairs = [f"'{key}', {_shifted('payload', key)}" for key in stream.ids]
    pairs += [
        f"'{key}', (select coalesce(jsonb_agg(case when item.value ~ '^[1-9][0-9]*$'"
        f" then cast(item.value as bigint) + copies.step end), '[]') from jsonb_array_elements_text("
        f"case jsonb_typeof(payload -> '{key}') when 'array' then payload -> '{key}' else '[]' end) as item (value))"
        for key in stream.lists
    ]
    pairs += [
        f"'{key}', (payload ->> '{key}') || case when length(payload ->> '{key}') > 3 then '.' || copies.number else '' end"
        for key in stream.marks
    ]
    # The digits that tell one number from another: seven of the ten that are compared.
    pairs += [
        f"'{key}', case when length(payload ->> '{key}') < 7 then payload ->> '{key}' else '+72' || lpad(cast(("
        f"cast('0' || right(regexp_replace(payload ->> '{key}', '[^0-9]', '', 'g'), 9) as bigint)"
        " + cast(copies.number as bigint) * 1234577) % 1000000000 as text), 9, '0') end"
        for key in stream.phones
    ]
    pairs += [
        f"'{key}', (select coalesce(jsonb_agg(item.value || jsonb_build_object("
        + ", ".join(f"'{inner}', {_shifted('item.value', inner)}" for inner in inners)
        + f")), '[]') from jsonb_array_elements(payload -> '{key}') as item (value))"
        for key, inners in stream.rows.items()
    ]
    return f"payload || jsonb_build_object({', '.join(pairs)})"


def multiply(loader: psycopg.Connection, deals: int) -> int:
    """Fill raw_bitrix24, which holds the demonstration, up to so many deals; how many copies that took."""
    here, greatest = loader.execute(
        "select count(distinct id), max(cast(id as bigint)) from raw_bitrix24.deals"
    ).fetchone()
    for stream in ("activities", "calls", "deal_stage_history", "lead_stage_history"):
        greatest = max(
            greatest,
            loader.execute(f"select max(cast(id as bigint)) from raw_bitrix24.{stream}").fetchone()[0],
        )
    step = -(-greatest // BUCKET) * BUCKET
    copies = max(0, -(-deals // here) - 1)
    present = {
        name
        for (name,) in loader.execute("select tablename from pg_tables where schemaname = 'raw_bitrix24'")
    }
    with ThreadPoolExecutor(STREAMS_AT_ONCE) as pool:
        for _ in pool.map(
            lambda name: _multiply_stream(loader.info, name, CARDS[name], copies, step),
            (name for name in CARDS if name in present and copies),
        ):
            pass
    if "card_ids" in present:
        _multiply_buckets(loader, copies, step)
    return copies


def _multiply_stream(
    server: psycopg.ConnectionInfo, name: str, stream: Stream, copies: int, step: int
) -> None:
    own = stream.own
    while "{shift}(" in own:
        head, rest = own.split("{shift}(", 1)
        depth, end = 1, 0
        while depth:
            depth += {"(": 1, ")": -1}.get(rest[end], 0)
            end += 1
        own = f"{head}cast(cast({rest[: end - 1]} as bigint) + copies.step as text){rest[end:]}"
    table = f"raw_bitrix24.{name}"
    with psycopg.connect(server.dsn, password=server.password) as loader:
        loader.execute("set local maintenance_work_mem = '512MB'")
        # A table emptied in the same transaction is written once, not to the log too; indexes are sorted at the end.
        loader.execute(f"create temporary table source on commit drop as select * from {table}")
        loader.execute(f"truncate {table}")
        constraints = loader.execute(
            "select conname, pg_get_constraintdef(oid) from pg_constraint"
            " where conrelid = cast(%s as regclass) and contype = 'p'",
            [table],
        ).fetchall()
        for constraint, _ in constraints:
            loader.execute(f'alter table {table} drop constraint "{constraint}"')
        indexes = loader.execute(
            "select indexrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index"
            " where indrelid = cast(%s as regclass)",
            [table],
        ).fetchall()
        for index, _ in indexes:
            loader.execute(f"drop index {index}")
        loader.execute(f"insert into {table} select * from source")
        loader.execute(
            f"insert into {table} (id, modified_at, payload, {LOADED})"
            f" select {own}, modified_at, {_copied(stream)}, {BEFORE} from source"
            f" cross join lateral (select number, cast(number as bigint) * {step} as step"
            f" from generate_series(1, {copies}) as number) as copies"
            + (f" where copies.number % 10 < {TALKATIVE}" if stream.talkative else "")
        )
        for constraint, definition in constraints:
            loader.execute(f'alter table {table} add constraint "{constraint}" {definition}')
        for _, definition in indexes:
            loader.execute(definition)


def _multiply_buckets(loader: psycopg.Connection, copies: int, step: int) -> None:
    buckets = step // BUCKET
    # The empty bucket behind the last one of a stream makes room for the copies'.
    loader.execute("delete from raw_bitrix24.card_ids where jsonb_array_length(payload -> 'ids') = 0")
    ends = ("first", "last")
    loader.execute(
        "insert into raw_bitrix24.card_ids (id, modified_at, payload, " + LOADED + ")"
        " select substring(id from '^(.*:)') || (cast(payload ->> 'bucket' as bigint) + copies.number * %(buckets)s),"
        " modified_at, payload || jsonb_build_object("
        "'bucket', cast(payload ->> 'bucket' as bigint) + copies.number * %(buckets)s, "
        + ", ".join(
            f"'{end}', cast(payload ->> '{end}' as bigint) + copies.number * %(step)s" for end in ends
        )
        + ", 'ids', (select coalesce(jsonb_agg(jsonb_build_array(cast(item.value ->> 0 as bigint) + copies.number * %(step)s,"
        " cast(item.value ->> 1 as bigint) + copies.number * %(step)s)), '[]')"
        " from jsonb_array_elements(payload -> 'ids') as item (value))), "
        + BEFORE
        + " from raw_bitrix24.card_ids cross join generate_series(1, %(copies)s) as copies (number)"
        # Copies without activities have none to look for.
        f" where payload ->> 'stream' <> 'activities' or copies.number %% 10 < {TALKATIVE}",
        {"buckets": buckets, "step": step, "copies": copies},
    )


# A moment as the API writes it.
WRITTEN = "to_char({moment} at time zone 'Europe/Moscow', 'YYYY-MM-DD\"T\"HH24:MI:SS') || '+03:00'"
NEWEST = """
    select distinct on (id) id, payload from raw_bitrix24.{stream}
    where cast(id as bigint) / 2 % {every} = {which} and cast(id as bigint) > {after}
    order by id, cast(modified_at as timestamptz) desc
"""


def change(
    loader: psycopg.Connection, share: float, round_number: int = 0, among: float = 1.0
) -> dict[str, int]:
    """One interval of a company's life: so great a share of cards gets a new version (other amount, responsible, stage,
    client), as many calls and activities come in, some cards are new and some are deleted. Rows written, by stream.

    `round_number` chooses other cards each time; `among`: from which share of each stream, that of the greatest ids, as
    a company works on what is young (1: evenly from its whole history).
    """
    every = round(among / share)
    # Every second number is no card's id: halves are counted.
    which = round_number * 7919 % every
    written: dict[str, int] = {}

    def write(stream: str, rows: str) -> None:
        done = loader.execute(
            f"insert into raw_bitrix24.{stream} as kept (id, modified_at, payload, {LOADED})"
            f" select changed.id, changed.modified_at, changed.payload, {NOW} from ({rows}) as changed on conflict do nothing"
        )
        written[stream] = written.get(stream, 0) + done.rowcount

    now = WRITTEN.format(moment="clock_timestamp()")

    def after(stream: str) -> int:
        (greatest,) = loader.execute(f"select max(cast(id as bigint)) from raw_bitrix24.{stream}").fetchone()
        return round(greatest * (1 - among))

    def newest(stream: str) -> str:
        return NEWEST.format(stream=stream, every=every, which=which, after=after(stream))

    # What happens to a chosen card is told by the rest of its id.
    kind = f"cast(id as bigint) / {2 * every}"
    # Deals: amount; responsible; won, lost or reopened with its history; another client.
    write(
        "deals",
        f"""
        with newest as ({newest("deals")}),
        stages as (
            select distinct on (payload ->> 'CATEGORY_ID', payload ->> 'STAGE_SEMANTIC_ID')
                payload ->> 'CATEGORY_ID' as pipeline, payload ->> 'STAGE_SEMANTIC_ID' as semantic,
                payload ->> 'STAGE_ID' as stage
            from (select payload from raw_bitrix24.deal_stage_history limit 100000) as seen
        ),
        moved as (
            select newest.id, newest.payload, stages.stage, stages.semantic
            from newest
            left join stages
                on newest.payload ->> 'categoryId' = stages.pipeline
                and stages.semantic = (array['S', 'F', 'P'])[1 + {kind} / 16 % 3]
        )
        select id, {now} as modified_at, payload || jsonb_build_object('updatedTime', {now}) || case {kind} % 4
            when 0 then jsonb_build_object('opportunity', cast(payload ->> 'opportunity' as numeric) * 2 + 10)
            when 1 then jsonb_build_object('assignedById', 13 + {kind} / 8 % 40)
            when 2 then jsonb_build_object(
                'stageId', coalesce(stage, payload ->> 'stageId'),
                'stageSemanticId', coalesce(semantic, payload ->> 'stageSemanticId'), 'movedTime', {now})
            else jsonb_build_object('companyId', payload -> 'contactId')
        end as payload
        from moved
        """,
    )
    write(
        "deal_stage_history",
        f"""
        select cast((select max(cast(id as bigint)) from raw_bitrix24.deal_stage_history) + row_number() over () as text)
            as id, payload ->> 'movedTime' as modified_at,
            jsonb_build_object('OWNER_ID', payload -> 'id', 'TYPE_ID', 2, 'CATEGORY_ID', payload -> 'categoryId',
                'STAGE_ID', payload ->> 'stageId', 'STAGE_SEMANTIC_ID', payload ->> 'stageSemanticId',
                'CREATED_TIME', payload ->> 'movedTime') as payload
        from ({newest("deals")}) as newest
        where {kind} % 4 = 2
        """,
    )
    write(
        "leads",
        f"""
        select id, {now} as modified_at, payload || jsonb_build_object('updatedTime', {now}) || case {kind} % 3
            when 0 then jsonb_build_object('assignedById', 13 + {kind} / 8 % 40)
            when 1 then jsonb_build_object('stageId', 'JUNK', 'stageSemanticId', 'F', 'movedTime', {now})
            else jsonb_build_object('sourceId', (array['CALL', 'WEB', 'ADVERTISING', ''])[1 + {kind} / 8 % 4])
        end as payload
        from ({newest("leads")}) as newest
        """,
    )
    write(
        "contacts",
        f"""
        select id, {now} as modified_at, payload || jsonb_build_object('updatedTime', {now}) || case {kind} % 2
            when 0 then jsonb_build_object('companyId', null)
            else jsonb_build_object('lastName', 'Сменившая')
        end as payload
        from ({newest("contacts")}) as newest
        """,
    )
    write(
        "companies",
        f"""
        select id, {now} as modified_at,
            payload || jsonb_build_object('updatedTime', {now}, 'title', (payload ->> 'title') || ' и Ко') as payload
        from ({newest("companies")}) as newest
        """,
    )
    # New cards and calls are later copies of old ones.
    for stream, moments in {
        "deals": ("createdTime", "updatedTime", "movedTime"),
        "leads": ("createdTime", "updatedTime", "movedTime"),
        "calls": ("CALL_START_DATE",),
        "activities": ("CREATED", "LAST_UPDATED", "START_TIME", "END_TIME"),
    }.items():
        key = "id" if stream in ("deals", "leads") else "ID"
        every_new = every if key == "ID" else every * 4
        number = "to_jsonb(new_id)" if key == "id" else "to_jsonb(cast(new_id as text))"
        at = WRITTEN.format(moment="(clock_timestamp() - make_interval(secs => new_id % 900))")
        write(
            stream,
            f"""
            select cast(new_id as text) as id, {at} as modified_at, payload || jsonb_build_object('{key}', {number}, """
            + ", ".join(f"'{moment}', {at}" for moment in moments)
            + (
                ", 'CALL_ID', 'again.' || new_id, 'SESSION_ID', 'again.' || new_id"
                if stream == "calls"
                else ""
            )
            + (", 'ORIGIN_ID', null" if stream == "activities" else "")
            + f""") as payload
            from (
                select payload, (select max(cast(id as bigint)) from raw_bitrix24.{stream}) + row_number() over (order by id)
                    as new_id
                from raw_bitrix24.{stream}
                where cast(id as bigint) / 2 % {every_new} = {which} and cast(id as bigint) > {after(stream)}
            ) as old
            """,
        )
    return written


def ring_again(loader: psycopg.Connection, share: float, round_number: int = 0) -> int:
    """Of so great a share of incoming calls another leg comes, seconds before or after, some in their session; records of as
    many calls come out otherwise: number, session, second, answer. Rows written.
    """
    every = round(1 / share)
    which = round_number * 7919 % every
    chosen = "payload ->> 'CALL_TYPE' in ('2', '3') and cast(id as bigint) / 2 %% %(every)s = %(which)s"
    # Thirty seconds is where a ring group ends by default.
    at = WRITTEN.format(
        moment="(cast(payload ->> 'CALL_START_DATE' as timestamptz) + make_interval(secs => new_id * 13 % 90 - 45))"
    ).replace("%", "%%")
    came = loader.execute(
        f"insert into raw_bitrix24.calls (id, modified_at, payload, {LOADED})"
        f" select cast(new_id as text), {at}, payload || jsonb_build_object("
        f"   'ID', cast(new_id as text), 'CALL_START_DATE', {at}, 'CALL_ID', 'ring.' || new_id,"
        "    'SESSION_ID', case when new_id %% 3 = 0 then payload ->> 'SESSION_ID' else 'ring.' || new_id end,"
        f"   'CALL_FAILED_CODE', case when new_id %% 2 = 0 then '200' else '304' end), {NOW}"
        " from (select payload, (select max(cast(id as bigint)) from raw_bitrix24.calls) + row_number() over (order by id)"
        f"   as new_id from raw_bitrix24.calls where {chosen}) as rung",
        {"every": every, "which": which},
    )
    changed = loader.execute(
        "update raw_bitrix24.calls as kept set payload = kept.payload || jsonb_build_object("
        "    'CALL_START_DATE', "
        + WRITTEN.format(
            moment="(cast(kept.payload ->> 'CALL_START_DATE' as timestamptz)"
            " + make_interval(secs => cast(other.id as bigint) % 3 * 20 - 20))"
        ).replace("%", "%%")
        + ", 'PHONE_NUMBER', case when cast(kept.id as bigint) %% 2 = 0 then other.payload else kept.payload end"
        "    -> 'PHONE_NUMBER', 'SESSION_ID', case when cast(kept.id as bigint) %% 3 = 0 then other.payload"
        "    else kept.payload end -> 'SESSION_ID', 'CALL_FAILED_CODE', other.payload -> 'CALL_FAILED_CODE'),"
        f"  ({LOADED}) = (select {NOW})"
        f" from (select id, payload, lead(id) over (order by cast(id as bigint)) as next_id from raw_bitrix24.calls"
        f"   where {chosen}) as other where kept.id = other.next_id",
        {"every": every, "which": (which + 1) % every},
    )
    return came.rowcount + changed.rowcount


def sweep_away(loader: psycopg.Connection, share: float, round_number: int = 0) -> int:
    """Delete so great a share of deals and leads, as the sweep tells of it; how many buckets got a new version."""
    hole = round(1 / share)
    done = loader.execute(
        "insert into raw_bitrix24.card_ids (id, modified_at, payload, " + LOADED + ")"
        " select id, "
        + WRITTEN.format(moment="clock_timestamp()")
        + ", payload || jsonb_build_object('ids', ("
        "  select jsonb_agg(jsonb_build_array(greatest(piece.first, cast(item.value ->> 0 as bigint)),"
        "    least(piece.last, cast(item.value ->> 1 as bigint))))"
        "  from jsonb_array_elements(payload -> 'ids') as item (value)"
        "  cross join lateral (select hole + 1 as first, hole + %(hole)s - 1 as last"
        "    from generate_series((cast(item.value ->> 0 as bigint) - %(which)s) / %(hole)s * %(hole)s + %(which)s - %(hole)s,"
        "      cast(item.value ->> 1 as bigint), %(hole)s) as hole) as piece"
        "  where piece.first <= cast(item.value ->> 1 as bigint) and piece.last >= cast(item.value ->> 0 as bigint)"
        " )), " + NOW + " from (select distinct on (id) id, payload from raw_bitrix24.card_ids"
        "  where payload ->> 'stream' in ('deals', 'leads') order by id, modified_at desc) as newest"
        " where jsonb_array_length(payload -> 'ids') > 0",
        {"hole": hole, "which": round_number * 31 % hole},
    )
    return done.rowcount
