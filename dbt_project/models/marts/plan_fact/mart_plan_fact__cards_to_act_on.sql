{{ config(pre_hook="set local work_mem = '256MB'") }}

with open_deals as (

  select * from {{ ref('mart_pipeline__open_deals') }}

),

open_leads as (

  select * from {{ ref('mart_pipeline__open_leads') }}

),

lost_clients as (

  select * from {{ ref('mart_telephony__lost_clients') }}
  where period_grain = 'Год'

),

clients as (

  select * from {{ ref('mart_clients__base') }}

),

contacts as (

  select * from {{ ref('int_recency__contacts') }}

),

-- Whoever called in vain in two years stands in both, the same in each.
waiting as (

  select distinct on (lost_client_id) *
  from lost_clients
  order by lost_client_id, period_choice_sort

),

-- Clients who have bought or are about to: of the last night, but who has been called since is silent no more.
silent_clients as (

  select
    clients.client_type,
    clients.card_id,
    clients.client,
    clients.manager_id,
    clients.manager,
    clients.department,
    clients.pipeline,
    clients.channel,
    clients.revenue,
    clients.crm_url,
    contacts.days_since_call,
    coalesce(contacts.days_since_call, clients.days_since_created, clients.days_since_win) as days
  from clients
  inner join contacts on clients.client_type = contacts.card_type and clients.card_id = contacts.card_id
  where clients.is_buyer or clients.open_deals > 0

),

found as (

  select
    case
      when is_overdue then 'Потерянный клиент: не перезвонили вовремя'
      else 'Пропущенный звонок: пора перезвонить'
    end as reason,
    case when is_overdue then 2 else 1 end as priority,
    'call' as card_type,
    lost_client_id as card_id,
    coalesce(nullif(client, '—'), phone) as title,
    client,
    manager_id,
    manager,
    department,
    pipeline,
    channel,
    '—' as stage,
    cast(0 as numeric) as amount,
    cast(floor(waiting_hours / 24) as integer) as days,
    'ждёт '
    || case
      when waiting_hours < 48 then replace(cast(waiting_hours as text), '.', ',') || ' ч'
      else floor(waiting_hours / 24) || ' дн.'
    end
    || ', звонков ' || calls_by_them || ', попыток перезвонить ' || attempts_by_us as details,
    crm_url
  from waiting
  union all
  select
    'Сделка просрочена' as reason,
    3 as priority,
    'deal' as card_type,
    deal_id as card_id,
    title,
    client,
    manager_id,
    manager,
    department,
    pipeline,
    channel,
    stage,
    amount,
    -days_to_close as days,
    'срок закрытия прошёл ' || -days_to_close || ' дн. назад' as details,
    crm_url
  from open_deals
  where is_overdue
  union all
  select
    'Сделка без следующего шага' as reason,
    4 as priority,
    'deal' as card_type,
    deal_id as card_id,
    title,
    client,
    manager_id,
    manager,
    department,
    pipeline,
    channel,
    stage,
    amount,
    coalesce(days_since_activity, days_open) as days,
    coalesce('последнее дело ' || days_since_activity || ' дн. назад', 'дел ещё не было') as details,
    crm_url
  from open_deals
  where has_no_next_step
  union all
  select
    'Лид без следующего шага' as reason,
    5 as priority,
    'lead' as card_type,
    lead_id as card_id,
    title,
    client,
    manager_id,
    manager,
    department,
    pipeline,
    channel,
    stage,
    amount,
    coalesce(days_since_activity, days_open) as days,
    coalesce('последнее дело ' || days_since_activity || ' дн. назад', 'дел ещё не было') as details,
    crm_url
  from open_leads
  where has_no_next_step
  union all
  select
    'Сделка застряла на стадии' as reason,
    6 as priority,
    'deal' as card_type,
    deal_id as card_id,
    title,
    client,
    manager_id,
    manager,
    department,
    pipeline,
    channel,
    stage,
    amount,
    days_in_stage as days,
    'на стадии ' || days_in_stage || ' дн., обычно до ' || replace(cast(stuck_after_days as text), '.', ',') as details,
    crm_url
  from open_deals
  where is_stuck
  union all
  select
    'Лид застрял на стадии' as reason,
    7 as priority,
    'lead' as card_type,
    lead_id as card_id,
    title,
    client,
    manager_id,
    manager,
    department,
    pipeline,
    channel,
    stage,
    amount,
    days_in_stage as days,
    'на стадии ' || days_in_stage || ' дн., обычно до ' || replace(cast(stuck_after_days as text), '.', ',') as details,
    crm_url
  from open_leads
  where is_stuck
  union all
  select
    'Клиент без созвона {{ var("client_silence_days") }}+ дней' as reason,
    8 as priority,
    client_type as card_type,
    card_id,
    client as title,
    client,
    manager_id,
    manager,
    department,
    pipeline,
    channel,
    '—' as stage,
    revenue as amount,
    days,
    coalesce('последний созвон ' || days_since_call || ' дн. назад', 'созвонов не было') as details,
    crm_url
  from silent_clients
  where days >= {{ var('client_silence_days') }}

),

weighed as (

  select
    *,
    min(priority) over (partition by card_type, card_id) as card_priority,
    max(days) over (partition by card_type, card_id) as card_days,
    string_agg(reason, ', ') over (
      partition by card_type, card_id
      order by priority
      rows between unbounded preceding and unbounded following
    ) as reasons
  from found

),

-- Of money the largest first, and then what has waited longest; of callers the latest, who may still be reached.
final as (

  select
    reason,
    priority,
    priority = card_priority as is_main,
    reasons,
    dense_rank() over (
      partition by manager_id
      order by
        card_priority asc,
        amount desc,
        case when card_type = 'call' then card_days else -card_days end asc,
        card_type asc,
        card_id asc
    ) as manager_position,
    card_type,
    case card_type
      when 'call' then 'Звонок'
      when 'deal' then 'Сделка'
      when 'lead' then 'Лид'
      when 'company' then 'Компания'
      when 'contact' then 'Контакт'
    end as card_type_label,
    card_id,
    coalesce(nullif(title, ''), '—') as title,
    client,
    manager_id,
    manager,
    department,
    pipeline,
    channel,
    stage,
    amount,
    days,
    details,
    crm_url,
    {{ crm_link('crm_url') }} as crm_link
  from weighed

)

select * from final
order by manager_id, manager_position, priority
