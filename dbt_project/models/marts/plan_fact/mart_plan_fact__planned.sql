{{ config(materialized='view') }}

with items as (

  select * from {{ ref('fct_planned_items') }}

),

periods as (

  select * from {{ ref('dim_periods_ahead') }}

),

final as (

  select
    {{ period_columns() }},
    periods.ahead,
    periods.ahead_sort,
    items.*
  from items
  inner join periods
    on
      (items.is_overdue and periods.is_overdue)
      or (not items.is_overdue and items.due_day >= periods.due_from and items.due_day <= periods.due_until)

)

select * from final
