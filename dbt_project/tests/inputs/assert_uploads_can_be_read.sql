-- What is wrong with the tables that people uploaded. A warning: the version before goes on counting, and
-- mart_health__input_problems shows it to whoever uploaded it.
{{ config(severity='warn') }}

{% set problems %}
with problems as (

  select * from {{ ref('int_inputs__problems') }}

)

select 'uploads.' || input || ', line ' || line_number || ': ' || problem as problem
from problems
where upload_version is not null
{% endset %}
{{ say_problems(problems) }}
