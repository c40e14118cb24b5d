{% macro read_as(parent, alias) -%}
  {#- A parent under another name where no CTE may import it; an alias behind a ref breaks `dbt build --empty`. -#}
  (select * from {{ ref(parent) }}) as {{ alias }}
{%- endmacro %}


{% macro of_its_card(columns) -%}
  {#-
    SQL of what the card of an event is called, belongs to …, looked up in the card's fact: a page of the register looks up the
    fifty cards that it shows, where a join would read all of the period first.
  -#}
  {%- set kinds = {
    'leads': ('fct_leads', "events.card_type = 'lead'", 'leads.lead_id = events.card_id'),
    'deals': ('fct_deals', "events.card_type = 'deal'", 'deals.deal_id = events.card_id'),
    'calls': ('fct_calls', "events.card_type = 'call'", 'calls.call_id = events.card_id'),
    'activities': ('fct_activities', "events.card_type = 'activity'", 'activities.activity_id = events.card_id'),
    'clients': (
      'dim_clients',
      "events.card_type in ('company', 'contact')",
      "clients.client_key = events.card_type || ':' || events.card_id"
    ),
    'payments': (
      'fct_payments',
      "events.card_type in ('invoice', 'payment')",
      "payments.payment_key = events.card_type || ':' || events.card_id"
    ),
  } -%}
  case
    {%- for fact, column in columns.items() %}
    {%- set parent, is_such, is_it = kinds[fact] %}
    when {{ is_such }} then (select {{ column }} from {{ read_as(parent, fact) }} where {{ is_it }})
    {%- endfor %}
  end
{%- endmacro %}


{% macro client_of(key) -%}
  {#- SQL of the name of a client, from SQL of its key. -#}
  (select clients.client from {{ read_as('dim_clients', 'clients') }} where clients.client_key = {{ key }})
{%- endmacro %}
