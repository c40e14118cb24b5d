-- Every user field that configuration names is one of the portal.
{% set loss_reason_field = var('loss_reason_field', none) %}
{% set problems %}
with listed as (

  select * from {{ ref('int_inputs__user_fields') }}
  where problem is null

),

fields as (

  select * from {{ ref('stg_bitrix24__fields') }}

),

named as (

  select
    card_type,
    field,
    'seeds/user_fields.csv, line ' || line_number || ', «' || concat_ws(',', card_type, field, label_ru) || '»' as place
  from listed
  {% if loss_reason_field %}
  union all
  select
    'deal' as card_type,
    '{{ loss_reason_field }}' as field,
    'variable loss_reason_field' as place
  {% endif %}

),

known as (

  select
    {{ card_type('entity_type_id') }} as card_type,
    field,
    upper_name,
    is_user_field
  from fields

),

guesses as (

  select
    named.*,
    known.field as known_field,
    known.is_user_field,
    spelt.field as spelt_field,
    exists (select 1 from known as others where others.card_type = named.card_type) as is_type_known
  from named
  left join known on named.card_type = known.card_type and named.field = known.field
  left join known as spelt
    on named.card_type = spelt.card_type and lower(named.field) in (lower(spelt.field), lower(spelt.upper_name))

)

select
  place || case
    when not is_type_known
      then
        ': the portal has no fields of card type ' || card_type || '. Write lead, deal, contact, company, quote,'
        || ' smart_invoice or smart_process_<entityTypeId>; if it is one of them, let the tap load the stream fields.'
    when known_field is not null
      then
        ': ' || field || ' is a standard field, not a user field (uf…). Take the row out: reports know standard fields.'
    when spelt_field is not null then ': write ' || spelt_field || ', as the API spells it, in place of ' || field || '.'
    else
      ': the portal has no field ' || field || ' of ' || card_type
      || '. Correct the name (column field of staging.stg_bitrix24__fields) or take the row out.'
  end as problem
from guesses
where known_field is null or not is_user_field
{% endset %}
{{ say_problems(problems) }}
