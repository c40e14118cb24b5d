with runs as (

  select * from {{ ref('stg_bitrix24__extract_runs') }}

),

latest as (

  select max(started_at) as started_at
  from runs

),

-- the last good load of each stream that is still being loaded: one untouched for a week has been switched off
streams as (

  select
    runs.stream,
    max(runs.started_at) filter (where runs.status = 'ok') as loaded_as_of
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
