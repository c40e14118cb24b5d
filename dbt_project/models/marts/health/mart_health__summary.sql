with freshness as (

  select * from {{ ref('mart_health__freshness') }}

),

nightly_build as (

  select * from {{ ref('mart_health__nightly_build') }}

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

refreshes as (

  select * from {{ ref('mart_health__refreshes') }}

),

quality as (

  select * from {{ ref('mart_health__data_quality') }}

),

problems as (

  select * from {{ ref('mart_health__problems') }}

),

-- one row each, also of a warehouse where nothing was loaded yet
stamp as (

  select
    max(status) as status,
    max(data_as_of_label) as data_as_of_label,
    max(message) as message,
    cast(extract(epoch from {{ query_now() }} - max(data_as_of)) / 60 as bigint) as age_minutes
  from freshness

),

night as (

  select max(data_as_of_label) as computed_at_night_label
  from nightly_build

),

stream_counts as (

  select
    count(*) as streams,
    count(*) filter (where is_problem) as streams_with_problem,
    count(*) filter (where portal_rows is not null) as streams_compared,
    count(*) filter (where status = 'расходится с порталом') as streams_different,
    coalesce(sum(abs(difference)), 0) as rows_different,
    coalesce(sum(portal_rows), 0) as rows_compared,
    to_char(max(counted_local), 'DD.MM.YYYY HH24:MI') as counted_text
  from streams

),

test_counts as (

  select
    count(*) as tests,
    count(*) filter (where status = 'ошибка') as tests_failed,
    count(*) filter (where status = 'предупреждение') as tests_warned,
    count(*) filter (where status = 'не выполнялась') as tests_not_run,
    to_char(max(ran_local), 'DD.MM.YYYY HH24:MI') as tests_ran_text
  from tests

),

input_counts as (

  select
    count(*) as inputs,
    count(*) filter (where is_problem) as inputs_with_problem,
    count(*) filter (where status = 'не заполнено') as inputs_empty,
    coalesce(sum(problems_count), 0) as input_problems
  from inputs

),

loads as (

  select
    max(minutes) filter (where is_latest) as load_minutes,
    max(usual_minutes) filter (where is_latest) as usual_load_minutes,
    count(*) as refreshes,
    count(*) filter (where is_problem) as refreshes_with_problem
  from refreshes

),

flaws as (

  select
    coalesce(sum(cards), 0) as cards_checked,
    coalesce(sum(cards_flawed), 0) as flaws,
    count(distinct check_code) as checks,
    count(distinct check_code) filter (where cards_flawed > 0) as checks_with_flaws
  from quality

),

problem_counts as (

  select
    count(*) filter (where severity = 'ошибка') as errors,
    count(*) filter (where severity = 'внимание') as warnings
  from problems

),

final as (

  select
    coalesce(stamp.status, 'ошибка обновления') as status,
    coalesce(stamp.data_as_of_label, 'Данных ещё нет') as data_as_of_label,
    coalesce(stamp.message, 'Ни одно обновление ещё не завершилось.') as message,
    case
      when stamp.age_minutes is null then '—'
      when stamp.age_minutes < 60 then stamp.age_minutes || ' мин'
      when stamp.age_minutes < 2880 then stamp.age_minutes / 60 || ' ч ' || stamp.age_minutes % 60 || ' мин'
      else stamp.age_minutes / 1440 || ' дн.'
    end as age_label,
    coalesce(night.computed_at_night_label, '—') as computed_at_night_label,
    loads.load_minutes,
    loads.usual_load_minutes,
    loads.refreshes,
    loads.refreshes_with_problem,
    stream_counts.streams,
    stream_counts.streams_with_problem,
    stream_counts.streams_compared,
    stream_counts.streams_different,
    cast(stream_counts.rows_different as bigint) as rows_different,
    cast(stream_counts.rows_compared as bigint) as rows_compared,
    coalesce(stream_counts.counted_text, '—') as counted_text,
    test_counts.tests,
    test_counts.tests_failed,
    test_counts.tests_warned,
    test_counts.tests_not_run,
    coalesce(test_counts.tests_ran_text, '—') as tests_ran_text,
    input_counts.inputs,
    input_counts.inputs_with_problem,
    input_counts.inputs_empty,
    cast(input_counts.input_problems as bigint) as input_problems,
    cast(flaws.cards_checked as bigint) as cards_checked,
    cast(flaws.flaws as bigint) as flaws,
    flaws.checks,
    flaws.checks_with_flaws,
    problem_counts.errors,
    problem_counts.warnings
  from stamp
  cross join night
  cross join loads
  cross join stream_counts
  cross join test_counts
  cross join input_counts
  cross join flaws
  cross join problem_counts

)

select * from final
