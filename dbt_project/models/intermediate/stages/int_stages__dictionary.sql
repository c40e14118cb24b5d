{#- Who mentions stages: history before the cards' own word, since it recorded the semantics while the stage lived. -#}
{%- set mentions = {
  'lead_stage_history': {'entity': 'lead', 'priority': 1, 'pipeline_id': 'cast(null as bigint)'},
  'deal_stage_history': {'entity': 'deal', 'priority': 1},
  'smart_invoice_stage_history': {'entity': 'smart_invoice', 'priority': 1},
  'smart_process_stage_history': {'entity': 'smart_process', 'priority': 1},
  'leads': {'entity': 'lead', 'priority': 2, 'stage_id': 'status_id', 'pipeline_id': 'cast(null as bigint)'},
  'deals': {'entity': 'deal', 'priority': 2},
  'quotes': {'entity': 'quote', 'priority': 2, 'pipeline_id': 'cast(null as bigint)'},
  'smart_invoices': {'entity': 'smart_invoice', 'priority': 2},
  'smart_process_items': {'entity': 'smart_process', 'priority': 2},
} -%}

with statuses as (

  select * from {{ ref('stg_bitrix24__statuses') }}

),
{% for name, entity in mentions.items() %}
  {{ name }} as (

    select * from {{ ref('stg_bitrix24__' ~ name) }}

  ),
{% endfor %}
known as (

  select
    status_id as stage_id,
    status as stage,
    sort,
    semantic,
    is_deleted,
    case
      when dictionary = 'STATUS' then 'lead'
      when dictionary = 'QUOTE_STATUS' then 'quote'
      when dictionary ~ '^DEAL_STAGE' then 'deal'
      when dictionary ~ '^SMART_INVOICE_STAGE' then 'smart_invoice'
      else 'smart_process'
    end as entity,
    case
      when dictionary not in ('STATUS', 'QUOTE_STATUS')
        then coalesce(cast(substring(dictionary from '_(\d+)$') as bigint), 0)
    end as pipeline_id,
    row_number() over (partition by dictionary, status_id order by is_deleted asc, status_row_id desc) as duplicate_rank
  from statuses
  where
    dictionary in ('STATUS', 'QUOTE_STATUS')
    or dictionary ~ '^(DEAL_STAGE(_\d+)?|SMART_INVOICE_STAGE_\d+|DYNAMIC_\d+_STAGE_\d+)$'

),

mentions as (
  {% for name, mention in mentions.items() %}
    select
      '{{ mention.entity }}' as entity,
      {{ mention.stage_id or 'stage_id' }} as stage_id,
      {{ mention.pipeline_id or 'pipeline_id' }} as pipeline_id,
      semantic,
      {{ 'entered_at' if mention.priority == 1 else 'modified_at' }} as mentioned_at,
      {{ mention.priority }} as priority
    from {{ name }}
    {%- if not loop.last %}
      union all
    {%- endif %}
  {%- endfor %}

),

-- Of a stage that lives the portal's own word counts: most mentions need not be sorted.
unsettled as (

  select mentions.*
  from mentions
  left join known
    on
      mentions.entity = known.entity
      and mentions.stage_id = known.stage_id
      and known.duplicate_rank = 1
      and not known.is_deleted
  where mentions.stage_id is not null and known.stage_id is null

),

mentioned as (

  select distinct on (entity, stage_id)
    entity,
    stage_id,
    pipeline_id,
    semantic
  from unsettled
  order by entity asc, stage_id asc, semantic is null, priority asc, mentioned_at desc

),

final as (

  select
    coalesce(known.entity, mentioned.entity) as entity,
    coalesce(known.stage_id, mentioned.stage_id) as stage_id,
    coalesce(known.pipeline_id, mentioned.pipeline_id) as pipeline_id,
    coalesce(known.is_deleted, true) as is_deleted,
    case
      when known.is_deleted then 'Удалённая стадия «' || known.stage || '»'
      when known.stage_id is null then 'Удалённая стадия ' || mentioned.stage_id
      else coalesce(known.stage, known.stage_id)
    end as stage,
    case
      when known.is_deleted is false then cast(known.sort as integer)
      else 1000000
    end as sort,
    case
      when known.is_deleted is false then known.semantic
      else coalesce(mentioned.semantic, known.semantic, 'process')
    end as semantic
  from known
  full outer join mentioned
    on known.entity = mentioned.entity and known.stage_id = mentioned.stage_id
  where known.duplicate_rank = 1 or known.duplicate_rank is null

)

select * from final
