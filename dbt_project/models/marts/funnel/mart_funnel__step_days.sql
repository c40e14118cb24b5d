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

-- Each view of the steps by itself, as in mart_funnel__journey_steps, so that the index of the day serves it.
by_start as (

  select
    *,
    'Когорта' as view_kind,
    1 as view_kind_sort,
    started_date as day,
    start_manager_id as whose_id
  from {{ ref('fct_journey_steps') }}

),

by_event as (

  select
    *,
    'Период' as view_kind,
    2 as view_kind_sort,
    reached_date as day,
    manager_id as whose_id
  from {{ ref('fct_journey_steps') }}

),

journeys as (

  select * from {{ ref('fct_journeys') }}

),

managers as (

  select * from {{ ref('dim_managers') }}

),

periods as (

  select * from {{ ref('dim_periods') }}

),

viewed as (

  select * from by_start
  union all
  select * from by_event

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
    viewed.view_kind,
    viewed.view_kind_sort,
    journeys.entry,
    journeys.entry_sort,
    viewed.step_code,
    viewed.step,
    viewed.step_number,
    viewed.step_number || '. ' || viewed.step as step_label,
    managers.manager_id,
    managers.manager,
    managers.department,
    viewed.pipeline,
    viewed.channel,
    {%- for column in counts %}
      0 as {{ column }},
    {%- endfor %}
    1 as entered_before,
    cast(null as numeric) as days_from_previous,
    cast(null as numeric) as days_from_start
  from viewed
  inner join journeys on viewed.journey_key = journeys.journey_key
  inner join managers on viewed.whose_id = managers.manager_id
  inner join periods
    on
      viewed.day >= periods.previous_start
      and viewed.day < periods.previous_end
      and case viewed.view_kind when 'Когорта' then journeys.started_at else viewed.reached_at end
      < periods.previous_to_date_until

),

final as (

  select * from rows_of_counts
  union all
  select * from rows_of_days
  union all
  select * from rows_of_before

)

select * from final
