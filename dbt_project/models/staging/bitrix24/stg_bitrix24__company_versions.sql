{{
  config(
    materialized='incremental',
    unique_key=['company_id', 'version_key'],
    indexes=[
      {'columns': ['company_id', 'modified_at']},
      {'columns': ['loaded_at']}
    ],
    meta={'key': 'company_id'}
  )
}}

with source as (

  select * from {{ source('bitrix24', 'companies') }}
  {{ only_rows_loaded_since(this) }}

),

final as (

  select
    cast(id as bigint) as company_id,
    {{ payload_id('assignedById') }} as manager_id,
    {{ payload_moment('createdTime') }} as created_at,
    {{ payload_text('title') }} as title,
    {{ payload_flag('isMyCompany') }} as is_my_company,
    {{ payload_id('leadId') }} as lead_id,
    coalesce({{ payload_text('sourceId') }}, '') as source_id,
    {{ payload_text('typeId') }} as type_id,
    {{ payload_text('industry') }} as industry,
    {{ phone_key("split_part(payload ->> 'phone', ',', 1)") }} as phone_key,
    {{ payload_text('phone') }} is not null or {{ payload_flag('hasPhone') }} as has_phone,
    {{ payload_text('email') }} is not null or {{ payload_flag('hasEmail') }} as has_email,
    {{ payload_user_fields() }} as user_fields,
    {{ version_columns() }}
  from source

)

select * from final
