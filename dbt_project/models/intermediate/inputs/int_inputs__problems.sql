with heading_problems as (

  select * from {{ ref('int_inputs__heading_problems') }}

),

targets as (

  select * from {{ ref('int_targets__lines') }}

),

spend as (

  select * from {{ ref('int_kpi__spend_lines') }}

),

absences as (

  select * from {{ ref('int_targets__absences') }}

),

channel_groups as (

  select * from {{ ref('int_inputs__channel_groups') }}

),

production_calendar as (

  select * from {{ ref('int_inputs__production_calendar') }}

),

user_fields as (

  select * from {{ ref('int_inputs__user_fields') }}

),

people as (

  select * from {{ ref('int_access__entered') }}

),

final as (

  select
    input,
    'uploads.' || input || ', version ' || version as file_name,
    version as upload_version,
    cast(1 as bigint) as line_number,
    problem_column,
    problem,
    problem_ru
  from heading_problems
  union all
  select
    'targets' as input,
    file_name,
    upload_version,
    line_number,
    problem_column,
    problem,
    problem_ru
  from targets
  where problem is not null
  union all
  select
    'ad_spend' as input,
    file_name,
    upload_version,
    line_number,
    problem_column,
    problem,
    problem_ru
  from spend
  where problem is not null

  union all
  select
    'people' as input,
    file_name,
    cast(null as integer) as upload_version,
    line_number,
    problem_column,
    problem,
    problem_ru
  from people
  where problem is not null

  {%- for input in ['absences', 'channel_groups', 'production_calendar', 'user_fields'] %}
    union all
    select
      '{{ input }}' as input,
      'seeds/{{ input }}.csv' as file_name,
      cast(null as integer) as upload_version,
      line_number,
      problem_column,
      problem,
      problem_ru
    from {{ input }}
    where problem is not null
  {%- endfor %}

)

select * from final
