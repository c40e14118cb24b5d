{%- set columns = ['entries', 'sort', 'step_code', 'label_ru', 'card', 'pipeline', 'stage', 'metric_code'] -%}

with entered as (

  select * from {{ ref('funnel_steps') }}

),

demonstration as (

  select * from {{ ref('demo_funnel_steps') }}

),

portal as (

  select * from {{ ref('stg_bitrix24__portal') }}

),

metrics as (

  select * from {{ ref('dim_metrics') }}

),

pipelines as (

  select * from {{ ref('dim_pipelines') }}

),

stages as (

  select * from {{ ref('int_stages__dictionary') }}
  where entity in ('lead', 'deal')

),

payments as (

  select * from {{ ref('fct_payments') }}

),

known_entries as (

  {% for code, label in funnel_entries() -%}
    select '{{ code }}' as entry
    {% if not loop.last %}union all{% endif %}
  {% endfor %}

),

-- Small files keep their order when they are read, so that rows can be told by their line.
-- The invented steps belong to the invented company only.
written as (

  select
    1 as priority,
    'seeds/funnel_steps.csv' as file_name,
    row_number() over () + 1 as line_number,
    {%- for column in columns %}
      nullif(btrim(entered.{{ column }}), '') as {{ column }}
      {%- if not loop.last %},{% endif %}
    {%- endfor %}
  from entered
  union all
  select
    2 as priority,
    'seeds/demo_funnel_steps.csv' as file_name,
    row_number() over () + 1 as line_number,
    {%- for column in columns %}
      nullif(btrim(demonstration.{{ column }}), '') as {{ column }}
      {%- if not loop.last %},{% endif %}
    {%- endfor %}
  from demonstration
  cross join portal
  where portal.is_demonstration

),

-- What stands for entries that nobody has written steps for. A portal without any payment has no step of payment.
defaults as (

  {% for entry, steps in default_funnel_steps().items() -%}
    {%- set entry_loop = loop -%}
    {% for code, label, metric_code in steps -%}
      select
        3 as priority,
        'default' as file_name,
        {{ entry_loop.index * 10 + loop.index }} as line_number,
        '{{ entry }}' as entries,
        '{{ loop.index * 10 }}' as sort,
        '{{ code }}' as step_code,
        '{{ label }}' as label_ru,
        cast(null as text) as card,
        cast(null as text) as pipeline,
        cast(null as text) as stage,
        '{{ metric_code }}' as metric_code
      {% if not (loop.last and entry_loop.last) %}union all{% endif %}
    {% endfor %}
  {%- endfor %}

),

lines as (

  select * from written
  union all
  select * from defaults
  where metric_code <> 'payments_received' or exists (select 1 from payments)

),

by_entry as (

  select distinct
    lines.priority,
    lines.file_name,
    lines.line_number,
    coalesce(nullif(lower(btrim(named.entry)), ''), '—') as entry,
    cast(substring(lines.sort from '^\d{1,6}$') as integer) as sort,
    lines.sort as sort_text,
    lower(lines.step_code) as step_code,
    lines.label_ru,
    lower(lines.card) as card,
    lines.pipeline,
    lines.stage,
    lower(lines.metric_code) as metric_code
  from lines
  cross join lateral regexp_split_to_table(coalesce(lines.entries, ''), '[,;]') as named (entry)

),

-- An entry with steps of its own has no others.
chosen as (

  select
    by_entry.*,
    concat_ws('|', sort_text, label_ru) as naming,
    concat_ws('|', card, coalesce(pipeline, ''), coalesce(stage, ''), metric_code) as sign,
    min(priority) over (partition by entry) as chosen_priority
  from by_entry

),

matched as (

  select
    chosen.file_name,
    chosen.line_number,
    chosen.entry,
    count(distinct pipelines.pipeline_id) as pipelines_found,
    count(stages.stage_id) as stages_found
  from chosen
  left join pipelines on chosen.pipeline in (pipelines.pipeline, cast(pipelines.pipeline_id as text))
  left join stages
    on {{ is_stage_of_line('chosen', 'stages', 'pipelines') }}
  group by chosen.file_name, chosen.line_number, chosen.entry

),

-- Of the lines of one file and entry: those that say the same, call one step differently, or put two in one place.
clashes as (

  select
    later.file_name,
    later.line_number,
    later.entry,
    min(case when earlier.step_code = later.step_code and earlier.naming <> later.naming then earlier.line_number end)
      as other_name_line,
    min(case when earlier.step_code <> later.step_code and earlier.sort = later.sort then earlier.line_number end)
      as other_step_line,
    min(case when earlier.step_code = later.step_code and earlier.sign = later.sign then earlier.line_number end)
      as same_line
  from chosen as later
  inner join chosen as earlier
    on
      later.file_name = earlier.file_name
      and later.entry = earlier.entry
      and later.line_number > earlier.line_number
  group by later.file_name, later.line_number, later.entry

),

final as (

  select
    chosen.file_name,
    chosen.line_number,
    chosen.entry,
    chosen.sort,
    chosen.step_code,
    chosen.label_ru,
    chosen.card,
    chosen.pipeline,
    chosen.stage,
    chosen.metric_code,
    chosen.priority = chosen.chosen_priority as is_chosen,
    case
      when chosen.entry = '—'
        then 'entries is empty: write lead, active, repeat or request, or several with commas between them'
      when known_entries.entry is null
        then 'there is no entry "' || chosen.entry || '": write lead, active, repeat or request'
      when chosen.sort is null
        then 'sort is "' || coalesce(chosen.sort_text, '') || '": write a whole number, such as 10'
      when chosen.step_code is null then 'step_code is empty: write a short name in Latin letters, such as contract'
      when chosen.label_ru is null then 'label_ru is empty: write the name of the step as the dashboards should show it'
      when chosen.metric_code is null and chosen.card is null
        then 'it says neither card nor metric_code: write deal or lead into card, or a metric into metric_code'
      when chosen.metric_code is not null and coalesce(chosen.card, chosen.pipeline, chosen.stage) is not null
        then 'it has a metric and stages: leave card, pipeline and stage empty, or metric_code'
      when chosen.metric_code is not null and metrics.metric_code is null
        then 'there is no metric "' || chosen.metric_code || '": take a code of seeds/metric_catalogue.csv'
      when
        chosen.metric_code is not null
        and (metrics.kind <> 'event' or metrics.card_type not in ('lead', 'deal', 'invoice', 'payment'))
        then
          'the metric "' || chosen.metric_code || '" counts no leads, deals, invoices or payments: take one that does,'
          || ' such as deals_won'
      when chosen.metric_code is null and chosen.card not in ('lead', 'deal')
        then 'card is "' || chosen.card || '": write deal or lead'
      when chosen.card = 'lead' and chosen.pipeline is not null
        then 'leads have no pipelines: leave pipeline empty, or write deal into card'
      when chosen.pipeline is not null and matched.pipelines_found = 0
        then
          'there is no pipeline "' || chosen.pipeline || '": write its name or id as dim_pipelines has it'
      when chosen.card is not null and matched.stages_found = 0
        then
          'there is no stage "' || coalesce(chosen.stage, '') || '"'
          || coalesce(' in the pipeline "' || chosen.pipeline || '"', '')
          || ': write its name or id as dim_stages has it, or success, failure or process'
      when clashes.same_line is not null
        then 'line ' || clashes.same_line || ' says the same: drop one of them'
      when clashes.other_name_line is not null
        then
          'line ' || clashes.other_name_line || ' has another sort or label_ru for the same step: write the same in'
          || ' both, or another step_code'
      when clashes.other_step_line is not null
        then 'line ' || clashes.other_step_line || ' has another step at the same sort: give each step its own number'
    end as problem
  from chosen
  inner join matched
    on
      chosen.file_name = matched.file_name
      and chosen.line_number = matched.line_number
      and chosen.entry = matched.entry
  left join clashes
    on
      chosen.file_name = clashes.file_name
      and chosen.line_number = clashes.line_number
      and chosen.entry = clashes.entry
  left join known_entries on chosen.entry = known_entries.entry
  left join metrics on chosen.metric_code = metrics.metric_code

)

select * from final
