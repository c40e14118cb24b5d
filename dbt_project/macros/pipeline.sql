{#- What the registers of deals and leads in work share. -#}

{% macro silence_columns(alias) -%}
  {#- Columns of a register of cards in work: how long each is silent, with the buckets of the filters, and what is next. -#}
  {{ alias }}.created_at,
    {{ alias }}.days_open,
    {{ local_time(alias ~ '.stage_since') }} as stage_since_local,
    {{ alias }}.days_in_stage,
    {{ alias }}.stuck_after_days,
    {{ alias }}.is_stuck,
    {{ local_time(alias ~ '.last_changed_at') }} as last_changed_local,
    {{ alias }}.days_since_change,
    {{ recency_bucket(alias ~ '.days_since_change') }} as change_bucket,
    {{ recency_bucket_sort(alias ~ '.days_since_change') }} as change_bucket_sort,
    {{ local_time(alias ~ '.last_call_at') }} as last_call_local,
    {{ alias }}.days_since_call,
    {{ recency_bucket(alias ~ '.days_since_call') }} as call_bucket,
    {{ recency_bucket_sort(alias ~ '.days_since_call') }} as call_bucket_sort,
    {{ local_time(alias ~ '.last_activity_at') }} as last_activity_local,
    {{ alias }}.days_since_activity,
    {{ local_time(alias ~ '.next_step_at') }} as next_step_local,
    coalesce({{ alias }}.next_step, 'Нет следующего шага') as next_step,
    {{ alias }}.next_step_at is null as has_no_next_step,
    case when {{ alias }}.next_step_at is null then 'Нет следующего шага' else 'Есть' end as next_step_state,
    {{ alias }}.crm_url,
    {{ crm_link(alias ~ '.crm_url') }} as crm_link
{%- endmacro %}


{% macro daily_snapshots_from() -%}
  {#- First of the last days each of which the history of open deals shows. -#}
  ({{ as_of_date() }} - {{ var('snapshot_days') - 1 }})
{%- endmacro %}


{% macro monthly_snapshots_from() -%}
  {#- Midnight after the first month end that the history of open deals shows. -#}
  (date_trunc('month', cast({{ as_of_date() }} as timestamp)) - interval '{{ var("snapshot_months") - 1 }} months')
{%- endmacro %}


{% macro snapshot_day_of(day) -%}
  {#- The first day that the history of open deals shows and that is not before a day. -#}
  greatest(
      case
        when {{ day }} >= {{ daily_snapshots_from() }} then {{ day }}
        else least(
          cast(date_trunc('month', cast({{ day }} as timestamp)) + interval '1 month' as date) - 1,
          {{ daily_snapshots_from() }}
        )
      end,
      least(cast({{ monthly_snapshots_from() }} as date) - 1, {{ daily_snapshots_from() }})
    )
{%- endmacro %}
