-- Every line of the files of spend says what it should; a wrong one is named with its cure.
{% set problems %}
with lines as (

  select * from {{ ref('int_kpi__spend_lines') }}

)

select file_name || ', line ' || line_number || ': ' || problem as problem
from lines
where problem is not null and upload_version is null
{% endset %}
{{ say_problems(problems) }}
