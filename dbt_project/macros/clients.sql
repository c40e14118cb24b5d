{% macro client_key(card, company_client, contact_client) -%}
  {#- Client of a card: its company where it has one that is not the portal's own, else its contact's client.
      Cards that the portal does not return (deleted, no rights) are clients by their id. -#}
  case
    when {{ card }}.company_id is not null and {{ company_client }}.card_id is null
      then 'company:' || {{ card }}.company_id
    when {{ company_client }}.client_key is not null
      then {{ company_client }}.client_key
    when {{ contact_client }}.client_key is not null
      then {{ contact_client }}.client_key
    when {{ card }}.contact_id is not null
      then 'contact:' || {{ card }}.contact_id
  end
{%- endmacro %}


{% macro crm_url(path, id) -%}
  portal.portal_url || '/{{ path }}/details/' || {{ id }} || '/'
{%- endmacro %}


{% macro crm_link(url) -%}
  case
    when coalesce({{ url }}, '') = '' then '—'
    else '<a href="' || {{ url }} || '" target="_blank">Открыть</a>'
  end
{%- endmacro %}
