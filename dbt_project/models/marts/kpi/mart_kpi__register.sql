{#-
  What is shown of a card, looked up in its fact for the rows that are shown: a page of the register looks up fifty, where a
  join would read all cards of the period first.
-#}
{%- set facts = {
  'lead': ('leads', 'leads.lead_id = events.card_id'),
  'deal': ('deals', 'deals.deal_id = events.card_id'),
  'call': ('calls', 'calls.call_id = events.card_id'),
  'activity': ('activities', 'activities.activity_id = events.card_id'),
  'client': ('clients', "clients.client_key = events.card_type || ':' || events.card_id"),
  'payment': ('payments', "payments.payment_key = events.card_type || ':' || events.card_id"),
} -%}
{%- set kinds = {
  'lead': "events.card_type = 'lead'",
  'deal': "events.card_type = 'deal'",
  'call': "events.card_type = 'call'",
  'activity': "events.card_type = 'activity'",
  'client': "events.card_type in ('company', 'contact')",
  'payment': "events.card_type in ('invoice', 'payment')",
} -%}
{%- set call_title -%}
  case calls.direction
        when 'inbound' then 'Входящий вызов'
        when 'callback' then 'Обратный вызов'
        else 'Исходящий вызов'
      end || coalesce(' ' || calls.phone_key, '')
{%- endset -%}
{%- set titles = {
  'lead': 'leads.title', 'deal': 'deals.title', 'call': call_title, 'activity': 'activities.subject',
  'client': 'clients.client', 'payment': 'payments.title',
} -%}
{%- set client_keys = {
  'lead': 'leads.client_key', 'deal': 'deals.client_key',
  'call': "lower(calls.crm_entity_type) || ':' || calls.crm_entity_id", 'payment': 'payments.client_key',
} -%}
{%- set crm_url -%}
  case
    {%- for kind, (fact, is_its) in facts.items() %}
      when {{ kinds[kind] }} then (select {{ fact }}.crm_url from {{ fact }} where {{ is_its }})
    {%- endfor %}
    end
{%- endset -%}

with events as (

  select * from {{ ref('fct_metric_events') }}

),

periods as (

  select * from {{ ref('dim_periods') }}

),

metrics as (

  select * from {{ ref('dim_metrics') }}

),

managers as (

  select * from {{ ref('dim_managers') }}

),

pipelines as (

  select * from {{ ref('dim_pipelines') }}

),

leads as {{ read_in_place() }} (

  select * from {{ ref('fct_leads') }}

),

deals as {{ read_in_place() }} (

  select * from {{ ref('fct_deals') }}

),

calls as {{ read_in_place() }} (

  select * from {{ ref('fct_calls') }}

),

activities as {{ read_in_place() }} (

  select * from {{ ref('fct_activities') }}

),

clients as {{ read_in_place() }} (

  select * from {{ ref('dim_clients') }}

),

payments as {{ read_in_place() }} (

  select * from {{ ref('fct_payments') }}

),

final as (

  select
    {{ period_columns() }},
    events.manager_id,
    managers.manager,
    managers.department,
    coalesce(pipelines.pipeline, 'Без воронки') as pipeline,
    coalesce(nullif(events.channel, ''), 'Без канала') as channel,
    events.metric_code,
    metrics.metric,
    metrics.sort as metric_sort,
    events.event_at,
    {{ local_time('events.event_at') }} as event_local,
    case events.card_type
      when 'lead' then 'Лид'
      when 'deal' then 'Сделка'
      when 'company' then 'Компания'
      when 'contact' then 'Контакт'
      when 'call' then 'Звонок'
      when 'activity' then 'Дело'
      when 'invoice' then 'Счёт'
      when 'payment' then 'Оплата'
    end as card_type_label,
    events.card_id,
    coalesce(nullif(case
    {%- for kind, (fact, is_its) in facts.items() %}
      when {{ kinds[kind] }} then (select {{ titles[kind] }} from {{ fact }} where {{ is_its }})
    {%- endfor %}
    end, ''), '—') as card_title,
    coalesce(case
    {%- for kind, key in client_keys.items() %}
      when {{ kinds[kind] }} then (
        select clients.client from {{ facts[kind][0] }}
        inner join clients on {{ key }} = clients.client_key
        where {{ facts[kind][1] }}
      )
    {%- endfor %}
      when {{ kinds['client'] }} then (select clients.client from clients where {{ facts['client'][1] }})
    end, '—') as client,
    events.amount,
    coalesce({{ crm_url }}, '') as crm_url,
    {{ crm_link(crm_url) }} as crm_link
  from events
  inner join metrics on events.metric_code = metrics.metric_code
  inner join managers on events.manager_id = managers.manager_id
  left join pipelines on events.pipeline_id = pipelines.pipeline_id
  inner join periods
    on
      events.event_date >= periods.period_start
      and events.event_date < periods.period_end

)

select * from final
