{%- set counted = [
  'leads_created', 'journeys', 'journeys_won', 'journeys_lost', 'journeys_open', 'cohort_leads', 'cohort_revenue',
] -%}
{%- set tags = ['utm_source', 'utm_medium', 'utm_campaign'] -%}

with cards as (

  select * from {{ ref('int_funnel__channel_cards') }}

),

period_days as (

  select * from {{ ref('int_calendar__period_days') }}
  where compared_with = 'own'

),

channel_spend as (

  select * from {{ ref('int_kpi__channel_spend') }}

),

periods as (

  select * from {{ ref('dim_periods') }}

),

measured as (

  select
    created_date,
    manager_id,
    manager,
    department,
    pipeline,
    channel,
    {%- for tag in tags %}
      {{ tag }},
    {%- endfor %}
    case when card_type = 'lead' then 1 else 0 end as leads_created,
    case when is_start then 1 else 0 end as journeys,
    {%- for status in ('won', 'lost', 'open') %}
      case when is_start and status_code = '{{ status }}' then 1 else 0 end as journeys_{{ status }},
    {%- endfor %}
    1 as cohort_leads,
    revenue as cohort_revenue
  from cards

),

summed as (

  select
    period_days.period_grain,
    period_days.period_start,
    measured.manager_id,
    measured.manager,
    measured.department,
    measured.pipeline,
    measured.channel,
    {%- for tag in tags %}
      measured.{{ tag }},
    {%- endfor %}
    {%- for column in counted %}
      sum(measured.{{ column }}) as {{ column }}
      {%- if not loop.last %},{% endif %}
    {%- endfor %}
  from period_days
  inner join measured on period_days.day = measured.created_date
  group by
    period_days.period_grain,
    period_days.period_start,
    measured.manager_id,
    measured.manager,
    measured.department,
    measured.pipeline,
    measured.channel,
    measured.{{ tags | join(', measured.') }}

),

rows_of_cards as (

  select
    summed.*,
    cast(null as numeric) as spend,
    case when channel_spend.channel is not null then summed.cohort_leads else 0 end as spend_known_leads,
    case when channel_spend.channel is not null then summed.cohort_revenue else 0 end as spend_known_revenue
  from summed
  left join channel_spend
    on
      summed.period_grain = channel_spend.period_grain
      and summed.period_start = channel_spend.period_start
      and summed.channel = channel_spend.channel

),

-- Spend knows neither who nor which campaign: rows of their own, blank when filtered so.
rows_of_spend as (

  select
    period_grain,
    period_start,
    cast(null as bigint) as manager_id,
    '—' as manager,
    '—' as department,
    '—' as pipeline,
    channel,
    {%- for tag in tags %}
      '—' as {{ tag }},
    {%- endfor %}
    {%- for column in counted %}
      0 as {{ column }},
    {%- endfor %}
    spend,
    0 as spend_known_leads,
    0 as spend_known_revenue
  from channel_spend

),

all_rows as (

  select * from rows_of_cards
  union all
  select * from rows_of_spend

),

final as (

  select
    {{ period_columns() }},
    all_rows.manager_id,
    all_rows.manager,
    all_rows.department,
    all_rows.pipeline,
    all_rows.channel,
    {%- for tag in tags %}
      all_rows.{{ tag }},
    {%- endfor %}
    {%- for column in counted if column != 'cohort_revenue' %}
      cast(all_rows.{{ column }} as bigint) as {{ column }},
    {%- endfor %}
    all_rows.cohort_revenue,
    all_rows.spend,
    cast(all_rows.spend_known_leads as bigint) as spend_known_leads,
    all_rows.spend_known_revenue
  from all_rows
  inner join periods
    on
      all_rows.period_grain = periods.period_grain
      and all_rows.period_start = periods.period_start

)

select * from final
order by period_grain_sort, period_choice_sort
