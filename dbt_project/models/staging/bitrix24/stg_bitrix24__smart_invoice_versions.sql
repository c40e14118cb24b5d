{{
  config(
    materialized='incremental',
    unique_key=['smart_invoice_id', 'version_key'],
    indexes=[
      {'columns': ['smart_invoice_id', 'modified_at']},
      {'columns': ['loaded_at']}
    ],
    meta={'key': 'smart_invoice_id'}
  )
}}

with source as (

  select * from {{ optional_source('smart_invoices') }}
  {{ only_rows_loaded_since(this) }}

),

final as (

  select
    cast(id as bigint) as smart_invoice_id,
    {{ payload_id('assignedById') }} as manager_id,
    {{ payload_moment('createdTime') }} as created_at,
    {{ payload_moment('movedTime') }} as moved_at,
    {{ payload_date('begindate') }} as begin_date,
    {{ payload_date('closedate') }} as close_date,
    {{ payload_id('parentId2') }} as deal_id,
    {{ payload_text('accountNumber') }} as account_number,
    coalesce({{ payload_integer('categoryId') }}, 0) as pipeline_id,
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
