{%- set measures = call_measures() -%}
{{
  config(
    materialized='incremental',
    indexes=[{'columns': ['call_date', 'call_hour', 'manager_id'], 'unique': true}],
    meta={
      'key': 'call_date',
      'scope': 'affected',
      'follows': ['fct_calls']
    }
  )
}}
{%- set affected -%}
  select {{ local_date('started_at') }} as call_date from {{ changed_in('fct_calls') }}
{%- endset -%}
{{ gather_affected(affected) }}
with calls as (

  select * from {{ ref('fct_calls') }}
  {{ affected_only(local_date('started_at')) }}

),

measured as (

  select
    {{ local_date('calls.started_at') }} as call_date,
    cast(extract(hour from {{ local_time('calls.started_at') }}) as integer) as call_hour,
    calls.manager_id,
    {%- for measure, expression in measures.items() %}
      {{ expression }} as {{ measure }}
      {%- if not loop.last %},{% endif %}
    {%- endfor %}
  from calls

),

final as (

  select
    call_date,
    call_hour,
    manager_id,
    {%- for measure in measures %}
      cast(sum({{ measure }}) as bigint) as {{ measure }}
      {%- if not loop.last %},{% endif %}
    {%- endfor %}
  from measured
  group by call_date, call_hour, manager_id

)

select * from final
