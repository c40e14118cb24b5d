{{
  config(
    materialized='incremental',
    unique_key=['deal_id', 'version_key'],
    indexes=[
      {'columns': ['deal_id', 'modified_at']},
      {'columns': ['loaded_at']}
    ],
    meta={'key': 'deal_id'}
  )
}}

with source as (

  select * from {{ source('bitrix24', 'deals') }}
  {{ only_rows_loaded_since(this) }}

),

final as (

  select
    cast(id as bigint) as deal_id,
    {{ payload_id('assignedById') }} as manager_id,
    {{ payload_moment('createdTime') }} as created_at,
    {{ payload_moment('movedTime') }} as moved_at,
    {{ payload_date('begindate') }} as begin_date,
    {{ payload_date('closedate') }} as close_date,
    {{ payload_id('leadId') }} as lead_id,
    {{ payload_id('quoteId') }} as quote_id,
    coalesce({{ payload_integer('categoryId') }}, 0) as pipeline_id,
    {{ payload_text('stageId') }} as stage_id,
    {{ payload_semantic('stageSemanticId') }} as semantic,
    {{ payload_flag('isRecurring') }} as is_recurring_template,
    {{ payload_text('typeId') }} as type_id,
    {{ payload_text('title') }} as title,
    coalesce({{ payload_text('sourceId') }}, '') as source_id,
    {{ payload_id('companyId') }} as company_id,
    {{ payload_id('contactId') }} as contact_id,
    {{ payload_amount('opportunity') }} as amount,
    {{ payload_currency('currencyId') }} as currency,
    {{ payload_integer('probability') }} as probability,
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
