{#- What the steps count, the days of each journey beside it, and what the period before counted by then: one dataset in
    which conversion, medians and growth stand in one row after any filter. No client and no card in it, so that it can
    be shown to whoever may not see them. -#}
{%- set counts = [
  'entered', 'previous_entered', 'first_entered', 'went_on', 'lost', 'still_open', 'won', 'skipped', 'days_sum',
  'days_count', 'days_from_start_sum', 'days_from_start_count',
] -%}
{%- set dimensions = [
  'view_kind', 'view_kind_sort', 'entry', 'entry_sort', 'step_code', 'step', 'step_number', 'step_label', 'manager_id',
  'manager', 'department', 'pipeline', 'channel',
] -%}

with steps as (

  select * from {{ ref('mart_funnel__steps') }}

),

with_days as (

  select * from {{ ref('mart_funnel__journey_steps') }}
  where days_from_start is not null

),

reached_before as (

  select
    *,
    case view_kind when 'Когорта' then started_local else reached_local end as counted_local
  from {{ ref('mart_funnel__journey_steps') }}

),

periods as (

  select * from {{ ref('dim_periods') }}

),

rows_of_counts as (

  select
    {{ period_columns('steps') }},
    {{ dimensions | join(',\n    ') }},
    {%- for column in counts %}
      {{ column }},
    {%- endfor %}
    cast(0 as bigint) as entered_before,
    cast(null as numeric) as days_from_previous,
    cast(null as numeric) as days_from_start
  from steps

),

rows_of_days as (

  select
    {{ period_columns('with_days') }},
    {{ dimensions | join(',\n    ') }},
    {%- for column in counts %}
      0 as {{ column }},
    {%- endfor %}
    0 as entered_before,
    days_from_previous,
    days_from_start
  from with_days

),

-- To the same day and hour, where the period still runs.
rows_of_before as (

  select
    {{ period_columns() }},
    {%- for column in dimensions %}
      reached_before.{{ column }},
    {%- endfor %}
    {%- for column in counts %}
      0 as {{ column }},
    {%- endfor %}
    1 as entered_before,
    cast(null as numeric) as days_from_previous,
    cast(null as numeric) as days_from_start
  from periods
  inner join reached_before
    on
      periods.period_grain = reached_before.period_grain
      and periods.period_choice_sort = reached_before.period_choice_sort - 1
      and {{ local_time('periods.previous_to_date_until') }} > reached_before.counted_local

),

final as (

  select * from rows_of_counts
  union all
  select * from rows_of_days
  union all
  select * from rows_of_before

)

select * from final
