{{ config(tags=['nightly']) }}

with build as (

  select * from {{ ref('mart_health__build') }}

),

final as (

  select
    built_at,
    data_as_of,
    'Рассчитано ночью по данным на ' || to_char({{ local_time('data_as_of') }}, 'DD.MM.YYYY HH24:MI')
      as data_as_of_label
  from build

)

select * from final
