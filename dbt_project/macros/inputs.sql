{#- What people type into csv files and spreadsheets, read without failing: null where it is not what it should be. -#}

{% macro iso_day(text) -%}
  {#- SQL of a day as YYYY-MM-DD from what people and spreadsheets write for it: 01.02.2026, 2026-02-01T00:00:00, and for a
      month 2026-02 or 02.2026, its first day. What is none of these stays as it is. -#}
  regexp_replace(
    regexp_replace(
      regexp_replace(
        regexp_replace(btrim({{ text }}), '[T ]00:00:00(\.0+)?(Z|\+00(:00)?)?$', ''),
        '^(\d\d)\.(\d\d)\.(\d{4})$', '\3-\2-\1'
      ),
      '^(\d\d)\.(\d{4})$', '\2-\1-01'
    ),
    '^(\d{4}-\d\d)$', '\1-01'
  )
{%- endmacro %}


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
  {#- Spaces (narrow and unbreakable ones too) between thousands and a decimal comma are what spreadsheets of the country
      write. -#}
  cast(
    replace(
      substring(regexp_replace({{ text }}, '[\s\u00a0\u2009\u202f]', '', 'g') from '^\d+(?:[.,]\d+)?$'), ',', '.'
    ) as numeric
  )
{%- endmacro %}
