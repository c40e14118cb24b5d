{% macro telephony_measures() -%}
  {#- What is counted of calls, in the order of dashboard 2: columns of measured_calls(). -#}
  {{ return([
    'inbound', 'inbound_answered', 'missed', 'missed_hidden', 'missed_again', 'called_back_in_time', 'called_back_late',
    'client_reached_us', 'not_reached', 'callback_working_seconds', 'outbound', 'outbound_successful', 'callbacks',
    'callbacks_successful', 'talks', 'talk_seconds',
  ]) }}
{%- endmacro %}


{% macro call_measures() -%}
  {#- Those of them that a call itself tells, in SQL over the CTE calls (fct_calls). -#}
  {{ return({
    'inbound': "case when calls.direction = 'inbound' then 1 else 0 end",
    'inbound_answered': "case when calls.direction = 'inbound' and calls.is_answered then 1 else 0 end",
    'outbound': "case when calls.direction = 'outbound' then 1 else 0 end",
    'outbound_successful': "case when calls.direction = 'outbound' and calls.is_successful then 1 else 0 end",
    'callbacks': "case when calls.direction = 'callback' then 1 else 0 end",
    'callbacks_successful': "case when calls.direction = 'callback' and calls.is_successful then 1 else 0 end",
    'talks': 'case when calls.is_answered then 1 else 0 end',
    'talk_seconds': 'case when calls.is_answered then calls.talk_seconds else 0 end',
  }) }}
{%- endmacro %}


{% macro missed_measures() -%}
  {#- Those that tell what became of a missed call, in SQL over the CTE missed (fct_missed_calls). -#}
  {{ return({
    'missed': 'case when missed.call_id is not null then 1 else 0 end',
    'missed_hidden': 'case when missed.is_hidden then 1 else 0 end',
    'missed_again': 'case when not missed.is_hidden and not missed.is_first then 1 else 0 end',
    'called_back_in_time':
      "case when missed.is_first and missed.resolution = 'called_back' and missed.is_within_norm then 1 else 0 end",
    'called_back_late':
      "case when missed.is_first and missed.resolution = 'called_back' and not missed.is_within_norm then 1 else 0 end",
    'client_reached_us': "case when missed.is_first and missed.resolution = 'client_reached_us' then 1 else 0 end",
    'not_reached': "case when missed.is_first and missed.resolution = 'open' then 1 else 0 end",
    'callback_working_seconds':
      "case when missed.is_first and missed.resolution = 'called_back' then missed.working_seconds else 0 end",
  }) }}
{%- endmacro %}


{% macro measured_calls() -%}
  {#- Each call attempt with a 0 or 1, or seconds, for everything that is counted; from the CTEs calls (fct_calls) and
      missed (fct_missed_calls). -#}
  select
    calls.call_id,
    calls.started_at,
    calls.manager_id,
    {%- for measure, expression in dict(call_measures(), **missed_measures()).items() %}
      {{ expression }} as {{ measure }}
      {%- if not loop.last %},{% endif %}
    {%- endfor %}
  from calls
  left join missed on calls.call_id = missed.call_id
{%- endmacro %}
