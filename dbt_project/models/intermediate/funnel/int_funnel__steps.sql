with lines as (

  select * from {{ ref('int_funnel__step_lines') }}
  where is_chosen and problem is null

),

entries as (

  {% for code, label in funnel_entries() -%}
    select
      '{{ code }}' as entry_code,
      '{{ label }}' as entry,
      {{ loop.index }} as entry_sort
    {% if not loop.last %}union all{% endif %}
  {% endfor %}

),

steps as (

  select distinct on (entry, step_code)
    entry,
    step_code,
    label_ru,
    sort
  from lines
  order by entry, step_code, line_number

),

final as (

  select
    entries.entry_code,
    entries.entry,
    entries.entry_sort,
    steps.step_code,
    steps.label_ru as step,
    cast(row_number() over (partition by steps.entry order by steps.sort, steps.step_code) as integer) as step_number,
    count(*) over (partition by steps.entry) = row_number() over (
      partition by steps.entry order by steps.sort, steps.step_code
    ) as is_last
  from steps
  inner join entries on steps.entry = entries.entry_code

)

select * from final
