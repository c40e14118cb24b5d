{%- set loss_reason_field = var('loss_reason_field', none) -%}
{{
  config(
    materialized='incremental',
    meta={
      'key': 'deal_id',
      'logs': ['deal_id', 'lead_id', 'client_key'],
      'scope': 'affected',
      'follows': [
        'stg_bitrix24__deals',
        'stg_bitrix24__leads',
        'int_deals__lifecycle',
        'int_clients__card_clients',
        'int_cards__user_fields',
        'int_managers__known'
      ],
      'watches': [
        'int_currencies__daily_rates.base_currency', 'dim_pipelines', 'dim_channels', 'stg_bitrix24__portal.portal_url'
      ]
    }
  )
}}
{{ take_up_published() }}
{%- set changed_deals -%}
  select deal_id from {{ changed_in('stg_bitrix24__deals') }}
  union
  select deal_id from {{ changed_in('int_deals__lifecycle') }}
  union
  select card_id as deal_id from {{ changed_in('int_cards__user_fields') }}
  where changes.card_type = 'deal'
  union
  select cards.deal_id from (select * from {{ ref('stg_bitrix24__deals') }}) as cards
  inner join {{ changed_in('stg_bitrix24__leads') }} on cards.lead_id = changes.lead_id
  union
  select cards.deal_id from (select * from {{ ref('stg_bitrix24__deals') }}) as cards
  inner join {{ changed_in('int_clients__card_clients') }}
    on changes.card_type = 'company' and cards.company_id = changes.card_id
  union
  select cards.deal_id from (select * from {{ ref('stg_bitrix24__deals') }}) as cards
  inner join {{ changed_in('int_clients__card_clients') }}
    on changes.card_type = 'contact' and cards.contact_id = changes.card_id
  union
  -- Rates come every day, and that of an open card is today's; the base currency's is 1.
  select deals.deal_id from {{ this }} as deals
  left join (select * from {{ ref('int_currencies__daily_rates') }}) as rates
    on {{ rate_of_day(
      'deals.currency', 'coalesce(' ~ local_date('coalesce(deals.won_at, deals.lost_at)') ~ ', ' ~ as_of_date() ~ ')'
    ) }}
  where deals.currency <> (
      select max(base.base_currency) from (select * from {{ ref('int_currencies__daily_rates') }}) as base
    )
    and (
      deals.amount is distinct from coalesce(deals.amount_in_currency * rates.rate, 0)
      or deals.is_currency_known <> (rates.rate is not null)
    )
{%- endset -%}
{%- set changed = gather_first('changed', changed_deals) -%}
{#-
  A win makes the other wins of its client first or repeated, and is one of them itself: of the client it had, and of the
  one it has. Deals that are no wins concern nobody else.
-#}
{%- set clients_of_wins -%}
  select deals.client_key from {{ this }} as deals
  inner join {{ changed }} as changed on deals.deal_id = changed.deal_id
  where deals.won_at is not null
  union
  select {{ client_key('deals', 'company_client', 'contact_client') }} as client_key
  from (select * from {{ ref('stg_bitrix24__deals') }}) as deals
  inner join {{ changed }} as changed on deals.deal_id = changed.deal_id
  inner join (select * from {{ ref('int_deals__lifecycle') }}) as lifecycle on deals.deal_id = lifecycle.deal_id
  left join (select * from {{ ref('int_clients__card_clients') }}) as company_client
    on deals.company_id = company_client.card_id and company_client.card_type = 'company'
  left join (select * from {{ ref('int_clients__card_clients') }}) as contact_client
    on deals.contact_id = contact_client.card_id and contact_client.card_type = 'contact'
  where lifecycle.success_at is not null
{%- endset -%}
{%- set clients = gather_first('clients', clients_of_wins) -%}
{%- set affected -%}
  select deal_id from {{ changed }}
  {{- of_changed_managers('stg_bitrix24__deals', 'deal_id', ['manager_id']) }}
  {{- of_changed_managers('int_deals__lifecycle', 'deal_id', ['created_manager_id', 'closed_manager_id']) }}
  union all
  select deals.deal_id from {{ this }} as deals
  inner join {{ clients }} as clients on deals.client_key = clients.client_key
  where deals.won_at is not null
{%- endset -%}
{{ gather_affected(affected) }}
with deals as (

  select * from {{ ref('stg_bitrix24__deals') }}
  where not is_recurring_template {{ affected_only('deal_id', 'and') }}

),

lifecycle as (

  select * from {{ ref('int_deals__lifecycle') }}

),

leads as (

  select * from {{ ref('stg_bitrix24__leads') }}

),

card_clients as {{ read_in_place() }} (

  select * from {{ ref('int_clients__card_clients') }}

),

pipelines as (

  select * from {{ ref('dim_pipelines') }}

),

channels as (

  select * from {{ ref('dim_channels') }}

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

loss_reasons as (

  select * from {{ ref('int_cards__user_fields') }}
  where card_type = 'deal' and field = '{{ loss_reason_field or "" }}'

),

described as (

  select
    deals.deal_id,
    coalesce(deals.title, 'Сделка № ' || deals.deal_id) as title,
    deals.lead_id,
    lifecycle.pipeline_id,
    lifecycle.stage_id,
    lifecycle.semantic,
    deals.manager_id,
    lifecycle.created_manager_id,
    lifecycle.closed_manager_id,
    {{ client_key('deals', 'company_client', 'contact_client') }} as client_key,
    coalesce(nullif(deals.source_id, ''), leads.source_id, '') as source_id,
    deals.amount as amount_in_currency,
    coalesce(deals.currency, base.base_currency) as currency,
    deals.created_at,
    lifecycle.success_at as won_at,
    lifecycle.failure_at as lost_at,
    case
      when lifecycle.failure_at is not null
        then coalesce(loss_reasons.value_text, {{ "'Не указана'" if loss_reason_field else 'lifecycle.stage' }})
    end as loss_reason,
    {{ days_between('deals.created_at', 'lifecycle.success_at') }} as cycle_days,
    {{ days_between('leads.created_at', 'lifecycle.success_at') }} as lead_to_won_days,
    deals.close_date as expected_close_date,
    coalesce({{ local_date('coalesce(lifecycle.success_at, lifecycle.failure_at)') }}, {{ as_of_date() }}) as rate_date
  from deals
  inner join lifecycle on deals.deal_id = lifecycle.deal_id
  cross join base
  left join leads on deals.lead_id = leads.lead_id
  left join loss_reasons on deals.deal_id = loss_reasons.card_id
  left join card_clients as company_client
    on deals.company_id = company_client.card_id and company_client.card_type = 'company'
  left join card_clients as contact_client
    on deals.contact_id = contact_client.card_id and contact_client.card_type = 'contact'

),

ranked as (

  select
    described.*,
    pipelines.is_selling,
    case
      when pipelines.is_selling and described.won_at is not null and described.client_key is not null
        then row_number() over (
          partition by described.client_key, pipelines.is_selling and described.won_at is not null
          order by described.won_at, described.deal_id
        )
    end as win_number
  from described
  inner join pipelines on described.pipeline_id = pipelines.pipeline_id

),

final as (

  select
    ranked.deal_id,
    ranked.title,
    ranked.lead_id,
    ranked.pipeline_id,
    ranked.stage_id,
    ranked.semantic,
    ranked.is_selling,
    coalesce(managers.manager_id, 0) as manager_id,
    coalesce(creators.manager_id, 0) as created_manager_id,
    case
      when coalesce(ranked.won_at, ranked.lost_at) is not null then coalesce(closers.manager_id, 0)
    end as closed_manager_id,
    ranked.client_key,
    ranked.source_id,
    channels.channel,
    coalesce(ranked.amount_in_currency * rates.rate, 0) as amount,
    ranked.currency,
    ranked.amount_in_currency,
    rates.rate is not null as is_currency_known,
    ranked.created_at,
    ranked.won_at,
    ranked.lost_at,
    ranked.loss_reason,
    case when ranked.won_at is not null then greatest(ranked.cycle_days, 0) end as cycle_days,
    case when ranked.lead_to_won_days is not null then greatest(ranked.lead_to_won_days, 0) end as lead_to_won_days,
    coalesce(ranked.win_number = 1, false) as is_first_win,
    coalesce(ranked.win_number > 1, false) as is_repeat_win,
    ranked.expected_close_date,
    {{ crm_url('crm/deal', 'ranked.deal_id') }} as crm_url
  from ranked
  inner join channels on ranked.source_id = channels.source_id
  left join rates
    on {{ rate_of_day('ranked.currency', 'ranked.rate_date') }}
  left join managers on ranked.manager_id = managers.manager_id
  left join managers as creators on ranked.created_manager_id = creators.manager_id
  left join managers as closers on ranked.closed_manager_id = closers.manager_id
  left join portal on true
  order by ranked.created_at

)

select * from final
