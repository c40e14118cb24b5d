{{
  config(
    materialized='incremental',
    unique_key='order_id',
    indexes=[
      {'columns': ['order_id', 'payment_id']},
      {'columns': ['loaded_at']}
    ],
    meta={'key': 'order_id'}
  )
}}

with source as (

  select * from {{ optional_source('payments') }}
  {{ only_rows_loaded_since(this) }}

),

-- An order without payments has one row too, so that its payments of an earlier set leave with it.
final as (

  select
    cast(source.id as bigint) as order_id,
    {{ payload_id('id', 'payments.value') }} as payment_id,
    {{ payload_text('accountNumber', 'payments.value') }} as account_number,
    {{ payload_text('paySystemName', 'payments.value') }} as pay_system,
    {{ payload_flag('paid', 'payments.value') }} as is_paid,
    coalesce(upper({{ payload_text('isReturn', 'payments.value') }}), 'N') <> 'N' as is_returned,
    {{ payload_moment('datePaid', 'payments.value') }} as paid_at,
    {{ payload_moment('dateBill', 'payments.value') }} as billed_at,
    {{ payload_amount('sum', 'payments.value') }} as amount,
    {{ payload_currency('currency', 'payments.value') }} as currency,
    {{ loaded_at() }} as loaded_at
  from source
  left join lateral jsonb_array_elements({{ payload_list('payments', 'source.payload') }}) as payments (value) on true

)

select * from final
