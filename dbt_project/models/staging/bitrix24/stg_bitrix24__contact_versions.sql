{{
  config(
    materialized='incremental',
    unique_key=['contact_id', 'version_key'],
    indexes=[
      {'columns': ['contact_id', 'modified_at']},
      {'columns': ['loaded_at']}
    ],
    meta={'key': 'contact_id'}
  )
}}

with source as (

  select * from {{ source('bitrix24', 'contacts') }}
  {{ only_rows_loaded_since(this) }}

),

final as (

  select
    cast(id as bigint) as contact_id,
    {{ payload_id('assignedById') }} as manager_id,
    {{ payload_moment('createdTime') }} as created_at,
    {{ payload_text('name') }} as first_name,
    {{ payload_text('lastName') }} as last_name,
    {{ payload_text('secondName') }} as second_name,
    {{ payload_id('companyId') }} as company_id,
    {{ payload_id('leadId') }} as lead_id,
    coalesce({{ payload_text('sourceId') }}, '') as source_id,
    {{ payload_text('typeId') }} as type_id,
    {{ phone_key("split_part(payload ->> 'phone', ',', 1)") }} as phone_key,
    {{ payload_text('phone') }} is not null or {{ payload_flag('hasPhone') }} as has_phone,
    {{ payload_text('email') }} is not null or {{ payload_flag('hasEmail') }} as has_email,
    {{ payload_user_fields() }} as user_fields,
    {{ version_columns() }}
  from source

)

select * from final
