{#- How the API writes things (facts by method differ: "5", 5, "0", null, "", {}), read once, here.
    `of` is the JSON object that has the key: the row's payload, or a row inside it. -#}

{% macro payload_text(key, of='payload') -%}
  nullif(btrim(regexp_replace({{ of }} ->> '{{ key }}', '\s+', ' ', 'g')), '')
{%- endmacro %}


{% macro payload_id(key, of='payload') -%}
  nullif(cast(substring({{ of }} ->> '{{ key }}' from '^\d+$') as bigint), 0)
{%- endmacro %}


{% macro payload_integer(key, of='payload') -%}
  cast(substring({{ of }} ->> '{{ key }}' from '^-?\d+') as bigint)
{%- endmacro %}


{% macro payload_moment(key, of='payload') -%}
  {#- Null beyond the year 2999: the API writes «no deadline» as the last day of 9999, in whichever zone. -#}
  cast(substring({{ of }} ->> '{{ key }}' from '^[12]\d{3}-\d\d-\d\d[T ].*$') as timestamptz)
{%- endmacro %}


{% macro payload_date(key, of='payload') -%}
  cast(substring({{ of }} ->> '{{ key }}' from '^[12]\d{3}-\d\d-\d\d') as date)
{%- endmacro %}


{% macro payload_amount(key, of='payload') -%}
  {#- What is no number counts as nothing. -#}
  coalesce(
    cast(substring(btrim({{ of }} ->> '{{ key }}') from '^-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?$') as numeric), 0
  )
{%- endmacro %}


{% macro payload_flag(key, of='payload') -%}
  coalesce(lower({{ of }} ->> '{{ key }}') in ('y', 'true', '1'), false)
{%- endmacro %}


{% macro payload_currency(key, of='payload') -%}
  replace(nullif(upper(btrim({{ of }} ->> '{{ key }}')), ''), 'RUR', 'RUB')
{%- endmacro %}


{% macro payload_semantic(key, of='payload') -%}
  case upper({{ of }} ->> '{{ key }}')
    when 'S' then 'success'
    when 'F' then 'failure'
    when 'P' then 'process'
  end
{%- endmacro %}


{% macro payload_list(key, of='payload') -%}
  {#- A JSON array, also where the API writes null, an empty text or an object instead of an empty list. -#}
  case jsonb_typeof({{ of }} -> '{{ key }}')
    when 'array' then {{ of }} -> '{{ key }}'
    else cast('[]' as jsonb)
  end
{%- endmacro %}


{% macro payload_user_fields(of='payload') -%}
  {#- The user fields of a card as they came, by their API names; null for none. -#}
  (
    select jsonb_object_agg(fields.key, fields.value)
    from jsonb_each({{ of }}) as fields
    where fields.key like 'uf%'
  )
{%- endmacro %}


{% macro phone_key(number) -%}
  {#- Numbers are compared by their last ten digits; fewer than three digits, or only zeros, is a hidden number. -#}
  substring(
    substring(regexp_replace({{ number }}, '\D', '', 'g') from '^\d*[1-9]\d*$') from '(\d{3,10})$'
  )
{%- endmacro %}
