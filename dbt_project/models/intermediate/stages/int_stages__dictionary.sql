with statuses as (

  select * from {{ ref('stg_bitrix24__statuses') }}

),

leads as (

  select * from {{ ref('stg_bitrix24__leads') }}

),

deals as (

  select * from {{ ref('stg_bitrix24__deals') }}

),

invoices as (

  select * from {{ ref('stg_bitrix24__smart_invoices') }}

),

lead_history as (

  select * from {{ ref('stg_bitrix24__lead_stage_history') }}

),

deal_history as (

  select * from {{ ref('stg_bitrix24__deal_stage_history') }}

),

invoice_history as (

  select * from {{ ref('stg_bitrix24__smart_invoice_stage_history') }}

),

known as (

  select
    status_id as stage_id,
    status as stage,
    sort,
    semantic,
    is_deleted,
    case
      when dictionary = 'STATUS' then 'lead'
      when dictionary ~ '^DEAL_STAGE(_\d+)?$' then 'deal'
      when dictionary ~ '^SMART_INVOICE_STAGE_\d+$' then 'smart_invoice'
    end as entity,
    case
      when dictionary <> 'STATUS' then coalesce(cast(substring(dictionary from '_(\d+)$') as bigint), 0)
    end as pipeline_id,
    row_number() over (partition by dictionary, status_id order by is_deleted asc, status_row_id desc) as duplicate_rank
  from statuses
  where dictionary = 'STATUS' or dictionary ~ '^(DEAL_STAGE(_\d+)?|SMART_INVOICE_STAGE_\d+)$'

),

-- History before the cards' own word: it recorded the semantics while the stage was alive.
mentions as (

  select
    'lead' as entity,
    stage_id,
    null as pipeline_id,
    semantic,
    entered_at as mentioned_at,
    1 as priority
  from lead_history
  union all
  select
    'deal' as entity,
    stage_id,
    pipeline_id,
    semantic,
    entered_at,
    1 as priority
  from deal_history
  union all
  select
    'smart_invoice' as entity,
    stage_id,
    pipeline_id,
    semantic,
    entered_at,
    1 as priority
  from invoice_history
  union all
  select
    'lead' as entity,
    status_id,
    null as pipeline_id,
    semantic,
    modified_at,
    2 as priority
  from leads
  union all
  select
    'deal' as entity,
    stage_id,
    pipeline_id,
    semantic,
    modified_at,
    2 as priority
  from deals
  union all
  select
    'smart_invoice' as entity,
    stage_id,
    pipeline_id,
    semantic,
    modified_at,
    2 as priority
  from invoices

),

mentioned as (

  select distinct on (entity, stage_id)
    entity,
    stage_id,
    pipeline_id,
    semantic
  from mentions
  where stage_id is not null
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
