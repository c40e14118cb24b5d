with events as (

  select * from {{ ref('fct_metric_events') }}

),

periods as (

  select * from {{ ref('dim_periods') }}

),

metrics as (

  select * from {{ ref('dim_metrics') }}

),

final as (

  select
    {{ period_columns() }},
    events.manager_id,
    events.manager,
    events.department,
    events.pipeline,
    events.channel,
    events.metric_code,
    metrics.metric,
    metrics.sort as metric_sort,
    events.event_at,
    {{ local_time('events.event_at') }} as event_local,
    case events.card_type
      when 'lead' then 'Лид'
      when 'deal' then 'Сделка'
      when 'company' then 'Компания'
      when 'contact' then 'Контакт'
      when 'call' then 'Звонок'
      when 'activity' then 'Дело'
      when 'invoice' then 'Счёт'
      when 'payment' then 'Оплата'
    end as card_type_label,
    events.card_id,
    events.card_title,
    events.client,
    events.amount,
    events.crm_url,
    {{ crm_link('events.crm_url') }} as crm_link
  from events
  inner join metrics on events.metric_code = metrics.metric_code
  inner join periods
    on
      events.event_date >= periods.period_start
      and events.event_date < periods.period_end

)

select * from final
