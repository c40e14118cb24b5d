{% macro cards_of_crm() %}
  {#- The kinds of card whose versions are kept, by the stream they come by: the number of their type in the portal (none
      for smart processes, which have many), what one is called here, and the columns of its key. -#}
  {{ return({
    'leads': {'entity_type_id': 1, 'card_type': 'lead', 'versions': 'stg_bitrix24__lead_versions', 'key': 'lead_id'},
    'deals': {'entity_type_id': 2, 'card_type': 'deal', 'versions': 'stg_bitrix24__deal_versions', 'key': 'deal_id'},
    'contacts': {
      'entity_type_id': 3, 'card_type': 'contact', 'versions': 'stg_bitrix24__contact_versions', 'key': 'contact_id'
    },
    'companies': {
      'entity_type_id': 4, 'card_type': 'company', 'versions': 'stg_bitrix24__company_versions', 'key': 'company_id'
    },
    'quotes': {'entity_type_id': 7, 'card_type': 'quote', 'versions': 'stg_bitrix24__quote_versions', 'key': 'quote_id'},
    'smart_invoices': {
      'entity_type_id': 31, 'card_type': 'smart_invoice',
      'versions': 'stg_bitrix24__smart_invoice_versions', 'key': 'smart_invoice_id'
    },
    'smart_process_items': {
      'entity_type_id': none, 'card_type': none,
      'versions': 'stg_bitrix24__smart_process_item_versions', 'key': 'smart_process_item_id'
    },
  }) }}
{% endmacro %}


{% macro card_type(entity_type_id) -%}
  {#- What a card is called here, by the number of its type in the portal. -#}
  case {{ entity_type_id }}
    {%- for card in cards_of_crm().values() if card.entity_type_id %}
    when {{ card.entity_type_id }} then '{{ card.card_type }}'
    {%- endfor %}
    when 14 then 'order'
    else 'smart_process_' || {{ entity_type_id }}
  end
{%- endmacro %}


{% macro owner_path(entity_type_id) -%}
  {#- Where the portal shows the card that an activity belongs to, by the number of its type. -#}
  case {{ entity_type_id }}
      when 1 then '/crm/lead'
      when 2 then '/crm/deal'
      when 3 then '/crm/contact'
      when 4 then '/crm/company'
      else '/crm/type/' || {{ entity_type_id }}
    end
{%- endmacro %}
