{{
  config(
    materialized='incremental',
    unique_key='activity_id',
    indexes=[
      {'columns': ['activity_id']},
      {'columns': ['loaded_at']}
    ],
    meta={'key': 'activity_id'}
  )
}}

with source as (

  select * from {{ optional_source('activity_bindings') }}
  {{ only_rows_loaded_since(this) }}

),

-- An activity bound to nothing has one row too, so that its bindings of an earlier set leave with it.
final as (

  select distinct
    cast(source.id as bigint) as activity_id,
    {{ payload_id('entityTypeId', 'bindings.value') }} as entity_type_id,
    {{ payload_id('entityId', 'bindings.value') }} as entity_id,
    {{ loaded_at() }} as loaded_at
  from source
  left join lateral jsonb_array_elements({{ payload_list('bindings', 'source.payload') }}) as bindings (value) on true

)

select * from final
