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


{% macro calls_named_anew() -%}
  {#- In the query of gather_affected(): calls that changed, or whose lead or client's card did. -#}
  select call_id, phone_key from {{ changed_in('fct_calls') }}
  union
  select calls.call_id, calls.phone_key from (select * from {{ ref('fct_calls') }}) as calls
  inner join (
    select 'lead' as card_type, lead_id as card_id from {{ changed_in('fct_leads') }}
    union
    select card_type, card_id from {{ changed_in('int_clients__card_clients') }}
  ) as cards
    on calls.crm_entity_type = cards.card_type and calls.crm_entity_id = cards.card_id
{%- endmacro %}


{% macro named_client() -%}
  {#-
    Client of the card that a call names, in SQL over the CTEs calls, leads and card_clients. A lead whose client is not known
    stands for itself; a card that the portal does not return is a client by its id; the portal's own companies are nobody's
    client.
  -#}
  case
    when calls.crm_entity_type = 'lead' then coalesce(leads.client_key, 'lead:' || calls.crm_entity_id)
    when card_clients.card_id is not null then card_clients.client_key
    else calls.crm_entity_type || ':' || calls.crm_entity_id
  end
{%- endmacro %}
