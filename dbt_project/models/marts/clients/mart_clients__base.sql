with clients as (

  select * from {{ ref('dim_clients') }}

),

cards as (

  select * from {{ ref('int_clients__cards') }}

),

deals as (

  select * from {{ ref('int_clients__deals') }}

),

ranks as (

  select * from {{ ref('int_clients__ranks') }}

),

manager_calls as (

  select * from {{ ref('int_clients__manager_calls') }}

),

contacts as (

  select * from {{ ref('int_recency__contacts') }}
  where card_type in ('contact', 'company')

),

managers as (

  select * from {{ ref('dim_managers') }}

),

channels as (

  select * from {{ ref('dim_channels') }}

),

attempts as (

  select
    client_key,
    sum(calls) as calls,
    max(last_attempt_at) as last_attempt_at,
    -- Who travels with the moment: arrays compare element by element, and max() finds the last.
    (max(array[cast(extract(epoch from last_attempt_at) * 1000000 as bigint), manager_id]))[2] as last_attempt_by,
    (
      max(array[cast(extract(epoch from last_call_at) * 1000000 as bigint), manager_id])
      filter (where last_call_at is not null)
    )[2] as last_call_by
  from manager_calls
  group by client_key

),

joined as (

  select
    clients.client_key,
    clients.client,
    cards.client_type,
    cards.card_id,
    cards.crm_type,
    clients.manager_id,
    managers.manager,
    managers.department,
    managers.is_active as is_manager_active,
    channels.channel,
    channels.source,
    clients.created_at,
    {{ local_date('clients.created_at') }} as created_day,
    cards.has_phone,
    cards.has_email,
    cards.fields_count,
    cards.fields_filled,
    cards.missing_fields,
    coalesce(deals.leads, 0) as leads,
    coalesce(deals.deals, 0) as deals,
    coalesce(deals.open_deals, 0) as open_deals,
    coalesce(deals.open_amount, 0) as open_amount,
    coalesce(deals.won_deals, 0) as won_deals,
    coalesce(deals.revenue, 0) as revenue,
    coalesce(deals.won_deals_year, 0) as won_deals_year,
    coalesce(deals.revenue_year, 0) as revenue_year,
    deals.first_won_at,
    deals.last_won_at,
    {{ days_since('deals.first_won_at') }} as days_since_first_win,
    {{ days_since('deals.last_won_at') }} as days_since_win,
    ranks.open_rank,
    ranks.revenue_rank,
    coalesce(ranks.abc, 'Без покупок') as abc,
    ranks.rfm_recency,
    ranks.rfm_frequency,
    ranks.rfm_monetary,
    contacts.last_call_at,
    contacts.days_since_call,
    callers.manager as last_call_by,
    coalesce(attempts.calls, 0) as calls,
    attempts.last_attempt_at,
    diallers.manager as last_attempt_by,
    contacts.last_activity_at,
    contacts.days_since_activity,
    contacts.next_step_at,
    contacts.next_step,
    coalesce(clients.crm_url, '') as crm_url
  from clients
  inner join cards on clients.client_key = cards.client_key
  inner join managers on clients.manager_id = managers.manager_id
  left join deals on clients.client_key = deals.client_key
  inner join channels on coalesce(nullif(cards.source_id, ''), deals.first_source_id, '') = channels.source_id
  left join ranks on clients.client_key = ranks.client_key
  left join contacts on cards.client_type = contacts.card_type and cards.card_id = contacts.card_id
  left join attempts on clients.client_key = attempts.client_key
  left join managers as callers on attempts.last_call_by = callers.manager_id
  left join managers as diallers on attempts.last_attempt_by = diallers.manager_id

),

judged as (

  select
    *,
    won_deals > 0 as is_buyer,
    won_deals > 1 as is_repeat_buyer,
    next_step_at is null as has_no_next_step,
    last_call_at is null as is_never_contacted,
    fields_filled = fields_count as is_full,
    -- First that fits.
    case
      when won_deals = 0 then 'Потенциальный'
      when days_since_first_win < {{ client_days('new_client_days') }} then 'Новый'
      when least(days_since_win, days_since_call) < {{ client_days('active_client_days') }} then 'Активный'
      when least(days_since_win, days_since_call) < {{ client_days('lost_client_days') }} then 'Спящий'
      else 'Потерянный'
    end as segment,
    case
      when rfm_recency is null then 'Без покупок'
      when rfm_recency >= 4 and rfm_frequency + rfm_monetary >= 8 then 'Лучшие'
      when rfm_recency >= 3 and rfm_frequency + rfm_monetary >= 5 then 'Надёжные'
      when rfm_recency >= 4 then 'Недавние'
      when rfm_recency = 3 then 'Остывающие'
      when rfm_frequency + rfm_monetary >= 8 then 'Нельзя потерять'
      when rfm_frequency + rfm_monetary >= 5 then 'Под угрозой'
      else 'Давно не покупали'
    end as rfm_group
  from joined

),

final as (

  select
    client_key,
    client,
    client_type,
    case client_type when 'company' then 'Компания' else 'Контакт' end as client_type_label,
    card_id,
    crm_type,
    manager_id,
    manager,
    department,
    -- Who can be asked to call: a client of nobody, or of somebody dismissed, has to be handed over first.
    case
      when manager_id = 0 then 'Без ответственного'
      when is_manager_active then 'Работает'
      else 'Уволен'
    end as owner_status,
    'Без воронки' as pipeline,
    channel,
    source,
    created_at,
    {{ local_time('created_at') }} as created_local,
    cast(date_trunc('month', cast(created_day as timestamp)) as date) as created_month,
    {{ days_since('created_at') }} as days_since_created,
    date_trunc('month', cast(created_day as timestamp))
    = date_trunc('month', cast({{ as_of_date() }} as timestamp)) as is_new_this_month,
    has_phone,
    has_email,
    fields_count,
    fields_filled,
    coalesce(trim_scale(round(cast(fields_filled as numeric) / nullif(fields_count, 0), 4)), 1) as fullness,
    is_full,
    missing_fields,
    abc,
    case abc when 'A' then 1 when 'B' then 2 when 'C' then 3 else 4 end as abc_sort,
    segment,
    case segment
      when 'Потенциальный' then 1
      when 'Новый' then 2
      when 'Активный' then 3
      when 'Спящий' then 4
      else 5
    end as segment_sort,
    rfm_recency,
    rfm_frequency,
    rfm_monetary,
    coalesce(cast(100 * rfm_recency + 10 * rfm_frequency + rfm_monetary as text), '—') as rfm_code,
    rfm_group,
    case rfm_group
      when 'Лучшие' then 1
      when 'Надёжные' then 2
      when 'Недавние' then 3
      when 'Остывающие' then 4
      when 'Нельзя потерять' then 5
      when 'Под угрозой' then 6
      when 'Давно не покупали' then 7
      else 8
    end as rfm_group_sort,
    is_buyer,
    is_repeat_buyer,
    case when is_buyer then 'Покупали' else 'Ещё не покупали' end as buyer_label,
    leads,
    deals,
    won_deals,
    won_deals_year,
    revenue,
    revenue_year,
    trim_scale(revenue / nullif(won_deals, 0)) as average_check,
    revenue_rank,
    {{ local_time('first_won_at') }} as first_won_local,
    {{ local_time('last_won_at') }} as last_won_local,
    days_since_win,
    open_deals,
    open_amount,
    open_rank,
    {{ local_time('last_call_at') }} as last_call_local,
    days_since_call,
    {{ recency_bucket('days_since_call') }} as call_bucket,
    {{ recency_bucket_sort('days_since_call') }} as call_bucket_sort,
    coalesce(last_call_by, '—') as last_call_by,
    cast(calls as bigint) as calls,
    {{ local_time('last_attempt_at') }} as last_attempt_local,
    coalesce(last_attempt_by, '—') as last_attempt_by,
    is_never_contacted,
    coalesce(days_since_call < 7, false) as is_contacted_7,
    coalesce(days_since_call < 30, false) as is_contacted_30,
    coalesce(days_since_call < 90, false) as is_contacted_90,
    {{ local_time('last_activity_at') }} as last_activity_local,
    days_since_activity,
    {{ recency_bucket('days_since_activity') }} as activity_bucket,
    {{ recency_bucket_sort('days_since_activity') }} as activity_bucket_sort,
    {{ local_time('next_step_at') }} as next_step_local,
    coalesce(next_step, 'Нет следующего шага') as next_step,
    has_no_next_step,
    coalesce(
      nullif(
        concat_ws(
          ', ',
          case when manager_id = 0 then 'нет ответственного' end,
          case when is_never_contacted then 'не было разговора' end,
          case
            when has_no_next_step and open_deals > 0 then 'сделка в работе без следующего шага'
            when has_no_next_step then 'нет следующего шага'
          end,
          case when not is_full then 'карточка неполная' end
        ),
        ''
      ),
      '—'
    ) as remarks,
    crm_url,
    {{ crm_link('crm_url') }} as crm_link
  from judged

)

select * from final
