{{ config(materialized='ephemeral') }}

with source as (

  select * from {{ source('bitrix24', 'extract_runs') }}

),

final as (

  select
    {{ payload_text('run_id') }} as run_id,
    {{ payload_text('stream') }} as stream,
    {{ payload_text('mode') }} as mode,
    {{ payload_moment('window_from') }} as window_from,
    {{ payload_integer('rows') }} as rows_loaded,
    {{ payload_integer('portal_total') }} as portal_total,
    {{ payload_integer('requests') }} as requests,
    cast(payload ->> 'seconds' as numeric) as seconds,
    cast(payload ->> 'operating' as numeric) as operating,
    {{ payload_moment('started_at') }} as started_at,
    {{ payload_moment('finished_at') }} as finished_at,
    {{ payload_text('status') }} as status,
    {{ payload_text('error') }} as error,
    {{ payload_integer('vanished') }} as cards_vanished
  from source

)

select * from final
