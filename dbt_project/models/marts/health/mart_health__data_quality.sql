{{ config(tags=['nightly']) }}

with
{{ quality_facts() }}

looked_at as (

  {% for check in quality_checks() -%}
    select
      '{{ check.code }}' as check_code,
      '{{ check.label }}' as check_label,
      {{ loop.index }} as check_sort,
      '{{ check.meaning }}' as meaning,
      '{{ dashboards_named(check.on) }}' as dashboards,
      '{{ check.cure }}' as cure,
      {{ check.fact }}.manager_id,
      {{ check.fact }}.pipeline,
      {{ check.fact }}.channel,
      count(*) as cards,
      count(*) filter (where {{ check.flawed }}) as cards_flawed
    from {{ check.fact }}
    where {{ check.looked_at }}
    group by {{ check.fact }}.manager_id, {{ check.fact }}.pipeline, {{ check.fact }}.channel
    {{ 'union all' if not loop.last }}
  {% endfor %}

),

final as (

  select
    looked_at.check_code,
    looked_at.check_label,
    looked_at.check_sort,
    looked_at.manager_id,
    managers.manager,
    managers.department,
    looked_at.pipeline,
    looked_at.channel,
    looked_at.cards,
    looked_at.cards_flawed,
    looked_at.meaning,
    looked_at.dashboards,
    looked_at.cure
  from looked_at
  inner join managers on looked_at.manager_id = managers.manager_id

)

select * from final
