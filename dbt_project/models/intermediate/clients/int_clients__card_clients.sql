with companies as (

  select * from {{ ref('stg_bitrix24__companies') }}

),

contacts as (

  select * from {{ ref('stg_bitrix24__contacts') }}

),

company_clients as (

  select
    'company' as card_type,
    company_id as card_id,
    case when not is_my_company then 'company:' || company_id end as client_key
  from companies

),

-- A contact of a company counts with the company; one of the portal's own companies is nobody's client.
contact_clients as (

  select
    'contact' as card_type,
    contacts.contact_id as card_id,
    case
      when contacts.company_id is null or companies.is_my_company then 'contact:' || contacts.contact_id
      else 'company:' || contacts.company_id
    end as client_key
  from contacts
  left join companies on contacts.company_id = companies.company_id

),

final as (

  select * from company_clients
  union all
  select * from contact_clients

)

select * from final
