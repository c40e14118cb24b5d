-- Spend on a channel that no source of the portal belongs to: a misspelt name, which would lose the money.
{{ config(severity='warn') }}

with spend as (

  select * from {{ ref('int_kpi__channel_spend') }}

),

channels as (

  select * from {{ ref('dim_channels') }}

)

select spend.channel
from spend
left join channels on spend.channel = channels.channel
where channels.channel is null
group by spend.channel
