{%- set grains = [
  {'name': 'День', 'sort': 1, 'unit': 'day', 'step': '1 day', 'year_ago': '1 year'},
  {'name': 'Неделя', 'sort': 2, 'unit': 'week', 'step': '1 week', 'year_ago': '52 weeks'},
  {'name': 'Месяц', 'sort': 3, 'unit': 'month', 'step': '1 month', 'year_ago': '1 year'},
  {'name': 'Квартал', 'sort': 4, 'unit': 'quarter', 'step': '3 months', 'year_ago': '1 year'},
  {'name': 'Год', 'sort': 5, 'unit': 'year', 'step': '1 year', 'year_ago': '1 year'},
] -%}
with leads as (

  select * from {{ ref('fct_leads') }}

),

deals as (

  select * from {{ ref('fct_deals') }}

),

calls as (

  select * from {{ ref('fct_calls') }}

),

activities as (

  select * from {{ ref('fct_activities') }}

),

invoices as (

  select * from {{ ref('fct_invoices') }}

),

beginnings as (

  select min(created_at) as first_at from leads
  union all
  select min(created_at) as first_at from deals
  union all
  select min(started_at) as first_at from calls
  union all
  select min(done_at) as first_at from activities
  union all
  select min(created_at) as first_at from invoices

),

bounds as (

  select
    {{ as_of() }} as as_of,
    {{ as_of_date() }} as today,
    greatest(
      coalesce(cast(min({{ local_time('first_at') }}) as date), {{ as_of_date() }}),
      cast({{ as_of_date() }} - interval '{{ var("period_years") }} years' as date)
    ) as first_day
  from beginnings

),

starts as (

  {% for grain in grains -%}
    select
      '{{ grain.name }}' as period_grain,
      {{ grain.sort }} as period_grain_sort,
      cast(series.started as date) as period_start,
      cast(series.started + interval '{{ grain.step }}' as date) as period_end,
      cast(series.started - interval '{{ grain.step }}' as date) as previous_start,
      cast(series.started - interval '{{ grain.year_ago }}' as date) as year_ago_start,
      {% if grain.unit == 'day' -%}
        cast(series.started - interval '{{ grain.year_ago }}' + interval '1 day' as date) as year_ago_end
      {%- else -%}
        cast(series.started + interval '{{ grain.step }}' - interval '{{ grain.year_ago }}' as date) as year_ago_end
      {%- endif %}
    from bounds
    cross join
      lateral generate_series(
        {% if grain.unit == 'day' -%}
          cast(bounds.today - {{ var('period_days') - 1 }} as timestamp),
        {% elif grain.unit == 'week' -%}
          date_trunc('week', cast(bounds.today as timestamp)) - interval '{{ var("period_weeks") - 1 }} weeks',
        {% else -%}
          date_trunc('{{ grain.unit }}', cast(bounds.first_day as timestamp)),
        {% endif -%}
        cast(bounds.today as timestamp),
        interval '{{ grain.step }}'
      ) as series (started)
    {% if not loop.last %}union all{% endif %}
  {% endfor %}

),

ordered as (

  select
    starts.*,
    cast(row_number() over (partition by period_grain order by period_start desc) - 1 as integer)
      as period_choice_sort,
    {{ period_label() }} as period_label
  from starts

),

-- How far the running period has come, by the clock of the portal's zone.
elapsed as (

  select
    ordered.*,
    case
      when ordered.period_choice_sort = 0
        then {{ local_time('bounds.as_of') }} - cast(ordered.period_start as timestamp)
    end as elapsed_time
  from ordered
  cross join bounds

),

-- «To date» is cut at the end of the period compared with, which may be the shorter one.
compared as (

  select
    elapsed.*,
    least(previous_start + coalesce(elapsed_time, period_start - cast(previous_start as timestamp)), period_start)
      as previous_until,
    least(year_ago_start + coalesce(elapsed_time, year_ago_end - cast(year_ago_start as timestamp)), year_ago_end)
      as year_ago_until
  from elapsed

),

final as (

  select
    period_grain,
    period_grain_sort,
    period_start,
    period_end,
    case period_choice_sort
      when 0 then 'Текущий'
      when 1 then 'Предыдущий'
      else period_label
    end as period_choice,
    period_choice_sort,
    period_label,
    period_choice_sort = 0 as is_current,
    previous_start,
    period_start as previous_end,
    {{ local_midnight('previous_until') }} as previous_to_date_until,
    year_ago_start,
    year_ago_end,
    {{ local_midnight('year_ago_until') }} as year_ago_to_date_until
  from compared

)

select * from final
