with periods as (

  select * from {{ ref('dim_periods') }}
  where is_current and period_grain in ('День', 'Неделя', 'Месяц')

),

-- What is left of the running period, the next one, and apart from both what is overdue.
choices as (

  select
    period_grain,
    period_grain_sort,
    'Текущий' as period_choice,
    0 as period_choice_sort,
    period_start,
    period_end,
    is_current,
    0 as ahead_sort,
    {{ as_of_date() }} as due_from,
    period_end - 1 as due_until
  from periods
  union all
  select
    period_grain,
    period_grain_sort,
    'Следующий' as period_choice,
    -1 as period_choice_sort,
    period_end as period_start,
    case period_grain
      when 'День' then period_end + 1
      when 'Неделя' then period_end + 7
      else cast(period_end + interval '1 month' as date)
    end as period_end,
    false as is_current,
    1 as ahead_sort,
    period_end as due_from,
    case period_grain
      when 'День' then period_end
      when 'Неделя' then period_end + 6
      else cast(period_end + interval '1 month' as date) - 1
    end as due_until
  from periods
  union all
  select
    period_grain,
    period_grain_sort,
    'Просрочено' as period_choice,
    -2 as period_choice_sort,
    period_start,
    period_end,
    false as is_current,
    2 as ahead_sort,
    cast(null as date) as due_from,
    cast(null as date) as due_until
  from periods

),

final as (

  select
    period_grain,
    period_grain_sort,
    period_choice,
    period_choice_sort,
    case when ahead_sort = 2 then 'Просрочено' else {{ period_label() }} end as period_label,
    period_start,
    is_current,
    (
      case ahead_sort
        when 0 then array['Сегодня', 'До конца недели', 'До конца месяца']
        when 1 then array['Завтра', 'Следующая неделя', 'Следующий месяц']
        else array['Просрочено', 'Просрочено', 'Просрочено']
      end
    )[period_grain_sort] as ahead,
    ahead_sort,
    ahead_sort = 2 as is_overdue,
    due_from,
    due_until
  from choices

)

select * from final
order by period_grain_sort, ahead_sort
