{#- Article 112 of the Labour Code since 2013, for years whose transfers the seed does not have. -#}
{%- set fixed_holidays = [
  ('01-01', 'Новогодние каникулы'), ('01-02', 'Новогодние каникулы'), ('01-03', 'Новогодние каникулы'),
  ('01-04', 'Новогодние каникулы'), ('01-05', 'Новогодние каникулы'), ('01-06', 'Новогодние каникулы'),
  ('01-07', 'Рождество Христово'), ('01-08', 'Новогодние каникулы'), ('02-23', 'День защитника Отечества'),
  ('03-08', 'Международный женский день'), ('05-01', 'Праздник Весны и Труда'), ('05-09', 'День Победы'),
  ('06-12', 'День России'), ('11-04', 'День народного единства'),
] -%}
with production_calendar as (

  select * from {{ ref('int_inputs__production_calendar') }}
  where problem is null

),

years_known as (

  select distinct extract(year from day) as year_number
  from production_calendar

),

days as (

  select cast(series.day as date) as day
  from generate_series(
    cast({{ calendar_from() }} as timestamp), cast({{ calendar_until() }} as timestamp), interval '1 day'
  ) as series (day)

),

fixed_holidays as (

  {% for day, name in fixed_holidays -%}
    select
      '{{ day }}' as month_day,
      '{{ name }}' as holiday
    {% if not loop.last %}union all{% endif %}
  {% endfor %}

),

-- What the law alone says: a holiday on a weekend, but for those of January, moves to the Monday after.
lawful as (

  select
    days.day,
    fixed_holidays.holiday,
    case
      when fixed_holidays.month_day >= '02' and extract(isodow from days.day) > 5
        then days.day + 8 - cast(extract(isodow from days.day) as integer)
    end as moved_to
  from days
  inner join fixed_holidays on to_char(days.day, 'MM-DD') = fixed_holidays.month_day

),

judged as (

  select
    days.day,
    years_known.year_number is not null as is_in_production_calendar,
    case
      when years_known.year_number is not null
        then coalesce(
          production_calendar.is_working,
          extract(isodow from days.day) in ({{ var('working_weekdays') | join(', ') }})
        )
      else
        extract(isodow from days.day) in ({{ var('working_weekdays') | join(', ') }})
        and lawful.day is null
        and moved.day is null
    end as is_working_day,
    case
      when years_known.year_number is not null then production_calendar.comment
      else coalesce(lawful.holiday, 'Перенос выходного: ' || moved.holiday)
    end as occasion
  from days
  left join years_known on extract(year from days.day) = years_known.year_number
  left join production_calendar on days.day = production_calendar.day
  left join lawful on days.day = lawful.day
  left join lawful as moved on days.day = moved.moved_to

),

hours as (

  select
    *,
    case
      when is_working_day then {{ local_midnight("cast(day as timestamp) + " ~ working_hour('from')) }}
    end as working_from,
    case
      when is_working_day then {{ local_midnight("cast(day as timestamp) + " ~ working_hour('until')) }}
    end as working_until
  from judged

),

measured as (

  select
    *,
    cast(coalesce(extract(epoch from working_until - working_from), 0) as bigint) as working_seconds
  from hours

),

final as (

  select
    day,
    cast(extract(isodow from day) as integer) as weekday,
    cast(date_trunc('week', cast(day as timestamp)) as date) as week_start,
    cast(date_trunc('month', cast(day as timestamp)) as date) as month_start,
    is_working_day,
    coalesce(
      occasion,
      case when is_working_day then 'Рабочий день' else 'Выходной' end
    ) as occasion,
    is_in_production_calendar,
    working_from,
    working_until,
    working_seconds,
    cast(sum(working_seconds) over (order by day) - working_seconds as bigint) as working_seconds_before
  from measured

)

select * from final
order by day
