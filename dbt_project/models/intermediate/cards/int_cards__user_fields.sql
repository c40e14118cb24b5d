{{
  config(
    materialized='incremental',
    indexes=[{'columns': ['card_type', 'field', 'card_id'], 'unique': true}],
    meta={'key': ['card_type', 'card_id'], 'scope': 'all'}
  )
}}
{%- set loss_reason_field = var('loss_reason_field', none) -%}

with listed as (

  select * from {{ ref('int_inputs__user_fields') }}
  where problem is null

),

fields as (

  select * from {{ ref('stg_bitrix24__fields') }}

),

items as (

  select * from {{ ref('stg_bitrix24__field_items') }}

),

statuses as (

  select * from {{ ref('stg_bitrix24__statuses') }}

),

-- Deleted values stay, since cards still have them; of a value made anew the living row counts, else the newest one.
values_of_lists as (

  select distinct on (dictionary, status_id)
    dictionary,
    status_id,
    status
  from statuses
  order by dictionary asc, status_id asc, is_deleted asc, status_row_id desc

),

users as (

  select * from {{ ref('stg_bitrix24__users') }}

),
{% for stream in cards_of_crm() %}
  {{ stream }} as (

    select * from {{ ref('stg_bitrix24__' ~ stream) }}

  ),
{% endfor %}
named as (

  select
    card_type,
    field,
    label_ru
  from listed
  {%- if loss_reason_field %}
    union all
    select
      'deal' as card_type,
      '{{ loss_reason_field }}' as field,
      'Причина отказа' as label_ru
    where
      not exists (
        select 1 from listed
        where card_type = 'deal' and field = '{{ loss_reason_field }}'
      )
  {%- endif %}

),

described as (

  select
    named.card_type,
    named.field,
    named.label_ru,
    fields.entity_type_id,
    fields.field_type,
    fields.dictionary
  from named
  inner join fields
    on named.field = fields.field and named.card_type = {{ card_type('fields.entity_type_id') }}

),

filled as (
  {% for stream, card in cards_of_crm().items() %}
    select
      described.*,
      {{ stream }}.{{ card.key }} as card_id,
      {{ stream }}.user_fields -> described.field as field_value
    from {{ stream }}
    inner join described
      on
        {% if card.entity_type_id -%}
          described.entity_type_id = {{ card.entity_type_id }}
        {%- else -%}
          {{ stream }}.entity_type_id = described.entity_type_id
        {%- endif %}
    where jsonb_typeof({{ stream }}.user_fields -> described.field) <> 'null'
    {%- if not loop.last %}
      union all
    {%- endif %}
  {%- endfor %}

),

-- Several values of one field come as a list; a file is an object and has no text of its own.
parts as (

  select
    filled.*,
    parts.position,
    case when jsonb_typeof(parts.value) <> 'object' then nullif(btrim(parts.value #>> '{}'), '') end as part
  from filled
  cross join
    lateral jsonb_array_elements(
      case jsonb_typeof(filled.field_value)
        when 'array' then filled.field_value
        else jsonb_build_array(filled.field_value)
      end
    ) with ordinality as parts (value, position)

),

resolved as (

  select
    parts.*,
    case parts.field_type
      when 'enumeration' then coalesce(items.item, nullif(parts.part, '0'))
      when 'crm_status' then coalesce(values_of_lists.status, parts.part)
      when 'employee'
        then coalesce(
          nullif(concat_ws(' ', users.last_name, users.first_name), ''), 'Сотрудник № ' || nullif(parts.part, '0')
        )
      when 'boolean'
        then
          case
            when lower(parts.part) in ('y', 'true', '1') then 'Да'
            when parts.part is not null then 'Нет'
          end
      when 'date' then to_char(cast(substring(parts.part from '^[12]\d{3}-\d\d-\d\d') as date), 'DD.MM.YYYY')
      when 'datetime'
        then to_char(
          {{ local_time("cast(substring(parts.part from '^[12]\\d{3}-\\d\\d-\\d\\d[T ].*$') as timestamptz)") }},
          'DD.MM.YYYY HH24:MI'
        )
      when 'money' then replace(nullif(replace(parts.part, '|', ' '), ' '), 'RUR', 'RUB')
      when 'address' then split_part(parts.part, '|;|', 1)
      else parts.part
    end as shown,
    case
      when parts.field_type in ('integer', 'double', 'money')
        then cast(substring(split_part(parts.part, '|', 1) from '^-?\d+(?:\.\d+)?$') as numeric)
    end as number,
    case parts.field_type
      when 'date' then cast(substring(parts.part from '^[12]\d{3}-\d\d-\d\d') as date)
      when 'datetime'
        then {{ local_date("cast(substring(parts.part from '^[12]\\d{3}-\\d\\d-\\d\\d[T ].*$') as timestamptz)") }}
    end as day
  from parts
  left join items
    on
      parts.entity_type_id = items.entity_type_id
      and parts.field = items.field
      and parts.part = items.item_id
  left join values_of_lists
    on parts.dictionary = values_of_lists.dictionary and parts.part = values_of_lists.status_id
  left join users on parts.field_type = 'employee' and parts.part = cast(users.user_id as text)

),

final as (

  select
    card_type,
    card_id,
    field,
    label_ru,
    field_type,
    string_agg(shown, ', ' order by position) as value_text,
    sum(number) as value_number,
    min(day) as value_date
  from resolved
  where shown is not null
  group by card_type, card_id, field, label_ru, field_type

)

select * from final
