{#- Small tables of a row a target and day, joined many times: without statistics the planner would loop over them. -#}
{{
  config(
    pre_hook="set local enable_nestloop = off",
    indexes=[{'columns': ['target_id', 'day'], 'unique': true}]
  )
}}

with candidates as (

  select * from {{ ref('int_targets__candidates') }}
  where not is_ratio

),

-- A person absent for the whole period can carry nothing in it: the others share.
chosen as (

  select * from candidates
  where choice = 1 and is_counting and days_available > 0

),

shared_days as (

  select
    target_id,
    level,
    day,
    min(daily_value) as daily_value,
    count(*) as people
  from chosen
  where not is_own
  group by target_id, level, day

),

-- How many people of a scope have nearer targets, and how much of it is theirs outright.
nearer as (

  select
    candidates.target_id,
    candidates.day,
    chosen.target_id as nearer_target_id,
    count(*) as people,
    sum(case when chosen.is_own then chosen.daily_value else 0 end) as own_amount
  from candidates
  inner join chosen
    on
      candidates.metric_code = chosen.metric_code
      and candidates.manager_id = chosen.manager_id
      and candidates.day = chosen.day
  where candidates.choice > 1 and not candidates.is_own
  group by candidates.target_id, candidates.day, chosen.target_id

),

-- From the nearest scopes on: what nearer targets leave of a scope's, shared by those it counts for.
shares_0 as (

  select
    target_id,
    day,
    daily_value as amount
  from shared_days
  where false

),

{% for level in range(1, target_levels() + 1) %}

  taken_{{ level }} as (

    select
      nearer.target_id,
      nearer.day,
      sum(nearer.own_amount + nearer.people * coalesce(shares.amount, 0)) as amount
    from nearer
    left join shares_{{ level - 1 }} as shares
      on nearer.nearer_target_id = shares.target_id and nearer.day = shares.day
    group by nearer.target_id, nearer.day

  ),

  shares_{{ level }} as (

    select * from shares_{{ level - 1 }}
    union all
    select
      shared_days.target_id,
      shared_days.day,
      trim_scale(greatest(shared_days.daily_value - coalesce(taken.amount, 0), 0) / shared_days.people) as amount
    from shared_days
    left join taken_{{ level }} as taken
      on shared_days.target_id = taken.target_id and shared_days.day = taken.day
    where shared_days.level = {{ level }}

  ),

{% endfor %}

final as (

  select * from shares_{{ target_levels() }}

)

select * from final
