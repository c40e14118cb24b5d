{% macro of_its_card(columns) -%}
  {#-
    SQL of what the card of an event is called, belongs to …, looked up in the card's fact: a page of the register looks up the
    fifty cards that it shows, where a join would read all of the period first.
  -#}
  {%- set kinds = {
    'leads': (ref('fct_leads'), "events.card_type = 'lead'", 'leads.lead_id = events.card_id'),
    'deals': (ref('fct_deals'), "events.card_type = 'deal'", 'deals.deal_id = events.card_id'),
    'calls': (ref('fct_calls'), "events.card_type = 'call'", 'calls.call_id = events.card_id'),
    'activities': (ref('fct_activities'), "events.card_type = 'activity'", 'activities.activity_id = events.card_id'),
    'clients': (
      ref('dim_clients'),
      "events.card_type in ('company', 'contact')",
      "clients.client_key = events.card_type || ':' || events.card_id"
    ),
    'payments': (
      ref('fct_payments'),
      "events.card_type in ('invoice', 'payment')",
      "payments.payment_key = events.card_type || ':' || events.card_id"
    ),
  } -%}
  case
    {%- for fact, column in columns.items() %}
    {%- set relation, is_such, is_it = kinds[fact] %}
    when {{ is_such }} then (select {{ column }} from {{ relation }} as {{ fact }} where {{ is_it }})
    {%- endfor %}
  end
{%- endmacro %}


{% macro client_of(key) -%}
  {#- SQL of the name of a client, from SQL of its key. -#}
  (select clients.client from {{ ref('dim_clients') }} as clients where clients.client_key = {{ key }})
{%- endmacro %}
