{{
  config(
    materialized='incremental',
    meta={
      'key': 'invoice_id',
      'logs': ['invoice_id', 'deal_id', 'client_key'],
      'scope': 'affected',
      'follows': [
        'stg_bitrix24__smart_invoices', 'int_invoices__lifecycle', 'int_clients__card_clients', 'int_managers__known'
      ],
      'watches': ['int_currencies__daily_rates.base_currency', 'stg_bitrix24__portal.portal_url']
    }
  )
}}
{{ take_up_published() }}
{%- set affected -%}
  select smart_invoice_id as invoice_id from {{ changed_in('stg_bitrix24__smart_invoices') }}
  union all
  select smart_invoice_id as invoice_id from {{ changed_in('int_invoices__lifecycle') }}
  union all
  select cards.smart_invoice_id as invoice_id from (select * from {{ ref('stg_bitrix24__smart_invoices') }}) as cards
  inner join {{ changed_in('int_clients__card_clients') }}
    on changes.card_type = 'company' and cards.company_id = changes.card_id
  union all
  select cards.smart_invoice_id as invoice_id from (select * from {{ ref('stg_bitrix24__smart_invoices') }}) as cards
  inner join {{ changed_in('int_clients__card_clients') }}
    on changes.card_type = 'contact' and cards.contact_id = changes.card_id
  {{- of_changed_managers('stg_bitrix24__smart_invoices', 'smart_invoice_id', ['manager_id']) }}
  {{- of_changed_managers('int_invoices__lifecycle', 'smart_invoice_id', ['closed_manager_id']) }}
  union all
  -- Rates come every day, and that of an open card is today's.
  select invoices.invoice_id from {{ this }} as invoices
  where invoices.currency <> (select max(rates.base_currency) from (select * from {{ ref('int_currencies__daily_rates') }}) as rates)
{%- endset -%}
{{ gather_affected(affected) }}
with invoices as (

  select * from {{ ref('stg_bitrix24__smart_invoices') }}
  {{ affected_only('smart_invoice_id') }}

),

lifecycle as (

  select * from {{ ref('int_invoices__lifecycle') }}

),

card_clients as {{ read_in_place() }} (

  select * from {{ ref('int_clients__card_clients') }}

),

managers as (

  select * from {{ ref('int_managers__known') }}

),

rates as (

  select * from {{ ref('int_currencies__daily_rates') }}

),

base as (

  select max(base_currency) as base_currency from rates

),

portal as (

  select * from {{ ref('stg_bitrix24__portal') }}

),

described as (

  select
    invoices.smart_invoice_id as invoice_id,
    coalesce(invoices.title, 'Счёт № ' || coalesce(invoices.account_number, cast(invoices.smart_invoice_id as text)))
      as title,
    invoices.deal_id,
    invoices.manager_id,
    lifecycle.closed_manager_id,
    {{ client_key('invoices', 'company_client', 'contact_client') }} as client_key,
    invoices.amount as amount_in_currency,
    coalesce(invoices.currency, base.base_currency) as currency,
    invoices.created_at,
    lifecycle.success_at as paid_at,
    coalesce({{ local_date('lifecycle.success_at') }}, {{ as_of_date() }}) as rate_date
  from invoices
  inner join lifecycle on invoices.smart_invoice_id = lifecycle.smart_invoice_id
  cross join base
  left join card_clients as company_client
    on invoices.company_id = company_client.card_id and company_client.card_type = 'company'
  left join card_clients as contact_client
    on invoices.contact_id = contact_client.card_id and contact_client.card_type = 'contact'

),

final as (

  select
    described.invoice_id,
    described.title,
    described.deal_id,
    coalesce(managers.manager_id, 0) as manager_id,
    case when described.paid_at is not null then coalesce(payers.manager_id, 0) end as paid_manager_id,
    described.client_key,
    coalesce(described.amount_in_currency * rates.rate, 0) as amount,
    described.currency,
    rates.rate is not null as is_currency_known,
    described.created_at,
    described.paid_at,
    {{ crm_url('crm/type/31', 'described.invoice_id') }} as crm_url
  from described
  left join rates
    on {{ rate_of_day('described.currency', 'described.rate_date') }}
  left join managers on described.manager_id = managers.manager_id
  left join managers as payers on described.closed_manager_id = payers.manager_id
  left join portal on true
  order by described.created_at

)

select * from final
