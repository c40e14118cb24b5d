{{ config(indexes=[{'columns': ['deal_id'], 'unique': true}]) }}

with recursive deals as (

  select * from {{ ref('int_funnel__leadless_deals') }}
  where deal_number is not null

),

first_deals as (

  select * from {{ ref('int_funnel__leadless_deals') }}
  where deal_number = 1

),

lead_journeys as (

  select * from {{ ref('int_funnel__lead_journeys') }}

),

-- Each client's deals without a lead, one after another. What the next one has to know of those before it stands in
-- the arrays, one element a journey they started or joined and that may be open yet: its key, entry and start, when
-- it reached its last step, when some card of it is in process until then, and until when it must be remembered. A
-- recursive term may have no CTEs of its own, so it has subqueries.
walk as (

  select
    client_key,
    cast(0 as bigint) as deal_number,
    cast(null as bigint) as deal_id,
    cast(null as text) as journey_key,
    cast(null as text) as entry_code,
    cast(array[] as text[]) as journey_keys,
    cast(array[] as text[]) as entry_codes,
    cast(array[] as timestamptz[]) as starts,
    cast(array[] as timestamptz[]) as ends,
    cast(array[] as tstzmultirange[]) as windows,
    cast(array[] as timestamptz[]) as untils
  from first_deals
  union all
  select
    deals.client_key,
    deals.deal_number,
    deals.deal_id,
    chosen.journey_key,
    chosen.entry_code,
    memory.journey_keys,
    memory.entry_codes,
    memory.starts,
    memory.ends,
    memory.windows,
    memory.untils
  from walk
  inner join deals on walk.client_key = deals.client_key and walk.deal_number + 1 = deals.deal_number
  -- the open journey that started last, else its own
  cross join
    lateral ( -- noqa: ST05
      select *
      from (
        select
          1 as is_open,
          known.journey_key,
          known.entry_code,
          known.started_at,
          known.finished_at,
          known.windows,
          known.until
        from
          unnest(walk.journey_keys, walk.entry_codes, walk.starts, walk.ends, walk.windows, walk.untils)
            as known (journey_key, entry_code, started_at, finished_at, windows, until)
        where known.windows @> deals.created_at
        union all
        select
          1 as is_open,
          lead_journeys.journey_key,
          'lead' as entry_code,
          lead_journeys.started_at,
          lead_journeys.finished_at,
          lead_journeys.work_windows as windows,
          upper(lead_journeys.windows) as until
        from lead_journeys
        where
          lead_journeys.client_key = deals.client_key
          and lead_journeys.known_from <= deals.created_at
          and lead_journeys.windows @> deals.created_at
          and lead_journeys.journey_key <> all(walk.journey_keys)
        union all
        select
          0 as is_open,
          'deal:' || deals.deal_id as journey_key,
          deals.own_entry_code as entry_code,
          deals.created_at as started_at,
          cast('infinity' as timestamptz) as finished_at,
          cast('{}' as tstzmultirange) as windows,
          deals.created_at as until
      ) as candidates
      order by is_open desc, started_at desc, journey_key collate "C" desc
      limit 1
    ) as chosen
  cross join
    lateral ( -- noqa: ST05
      select
        least(
          chosen.finished_at,
          case chosen.entry_code
            {% for code, label in funnel_entries() -%}
              when '{{ code }}' then deals.{{ code }}_finished_at
            {% endfor %}
          end
        ) as finished_at
    ) as finish
  cross join
    lateral ( -- noqa: ST05
      select {{ before('chosen.windows + deals.windows', 'finish.finished_at') }} as windows
    ) as joined
  cross join
    lateral ( -- noqa: ST05
      select
        array_agg(kept.journey_key) as journey_keys,
        array_agg(kept.entry_code) as entry_codes,
        array_agg(kept.started_at) as starts,
        array_agg(kept.finished_at) as ends,
        array_agg(kept.windows) as windows,
        array_agg(kept.until) as untils
      from (
        select *
        from
          unnest(walk.journey_keys, walk.entry_codes, walk.starts, walk.ends, walk.windows, walk.untils)
            as known (journey_key, entry_code, started_at, finished_at, windows, until)
        where known.journey_key <> chosen.journey_key and known.until > deals.created_at
        union all
        select
          chosen.journey_key,
          chosen.entry_code,
          chosen.started_at,
          finish.finished_at,
          joined.windows,
          greatest(chosen.until, coalesce(upper(joined.windows), '-infinity')) as until
      ) as kept
    ) as memory

),

final as (

  select
    deal_id,
    client_key,
    deal_number,
    journey_key,
    entry_code
  from walk
  where deal_id is not null

)

select * from final
