{{ config(tags=['nightly']) }}

{%- set months_shown = 12 %}
with
{{ quality_facts() }}

born as (

  {% for check in quality_checks() -%}
    select
      '{{ check.code }}' as check_code,
      '{{ check.label }}' as check_label,
      {{ loop.index }} as check_sort,
      {{ check.fact }}.manager_id,
      {{ check.fact }}.pipeline,
      {{ check.fact }}.channel,
      cast(date_trunc('month', {{ local_time(check.fact ~ '.created_at') }}) as date) as created_month,
      count(*) as cards,
      count(*) filter (where {{ check.flawed }}) as cards_flawed
    from {{ check.fact }}
    where
      ({{ check.looked_at }})
      and {{ local_date(check.fact ~ '.created_at') }}
      >= cast(date_trunc('month', {{ as_of_date() }}) - interval '{{ months_shown - 1 }} months' as date)
    group by
      {{ check.fact }}.manager_id, {{ check.fact }}.pipeline, {{ check.fact }}.channel,
      cast(date_trunc('month', {{ local_time(check.fact ~ '.created_at') }}) as date)
    {{ 'union all' if not loop.last }}
  {% endfor %}

),

final as (

  select
    born.check_code,
    born.check_label,
    born.check_sort,
    born.created_month,
    born.manager_id,
    managers.manager,
    managers.department,
    born.pipeline,
    born.channel,
    born.cards,
    born.cards_flawed
  from born
  inner join managers on born.manager_id = managers.manager_id

)

select * from final
