{% macro of_its_card(columns) -%}
  {#-
    SQL of what the card of an event is called, belongs to …, over the CTEs events, leads, deals, calls, activities, clients and
    payments. It is looked up in the card's fact for the rows that are shown: a page of the register looks up fifty, where a
    join would read all cards of the period first.
  -#}
  {%- set kinds = {
    'leads': ("events.card_type = 'lead'", 'leads.lead_id = events.card_id'),
    'deals': ("events.card_type = 'deal'", 'deals.deal_id = events.card_id'),
    'calls': ("events.card_type = 'call'", 'calls.call_id = events.card_id'),
    'activities': ("events.card_type = 'activity'", 'activities.activity_id = events.card_id'),
    'clients': (
      "events.card_type in ('company', 'contact')", "clients.client_key = events.card_type || ':' || events.card_id"
    ),
    'payments': (
      "events.card_type in ('invoice', 'payment')", "payments.payment_key = events.card_type || ':' || events.card_id"
    ),
  } -%}
  case
    {%- for fact, column in columns.items() %}
    when {{ kinds[fact][0] }} then (select {{ column }} from {{ fact }} where {{ kinds[fact][1] }})
    {%- endfor %}
  end
{%- endmacro %}


{% macro client_of(key) -%}
  {#- SQL of the name of a client, from SQL of its key, over the CTE clients. -#}
  (select clients.client from clients where clients.client_key = {{ key }})
{%- endmacro %}
