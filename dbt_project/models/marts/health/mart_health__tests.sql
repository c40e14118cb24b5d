with results as (

  select * from {{ ref('stg_dbt__results') }}

),

groups as (

  {% for family, about in test_groups().items() -%}
    select
      '{{ family }}' as family,
      '{{ about.label }}' as group_label,
      '{{ about.meaning }}' as meaning,
      '{{ dashboards_named(about.on) }}' as dashboards,
      {{ loop.index }} as group_sort
    {{ 'union all' if not loop.last }}
  {% endfor %}

),

-- Models and seeds stand here only when something is wrong with them.
told as (

  select
    *,
    substring(folder from '[^/]+$') as family,
    case
      when status in ('success', 'pass') then 'good'
      when status = 'warn' then 'warning'
      when status in ('skipped', 'no-op') then 'not run'
      else 'wrong'
    end as verdict
  from results
  where resource_type in ('test', 'unit_test') or status not in ('success', 'no-op')

),

final as (

  select
    told.node_id as check_id,
    told.node_name as check_name,
    case
      when told.resource_type = 'unit_test' then 'Расчёт совпадает с посчитанным вручную примером'
      when told.resource_type = 'seed' then 'Таблица проекта читается'
      when told.resource_type = 'model' then 'Таблица рассчитывается'
      {% for beginning, words in check_words().items() -%}
        when starts_with(told.node_name, '{{ beginning }}') then '{{ words }}'
      {% endfor -%}
      else 'Строки отвечают своему правилу'
    end as check_label,
    case told.resource_type
      when 'test' then 'Проверка данных'
      when 'unit_test' then 'Проверка правила'
      when 'seed' then 'Таблица проекта'
      else 'Расчёт'
    end as kind,
    coalesce(groups.group_label, 'Прочее') as group_label,
    coalesce(groups.group_sort, 99) as group_sort,
    coalesce(groups.meaning, 'Часть показателей может быть неверна.') as group_meaning,
    coalesce(groups.dashboards, '—') as group_dashboards,
    case told.verdict
      when 'good' then 'пройдена'
      when 'warning' then 'предупреждение'
      when 'not run' then 'не выполнялась'
      else 'ошибка'
    end as status,
    case told.verdict
      when 'wrong' then 1
      when 'not run' then 2
      when 'warning' then 3
      else 4
    end as status_sort,
    told.verdict <> 'good' as is_problem,
    coalesce(told.failures, 0) as failures,
    coalesce(told.message, '—') as message,
    {{ local_time('told.ran_at') }} as ran_local,
    {{ local_time('told.failing_since') }} as failing_since_local,
    case told.verdict
      when 'good' then 'Всё в порядке.'
      when 'not run' then 'Проверка не выполнялась из-за ошибки до неё.'
      else coalesce(groups.meaning, 'Часть показателей может быть неверна.')
    end as meaning,
    case when told.verdict = 'good' then '—' else coalesce(groups.dashboards, '—') end as dashboards,
    case told.verdict
      when 'wrong' then 'Показаны прежние данные, пока ошибка не исправлена. Сообщите администратору.'
      when 'not run' then 'Показаны прежние данные. Сообщите администратору.'
      when 'warning' then 'Показатели обновляются. Исправить может администратор или тот, кто заполнял таблицу.'
      else '—'
    end as consequence
  from told
  left join groups on told.family = groups.family

)

select * from final
