with missed as (

  select * from {{ ref('fct_missed_calls') }}

),

periods as (

  select * from {{ ref('dim_periods') }}

),

managers as (

  select * from {{ ref('dim_managers') }}

),

final as (

  select
    {{ period_columns() }},
    missed.manager_id,
    managers.manager,
    managers.department,
    'Без воронки' as pipeline,
    'Без канала' as channel,
    missed.call_id,
    missed.started_at as missed_at,
    {{ local_time('missed.started_at') }} as missed_local,
    coalesce(missed.phone_key, 'скрыт') as phone,
    missed.client,
    coalesce(responsibles.manager, 'Без ответственного') as responsible,
    missed.outcome,
    missed.resolution = 'open' as is_open,
    missed.resolution = 'called_back' and not missed.is_within_norm as is_late,
    missed.is_hidden,
    not missed.is_hidden and not missed.is_first as is_repeat,
    {{ local_time('missed.resolved_at') }} as resolved_local,
    coalesce(resolvers.manager, '—') as resolved_by,
    round(cast(missed.working_seconds as numeric) / 60, 1) as working_minutes,
    round(cast(missed.waiting_seconds as numeric) / 60, 1) as calendar_minutes,
    missed.attempts_count,
    missed.missed_count,
    coalesce(missed.crm_url, '') as crm_url,
    {{ crm_link('missed.crm_url') }} as crm_link
  from missed
  inner join managers on missed.manager_id = managers.manager_id
  left join managers as responsibles on missed.responsible_id = responsibles.manager_id
  left join managers as resolvers on missed.resolved_by_id = resolvers.manager_id
  inner join periods
    on
      missed.missed_date >= periods.period_start
      and missed.missed_date < periods.period_end

)

select * from final
