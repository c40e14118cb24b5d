-- What erasing a person needs inside the warehouse: the list of what is erased, and how a row of the portal looks without
-- the person. Run by the loader's role; safe to repeat. The loader asks `erasure.take` for each batch before it is merged
-- into raw, so that a card which the portal still has comes without the person.
create schema if not exists erasure;

create table if not exists erasure.forgotten (
  -- '<stream>:<id>', as raw has them.
  key text primary key,
  -- person: the card is the person's own. texts: it names the person; a card's own name and numbers stay.
  mode text not null check (mode in ('person', 'texts')),
  -- The number that stands in place of the phone: random, so that it leads nowhere, and always the same for one number,
  -- so that calls and cards that belonged together still do.
  pseudonym text,
  -- Whether what belongs to the card (its calls, activities, deals) is treated as well, also what is new.
  covers boolean not null,
  forgotten_at timestamptz not null default now()
);

create or replace function erasure.phone_key(number text) returns text language sql immutable as $$
  select substring(
    substring(regexp_replace(number, '\D', '', 'g') from '^\d*[1-9]\d*$') from '(\d{3,10})$'
  )
$$;

create or replace function erasure.card_key(entity_type_id text, id text) returns text language sql immutable as $$
  select case entity_type_id
    when '1' then 'leads'
    when '2' then 'deals'
    when '3' then 'contacts'
    when '4' then 'companies'
    when '7' then 'quotes'
    when '31' then 'smart_invoices'
    else 'smart_process_items:' || entity_type_id
  end || ':' || id
$$;

-- Cards that a row belongs to.
create or replace function erasure.links(stream text, payload jsonb) returns text[] language sql immutable as $$
  select case
    when stream = 'leads' then array['contacts:' || (payload ->> 'contactId'), 'companies:' || (payload ->> 'companyId')]
    when stream in ('deals', 'quotes', 'smart_invoices', 'smart_process_items') then
      array[
        'contacts:' || (payload ->> 'contactId'),
        'companies:' || (payload ->> 'companyId'),
        'leads:' || (payload ->> 'leadId')
      ]
      || array(
        select 'contacts:' || ids.id
        from jsonb_array_elements_text(
          case jsonb_typeof(payload -> 'contactIds') when 'array' then payload -> 'contactIds' else '[]' end
        ) as ids (id)
      )
    when stream = 'activities' then array[erasure.card_key(payload ->> 'OWNER_TYPE_ID', payload ->> 'OWNER_ID')]
    when stream = 'calls' then array[
      case lower(payload ->> 'CRM_ENTITY_TYPE')
        when 'lead' then 'leads:' when 'deal' then 'deals:' when 'contact' then 'contacts:' when 'company' then 'companies:'
      end || (payload ->> 'CRM_ENTITY_ID')
    ]
    else array[]::text[]
  end
$$;

-- A text of a card in the place of what it said. What sums, counts, stages and joins are made of stays: ids, moments, yes
-- and no, sources, UTM, currencies, kinds.
create or replace function erasure.wiped_value(name text, value jsonb, is_own boolean, pseudonym text) returns jsonb
language plpgsql immutable as $$
declare
  said text := value #>> '{}';
begin
  if jsonb_typeof(value) = 'array' then
    return coalesce(
      (
        select jsonb_agg(erasure.wiped_value(name, items.item, is_own, pseudonym) order by items.place)
        from jsonb_array_elements(value) with ordinality as items (item, place)
      ),
      '[]'
    );
  elsif jsonb_typeof(value) = 'object' then
    if value ? 'typeId' and value ? 'value' then
      -- A phone, an e-mail, a site of the card.
      return value || jsonb_build_object('value', erasure.wiped_value(
        case upper(value ->> 'typeId') when 'PHONE' then 'phone' when 'EMAIL' then 'email' else 'comments' end,
        value -> 'value', is_own, pseudonym
      ));
    end if;
    return (
      select coalesce(jsonb_object_agg(fields.key, erasure.wiped_value(fields.key, fields.value, is_own, pseudonym)), '{}')
      from jsonb_each(value) as fields
    );
  elsif jsonb_typeof(value) <> 'string' or said = '' then
    return value;
  elsif is_own and (name = 'birthdate' or name ~* 'BIRTHDAY' or (name ~ '^uf' and said ~ '^\d{4}-\d\d-\d\d')) then
    return to_jsonb(text '1900-01-01T00:00:00+03:00');
  elsif said ~ '^[YN]$' or said ~ '^[129]\d{3}-\d\d-\d\d([T ][0-9:.+-]*)?$' then
    return value;
  elsif name ~* '^(phone|PHONE_NUMBER$|PERSONAL_(PHONE|MOBILE)$|WORK_PHONE$)' then
    -- Hidden numbers are hidden already; without a pseudonym the number is somebody else's as well.
    return case
      when pseudonym is not null and erasure.phone_key(said) is not null then to_jsonb(pseudonym)
      else value
    end;
  elsif name ~* 'e_?mail' then
    return to_jsonb(text 'deleted@example.invalid');
  elsif name ~ '^(uf|UF_)' then
    -- Values of lists are numbers; amounts are written "100|RUB".
    return case
      when said ~ '^-?\d{1,9}(\.\d+)?$' and not is_own or said ~ '^-?\d+(\.\d+)?\|[A-Z]{3}$' then value
      else to_jsonb(text 'Данные удалены')
    end;
  elsif name ~ '^(utm|PORTAL_NUMBER$|SESSION_ID$|CALL_ID$|ORIGIN_ID$|REST_APP_NAME$|CALL_(CATEGORY|FAILED_CODE|FAILED_REASON)$|USER_TYPE$|TIME_ZONE$)'
    or name ~ '^(WORK_POSITION|accountNumber|quoteNumber|paySystemName|productName|employees|industry|ownerType|lid|honorific)$'
    or name ~* 'currency' then
    return value;
  elsif said ~ '^-?\d{1,9}(\.\d+)?$' then
    return value;
  elsif name ~ '(^id|Id|^ID|_ID|Ids|_TYPE)$' and said ~ '^[A-Za-z0-9_.:-]{1,120}$' and said !~ '^\d{10,}$' then
    return value;
  end if;
  return to_jsonb(text 'Данные удалены');
end
$$;

create or replace function erasure.wiped(stream text, id text, payload jsonb, mode text, pseudonym text) returns jsonb
language plpgsql immutable as $$
declare
  is_own boolean := mode = 'person' and stream in ('contacts', 'leads', 'companies', 'users');
  kept text := case
    when mode = 'texts' and stream = 'companies' then '^(fm|phone.*|email.*|title)$'
    when mode = 'texts' and stream in ('contacts', 'leads', 'users')
      then '^(fm|phone.*|email.*|name|lastName|secondName|NAME|LAST_NAME|SECOND_NAME|EMAIL|.*PHONE|.*MOBILE)$'
    else '^$'
  end;
  made jsonb;
begin
  select coalesce(jsonb_object_agg(
    fields.key,
    case
      when fields.key ~ kept then fields.value
      else erasure.wiped_value(fields.key, fields.value, is_own, pseudonym)
    end
  ), '{}') into made
  from jsonb_each(payload) as fields;
  if is_own and stream in ('contacts', 'leads') then
    made := made || jsonb_build_object('secondName', null)
      || case
        when coalesce(payload ->> 'lastName', '') <> ''
          then jsonb_build_object('lastName', 'Данные удалены')
            || case when coalesce(payload ->> 'name', '') <> '' then jsonb_build_object('name', '№ ' || id) else '{}' end
        when coalesce(payload ->> 'name', '') <> '' then jsonb_build_object('name', 'Данные удалены № ' || id)
        else '{}'
      end;
  elsif is_own and stream = 'users' then
    -- Names stay different from one another: plans, roles and absences name employees.
    made := made || jsonb_build_object(
      'NAME', '№ ' || id, 'LAST_NAME', 'Сотрудник', 'SECOND_NAME', '', 'EMAIL', 'user' || id || '@example.invalid'
    );
  elsif is_own and stream = 'companies' and coalesce(payload ->> 'title', '') <> '' then
    made := made || jsonb_build_object('title', 'Данные удалены № ' || id);
  end if;
  return made;
end
$$;

-- Takes out of a table with the columns id and payload what is to be forgotten; says how many rows were changed.
create or replace function erasure.take(rows_of regclass, stream text) returns bigint language plpgsql as $$
declare
  changed bigint;
begin
  if not exists (select from erasure.forgotten) then
    return 0;
  end if;
  execute format(
    $update$
      update %1$s as row set
        payload = found.payload,
        _sdc_batched_at = now() at time zone 'UTC'
      from (
        select distinct on (r.ctid)
          r.ctid as place,
          erasure.wiped(%2$L, r.id, r.payload, f.mode, f.pseudonym) as payload
        from %1$s as r
        cross join lateral unnest(array[%2$L || ':' || r.id] || erasure.links(%2$L, r.payload)) as k (key)
        inner join erasure.forgotten as f on k.key = f.key and (f.covers or k.key = %2$L || ':' || r.id)
        order by r.ctid, k.key = %2$L || ':' || r.id desc, f.pseudonym is null, f.key
      ) as found
      where row.ctid = found.place and row.payload is distinct from found.payload
    $update$,
    rows_of, stream
  );
  get diagnostics changed = row_count;
  return changed;
end
$$;
