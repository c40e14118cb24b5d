{{
  config(
    materialized='incremental',
    unique_key=['quote_id', 'version_key'],
    indexes=[
      {'columns': ['quote_id', 'modified_at']},
      {'columns': ['loaded_at']}
    ],
    meta={'key': 'quote_id'}
  )
}}

with source as (

  select * from {{ optional_source('quotes') }}
  {{ only_rows_loaded_since(this) }}

),

final as (

  select
    cast(id as bigint) as quote_id,
    {{ payload_id('assignedById') }} as manager_id,
    {{ payload_moment('createdTime') }} as created_at,
    {{ payload_date('begindate') }} as begin_date,
    {{ payload_date('closedate') }} as close_date,
    {{ payload_date('actualDate') }} as actual_date,
    {{ payload_id('dealId') }} as deal_id,
    {{ payload_id('leadId') }} as lead_id,
    {{ payload_text('quoteNumber') }} as quote_number,
    {{ payload_text('stageId') }} as stage_id,
    {{ payload_semantic('stageSemanticId') }} as semantic,
    {{ payload_text('title') }} as title,
    {{ payload_id('companyId') }} as company_id,
    {{ payload_id('contactId') }} as contact_id,
    {{ payload_amount('opportunity') }} as amount,
    {{ payload_currency('currencyId') }} as currency,
    {{ payload_user_fields() }} as user_fields,
    {{ version_columns() }}
  from source

)

select * from final
