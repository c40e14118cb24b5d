{%- set measures = telephony_measures() -%}
{{ config(indexes=[{'columns': ['call_date', 'call_hour', 'manager_id'], 'unique': true}]) }}

with calls as (

  select * from {{ ref('fct_calls') }}

),

missed as (

  select * from {{ ref('fct_missed_calls') }}

),

measured as (

  {{ measured_calls() }}

),

placed as (

  select
    *,
    {{ local_date('started_at') }} as call_date,
    cast(extract(hour from {{ local_time('started_at') }}) as integer) as call_hour
  from measured

),

final as (

  select
    call_date,
    call_hour,
    manager_id,
    {%- for measure in measures %}
      cast(sum({{ measure }}) as {{ 'bigint' if measure.endswith('seconds') else 'integer' }}) as {{ measure }}
      {%- if not loop.last %},{% endif %}
    {%- endfor %}
  from placed
  group by call_date, call_hour, manager_id

)

select * from final
