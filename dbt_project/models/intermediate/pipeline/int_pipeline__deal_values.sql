{{
  config(
    tags=['nightly'],
    materialized='incremental',
    indexes=[{'columns': ['deal_id', 'valid_from'], 'unique': true}],
    meta={
      'key': 'deal_id',
      'scope': 'affected',
      'follows': ['stg_bitrix24__deals', 'stg_bitrix24__deal_versions']
    }
  )
}}
{%- set affected -%}
  select deal_id from {{ changed_in('stg_bitrix24__deals') }}
  union all
  select deal_id from {{ changed_in('stg_bitrix24__deal_versions') }}
  union all
  select deal_id from {{ ref('stg_bitrix24__deals') }}
  where created_at >= {{ last_build() }} or modified_at >= {{ last_build() }}
{%- endset -%}
{{ gather_affected(affected) }}
with deals as (

  select * from {{ ref('stg_bitrix24__deals') }}
  where created_at < {{ as_of() }} and not is_recurring_template
  {{ affected_only('deal_id', 'and') }}

),

versions as (

  select * from {{ ref('stg_bitrix24__deal_versions') }}
  where modified_at < {{ as_of() }}
  {{ affected_only('deal_id', 'and') }}

),

-- Before the first kept version the present one holds: the API keeps no history of values.
states as (

  select
    deals.deal_id,
    cast('-infinity' as timestamptz) as valid_from,
    cast(null as timestamptz) as received_at,
    deals.manager_id,
    deals.amount,
    deals.currency,
    deals.close_date
  from deals
  union all
  select
    versions.deal_id,
    versions.modified_at as valid_from,
    versions.received_at,
    versions.manager_id,
    versions.amount,
    versions.currency,
    versions.close_date
  from versions
  inner join deals on versions.deal_id = deals.deal_id

),

-- Of several versions of one moment the one received last.
newest as (

  select
    *,
    lead(valid_from) over (partition by deal_id order by valid_from, received_at) as next_from,
    min(nullif(valid_from, '-infinity')) over (partition by deal_id) as known_from
  from states

),

compared as (

  select
    *,
    lag(manager_id) over versions_of_deal as manager_id_before,
    lag(amount) over versions_of_deal as amount_before,
    lag(currency) over versions_of_deal as currency_before,
    lag(close_date) over versions_of_deal as close_date_before
  from newest
  where valid_from is distinct from next_from
  window versions_of_deal as (partition by deal_id order by valid_from)

),

changes as (

  select
    *,
    lead(valid_from) over (partition by deal_id order by valid_from) as valid_to
  from compared
  where
    valid_from = '-infinity'
    or manager_id is distinct from manager_id_before
    or amount is distinct from amount_before
    or currency is distinct from currency_before
    or close_date is distinct from close_date_before

),

final as (

  select
    deal_id,
    valid_from,
    coalesce(valid_to, 'infinity') as valid_to,
    known_from,
    coalesce(manager_id, 0) as manager_id,
    coalesce(amount, 0) as amount_in_currency,
    currency,
    close_date as expected_close_date
  from changes

)

select * from final
