{%- set title_of_call -%}
  case calls.direction
    when 'inbound' then 'Входящий вызов'
    when 'callback' then 'Обратный вызов'
    else 'Исходящий вызов'
  end || coalesce(' ' || calls.phone_key, '')
{%- endset -%}
{%- set titles = {
  'leads': 'leads.title',
  'deals': 'deals.title',
  'calls': title_of_call,
  'activities': 'activities.subject',
  'clients': 'clients.client',
  'payments': 'payments.title',
} -%}
{%- set clients = {
  'leads': client_of('leads.client_key'),
  'deals': client_of('deals.client_key'),
  'calls': client_of("lower(calls.crm_entity_type) || ':' || calls.crm_entity_id"),
  'clients': 'clients.client',
  'payments': client_of('payments.client_key'),
} -%}
{%- set urls = {} -%}
{%- for fact in titles -%}
  {%- do urls.update({fact: fact ~ '.crm_url'}) -%}
{%- endfor -%}

-- Without CTEs, alone among the models: a view that has any is computed as a whole before a page is cut from it.
select
  {{ period_columns() }},
  events.manager_id,
  managers.manager,
  managers.department,
  coalesce(pipelines.pipeline, 'Без воронки') as pipeline,
  coalesce(nullif(events.channel, ''), 'Без канала') as channel,
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
  coalesce(nullif({{ of_its_card(titles) }}, ''), '—') as card_title,
  coalesce({{ of_its_card(clients) }}, '—') as client,
  events.amount,
  coalesce({{ of_its_card(urls) }}, '') as crm_url,
  {{ crm_link(of_its_card(urls)) }} as crm_link
from {{ read_as('fct_metric_events', 'events') }}
inner join {{ read_as('dim_metrics', 'metrics') }} on events.metric_code = metrics.metric_code
inner join {{ read_as('dim_managers', 'managers') }} on events.manager_id = managers.manager_id
left join {{ read_as('dim_pipelines', 'pipelines') }} on events.pipeline_id = pipelines.pipeline_id
inner join {{ read_as('dim_periods', 'periods') }}
  on
    events.event_date >= periods.period_start
    and events.event_date < periods.period_end
