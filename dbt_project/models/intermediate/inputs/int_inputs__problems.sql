with heading_problems as (

  select * from {{ ref('int_inputs__heading_problems') }}

),

targets as (

  select * from {{ ref('int_targets__lines') }}

),

spend as (

  select * from {{ ref('int_kpi__spend_lines') }}

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

)

select * from final
