-- Every line of the files of targets and absences says what it should; a wrong one is named with its cure.
{% set problems %}
with targets as (

  select * from {{ ref('int_targets__lines') }}

),

absences as (

  select * from {{ ref('int_targets__absences') }}

),

final as (

  select file_name || ', line ' || line_number || ': ' || problem as problem
  from targets
  where problem is not null and upload_version is null
  union all
  select 'seeds/absences.csv, line ' || line_number || ': ' || problem as problem
  from absences
  where problem is not null

)

select * from final
{% endset %}
{{ say_problems(problems) }}
