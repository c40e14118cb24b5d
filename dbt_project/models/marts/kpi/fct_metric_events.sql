{#
  One branch per metric: (metric_code, moment, whose at that moment, condition, worth). What each of them means in
  words stands in the catalogue (seeds/metric_catalogue.csv); a test holds the two lists equal.
#}
{%- set metrics_of = {
  'leads': [
    ('leads_created', 'created_at', 'created_manager_id', 'true', '1'),
    ('leads_qualified', 'qualified_at', 'closed_manager_id', 'true', '1'),
    ('leads_junk', 'junk_at', 'closed_manager_id', 'true', '1'),
  ],
  'deals': [
    ('deals_created', 'created_at', 'created_manager_id', 'true', '1'),
    ('deals_from_leads', 'created_at', 'created_manager_id', 'lead_id is not null', '1'),
    ('deals_without_leads', 'created_at', 'created_manager_id', 'lead_id is null', '1'),
    ('deals_won', 'won_at', 'closed_manager_id', 'is_selling', '1'),
    ('revenue_won', 'won_at', 'closed_manager_id', 'is_selling', 'amount'),
    ('deals_lost', 'lost_at', 'closed_manager_id', 'is_selling', '1'),
    ('new_clients', 'won_at', 'closed_manager_id', 'is_first_win', '1'),
    ('repeat_deals_won', 'won_at', 'closed_manager_id', 'is_repeat_win', '1'),
  ],
  'clients': [
    ('clients_created', 'created_at', 'manager_id', 'true', '1'),
  ],
  'calls': [
    ('calls_outbound', 'started_at', 'manager_id', "direction = 'outbound'", '1'),
    (
      'calls_outbound_successful', 'started_at', 'manager_id',
      "direction = 'outbound' and is_successful", '1'
    ),
    ('calls_inbound', 'started_at', 'manager_id', "direction = 'inbound'", '1'),
    (
      'calls_inbound_answered', 'started_at', 'manager_id',
      "direction = 'inbound' and is_answered", '1'
    ),
    ('calls_missed', 'started_at', 'manager_id', "direction = 'inbound' and not is_answered", '1'),
    (
      'calls_successful', 'started_at', 'manager_id',
      "direction in ('outbound', 'callback') and is_successful", '1'
    ),
    (
      'talk_minutes', 'started_at', 'manager_id',
      'is_answered', 'round(cast(talk_seconds as numeric) / 60, 6)'
    ),
  ],
  'activities': [
    ('meetings_held', 'done_at', 'manager_id', "kind = 'meeting'", '1'),
    ('emails_sent', 'done_at', 'manager_id', "kind = 'email'", '1'),
    ('tasks_done', 'done_at', 'manager_id', "kind = 'task'", '1'),
  ],
  'payments': [
    ('payments_received', 'paid_at', 'manager_id', 'true', 'amount'),
  ],
} -%}
{{
  config(
    materialized='incremental',
    meta={
      'key': ['card_type', 'card_id'],
      'logs': ['card_type', 'card_id', 'metric_code', 'event_date', 'manager_id', 'pipeline_id', 'channel'],
      'tallies': ['amount'],
      'scope': 'affected',
      'follows': ['fct_leads', 'fct_deals', 'dim_clients', 'fct_calls', 'fct_activities', 'fct_payments']
    }
  )
}}
{{ take_up_published() }}
{%- set affected -%}
  with changed_deals as (
    select deal_id from {{ changed_in('fct_deals') }}
  )
  select 'lead' as card_type, lead_id as card_id from {{ changed_in('fct_leads') }}
  union all
  select 'deal' as card_type, deal_id as card_id from changed_deals
  union all
  select 'call' as card_type, call_id as card_id from {{ changed_in('fct_calls') }}
  union all
  select 'activity' as card_type, activity_id as card_id from {{ changed_in('fct_activities') }}
  union all
  select card_type, card_id from {{ changed_in('fct_payments') }}
  union all
  -- A payment is of its deal's pipeline and channel.
  select payments.card_type, payments.card_id from (select * from {{ ref('fct_payments') }}) as payments
  inner join changed_deals on payments.deal_id = changed_deals.deal_id
  union all
  select split_part(client_key, ':', 1) as card_type, cast(split_part(client_key, ':', 2) as bigint) as card_id
  from {{ changed_in('dim_clients') }}
{%- endset -%}
{{ gather_affected(affected) }}
with leads as (

  select
    *,
    'lead' as card_type,
    lead_id as card_id,
    cast(null as bigint) as pipeline_id
  from {{ ref('fct_leads') }}
  {{ affected_only(["'lead'", 'lead_id']) }}

),

deals as (

  select
    *,
    'deal' as card_type,
    deal_id as card_id
  from {{ ref('fct_deals') }}
  {{ affected_only(["'deal'", 'deal_id']) }}

),

clients as (

  select
    *,
    client_type as card_type,
    cast(split_part(client_key, ':', 2) as bigint) as card_id,
    cast(null as bigint) as pipeline_id,
    cast(null as text) as channel
  from {{ ref('dim_clients') }}
  {{ affected_only(['client_type', "cast(split_part(client_key, ':', 2) as bigint)"]) }}

),

calls as (

  select
    *,
    'call' as card_type,
    call_id as card_id,
    cast(null as bigint) as pipeline_id,
    cast(null as text) as channel
  from {{ ref('fct_calls') }}
  {{ affected_only(["'call'", 'call_id']) }}

),

activities as (

  select
    *,
    'activity' as card_type,
    activity_id as card_id,
    cast(null as bigint) as pipeline_id,
    cast(null as text) as channel
  from {{ ref('fct_activities') }}
  {{ affected_only(["'activity'", 'activity_id']) }}

),

all_payments as (

  select * from {{ ref('fct_payments') }}
  {{ affected_only(['card_type', 'card_id']) }}

),

deals_paid as (

  select * from {{ ref('fct_deals') }}

),

payments as (

  select
    all_payments.*,
    deals_paid.pipeline_id,
    deals_paid.channel
  from all_payments
  left join deals_paid on all_payments.deal_id = deals_paid.deal_id

),

events as (
  {% for fact, metrics in metrics_of.items() %}
    {%- for metric_code, moment, manager, condition, worth in metrics %}
      select
        '{{ metric_code }}' as metric_code,
        {{ moment }} as event_at,
        card_type,
        card_id,
        cast({{ worth }} as numeric) as amount,
        {{ manager }} as manager_id,
        pipeline_id,
        channel
      from {{ fact }}
      where {{ moment }} is not null and {{ condition }}
      {%- if not loop.last %}

        union all
      {% endif %}
    {%- endfor %}
  {%- if not loop.last %}

      union all
    {% endif %}
  {%- endfor %}

),

final as (

  select
    metric_code,
    event_at,
    {{ local_date('event_at') }} as event_date,
    card_type,
    card_id,
    amount,
    coalesce(manager_id, 0) as manager_id,
    coalesce(pipeline_id, -1) as pipeline_id,
    coalesce(channel, '') as channel
  from events

)

select * from final
order by event_at
