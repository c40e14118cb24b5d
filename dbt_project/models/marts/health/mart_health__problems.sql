with freshness as (

  select * from {{ ref('mart_health__freshness') }}

),

streams as (

  select * from {{ ref('mart_health__streams') }}

),

tests as (

  select * from {{ ref('mart_health__tests') }}

),

inputs as (

  select * from {{ ref('mart_health__inputs') }}

),

quality as (

  select * from {{ ref('mart_health__data_quality') }}

),

old_data as (

  select
    'freshness' as problem_key,
    1 as kind_sort,
    'Обновление' as kind,
    status = 'ошибка обновления' as is_error,
    data_as_of_label as subject,
    case
      when status = 'ошибка обновления' then 'Последнее обновление не прошло.'
      else 'Данные старше часа рабочего времени.'
    end as problem,
    message as meaning,
    'все' as dashboards,
    'Администратор: проверьте, что обновление запущено, и посмотрите его журнал.' as cure,
    {{ local_time('data_as_of') }} as since_local,
    cast(null as bigint) as rows_affected
  from freshness
  where status <> 'свежие'

),

bad_streams as (

  select
    'stream ' || stream as problem_key,
    2 as kind_sort,
    'Загрузка' as kind,
    status = 'ошибка загрузки' as is_error,
    stream_label as subject,
    upper(left(status, 1)) || substring(status from 2) || '. ' || error || '.' as problem,
    meaning,
    dashboards,
    cured_by || ': ' || lower(left(cure, 1)) || substring(cure from 2) as cure,
    case when status = 'расходится с порталом' then counted_local else loaded_local end as since_local,
    abs(difference) as rows_affected
  from streams
  where is_problem

),

bad_tests as (

  select
    'test ' || check_id as problem_key,
    3 as kind_sort,
    case kind
      when 'Расчёт' then 'Расчёт'
      when 'Таблица проекта' then 'Расчёт'
      else 'Проверка'
    end as kind,
    status = 'ошибка' as is_error,
    group_label as subject,
    case
      when kind = 'Расчёт' then 'Таблица не рассчитана.'
      when kind = 'Таблица проекта' then 'Файл проекта не прочитан.'
      when failures > 0
        then 'Не прошла проверка «' || check_label || '», строк: ' || {{ number_ru('failures') }} || '.'
      else 'Не прошла проверка «' || check_label || '».'
    end as problem,
    meaning,
    dashboards,
    consequence as cure,
    coalesce(failing_since_local, ran_local) as since_local,
    failures as rows_affected
  from tests
  where status in ('ошибка', 'предупреждение')

),

-- What did not run waits for what went wrong before it: one line for each family is enough.
tests_not_run as (

  select
    'not run ' || group_label as problem_key,
    4 as kind_sort,
    'Проверка' as kind,
    false as is_error,
    group_label as subject,
    'Не выполнялись из-за ошибки до них, проверок и расчётов: ' || {{ number_ru('count(*)') }} || '.' as problem,
    'Показаны прежние данные.' as meaning,
    max(dashboards) as dashboards,
    'Администратор: исправьте ошибку, которая стоит в этом списке выше.' as cure,
    min(coalesce(failing_since_local, ran_local)) as since_local,
    count(*) as rows_affected
  from tests
  where status = 'не выполнялась'
  group by group_label

),

bad_inputs as (

  select
    'input ' || input as problem_key,
    5 as kind_sort,
    'Таблица' as kind,
    false as is_error,
    input_label as subject,
    upper(left(status, 1)) || substring(status from 2) || ', ошибок: ' || problems_count || '.' as problem,
    message as meaning,
    case input
      when 'targets' then '{{ dashboards_named([2, 6]) }}'
      when 'ad_spend' then '{{ dashboards_named([1, 5]) }}'
      when 'absences' then '{{ dashboards_named([2, 6]) }}'
      when 'channel_groups' then '{{ dashboards_named([1, 3, 4, 5]) }}'
      when 'production_calendar' then '{{ dashboards_named([2, 3, 6]) }}'
      when 'user_fields' then '{{ dashboards_named([1, 4, 5]) }}'
      else '{{ dashboards_named([1, 2, 3, 4, 5, 6]) }}'
    end as dashboards,
    cure,
    coalesce(last_upload_local, counted_since_local) as since_local,
    problems_count as rows_affected
  from inputs
  where is_problem

),

checks as (

  select
    check_code,
    check_label,
    meaning,
    dashboards,
    cure,
    sum(cards) as cards,
    sum(cards_flawed) as cards_flawed
  from quality
  group by check_code, check_label, meaning, dashboards, cure

),

bad_cards as (

  select
    'cards ' || check_code as problem_key,
    6 as kind_sort,
    'Карточки' as kind,
    false as is_error,
    check_label as subject,
    {{ number_ru('cards_flawed') }} || ' из ' || {{ number_ru('cards') }} || ' ('
    || replace(to_char(100.0 * cards_flawed / cards, 'FM990.0'), '.', ',') || ' %).' as problem,
    meaning,
    dashboards,
    cure,
    cast(null as timestamp) as since_local,
    cast(cards_flawed as bigint) as rows_affected
  from checks
  where cards_flawed > 0

),

together as (

  select * from old_data
  union all
  select * from bad_streams
  union all
  select * from bad_tests
  union all
  select * from tests_not_run
  union all
  select * from bad_inputs
  union all
  select * from bad_cards

),

ranked as (

  select
    problem_key,
    kind,
    case
      when is_error then 'ошибка'
      when kind = 'Карточки' then 'карточки'
      else 'внимание'
    end as severity,
    case
      when is_error then 1
      when kind = 'Карточки' then 3
      else 2
    end as severity_sort,
    row_number() over (
      order by
        case
          when is_error then 1
          when kind = 'Карточки' then 3
          else 2
        end asc,
        kind_sort asc, coalesce(rows_affected, 0) desc, problem_key asc
    ) as problem_rank,
    subject,
    problem,
    meaning,
    dashboards,
    cure,
    since_local,
    coalesce(to_char(since_local, 'DD.MM.YYYY HH24:MI'), '—') as since_text
  from together

),

-- That nothing is wrong is said, rather than shown as an empty list.
nothing as (

  select
    'nothing' as problem_key,
    'Всё' as kind,
    'в порядке' as severity,
    4 as severity_sort,
    cast(1 as bigint) as problem_rank,
    'Всё в порядке' as subject,
    'Замечаний нет.' as problem,
    'Загрузка, сверка с порталом, проверки, таблицы и карточки без замечаний.' as meaning,
    '—' as dashboards,
    'Ничего делать не нужно.' as cure,
    cast(null as timestamp) as since_local,
    '—' as since_text
  where not exists (select 1 from ranked)

),

final as (

  select * from ranked
  union all
  select * from nothing

)

select * from final
