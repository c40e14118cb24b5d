{#- What people type into csv files, read without failing: null where it is not what it should be. -#}

{% macro typed_date(text) -%}
  case
    when {{ text }} ~ '^(19|20)\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$'
      then case
        when
          cast(right({{ text }}, 2) as integer)
          <= extract(day from cast(left({{ text }}, 7) || '-01' as date) + interval '1 month' - interval '1 day')
          then cast({{ text }} as date)
      end
  end
{%- endmacro %}


{% macro typed_number(text) -%}
  {#- Spaces between thousands and a decimal comma are what spreadsheets of the country write. -#}
  cast(
    replace(substring(regexp_replace({{ text }}, '\s', '', 'g') from '^\d+(?:[.,]\d+)?$'), ',', '.') as numeric
  )
{%- endmacro %}
