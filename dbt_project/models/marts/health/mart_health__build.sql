{#- Streams that the tap reads once a day: no number of a dashboard is as old as they are. -#}
{%- set read_daily = ['fields', 'products'] -%}

with runs as (

  -- A sweep loads nothing: it only looks which cards still exist.
  select * from {{ ref('stg_bitrix24__extract_runs') }}
  where
    mode is distinct from 'sweep'
    and stream not in ('{{ read_daily | join("', '") }}')

),

latest as (

  select max(started_at) as started_at
  from runs

),

-- the last good load of each stream that is still being loaded: one untouched for a week has been switched off, and
-- what the portal does not have (skipped) was looked for and has nothing to be late with
streams as (

  select
    runs.stream,
    max(runs.started_at) filter (where runs.status in ('ok', 'skipped')) as loaded_as_of
  from runs
  cross join latest
  group by runs.stream, latest.started_at
  having max(runs.started_at) > latest.started_at - interval '7 days'

),

oldest as (

  select min(loaded_as_of) as loaded_as_of
  from streams

),

final as (

  select
    {{ as_of() }} as built_at,
    case when loaded_as_of < {{ as_of() }} then loaded_as_of else {{ as_of() }} end as data_as_of
  from oldest
  where loaded_as_of is not null

)

select * from final
