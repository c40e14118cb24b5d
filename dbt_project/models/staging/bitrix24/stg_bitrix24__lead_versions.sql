{{
  config(
    materialized='incremental',
    unique_key=['lead_id', 'version_key'],
    indexes=[{'columns': ['lead_id', 'modified_at']}]
  )
}}

with source as (

  select * from {{ source('bitrix24', 'leads') }}
  {{ only_rows_loaded_since(this) }}

),

final as (

  select
    cast(id as bigint) as lead_id,
    coalesce(modified_at, '') as version_key,
    coalesce(cast(nullif(modified_at, '') as timestamptz), {{ payload_moment('createdTime') }}) as modified_at,
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
    {{ payload_text('utmSource') }} as utm_source,
    {{ payload_text('utmMedium') }} as utm_medium,
    {{ payload_text('utmCampaign') }} as utm_campaign,
    _sdc_received_at at time zone 'UTC' as received_at,
    _sdc_deleted_at at time zone 'UTC' as deleted_at,
    {{ loaded_at() }} as loaded_at
  from source

)

select * from final
