{{
  config(
    materialized='incremental',
    unique_key=['order_id', 'version_key'],
    indexes=[
      {'columns': ['order_id', 'modified_at']},
      {'columns': ['loaded_at']}
    ],
    meta={'key': 'order_id'}
  )
}}

with source as (

  select * from {{ optional_source('orders') }}
  {{ only_rows_loaded_since(this) }}

),

final as (

  select
    cast(id as bigint) as order_id,
    {{ payload_text('accountNumber') }} as account_number,
    {{ payload_moment('dateInsert') }} as created_at,
    {{ payload_id('responsibleId') }} as manager_id,
    {{ payload_text('statusId') }} as status_id,
    {{ payload_flag('payed') }} as is_paid,
    {{ payload_flag('canceled') }} as is_cancelled,
    {{ payload_amount('price') }} as amount,
    {{ payload_currency('currency') }} as currency,
    {{ version_columns(created='dateInsert') }}
  from source

)

select * from final
