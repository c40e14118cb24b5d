{#- How the API writes things (facts by method differ: "5", 5, "0", null, "", {}), read once, here. -#}

{% macro payload_text(key) -%}
  nullif(btrim(regexp_replace(payload ->> '{{ key }}', '\s+', ' ', 'g')), '')
{%- endmacro %}


{% macro payload_id(key) -%}
  nullif(cast(substring(payload ->> '{{ key }}' from '^\d+$') as bigint), 0)
{%- endmacro %}


{% macro payload_integer(key) -%}
  cast(substring(payload ->> '{{ key }}' from '^-?\d+') as bigint)
{%- endmacro %}


{% macro payload_moment(key) -%}
  cast(substring(payload ->> '{{ key }}' from '^[12]\d{3}-\d\d-\d\d[T ].*$') as timestamptz)
{%- endmacro %}


{% macro payload_date(key) -%}
  cast(substring(payload ->> '{{ key }}' from '^[12]\d{3}-\d\d-\d\d') as date)
{%- endmacro %}


{% macro payload_amount(key) -%}
  coalesce(cast(nullif(btrim(payload ->> '{{ key }}'), '') as numeric), 0)
{%- endmacro %}


{% macro payload_flag(key) -%}
  coalesce(lower(payload ->> '{{ key }}') in ('y', 'true', '1'), false)
{%- endmacro %}


{% macro payload_currency(key) -%}
  replace(nullif(upper(btrim(payload ->> '{{ key }}')), ''), 'RUR', 'RUB')
{%- endmacro %}


{% macro payload_semantic(key) -%}
  case upper(payload ->> '{{ key }}')
    when 'S' then 'success'
    when 'F' then 'failure'
    when 'P' then 'process'
  end
{%- endmacro %}


{% macro phone_key(number) -%}
  {#- Numbers are compared by their last ten digits; fewer than three digits, or only zeros, is a hidden number. -#}
  substring(
    substring(regexp_replace({{ number }}, '\D', '', 'g') from '^\d*[1-9]\d*$') from '(\d{3,10})$'
  )
{%- endmacro %}
