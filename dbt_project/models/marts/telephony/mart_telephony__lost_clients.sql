with missed as (

  select * from {{ ref('fct_missed_calls') }}
  where resolution = 'open'

),

periods as (

  select * from {{ ref('dim_periods') }}

),

managers as (

  select * from {{ ref('dim_managers') }}

),

-- A lost client stands in every period in which they called in vain.
appearances as (

  select distinct
    periods.period_grain,
    periods.period_start,
    missed.first_call_id
  from missed
  inner join periods
    on
      missed.missed_date >= periods.period_start
      and missed.missed_date < periods.period_end

),

-- What is known of a client is what their last call knows.
lost as (

  select
    *,
    row_number() over (partition by first_call_id order by started_at desc, call_id desc) as newest
  from missed

),

final as (

  select
    {{ period_columns() }},
    lost.responsible_id as manager_id,
    managers.manager,
    managers.department,
    'Без воронки' as pipeline,
    'Без канала' as channel,
    lost.first_call_id as lost_client_id,
    lost.client,
    lost.phone_key as phone,
    missers.manager as missed_by,
    lost.first_missed_at,
    lost.last_missed_at,
    {{ local_time('lost.first_missed_at') }} as first_missed_local,
    {{ local_time('lost.last_missed_at') }} as last_missed_local,
    lost.missed_count as calls_by_them,
    lost.attempts_count as attempts_by_us,
    round(cast(lost.waiting_seconds as numeric) / 3600, 1) as waiting_hours,
    round(cast(lost.working_seconds as numeric) / 3600, 1) as waiting_working_hours,
    not lost.is_within_norm as is_overdue,
    coalesce(lost.crm_url, '') as crm_url,
    {{ crm_link('lost.crm_url') }} as crm_link
  from appearances
  inner join periods
    on
      appearances.period_grain = periods.period_grain
      and appearances.period_start = periods.period_start
  inner join lost on appearances.first_call_id = lost.first_call_id and lost.newest = 1
  inner join managers on lost.responsible_id = managers.manager_id
  inner join managers as missers on lost.manager_id = missers.manager_id

)

select * from final
order by period_grain_sort asc, period_choice_sort asc, last_missed_at desc
