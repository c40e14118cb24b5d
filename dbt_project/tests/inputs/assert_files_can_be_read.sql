-- Every line of the files that people fill in says what it should; a wrong one is named with its cure.
{% set problems %}
with problems as (

  select * from {{ ref('int_inputs__problems') }}

)

select file_name || ', line ' || line_number || ': ' || problem as problem
from problems
where upload_version is null
{% endset %}
{{ say_problems(problems) }}
