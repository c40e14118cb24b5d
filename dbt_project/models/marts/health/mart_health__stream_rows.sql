{{ config(tags=['nightly']) }}

with stream_rows as (

  select * from {{ ref('int_health__stream_rows') }}

),

final as (

  select
    stream,
    warehouse_rows,
    portal_rows,
    comparable_rows,
    portal_rows - comparable_rows as difference,
    counted_at
  from stream_rows

)

select * from final
