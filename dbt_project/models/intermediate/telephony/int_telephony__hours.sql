{%- set measures = telephony_measures() -%}
{{ config(indexes=[{'columns': ['call_date', 'call_hour', 'manager_id'], 'unique': true}]) }}

with call_hours as (

  select * from {{ ref('int_telephony__call_hours') }}

),

missed as (

  select * from {{ ref('fct_missed_calls') }}

),

measured as (

  select
    call_date,
    call_hour,
    manager_id,
    {%- for measure in measures %}
      {{ measure if measure in call_measures() else 0 }} as {{ measure }}
      {%- if not loop.last %},{% endif %}
    {%- endfor %}
  from call_hours
  union all
  select
    missed.missed_date as call_date,
    cast(extract(hour from {{ local_time('missed.started_at') }}) as integer) as call_hour,
    missed.manager_id,
    {%- for measure in measures %}
      {{ missed_measures().get(measure, 0) }} as {{ measure }}
      {%- if not loop.last %},{% endif %}
    {%- endfor %}
  from missed

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
  from measured
  group by call_date, call_hour, manager_id

)

select * from final
