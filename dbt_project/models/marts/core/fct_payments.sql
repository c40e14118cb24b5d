{{
  config(
    materialized='incremental',
    meta={'key': 'payment_key', 'logs': ['payment_key', 'card_type', 'card_id'], 'scope': 'all'}
  )
}}
{{ take_up_published() }}
{%- set source = payments_source() -%}

with invoices as (

  select * from {{ ref('fct_invoices') }}

),

stage_payments as (

  select * from {{ ref('int_payments__deal_stages') }}

),

order_payments as (

  select * from {{ ref('int_payments__deal_payments') }}

),

deals as (

  select * from {{ ref('fct_deals') }}

),

managers as (

  select * from {{ ref('dim_managers') }}

),

rates as (

  select * from {{ ref('int_currencies__daily_rates') }}

),

base as (

  select max(base_currency) as base_currency from rates

),

paid_invoices as (

  select
    'invoice:' || invoice_id as payment_key,
    'invoice' as card_type,
    invoice_id as card_id,
    title,
    deal_id,
    paid_manager_id as manager_id,
    client_key,
    amount,
    currency,
    is_currency_known,
    paid_at,
    crm_url
  from invoices
  where paid_at is not null and '{{ source }}' = 'smart_invoice'

),

payments_of_deals as (

  select
    'deal' as card_type,
    deal_id as card_id,
    deal_id,
    null as payment_title,
    paid_at,
    amount,
    currency,
    paid_manager_id
  from stage_payments
  where '{{ source }}' = 'deal_stage'
  union all
  select
    'payment' as card_type,
    payment_id as card_id,
    deal_id,
    'оплата № ' || coalesce(account_number, cast(payment_id as text)) as payment_title,
    paid_at,
    amount,
    currency,
    paid_manager_id
  from order_payments
  where '{{ source }}' = 'deal_payments'

),

converted as (

  select
    payments_of_deals.card_type || ':' || payments_of_deals.card_id as payment_key,
    payments_of_deals.card_type,
    payments_of_deals.card_id,
    deals.title || coalesce(' — ' || payments_of_deals.payment_title, '') as title,
    deals.deal_id,
    coalesce(managers.manager_id, 0) as manager_id,
    deals.client_key,
    coalesce(payments_of_deals.amount * rates.rate, 0) as amount,
    coalesce(payments_of_deals.currency, base.base_currency) as currency,
    rates.rate is not null as is_currency_known,
    payments_of_deals.paid_at,
    deals.crm_url
  from payments_of_deals
  inner join deals on payments_of_deals.deal_id = deals.deal_id
  cross join base
  left join rates
    on {{ rate_of_day(
      'coalesce(payments_of_deals.currency, base.base_currency)', local_date('payments_of_deals.paid_at')
    ) }}
  left join managers on payments_of_deals.paid_manager_id = managers.manager_id

),

final as (

  select * from paid_invoices
  union all
  select * from converted
  order by paid_at

)

select * from final
