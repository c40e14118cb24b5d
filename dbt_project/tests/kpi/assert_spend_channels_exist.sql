-- Spend on a channel that no source of the portal belongs to: a misspelt name, which would lose the money.
{{ config(severity='warn') }}

select spend.channel
from {{ ref('int_kpi__channel_spend') }} as spend
left join {{ ref('dim_channels') }} as channels on spend.channel = channels.channel
where channels.channel is null
group by spend.channel
