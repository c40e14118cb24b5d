{%- set horizons = [
  ('Все', 'null', 'null'),
  ('Сегодня', 'today', 'today'),
  ('Эта неделя', 'today', 'sunday'),
  ('Этот месяц', 'today', 'next_month_start - 1'),
  ('Следующий месяц', 'next_month_start', 'month_after_next_start - 1'),
  ('Просрочены', "'-infinity'", 'today - 1'),
  ('Без даты', 'null', 'null'),
] -%}
with today as (

  select
    {{ as_of_date() }} as today,
    cast(date_trunc('week', cast({{ as_of_date() }} as timestamp)) as date) + 6 as sunday,
    date_trunc('month', cast({{ as_of_date() }} as timestamp)) as month_start

),

bounds as (

  select
    today,
    sunday,
    cast(month_start + interval '1 month' as date) as next_month_start,
    cast(month_start + interval '2 months' as date) as month_after_next_start
  from today

),

final as (

  {% for horizon, due_from, due_until in horizons -%}
    select
      '{{ horizon }}' as horizon,
      {{ loop.index0 }} as horizon_sort,
      cast({{ due_from }} as date) as due_from,
      cast({{ due_until }} as date) as due_until,
      {{ loop.first | lower }} as is_everything,
      {{ loop.last | lower }} as is_dateless
    from bounds
    {% if not loop.last %}union all{% endif %}
  {% endfor %}

)

select * from final
