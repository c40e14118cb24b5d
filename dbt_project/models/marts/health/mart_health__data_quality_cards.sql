{{ config(tags=['nightly']) }}

{#- A portal may have a million cards without a source: the newest of them are enough to work on. -#}
{%- set cards_kept = 1000 -%}
with
{{ quality_facts() }}

flawed as (

  {% for check in quality_checks() -%}
    select
      '{{ check.code }}' as check_code,
      '{{ check.label }}' as check_label,
      {{ loop.index }} as check_sort,
      '{{ check.cure }}' as cure,
      {{ check.fact }}.card_type_label,
      {{ check.fact }}.card_id,
      {{ check.fact }}.title,
      {{ check.fact }}.manager_id,
      {{ check.fact }}.pipeline,
      {{ check.fact }}.channel,
      {{ check.fact }}.created_at,
      {{ check.fact }}.crm_url,
      row_number() over (order by {{ check.fact }}.created_at desc, {{ check.fact }}.card_id desc) as card_rank
    from {{ check.fact }}
    where ({{ check.looked_at }}) and ({{ check.flawed }})
    {{ 'union all' if not loop.last }}
  {% endfor %}

),

final as (

  select
    flawed.check_code,
    flawed.check_label,
    flawed.check_sort,
    flawed.card_rank,
    flawed.card_type_label,
    flawed.card_id,
    coalesce(nullif(flawed.title, ''), '—') as title,
    flawed.manager_id,
    managers.manager,
    managers.department,
    flawed.pipeline,
    flawed.channel,
    {{ local_time('flawed.created_at') }} as created_local,
    flawed.cure,
    coalesce(flawed.crm_url, '') as crm_url,
    {{ crm_link('flawed.crm_url') }} as crm_link
  from flawed
  inner join managers on flawed.manager_id = managers.manager_id
  where flawed.card_rank <= {{ cards_kept }}

)

select * from final
