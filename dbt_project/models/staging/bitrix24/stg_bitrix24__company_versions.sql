{{
  config(
    materialized='incremental',
    unique_key=['company_id', 'version_key'],
    indexes=[{'columns': ['company_id', 'modified_at']}]
  )
}}

with source as (

  select * from {{ source('bitrix24', 'companies') }}
  {{ only_rows_loaded_since(this) }}

),

final as (

  select
    cast(id as bigint) as company_id,
    coalesce(modified_at, '') as version_key,
    coalesce(cast(nullif(modified_at, '') as timestamptz), {{ payload_moment('createdTime') }}) as modified_at,
    {{ payload_id('assignedById') }} as manager_id,
    {{ payload_moment('createdTime') }} as created_at,
    {{ payload_text('title') }} as title,
    {{ payload_flag('isMyCompany') }} as is_my_company,
    {{ payload_id('leadId') }} as lead_id,
    coalesce({{ payload_text('sourceId') }}, '') as source_id,
    {{ payload_text('typeId') }} as type_id,
    {{ payload_text('industry') }} as industry,
    {{ phone_key("split_part(payload ->> 'phone', ',', 1)") }} as phone_key,
    _sdc_received_at at time zone 'UTC' as received_at,
    _sdc_deleted_at at time zone 'UTC' as deleted_at,
    {{ loaded_at() }} as loaded_at
  from source

)

select * from final
