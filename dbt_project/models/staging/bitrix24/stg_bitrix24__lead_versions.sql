{{
  config(
    materialized='incremental',
    unique_key=['lead_id', 'version_key'],
    indexes=[
      {'columns': ['lead_id', 'modified_at']},
      {'columns': ['loaded_at']}
    ],
    meta={'key': 'lead_id'}
  )
}}

with source as (

  select * from {{ source('bitrix24', 'leads') }}
  {{ only_rows_loaded_since(this) }}

),

final as (

  select
    cast(id as bigint) as lead_id,
    {{ payload_id('assignedById') }} as manager_id,
    {{ payload_moment('createdTime') }} as created_at,
    {{ payload_moment('movedTime') }} as moved_at,
    {{ payload_moment('dateClosed') }} as closed_at,
    {{ payload_text('stageId') }} as status_id,
    {{ payload_semantic('stageSemanticId') }} as semantic,
    {{ payload_text('title') }} as title,
    coalesce({{ payload_text('sourceId') }}, '') as source_id,
    {{ payload_id('companyId') }} as company_id,
    {{ payload_id('contactId') }} as contact_id,
    {{ payload_amount('opportunity') }} as amount,
    {{ payload_currency('currencyId') }} as currency,
    {{ phone_key("split_part(payload ->> 'phone', ',', 1)") }} as phone_key,
    {{ payload_list('contactIds') }} as contact_ids,
    {{ payload_id('webformId') }} as webform_id,
    {{ payload_text('utmSource') }} as utm_source,
    {{ payload_text('utmMedium') }} as utm_medium,
    {{ payload_text('utmCampaign') }} as utm_campaign,
    {{ payload_user_fields() }} as user_fields,
    {{ version_columns() }}
  from source

)

select * from final
