with sources as (

  select * from {{ ref('stg_bitrix24__statuses') }}
  where dictionary = 'SOURCE'

),

leads as (

  select * from {{ ref('stg_bitrix24__leads') }}

),

deals as (

  select * from {{ ref('stg_bitrix24__deals') }}

),

companies as (

  select * from {{ ref('stg_bitrix24__companies') }}

),

contacts as (

  select * from {{ ref('stg_bitrix24__contacts') }}

),

channel_groups as (

  select * from {{ ref('int_inputs__channel_groups') }}
  where problem is null

),

known as (

  select distinct on (status_id)
    status_id as source_id,
    coalesce(status, status_id) as source
  from sources
  order by status_id asc, is_deleted asc, status_row_id desc

),

mentioned as (

  select source_id from leads
  union
  select source_id from deals
  union
  select source_id from companies
  union
  select source_id from contacts
  union
  select '' as source_id

),

named as (

  select
    coalesce(known.source_id, mentioned.source_id) as source_id,
    case
      when mentioned.source_id = '' then 'Не указан'
      else coalesce(known.source, mentioned.source_id)
    end as source
  from known
  full outer join mentioned on known.source_id = mentioned.source_id

),

final as (

  select
    named.source_id,
    named.source,
    coalesce(channel_groups.channel, named.source) as channel,
    case
      when named.source_id = '' then 1000000
      else coalesce(min(channel_groups.sort) over (partition by channel_groups.channel), 900000)
    end as channel_sort
  from named
  left join channel_groups on named.source_id = channel_groups.source_id

)

select * from final
