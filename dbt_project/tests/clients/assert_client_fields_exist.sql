-- Every user field that a full card should hold is one of the portal's companies or contacts.
{% set problems %}
with fields as (

  select * from {{ ref('stg_bitrix24__fields') }}

),

named as (

  select unnest(cast(array[{{ quoted_list(client_user_fields()) }}] as text [])) as field

),

known as (

  select
    field,
    upper_name
  from fields
  where entity_type_id in (3, 4)

),

guesses as (

  select
    named.field,
    min(spelt.field) as spelt_field
  from named
  left join known on named.field = known.field
  left join known as spelt on lower(named.field) in (lower(spelt.field), lower(spelt.upper_name))
  where known.field is null
  group by named.field

)

select
  'Variable client_fields' || case
    when spelt_field is not null then ': write ' || spelt_field || ', as the API spells it, in place of ' || field || '.'
    else
      ': the portal has no field ' || field
      || ' of companies or contacts. Correct the name (column field of staging.stg_bitrix24__fields) or take it out.'
  end as problem
from guesses
{% endset %}
{{ say_problems(problems) }}
