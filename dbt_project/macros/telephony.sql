{% macro telephony_measures() -%}
  {#- What is counted of calls, in the order of dashboard 2: columns of measured_calls(). -#}
  {{ return([
    'inbound', 'inbound_answered', 'missed', 'missed_hidden', 'missed_again', 'called_back_in_time', 'called_back_late',
    'client_reached_us', 'not_reached', 'callback_working_seconds', 'outbound', 'outbound_successful', 'callbacks',
    'callbacks_successful', 'talks', 'talk_seconds',
  ]) }}
{%- endmacro %}


{% macro measured_calls() -%}
  {#- Each call attempt with a 0 or 1, or seconds, for everything that is counted; from the CTEs calls (fct_calls) and
      missed (fct_missed_calls). -#}
  select
    calls.call_id,
    calls.started_at,
    calls.manager_id,
    case when calls.direction = 'inbound' then 1 else 0 end as inbound,
    case when calls.direction = 'inbound' and calls.is_answered then 1 else 0 end as inbound_answered,
    case when missed.call_id is not null then 1 else 0 end as missed,
    case when missed.is_hidden then 1 else 0 end as missed_hidden,
    case when not missed.is_hidden and not missed.is_first then 1 else 0 end as missed_again,
    case when missed.is_first and missed.resolution = 'called_back' and missed.is_within_norm then 1 else 0 end as called_back_in_time,
    case when missed.is_first and missed.resolution = 'called_back' and not missed.is_within_norm then 1 else 0 end as called_back_late,
    case when missed.is_first and missed.resolution = 'client_reached_us' then 1 else 0 end as client_reached_us,
    case when missed.is_first and missed.resolution = 'open' then 1 else 0 end as not_reached,
    case when missed.is_first and missed.resolution = 'called_back' then missed.working_seconds else 0 end as callback_working_seconds,
    case when calls.direction = 'outbound' then 1 else 0 end as outbound,
    case when calls.direction = 'outbound' and calls.is_successful then 1 else 0 end as outbound_successful,
    case when calls.direction = 'callback' then 1 else 0 end as callbacks,
    case when calls.direction = 'callback' and calls.is_successful then 1 else 0 end as callbacks_successful,
    case when calls.is_answered then 1 else 0 end as talks,
    case when calls.is_answered then calls.talk_seconds else 0 end as talk_seconds
  from calls
  left join missed on calls.call_id = missed.call_id
{%- endmacro %}
