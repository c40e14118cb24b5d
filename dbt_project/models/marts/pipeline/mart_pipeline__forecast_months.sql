with deals as (

  select * from {{ ref('mart_pipeline__open_deals') }}

),

today as (

  select
    {{ as_of_date() }} as today,
    date_trunc('month', cast({{ as_of_date() }} as timestamp)) as month_start

),

dated as (

  select
    deals.*,
    today.month_start,
    case
      when not deals.is_overdue then date_trunc('month', cast(deals.expected_close_date as timestamp))
    end as due_month
  from deals
  cross join today

),

-- Months that are looked at, and apart from them what is overdue, later or has no date: together all open deals.
placed as (

  select
    *,
    case
      when is_overdue then 'Просрочены'
      when due_month is null then 'Без даты'
      when due_month > month_start + interval '{{ var("forecast_months") }} months' then 'Позже'
      else {{ month_label('due_month') }}
    end as due,
    case
      when is_overdue then 0
      when due_month is null then 1000
      when due_month > month_start + interval '{{ var("forecast_months") }} months' then 999
      else
        1 + 12 * extract(year from age(due_month, month_start)) + extract(month from age(due_month, month_start))
    end as due_sort
  from dated

),

final as (

  select
    manager_id,
    manager,
    department,
    pipeline_id,
    pipeline,
    channel,
    is_selling,
    due,
    cast(due_sort as integer) as due_sort,
    cast(case when due_sort between 1 and 998 then due_month end as date) as due_month,
    count(*) as open_deals,
    sum(amount) as amount,
    sum(weighted_amount) as weighted_amount
  from placed
  group by
    manager_id,
    manager,
    department,
    pipeline_id,
    pipeline,
    channel,
    is_selling,
    due,
    due_sort,
    case when due_sort between 1 and 998 then due_month end

)

select * from final
order by due_sort
