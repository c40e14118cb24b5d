{#- What happens to deals and when, with whose it is then; each event counts under one of these names. -#}
{%- set events = {
  'won': {'moment': 'won_at', 'manager': 'closed_manager_id', 'condition': 'true'},
  'lost': {'moment': 'lost_at', 'manager': 'closed_manager_id', 'condition': 'true'},
  'cohort_won': {'moment': 'created_at', 'manager': 'created_manager_id', 'condition': 'won_at is not null'},
  'cohort_lost': {'moment': 'created_at', 'manager': 'created_manager_id', 'condition': 'lost_at is not null'},
  'cohort_open': {
    'moment': 'created_at', 'manager': 'created_manager_id', 'condition': 'won_at is null and lost_at is null'
  },
} -%}
with deals as (

  select * from {{ ref('fct_deals') }}
  where is_selling

),

periods as (

  select * from {{ ref('dim_periods') }}

),

period_days as (

  select * from {{ ref('int_calendar__period_days') }}
  where compared_with = 'own'

),

managers as (

  select * from {{ ref('dim_managers') }}

),

pipelines as (

  select * from {{ ref('dim_pipelines') }}

),

events as (

  {% for name, event in events.items() -%}
    select
      '{{ name }}' as event,
      {{ local_date(event.moment) }} as event_day,
      {{ event.manager }} as manager_id,
      pipeline_id,
      channel,
      amount
    from deals
    where {{ event.moment }} is not null and {{ event.condition }}
    {% if not loop.last %}union all{% endif %}
  {% endfor %}

),

daily as (

  select
    event_day,
    manager_id,
    pipeline_id,
    channel,
    {%- for name in events %}
      count(*) filter (where event = '{{ name }}') as deals_{{ name }},
      coalesce(sum(amount) filter (where event = '{{ name }}'), 0) as amount_{{ name }}
      {%- if not loop.last %},{% endif %}
    {%- endfor %}
  from events
  group by event_day, manager_id, pipeline_id, channel

),

summed as (

  select
    period_days.period_grain,
    period_days.period_start,
    daily.manager_id,
    daily.pipeline_id,
    daily.channel,
    {%- for name in events %}
      cast(sum(daily.deals_{{ name }}) as bigint) as deals_{{ name }},
      sum(daily.amount_{{ name }}) as amount_{{ name }}
      {%- if not loop.last %},{% endif %}
    {%- endfor %}
  from period_days
  inner join daily on period_days.day = daily.event_day
  group by
    period_days.period_grain,
    period_days.period_start,
    daily.manager_id,
    daily.pipeline_id,
    daily.channel

),

final as (

  select
    {{ period_columns() }},
    summed.manager_id,
    managers.manager,
    managers.department,
    pipelines.pipeline,
    summed.channel,
    summed.deals_won,
    summed.deals_lost,
    summed.deals_won + summed.deals_lost as deals_closed,
    summed.amount_won,
    summed.amount_lost,
    summed.amount_won + summed.amount_lost as amount_closed,
    summed.deals_cohort_won as cohort_won,
    summed.deals_cohort_lost as cohort_lost,
    summed.deals_cohort_open as cohort_open,
    summed.deals_cohort_won + summed.deals_cohort_lost + summed.deals_cohort_open as cohort_deals
  from summed
  inner join periods
    on
      summed.period_grain = periods.period_grain
      and summed.period_start = periods.period_start
  inner join managers on summed.manager_id = managers.manager_id
  inner join pipelines on summed.pipeline_id = pipelines.pipeline_id

)

select * from final
order by period_grain_sort, period_choice_sort
