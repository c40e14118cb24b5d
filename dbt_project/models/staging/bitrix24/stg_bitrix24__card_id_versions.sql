{{
  config(
    materialized='incremental',
    unique_key=['bucket_key', 'version_key'],
    indexes=[{'columns': ['bucket_key', 'swept_at']}]
  )
}}

with source as (

  select * from {{ optional_source('card_ids') }}
  {{ only_rows_loaded_since(this) }}

),

final as (

  select
    id as bucket_key,
    modified_at as version_key,
    cast(modified_at as timestamptz) as swept_at,
    {{ payload_text('stream') }} as stream,
    {{ payload_id('entity_type_id') }} as entity_type_id,
    {{ payload_integer('bucket') }} as bucket,
    int8multirange(int8range({{ payload_integer('first') }}, {{ payload_integer('last') }}, '[]')) as bucket_ids,
    coalesce(
      (
        select range_agg(int8range(cast(ranges.value ->> 0 as bigint), cast(ranges.value ->> 1 as bigint), '[]'))
        from jsonb_array_elements({{ payload_list('ids') }}) as ranges (value)
      ),
      cast('{}' as int8multirange)
    ) as present_ids,
    {{ loaded_at() }} as loaded_at
  from source

)

select * from final
