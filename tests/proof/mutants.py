"""Single wrong turns in the warehouse's SQL, each of which some unit test must notice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """`old` stands once in the file; `models` are those whose unit tests must notice."""

    rule: str
    file: str
    old: str
    new: str
    models: str


def _of(folder: str, model: str, *turns: tuple[str, str, str]) -> list[Mutant]:
    """Mutants of one model: (rule, old, new)."""
    return [Mutant(rule, f"models/{folder}/{model}.sql", old, new, model) for rule, old, new in turns]


def _macro(file: str, models: str, *turns: tuple[str, str, str]) -> list[Mutant]:
    """Mutants of a file of macros."""
    return [Mutant(rule, f"macros/{file}.sql", old, new, models) for rule, old, new in turns]


STAGING, CALLS, KPI = "staging/bitrix24", "intermediate/calls", "marts/kpi"
RECENCY, PIPELINE, TARGETS = "intermediate/recency", "intermediate/pipeline", "intermediate/targets"
TELEPHONY, CORE, PAYMENTS = "intermediate/telephony", "marts/core", "intermediate/payments"
CLIENTS, ACCESS = "intermediate/clients", "marts/access"

MUTANTS: list[Mutant] = [
    # How the API writes things
    *_macro(
        "payload", "stg_bitrix24__deal_versions stg_bitrix24__calls stg_bitrix24__lead_versions"
        " stg_bitrix24__statuses stg_bitrix24__contact_versions stg_bitrix24__company_versions"
        " stg_bitrix24__activity_versions stg_bitrix24__payments stg_bitrix24__currencies"
        " stg_bitrix24__smart_invoice_versions stg_bitrix24__users",
        ("no responsible: 0 is nobody", "from '^\\d+$') as bigint), 0)", "from '^\\d+$') as bigint), -1)"),
        ("numbers by their last ten digits", "'(\\d{3,10})$'", "'(\\d{3,11})$'"),
        ("fewer than three digits are hidden", "'(\\d{3,10})$'", "'(\\d{1,10})$'"),
        ("only zeros are hidden", "from '^\\d*[1-9]\\d*$'", "from '^\\d*$'"),
        ("RUR is RUB", "'RUR', 'RUB')", "'RUR', 'RUR')"),
        ("no deadline is the year 9999", "from '^[12]\\d{3}-\\d\\d-\\d\\d[T ].*$'", "from '^\\d{4}-\\d\\d-\\d\\d[T ].*$'"),
        ("amounts may be negative", "'^-?\\d+(?:\\.\\d+)?(?:[eE]", "'^\\d+(?:\\.\\d+)?(?:[eE]"),
        ("F is failure", "when 'F' then 'failure'", "when 'F' then 'process'"),
        ("a date is its first ten characters", "from '^[12]\\d{3}-\\d\\d-\\d\\d') as date", "from '^[12]\\d{3}-\\d\\d-01') as date"),
    ),
    *_of(
        STAGING, "stg_bitrix24__statuses",
        ("an apology is a failure", "when 'apology' then 'failure'", "when 'apology' then 'process'"),
    ),
    *_of(
        STAGING, "stg_bitrix24__currencies",
        ("rates are AMOUNT / AMOUNT_CNT", " / nullif({{ payload_amount('AMOUNT_CNT') }}, 0)", ""),
        ("where RUR and RUB both are, RUB stands", "currency_as_written = currency desc", "currency_as_written = currency asc"),
    ),
    *_of(
        STAGING, "stg_bitrix24__calls",
        ("no category is external", ", 'external')) as category", ", 'internal')) as category"),
    ),
    *_of(
        STAGING, "stg_bitrix24__card_id_buckets",
        ("deleted: created before the sweep began", "due.swept_at > {{ stream }}", "due.swept_at >= {{ stream }}"),
        ("deleted at the last sweep that missed it", "max(changes.swept_at) as vanished_at", "min(changes.swept_at) as vanished_at"),
        ("never seen: since the first sweep after", "min(looks.swept_at) as first_missed_at", "max(looks.swept_at) as first_missed_at"),
        ("only sweeps that came through", "and status = 'ok'", ""),
        ("the newest version of a bucket counts", "order by swept_at desc, loaded_at desc", "order by swept_at asc, loaded_at desc"),
    ),
    *_of(
        STAGING, "stg_bitrix24__payments",
        ("a returned payment is no payment", "<> 'N' as is_returned", "= 'Y' as is_returned"),
    ),
    *_macro(
        "versions", "stg_bitrix24__deals stg_bitrix24__leads",
        ("the newest version counts", "modified_at desc, received_at desc\n    ) as version_rank", "modified_at asc, received_at desc\n    ) as version_rank"),
        ("of one moment the one received last", "modified_at desc, received_at desc\n    ) as version_rank", "modified_at desc, received_at asc\n    ) as version_rank"),
        ("a deleted card leaves", "and deleted.card_id is null", ""),
        ("as of a past day: the version of then", "when modified_at < {{ as_of() }} then 0 else 1", "when modified_at < {{ as_of() }} then 1 else 0"),
    ),
    # Time
    *_macro(
        "time", "dim_periods fct_metric_events dim_calendar int_currencies__daily_rates mart_pipeline__open_deals"
        " int_pipeline__stage_norms fct_deals",
        ("midnight ends the day before", "- interval '1 microsecond')", "- interval '0 microseconds')"),
        ("days are cut in the portal's zone", "cast({{ moment }} at time zone '{{ portal_timezone() }}' as date)", "cast({{ moment }} at time zone 'UTC' as date)"),
        ("a day is 86 400 seconds", "/ 86400)", "/ 86000)"),
    ),
    *_of(
        CORE, "dim_periods",
        ("a week's year ago is 52 weeks back", "'year_ago': '52 weeks'", "'year_ago': '1 year'"),
        ("to date is cut at the end of the period before", "period_start)\n      as previous_until", "period_start + 31)\n      as previous_until"),
        ("to date of a year ago is cut at its end", "year_ago_end)\n      as year_ago_until", "year_ago_end + 31)\n      as year_ago_until"),
        ("a leap day's year ago is one day", "+ interval '1 day' as date) as year_ago_end", "+ interval '2 days' as date) as year_ago_end"),
        ("weeks begin on Monday", "date_trunc('week', cast(bounds.today as timestamp))", "date_trunc('week', cast(bounds.today as timestamp) + interval '1 day') - interval '1 day'"),
        ("to date counts the time of the day", "{{ local_time('bounds.as_of') }} - cast(ordered.period_start", "{{ local_time('bounds.as_of') }} - interval '6 hours' - cast(ordered.period_start"),
    ),
    *_of(
        CORE, "dim_calendar",
        ("what the calendar says beats the weekday", "production_calendar.is_working,\n", "null,\n"),
        ("unknown years follow the law", "and lawful.day is null", ""),
        ("holidays of January do not move", "month_day >= '02'", "month_day >= '01'"),
        ("working time before a day leaves it out", "over (order by day) - working_seconds as", "over (order by day) as"),
    ),
    *_macro(
        "working_time", "int_telephony__waits mart_health__freshness",
        ("working time begins with the day's hours", "- {{ calendar }}.working_from), 0)", "- {{ calendar }}.working_from), -3600)"),
        ("working time ends with the day's hours", "), 0), {{ calendar }}.working_seconds", "), 0), 86400"),
    ),
    # Stages: success and failure
    *_macro(
        "stage_history", "int_deals__lifecycle int_leads__lifecycle int_invoices__lifecycle int_deals__stage_intervals",
        ("success at: the start of the present run", "min(intervals.entered_at) filter (where intervals.visit_number > boundaries.success_after)", "max(intervals.entered_at) filter (where intervals.visit_number > boundaries.success_after)"),
        ("failure at: the start of the present run", "min(intervals.entered_at) filter (where intervals.visit_number > boundaries.failure_after)", "max(intervals.entered_at) filter (where intervals.visit_number > boundaries.failure_after)"),
        ("reopened and re-won is one win at the last moment", "intervals.visit_number > boundaries.success_after)", "true)"),
        ("won then lost is a loss", "max(visit_number) filter (where semantic <> 'failure')", "max(visit_number) filter (where semantic = 'process')"),
        ("without history: the last move first", "coalesce(cards.moved_at, {{ closed_at }}, cards.modified_at)", "coalesce({{ closed_at }}, cards.moved_at, cards.modified_at)"),
        ("without history: the close date before modified", "coalesce(cards.moved_at, {{ closed_at }}, cards.modified_at)", "coalesce(cards.moved_at, cards.modified_at, {{ closed_at }})"),
        ("nothing after as_of: history", "history.entered_at < {{ as_of() }} and", "true and"),
        ("nothing after as_of: cards", "where created_at < {{ as_of() }}", "where true"),
        ("nothing after as_of: success", "case when moments.success_at < {{ as_of() }} then moments.success_at end", "moments.success_at"),
        ("entries of one moment go by their ids", "order by entered_at, history_id)", "order by entered_at, history_id desc)"),
        ("history of a deleted deal leaves with it", "and deleted.card_id is null", ""),
        ("the responsible of that moment", "versions.modified_at <= {{ moment }}", "versions.modified_at >= {{ moment }}"),
        ("nobody then is nobody, not today's", "coalesce(versions.manager_id, 0) order by", "versions.manager_id order by"),
        ("the creation is the creator's", "{{ responsible_at('moments.created_at') }}", "{{ responsible_at('coalesce(moments.success_at, moments.failure_at)') }}"),
        ("the responsible: the newest version of then", "order by versions.modified_at desc", "order by versions.modified_at asc"),
    ),
    *_of(
        "intermediate/stages", "int_stages__dictionary",
        ("an unknown stage has the semantics history recorded", "else coalesce(mentioned.semantic, known.semantic, 'process')", "else coalesce(known.semantic, 'process')"),
        ("a stage made anew: the living row", "order by is_deleted asc, status_row_id desc", "order by is_deleted desc, status_row_id desc"),
        ("history's word before the cards'", "semantic is null, priority asc", "semantic is null, priority desc"),
        ("the newest mention of a stage", "mentioned_at desc", "mentioned_at asc"),
    ),
    # Deals
    *_of(
        CORE, "fct_deals",
        ("recurring templates are no events", "where not is_recurring_template", ""),
        ("source: its own, else the lead's", "coalesce(nullif(deals.source_id, ''), leads.source_id, '')", "coalesce(leads.source_id, nullif(deals.source_id, ''), '')"),
        ("money at the rate of the event's day", "coalesce({{ local_date('coalesce(lifecycle.success_at, lifecycle.failure_at)') }}, {{ as_of_date() }})", "{{ as_of_date() }}"),
        ("an unknown currency is 0 and told", "rates.rate is not null as is_currency_known", "true as is_currency_known"),
        ("first win: by moment", "order by described.won_at, described.deal_id", "order by described.deal_id, described.won_at"),
        ("first win: ties by id", "order by described.won_at, described.deal_id", "order by described.won_at, described.deal_id desc"),
        ("wins elsewhere are no sales", "pipelines.is_selling and described.won_at is not null and described.client_key is not null", "described.won_at is not null and described.client_key is not null"),
        ("a win without a client is neither new nor repeat", "and described.client_key is not null", ""),
        ("the cycle runs from the deal's creation", "{{ days_between('deals.created_at', 'lifecycle.success_at') }}", "{{ days_between('leads.created_at', 'lifecycle.success_at') }}"),
        ("no reason is shown, not hidden", "\"'Не указана'\" if loss_reason_field", "\"null\" if loss_reason_field"),
        ("the closing is the closer's", "then coalesce(closers.manager_id, 0)", "then coalesce(managers.manager_id, 0)"),
    ),
    *_macro(
        "clients", "fct_deals fct_leads int_clients__card_clients",
        ("the company before the contact", "when {{ company_client }}.client_key is not null\n      then {{ company_client }}.client_key\n    when {{ contact_client }}.client_key is not null\n      then {{ contact_client }}.client_key", "when {{ contact_client }}.client_key is not null\n      then {{ contact_client }}.client_key\n    when {{ company_client }}.client_key is not null\n      then {{ company_client }}.client_key"),
        ("a deleted company is a client by its id", "then 'company:' || {{ card }}.company_id", "then null"),
    ),
    *_of(
        "intermediate/clients", "int_clients__card_clients",
        ("one's own company is nobody's client", "case when not is_my_company then", "case when true then"),
        ("a contact counts with its company", "else 'company:' || contacts.company_id", "else 'contact:' || contacts.contact_id"),
        ("a contact of one's own company is a client", "or companies.is_my_company then", "then"),
    ),
    *_macro(
        "pipelines", "dim_pipelines",
        ("pipelines that do not sell", " not in (' ~ not_selling", " in (' ~ not_selling"),
    ),
    *_of(
        "intermediate/deals", "int_deals__product_shares",
        ("by product: what rows do not cover", "1 - rows_amount / divisor as share", "1 as share"),
        ("by product: rows beyond the amount", "when deals.amount - rows_totals.rows_amount > 0.01 then deals.amount", "when deals.amount <> 0 then deals.amount"),
    ),
    # Money
    *_macro(
        "currencies", "fct_deals fct_payments mart_pipeline__open_deals fct_invoices",
        ("a snapshot holds from its day on", "{{ day }} >= {{ alias }}.valid_from", "{{ day }} > {{ alias }}.valid_from"),
        ("a snapshot holds until the next", "{{ day }} < {{ alias }}.valid_to", "{{ day }} <= {{ alias }}.valid_to"),
    ),
    *_of(
        "intermediate/currencies", "int_currencies__daily_rates",
        ("before the first snapshot the earliest", "when row_number() over days = 1 then", "when false then"),
        ("against the shown currency", "snapshots.rate / coalesce(base_rates.rate, 1)", "snapshots.rate"),
    ),
    # Payments
    *_of(
        PAYMENTS, "int_payments__deal_stages",
        ("the last time it came into a paid stage", "max(entered_at) as entered_at", "min(entered_at) as entered_at"),
        ("coming from one paid stage to another is no new payment", "and stage_before is null", ""),
        ("undone by a failure", "and lifecycle.semantic <> 'failure'", ""),
        ("undone by going back", "or stages.sort >= entered.sort", "or true"),
        ("success after a paid stage keeps it", "or lifecycle.semantic = 'success'", ""),
    ),
    *_of(
        PAYMENTS, "int_payments__deal_payments",
        ("an order of several deals counts once", "min(owners.owner_id) as deal_id", "max(owners.owner_id) as deal_id"),
        ("returned payments are none", "and not payments.is_returned", ""),
        ("unpaid ones are none", "payments.is_paid\n    and", "true\n    and"),
    ),
    # Calls
    *_of(
        CALLS, "int_calls__legs",
        ("legs of one number within 30 seconds", "<= interval '{{ var(\"ring_group_seconds\") }} seconds'", "< interval '{{ var(\"ring_group_seconds\") }} seconds'"),
        ("until one is answered", "and not lag(is_answered_by_now) over number_legs", ""),
        ("hidden numbers never join", "and phone_key is not null\n", ""),
        ("dials are attempts of their own", "direction = 'inbound'\n        and phone_key", "true\n        and phone_key"),
        ("internal calls are none", "category = 'external'\n    and", "true\n    and"),
        ("info calls are none", "type_id in (1, 2, 3, 4)", "type_id in (1, 2, 3, 4, 5)"),
        ("200 is answered", "result_code = '200' and", "result_code <> '' and"),
        ("legs of one session", "when session_leg_before is not null then session_leg_before", "when false then session_leg_before"),
        ("ordered by start, then id", "direction, phone_key order by started_at, call_id", "direction, phone_key order by call_id"),
        ("ordered by start, then id (ties)", "direction, phone_key order by started_at, call_id", "direction, phone_key order by started_at, call_id desc"),
    ),
    *_of(
        CALLS, "int_calls__attempts",
        ("successful from so many seconds", "talk_seconds >= {{ var('successful_call_min_seconds') }}", "talk_seconds > {{ var('successful_call_min_seconds') }}"),
        ("answered: the one who did", "(array_agg(manager_id order by started_at, call_id) filter (where is_answered))[1]", "(array_agg(manager_id order by started_at, call_id))[1]"),
        ("missed: the last who rang", "(array_agg(manager_id order by started_at desc, call_id desc) filter (where manager_id is not null))[1]", "(array_agg(manager_id order by started_at, call_id) filter (where manager_id is not null))[1]"),
        ("talk is that of answered legs", "coalesce(sum(duration_seconds) filter (where is_answered), 0)", "coalesce(sum(duration_seconds), 0)"),
        ("answered if any leg was", "bool_or(is_answered) as is_answered", "bool_and(is_answered) as is_answered"),
        ("whose call: the answered leg's card", "order by is_answered desc, started_at desc, call_id desc", "order by started_at desc, call_id desc"),
    ),
    *_of(
        CALLS, "int_calls__cards",
        ("deals through the call's activity bindings", "bindings.entity_id as card_id\n  from leg_activities", "bindings.entity_id + 1 as card_id\n  from leg_activities"),
        ("the activity names its call", "'VI_' || legs.call_code = activities.origin_id", "legs.call_code = activities.origin_id"),
    ),
    # Missed calls
    *_of(
        TELEPHONY, "int_telephony__resolutions",
        ("a conversation after the miss", "rows between unbounded preceding and 1 preceding\n    ),\n    client_backwards", "rows between unbounded preceding and unbounded following\n    ),\n    client_backwards"),
        ("by number or client, whichever was first", "least(number_reached_at, client_reached_at) as reached_at", "coalesce(number_reached_at, client_reached_at) as reached_at"),
        ("later misses belong to the first", "else min(settled.position) over (partition by settled.reached_at)", "else settled.position"),
        ("open ones of one client belong together", "case when client_key is not null then min(position) over (partition by client_key) end", "position"),
    ),
    *_of(
        TELEPHONY, "int_telephony__waits",
        ("within the norm, the last minute included", "working_seconds <= {{ var('callback_norm_minutes') }} * 60", "working_seconds < {{ var('callback_norm_minutes') }} * 60"),
        ("a client who reaches us was not called back", "when conversations.direction = 'inbound' then 'client_reached_us'", "when conversations.direction = 'inbound' then 'called_back'"),
        ("an open one waits until as_of", "coalesce(conversations.started_at, {{ as_of() }})", "coalesce(conversations.started_at, {{ as_of() }} - interval '1 day')"),
        ("attempts after the miss only", "numbers.phone_key = dials.phone_key\n      and ended.first_missed_at < dials.started_at", "numbers.phone_key = dials.phone_key"),
        ("waits from the first miss", "min(started_at) as first_missed_at", "max(started_at) as first_missed_at"),
        ("attempts by the client's other number", "clients.client_key = dials.client_key", "false and clients.client_key = dials.client_key"),
    ),
    *_of(
        TELEPHONY, "int_telephony__calls",
        ("a number of several clients is nobody's", "having min(client_key) = max(client_key)", ""),
        ("a lead's client", "coalesce(leads.client_key, 'lead:' || calls.crm_entity_id)", "'lead:' || calls.crm_entity_id"),
    ),
    *_of(
        "marts/telephony", "fct_missed_calls",
        ("missed is inbound and not answered", "and not calls.is_answered", ""),
        ("responsible: the client's, else who missed", "coalesce(nullif(clients.manager_id, 0), nullif(leads.manager_id, 0), missed.manager_id)", "missed.manager_id"),
        ("hidden stand beside", "calls.phone_key is null as is_hidden", "false as is_hidden"),
    ),
    *_of(
        "marts/telephony", "mart_telephony__lost_clients",
        ("lost is what is still open", "where resolution = 'open'", ""),
    ),
    *_of(
        "marts/telephony", "mart_telephony__overview",
        ("to date: cut by the moment", "and cuts.previous_to_date_until > measured.started_at", ""),
        ("zeros of a quiet morning", "union all\n  select\n    period_grain,\n    period_start,\n    manager_id,\n    {%- for measure in measures %}\n      0 as {{ measure }},\n      0 as previous_{{ measure }}\n      {%- if not loop.last %},{% endif %}\n    {%- endfor %}\n  from quiet", ""),
    ),
    # Activities
    *_of(
        CORE, "fct_activities",
        ("only sent e-mails", "type_id = 4 and direction_id = 2", "type_id = 4"),
        ("to-dos are done too", "type_id = 3 or provider_id = 'CRM_TODO'", "type_id = 3"),
        ("END_TIME between created and changed", "when end_at between created_at and modified_at then end_at", "when end_at is not null then end_at"),
        ("only completed ones", "where is_completed\n", ""),
        ("nothing after as_of", "and completed.done_at < {{ as_of() }}", ""),
    ),
    # The ledger and KPIs
    *_of(
        KPI, "fct_metric_events",
        ("wins of selling pipelines", "('deals_won', 'won_at', 'closed_manager_id', 'is_selling', '1')", "('deals_won', 'won_at', 'closed_manager_id', 'true', '1')"),
        ("revenue is the amount", "'is_selling', 'amount')", "'is_selling', '1')"),
        ("losses of selling pipelines", "('deals_lost', 'lost_at', 'closed_manager_id', 'is_selling', '1')", "('deals_lost', 'lost_at', 'closed_manager_id', 'true', '1')"),
        ("deals from leads", "'lead_id is not null'", "'true'"),
        ("callbacks are calls of managers", "\"direction in ('outbound', 'callback') and is_successful\"", "\"direction = 'outbound' and is_successful\""),
        ("talk either way", "'is_answered', 'round(", "\"is_answered and direction <> 'inbound'\", 'round("),
        ("minutes", "/ 60, 6)", "/ 61, 6)"),
        ("a win is the closer's", "('deals_won', 'won_at', 'closed_manager_id'", "('deals_won', 'won_at', 'created_manager_id'"),
    ),
    *_of(
        "intermediate/kpi", "int_kpi__period_values",
        ("to date: cut by the moment", "and cut_windows.window_until > events.event_at", ""),
        ("closed periods are compared whole", "when periods.is_current then summed.previous_cut else summed.previous_value", "when true then summed.previous_cut else summed.previous_value"),
        ("zeros for who works here", "where managers.is_active and managers.manager_id <> 0", "where true"),
    ),
    *_of(
        "intermediate/kpi", "int_kpi__cohort_members",
        ("a deal whose lead is gone stands for itself", "where leads.lead_id is null", "where deals.lead_id is null"),
        ("revenue of a cohort is of selling pipelines", "where won_at is not null and is_selling and lead_id is not null", "where won_at is not null and lead_id is not null"),
    ),
    *_of(
        "intermediate/kpi", "int_kpi__channel_spend",
        ("days to come cost nothing", "least(periods.period_end, by_month.month_end, {{ as_of_date() }} + 1)", "least(periods.period_end, by_month.month_end)"),
        ("the last month of a spend counts", "plans.to_month >= months.month_start", "plans.to_month > months.month_start"),
        ("a line with a problem costs nothing", "lines.problem is null and ", ""),
        ("an upload that does not count is no spend", "is not distinct from counting.version", "is not distinct from lines.upload_version"),
    ),
    *_of(
        "intermediate/kpi", "int_kpi__spend_lines",
        ("invented spend is the demonstration's", "where portal.is_demonstration", "where true"),
        ("a channel has one spend a month", "and earlier.to_month >= later.from_month", "and earlier.to_month < later.from_month"),
    ),
    *_of(
        "intermediate/inputs", "int_inputs__uploads",
        ("a wrong upload counts for nothing", "versions.accepted_at is not null or problem_counts.problems is null", "true"),
        ("an accepted upload goes on counting", "versions.accepted_at is not null or problem_counts.problems is null", "problem_counts.problems is null"),
    ),
    *_of(
        "intermediate/kpi", "int_kpi__spend_lines",
        ("invented spend is the demonstration's", "where portal.is_demonstration", "where true"),
    ),
    *_of(
        KPI, "mart_kpi__period",
        ("ratios are sums over sums", "* ratio_parts.in_denominator", "* ratio_parts.in_numerator"),
    ),
    *_of(
        KPI, "mart_kpi__manager_rating",
        ("ties by deals won", "order by revenue_won desc, deals_won desc", "order by revenue_won desc"),
        ("without a plan after those with one", "order by attainment is null asc, ", "order by "),
        ("who has a plan and did nothing is rated", "or (plans.revenue_plan > 0 and sellers.manager_id is not null)", ""),
        ("nobody has no place", "totals.manager_id <> 0 and sellers", "sellers"),
        ("who does not sell has no place", "and sellers.manager_id is not null as is_ranked", "as is_ranked"),
    ),
    *_of(
        KPI, "mart_kpi__loss_reasons",
        ("no reason is shown", "'Не указана'", "'—'"),
        ("the period before", "filter (where period_days.compared_with = 'previous') as previous_deals_lost", "filter (where period_days.compared_with = 'own') as previous_deals_lost"),
    ),
    *_of(
        KPI, "mart_kpi__norm_baseline",
        ("norms by working days", "is_working_day\n    and day >", "true\n    and day >"),
        ("norms of 90 days, today included", "and day > {{ as_of_date() }} -", "and day >= {{ as_of_date() }} -"),
        ("the upper quartile", "percentile_cont(0.75)", "percentile_cont(0.5)"),
        ("zero days count", "coalesce(by_manager.value, 0) as value", "by_manager.value as value"),
    ),
    *_of(
        KPI, "mart_kpi__channel_economics",
        ("spend known: revenue of what was paid for", "then summed.cohort_revenue else 0 end as spend_known_revenue", "then summed.revenue_won else 0 end as spend_known_revenue"),
    ),
    # Targets
    *_of(
        TARGETS, "int_targets__candidates",
        ("the nearest target counts", "order by levels.level, levels.target_id", "order by levels.level desc, levels.target_id"),
        ("a month's target by its working days", "levels.value / days.month_working_days", "levels.value / 30"),
        ("a week's target by its working days", "levels.value / days.week_working_days", "levels.value / 7"),
        ("nothing on a day off", "when not days.is_working_day then 0", "when false then 0"),
        ("a target holds to its last day", "days.day <= least(levels.valid_to", "days.day < least(levels.valid_to"),
        ("a target holds from its first day", "days.day >= greatest(levels.valid_from", "days.day > greatest(levels.valid_from"),
        ("a department's target is its subtree's", "position('/' || targets.department_id || '/' in employment.path_ids) > 0", "targets.department_id = employment.department_id"),
        ("the last day of an absence counts", "absences.to_day >= days.day", "absences.to_day > days.day"),
    ),
    *_of(
        TARGETS, "int_targets__shares",
        ("what is left is never below 0", "greatest(shared_days.daily_value - coalesce(taken.amount, 0), 0)", "(shared_days.daily_value - coalesce(taken.amount, 0))"),
        ("own targets come off first", "coalesce(taken.amount, 0)", "0"),
        ("who is absent throughout does not share", "and days_available > 0", ""),
    ),
    *_of(
        TARGETS, "int_targets__employment",
        ("heads do not share", "and (not is_head or {{ var('targets_for_heads') }})", ""),
        ("who left is employed to the last trace", "max(last_at) as last_at", "min(last_at) as last_at"),
        ("only employees", "is_employee\n    and", "true\n    and"),
    ),
    *_of(
        TARGETS, "int_targets__manager_days",
        ("absences move the plan to other days", "trim_scale(amount * period_amount / available_amount)", "amount"),
        ("nothing on a day of absence", "when not is_available then 0", "when not is_available then 1"),
    ),
    *_of(
        "marts/plan_fact", "mart_plan_fact__attainment",
        ("attainment is fact by plan", "trim_scale(valued.value / valued.plan) end as attainment", "trim_scale(valued.plan / valued.value) end as attainment"),
        ("plan to date: today included", "filter (where not daily.is_future) as plan_to_date", "filter (where daily.is_future) as plan_to_date"),
        ("money is red by the month only", "(valued.unit <> 'money' or valued.period_grain = 'Месяц')", "true"),
        ("no target is no plan, not red", "valued.plan is not null as has_plan", "true as has_plan"),
        ("fewer is better", "when 'less' then valued.value > valued.plan_to_date", "when 'less' then valued.value < valued.plan_to_date"),
        ("what each remaining day must bring", "greatest(valued.plan - valued.fact, 0) / valued.remaining_days", "(valued.plan - valued.fact) / valued.remaining_days"),
    ),
    *_of(
        "marts/plan_fact", "mart_plan_fact__daily",
        ("a day's money is not red", "and judged.unit <> 'money'", ""),
        ("a day whose work is over remains no more", "judged.is_future or calendar.working_until > {{ as_of() }}", "true"),
        ("deviation is fact − plan", "trim_scale(judged.value - judged.plan)", "trim_scale(judged.plan - judged.value)"),
    ),
    *_of(
        "intermediate/activities", "int_activities__open",
        ("what is done is not planned", "where done_at is null or done_at >= {{ as_of() }}", ""),
        ("of an overdue one the deadline counts", "coalesce(planned.planned_at, planned.deadline_at, planned.start_at) as due_at", "coalesce(planned.planned_at, planned.start_at, planned.deadline_at) as due_at"),
    ),
    *_of(
        "marts/plan_fact", "mart_plan_fact__planned",
        ("what is overdue stands apart", "not items.is_overdue and items.due_day", "items.due_day"),
    ),
    *_of(
        "marts/plan_fact", "fct_planned_items",
        ("no date, no plan", "where not has_no_close_date", ""),
    ),
    *_of(
        "marts/plan_fact", "mart_plan_fact__targets_ahead",
        ("absence is no working day", "count(*) filter (where daily.is_remaining)", "count(*)"),
        ("a ratio's plan is that of the last day", "order by daily.day desc", "order by daily.day asc"),
    ),
    *_of(
        "marts/plan_fact", "mart_plan_fact__manager_sheet",
        ("the fewer the better ranks first", "case direction when 'less' then -1 else 1 end", "1"),
        ("ties of revenue by deals won", "order by placed.merit desc, placed.tie_break desc", "order by placed.merit desc"),
        ("own norms, not everybody's", "on placed.metric_code = baselines.metric_code and placed.manager_id = baselines.manager_id", "on placed.metric_code = baselines.metric_code and placed.manager_id <> baselines.manager_id"),
        ("gap from the whole plan", "placed.shown_value - placed.plan)", "placed.shown_value - placed.plan_to_date)"),
    ),
    *_of(
        "marts/plan_fact", "mart_plan_fact__cards_to_act_on",
        ("silent for that many days", "where days >= {{ var('client_silence_days') }}", "where days > {{ var('client_silence_days') }}"),
        ("buyers and those about to buy", "where clients.is_buyer or clients.open_deals > 0", "where clients.is_buyer"),
        ("who was called since is silent no more", "coalesce(contacts.days_since_call, clients.days_since_created", "coalesce(clients.days_since_call, clients.days_since_created"),
        ("the gravest reason is the main one", "priority = card_priority as is_main", "true as is_main"),
        ("one lost client, however many years", "select distinct on (lost_client_id) *", "select *"),
        ("each manager's own list", "partition by manager_id", "partition by card_type"),
    ),
    *_of(
        "marts/plan_fact", "mart_plan_fact__register",
        ("above the line is the fact", "parts.in_numerator = 1 as is_above", "parts.in_denominator = 1 as is_above"),
    ),
    *_macro(
        "metrics", "mart_kpi__period mart_plan_fact__daily mart_plan_fact__register",
        ("a denominator may have several parts", "and '+' || {{ shown }}.denominator || '+' like '%+' || events.metric_code || '+%' then 1", "and {{ shown }}.denominator = events.metric_code then 1"),
    ),
    # Recency
    *_macro(
        "recency", "mart_pipeline__open_deals mart_pipeline__open_leads int_recency__contacts",
        ("buckets hold their last day", "when {{ days }} <= {{ bound }}", "when {{ days }} < {{ bound }}"),
        ("calendar days", "({{ as_of_date() }} - {{ local_date(moment) }})", "({{ as_of_date() }} - {{ local_date(moment) }} + 1)"),
    ),
    *_of(
        RECENCY, "int_recency__card_calls",
        ("only successful calls are contacts", "where is_successful", "where true"),
        ("the last call", "max(started_at) as last_call_at", "min(started_at) as last_call_at"),
    ),
    *_of(
        RECENCY, "int_recency__card_touches",
        ("a talk is an activity too", "last_call_at as done_at", "cast(null as timestamptz) as done_at"),
        ("the nearest step", "array_agg(planned_subject order by planned_at", "array_agg(planned_subject order by planned_at desc"),
        ("of several the first", "array_agg(activity_id order by planned_at, activity_id)", "array_agg(activity_id order by planned_at, activity_id desc)"),
    ),
    *_of(
        RECENCY, "int_recency__call_touches",
        ("a number of several clients is nobody's", "having min(client_key) = max(client_key)", ""),
    ),
    *_macro(
        "recency", "int_recency__card_activities int_activities__open fct_activities",
        ("an overdue step is no next step", "case when deadline_at >= {{ as_of() }} then deadline_at end", "deadline_at"),
        ("a past start is no next step", "case when start_at >= {{ as_of() }} then start_at end", "start_at"),
        ("done after as_of was still to be done", "when done_at is null or done_at >= {{ as_of() }}", "when done_at is null"),
        ("END_TIME between created and changed", "when is_completed and end_at between created_at and modified_at then end_at", "when is_completed and end_at is not null then end_at"),
    ),
    *_of(
        RECENCY, "int_recency__contacts",
        ("contacts of a card beside the first", "and listed.contact_id ~ '^[1-9]\\d*$'", "and false"),
        ("the client's other contacts", "inner join client_touches on cards.client_key = client_touches.client_key\n  where cards.is_open", "inner join client_touches on cards.client_key = client_touches.client_key\n  where false"),
        ("the nearest step", "min(next_step) as next_step\n  from pool", "max(next_step) as next_step\n  from pool"),
    ),
    # What is in work
    *_of(
        PIPELINE, "int_pipeline__win_shares",
        ("fewer than 20: the pipeline's share", "when own.closed_deals >= {{ var('win_share_min_deals') }} then own", "when own.closed_deals > {{ var('win_share_min_deals') }} then own"),
        ("of the last 365 days", "forecast_days.forecast_day - {{ var('win_share_days') }} < daily.closed_day", "true"),
        ("0 where the pipeline closed none", "      0\n    ) as probability", "      1\n    ) as probability"),
        ("what was reopened is not closed", "and (forecast_days.forecast_day < daily.reopened_day or daily.reopened_day is null)", ""),
        ("what was not known then", "forecast_days.forecast_day >= daily.closed_day", "true"),
        ("stood there before it closed", "and recent.closed_at >= stays.entered_at", ""),
    ),
    *_of(
        PIPELINE, "int_pipeline__stage_norms",
        ("75 % of completed stays", "percentile_disc({{ var('stuck_share') }})", "percentile_disc(0.5)"),
        ("the pipeline's where fewer than 20", "when own.stays_count >= {{ var('stage_norm_min_stays') }} then own.stuck_after", "when own.stays_count > {{ var('stage_norm_min_stays') }} then own.stuck_after"),
        ("stays of the last 365 days", "where {{ local_date('left_at') }} > {{ as_of_date() }} - {{ var('stage_norm_days') }}", "where left_at is not null"),
    ),
    *_macro(
        "closings", "int_pipeline__closings",
        ("a success elsewhere is not won", "{{ ' and pipelines.is_selling' if has_pipelines }} as is_won", " as is_won"),
        ("only what was closed for a while", " and turns.ended_at > turns.entered_at", ""),
    ),
    *_of(
        PIPELINE, "int_pipeline__open_cards",
        ("stuck is longer than the norm", "- changed.stage_since > norms.stuck_after", "- changed.stage_since >= norms.stuck_after"),
    ),
    *_of(
        "marts/pipeline", "mart_pipeline__open_deals",
        ("overdue is before today", "deals.expected_close_date < {{ as_of_date() }}", "deals.expected_close_date <= {{ as_of_date() }}"),
        ("a new stage weighs what its pipeline does", "newest_shares.probability, pipeline_shares.pipeline_probability, 0)", "newest_shares.probability, 0)"),
        ("the newest shares count", "inner join newest_day on win_shares.forecast_day = newest_day.forecast_day", "cross join newest_day"),
        ("weighted = amount × probability", "trim_scale(amount * probability)", "trim_scale(amount + probability)"),
    ),
    *_of(
        "marts/pipeline", "dim_horizons",
        ("this week to Sunday", "as date) + 6 as sunday", "as date) + 7 as sunday"),
        ("overdue ends yesterday", "\"'-infinity'\", 'today - 1'", "\"'-infinity'\", 'today'"),
        ("this month from today on", "('Этот месяц', 'today'", "('Этот месяц', \"'-infinity'\""),
        ("next month ends with it", "'month_after_next_start - 1'", "'month_after_next_start'"),
    ),
    *_of(
        "marts/pipeline", "mart_pipeline__win_rate",
        ("the cohort's open share", "'won_at is null and lost_at is null'", "'won_at is null'"),
        ("only selling pipelines", "where is_selling", ""),
    ),
    *_of(
        "marts/pipeline", "mart_pipeline__forecast_months",
        ("months after the last shown", "when due_month > month_start + interval '{{ var(\"forecast_months\") }} months' then 'Позже'", "when due_month >= month_start + interval '{{ var(\"forecast_months\") }} months' then 'Позже'"),
    ),
    *_of(
        "marts/pipeline", "mart_pipeline__forecast_backtest",
        ("graded when the month is over", "horizons.month_end <= {{ as_of_date() }} + 1", "horizons.month_end <= {{ as_of_date() }} + 32"),
        ("bias = weighted − won", "compared.weighted_amount - compared.won_amount as bias_amount", "compared.won_amount - compared.weighted_amount as bias_amount"),
    ),
    # The client base
    *_macro(
        "client_base", "int_clients__ranks",
        ("scores rise with the rank", "{{ 6 - loop.index }}", "{{ 1 + loop.index }}"),
        ("a rank at the bound is of the next score", "when {{ percent_rank }} >= {{ bound }}", "when {{ percent_rank }} > {{ bound }}"),
    ),
    *_of(
        CLIENTS, "int_clients__ranks",
        ("80 %, the client included", "shares.revenue_so_far <= {{ abc_share('A') }}", "shares.revenue_so_far < {{ abc_share('A') }}"),
        ("the share of B", "shares.revenue_so_far <= {{ abc_share('B') }}", "shares.revenue_so_far < {{ abc_share('B') }}"),
        ("ties by number", "client_type asc, card_id asc rows", "client_type asc, client_key asc rows"),
        ("ABC is of the year", "sum(revenue_year) over () as revenue_of_all", "sum(revenue) over () as revenue_of_all"),
        ("recency by calendar days", "{{ local_date('deals.last_won_at') }} as last_won_day", "deals.last_won_at as last_won_day"),
        ("only buyers are scored", "where won_deals > 0\n", "where true\n"),
        ("equal amounts share a place", "rank() over (order by open_amount desc)", "row_number() over (order by open_amount desc)"),
        ("a client without a card has no rank", "inner join cards", "left join cards"),
    ),
    *_of(
        CLIENTS, "int_clients__deals",
        ("the year begins 364 days before today", "< {{ client_days('abc_days') }}", "<= {{ client_days('abc_days') }}"),
        ("a win elsewhere is no purchase", "is_selling and won_at is not null as is_win", "won_at is not null as is_win"),
        ("in work is every pipeline's", "semantic = 'process' as is_open", "semantic = 'process' and is_selling as is_open"),
        ("the source of the first card", "client_key asc, created_at asc", "client_key asc, created_at desc"),
    ),
    *_of(
        CLIENTS, "int_clients__cards",
        ("a deleted client is in no list", "where created_at is not null", ""),
        ("companies have no source", "when cards.client_type = 'contact' or", "when true or"),
        ("an empty list is not filled", "'[]', ", ""),
        ("types by the dictionary of the kind", "on cards.client_type = types.client_type and", "on"),
        ("nobody is no responsible", "'clients.manager_id <> 0'", "'clients.manager_id is not null'"),
    ),
    *_of(
        CLIENTS, "int_clients__manager_calls",
        ("a call to a company and its contact is one", "select distinct\n", "select\n"),
        ("a talk is successful", "filter (where calls.is_successful) as last_call_at", "as last_call_at"),
        ("dials are ours", "where calls.direction <> 'inbound'", "where true"),
        ("only the client's own cards", "where card_type in ('contact', 'company')", ""),
    ),
    *_of(
        "marts/clients", "mart_clients__base",
        ("never won comes first", "when won_deals = 0 then 'Потенциальный'", "when won_deals < 0 then 'Потенциальный'"),
        ("new within 90 days of the first win", "when days_since_first_win <", "when days_since_first_win <="),
        ("active by win or talk", "when least(days_since_win, days_since_call) < {{ client_days('active_client_days') }}", "when days_since_win < {{ client_days('active_client_days') }}"),
        ("active within 90 days", "least(days_since_win, days_since_call) < {{ client_days('active_client_days') }}", "least(days_since_win, days_since_call) <= {{ client_days('active_client_days') }}"),
        ("asleep up to 180 days", "< {{ client_days('lost_client_days') }}", "<= {{ client_days('lost_client_days') }}"),
        ("7 days with today", "days_since_call < 7", "days_since_call <= 7"),
        ("30 days with today", "days_since_call < 30", "days_since_call < 29"),
        ("90 days with today", "days_since_call < 90", "days_since_call <= 91"),
        ("own source first", "coalesce(nullif(cards.source_id, ''), deals.first_source_id, '')", "coalesce(nullif(deals.first_source_id, ''), cards.source_id, '')"),
        ("who talked last, not who dialled", "filter (where last_call_at is not null)", ""),
        ("who is dismissed cannot call", "when is_manager_active then 'Работает'", "when manager_id > 0 then 'Работает'"),
        ("only money in work asks for a step", "when has_no_next_step and open_deals > 0 then", "when has_no_next_step then"),
        ("a repeat buyer has two wins", "won_deals > 1 as is_repeat_buyer", "won_deals > 0 as is_repeat_buyer"),
    ),
    *_of(
        "marts/clients", "mart_clients__coverage",
        ("buyers reached, not all reached", "where is_buyer and is_contacted_30", "where is_contacted_30"),
        ("repurchase is of repeat buyers", "where is_repeat_buyer", "where is_buyer"),
    ),
    *_of(
        "marts/clients", "mart_clients__monthly",
        ("untouched have not bought", "has_no_next_step and won_deals = 0", "has_no_next_step"),
        ("contacted ever", "not is_never_contacted) as contacted", "is_contacted_30) as contacted"),
    ),
    # The funnel
    *_of(
        "intermediate/funnel", "int_funnel__journey_steps",
        ("a step is reached by itself or a later one", "entries.step_number >= steps.step_number\n  order by", "entries.step_number = steps.step_number\n  order by"),
        ("the moment of a step is the first entry", "entries.reached_at asc", "entries.reached_at desc"),
    ),
    *_of(
        "intermediate/funnel", "int_funnel__joins",
        ("a deal joins the journey that is open", "where known.windows @> deals.created_at", "where true"),
        ("a lead's journey that is open", "and lead_journeys.windows @> deals.created_at", ""),
        ("of several the one that started last", "order by is_open desc, started_at desc", "order by is_open desc, started_at asc"),
    ),
    *_of(
        "intermediate/funnel", "int_funnel__leadless_deals",
        ("repeat if the client had won before", "when won_times.windows @> leadless.created_at then 'repeat'", "when false then 'repeat'"),
        ("without leads the entry is read from source and form", "mode.has_no_leads\n        and", "true\n        and"),
    ),
    *_of(
        "intermediate/funnel", "int_funnel__openings",
        ("a card is in process until it is closed", "where closed_at > opened_at", "where closed_at < opened_at"),
    ),
    *_of(
        "intermediate/funnel", "int_funnel__journey_cards",
        ("deals with a lead's id are of its journey", "where lead_id is not null", "where false"),
        ("nobody's deals join nothing", "where client_key is null", "where false"),
    ),
    *_of(
        "intermediate/funnel", "int_funnel__card_steps",
        ("what belongs to a lead goes the way of leads", "where not cards.is_of_lead or all_signs.entry_code = 'lead'", ""),
        ("of a deleted lead its deals tell", "where deals.lead_id is not null and leads.lead_id is null", "where false"),
        ("a payment is an event of its deal", "when events.metric_code = 'payments_received' then payments.deal_id", "when events.metric_code = 'payments_received' then events.card_id"),
    ),
    *_of(
        "intermediate/funnel", "int_funnel__steps",
        ("steps go by their sort", "cast(row_number() over (partition by steps.entry order by steps.sort, steps.step_code) as integer)", "cast(row_number() over (partition by steps.entry order by steps.step_code) as integer)"),
    ),
    *_of(
        "marts/funnel", "fct_journey_steps",
        ("a skipped step took no time of its own", "when not timed.is_skipped and not timed.is_previous_skipped", "when not timed.is_previous_skipped"),
    ),
    *_macro(
        "funnel", "int_funnel__step_signs int_funnel__lead_journeys int_funnel__joins",
        ("a stage of the pipeline named", "or {{ pipeline }}.pipeline_id = {{ stage }}.pipeline_id)", "or true)"),
        ("a semantic is all its stages", "or lower({{ line }}.stage) = {{ stage }}.semantic", ""),
        ("the last step not reached", "(({{ windows }}) * tstzmultirange(tstzrange(null, {{ moment }})))", "({{ windows }})"),
    ),
    *_of(
        "intermediate/funnel", "int_funnel__step_lines",
        ("own steps before invented and default ones", "chosen.priority = chosen.chosen_priority", "true"),
        ("a portal without payments has no such step", "or exists (select 1 from payments)", "or true"),
        ("invented steps are the demonstration's", "where portal.is_demonstration", ""),
    ),
    *_of(
        "intermediate/funnel", "int_funnel__card_steps",
        ("the first entry", "    all_signs.reached_at,\n    all_signs.manager_id\n\n)", "    all_signs.reached_at desc,\n    all_signs.manager_id\n\n)"),
    ),
    *_of(
        "intermediate/funnel", "int_funnel__openings",
        ("in process from the creation", "      cards.created_at\n    ) as opened_at", "      '-infinity'\n    ) as opened_at"),
        ("reopened is in process", "having count(closings.card_id) = count(closings.reopened_at)", "having count(closings.card_id) = 0"),
    ),
    *_of(
        "intermediate/funnel", "int_funnel__leadless_deals",
        ("a win before, even one undone later", "closings.reopened_at, '()')", "null, '()')"),
        ("a deal is not its own earlier win", "closings.reopened_at, '()')", "closings.reopened_at, '[)')"),
        ("success elsewhere is no win", "where closings.is_won and deals.client_key is not null", "where deals.client_key is not null"),
        ("simple CRM mode", "(select max(crm_mode) from portal) = 2", "(select max(crm_mode) from portal) = 1"),
        ("a web form is a request", "or crm_deals.webform_id is not null", ""),
    ),
    *_of(
        "intermediate/funnel", "int_funnel__lead_journeys",
        ("converted and no deal yet", "' ~ before('journeys.converted_windows', 'journeys.first_deal_at')", "journeys.converted_windows'"),
        ("the client's from the first card naming it", "min(cards.created_at) as known_from", "max(cards.created_at) as known_from"),
    ),
    *_of(
        "intermediate/funnel", "int_funnel__joins",
        ("a joined deal is the lead's deal", "lead_journeys.work_windows as windows", "lead_journeys.windows"),
        ("what joins keeps it open", "'chosen.windows + deals.windows'", "'chosen.windows'"),
        ("known before, the client's journey", "and lead_journeys.known_from <= deals.created_at", ""),
        ("reopened later, open again", "and known.until > deals.created_at", "and false"),
    ),
    *_of(
        "intermediate/funnel", "int_funnel__journeys",
        ("won, though a card is in process", "when deals_won > 0 then 'won'", "when deals_won > 0 and not has_card_in_process then 'won'"),
        ("a converted lead without a deal is open", "or (is_converted and deals_count = 0)", ""),
        ("the card closed last says why", "order by cards.closed_at desc nulls last", "order by cards.closed_at asc nulls last"),
    ),
    *_of(
        "intermediate/funnel", "int_funnel__journey_steps",
        ("whose at that moment", "coalesce(reached.manager_id, responsibles.manager_id, present.manager_id)", "coalesce(reached.manager_id, present.manager_id)"),
    ),
    *_of(
        "marts/funnel", "mart_funnel__steps",
        ("the first step has itself before it", "case when step_number = 1 then entered else 0 end as previous_entered", "0 as previous_entered"),
        ("cohort by start, period by event", "reached_date as day", "started_date as day"),
    ),
    # Looking ahead
    *_of(
        "marts/plan_fact", "dim_periods_ahead",
        ("what is left of the running period", "{{ as_of_date() }} as due_from", "period_start as due_from"),
        ("the next month to its end", "else cast(period_end + interval '1 month' as date) - 1", "else cast(period_end + interval '1 month' as date)"),
        ("the next week to its Sunday", "when 'Неделя' then period_end + 6", "when 'Неделя' then period_end + 7"),
    ),
    *_of(
        "marts/plan_fact", "fct_planned_items",
        ("planned in the portal's zone", "{{ local_date('open_activities.due_at') }} as due_day", "cast(open_activities.due_at at time zone 'UTC' as date) as due_day"),
        ("nobody's activities stay", "coalesce(managers.manager, 'Без ответственного') as manager", "managers.manager"),
        ("an activity is of its lead's channel", "coalesce(deals.channel, leads.channel, 'Без канала')", "coalesce(deals.channel, 'Без канала')"),
    ),
    *_of(
        "marts/plan_fact", "mart_plan_fact__targets_ahead",
        ("what is left is never below 0", "then greatest(joined.plan - joined.fact, 0)", "then joined.plan - joined.fact"),
        ("deals promise by their weight", "sum(weighted_amount) as expected", "sum(amount) as expected"),
        ("only deals of selling pipelines promise", "where item_type = 'deal' and is_selling", "where item_type = 'deal'"),
        ("overdue deals promise nothing", "  where not is_overdue", ""),
    ),
    *_of(
        "intermediate/activities", "int_activities__open",
        ("overdue is what has no date ahead", "planned.planned_at is null as is_overdue", "false as is_overdue"),
        ("what nobody dated is no plan", "where coalesce(planned.planned_at, planned.deadline_at, planned.start_at) is not null", ""),
    ),
    *_of(
        KPI, "mart_kpi__manager_rating",
        ("rated by attainment where there is a plan", "order by attainment is null asc, coalesce(attainment, revenue_won) desc", "order by revenue_won desc"),
        ("a quarter is judged by its months", "when periods.period_grain in ('Квартал', 'Год') then 'Месяц'", "when periods.period_grain in ('Год') then 'Месяц'"),
    ),
    # Where cards stood, what they hold, what was foretold
    *_macro(
        "open_stays", "int_pipeline__deal_stays int_pipeline__lead_stays",
        ("coming where one is already is no new stay", "where stage_id is distinct from stage_before", ""),
        ("a closed card is in no stage", "when not states.is_open then greatest(states.closed_at, moves.entered_at)", ""),
        ("a card is where it says", "when states.stage_id <> moves.stage_id then greatest(states.moved_at, moves.entered_at)", ""),
        ("since its last move", "greatest(coalesce(states.moved_at, states.created_at), last_moves.entered_at) as entered_at", "states.created_at as entered_at"),
        ("only stages of work", "where moves.semantic = 'process'", ""),
        ("a stay does not end before it began", "then greatest(states.closed_at, moves.entered_at)", "then states.closed_at"),
        ("a stay that history lacks begins after its last record", "greatest(coalesce(states.moved_at, states.created_at), last_moves.entered_at)", "coalesce(states.moved_at, states.created_at)"),
    ),
    *_of(
        "intermediate/deals", "int_deals__product_shares",
        ("rows of less than nothing share nothing", "having sum(product_amount) > 0", "having sum(product_amount) <> 0"),
        ("price × quantity", "sum(price * quantity)", "sum(price)"),
        ("a kopeck is rounding", "> 0.01 then deals.amount", "> 0 then deals.amount"),
    ),
    *_of(
        "intermediate/activities", "int_activities__open",
        ("a call is a call", "when planned.type_id = 2 then 'call'", ""),
        ("a to-do is a task", "or planned.provider_id = 'CRM_TODO'", ""),
        ("what is not yet made", "where created_at < {{ as_of() }}", ""),
    ),
    *_of(
        "marts/plan_fact", "mart_plan_fact__look_ahead",
        ("deals are no activities", "count(*) filter (where item_type = 'deal') as deals_due", "count(*) as deals_due"),
        ("by weight", "sum(weighted_amount) as deals_due_weighted", "sum(amount) as deals_due_weighted"),
    ),
    *_of(
        "marts/plan_fact", "fct_planned_items",
        ("ids of deals and leads meet", " and open_activities.owner_type = 'deal'", ""),
    ),
    *_of(
        PIPELINE, "int_pipeline__past_forecasts",
        ("who had left the stage is elsewhere", "and (stays.left_at is null or forecast_days.forecast_at <= stays.left_at)", ""),
        ("who was not there yet", "forecast_days.forecast_at > stays.entered_at", "true"),
        ("values of then", "and forecast_days.forecast_at <= deal_values.valid_to", ""),
        ("known is what reaches back", "deal_values.known_from < forecast_days.forecast_at", "deal_values.known_from is not null"),
        ("amount × share", " * win_shares.probability) as weighted_amount", ") as weighted_amount"),
    ),
    *_of(
        "marts/pipeline", "mart_pipeline__forecast_backtest",
        ("whose it was at the win", "closed_manager_id as manager_id", "0 as manager_id"),
        ("wins of selling pipelines", "where won_at is not null and is_selling", "where won_at is not null"),
        ("won of what was open then", "case when forecasts.deal_id is not null then wins.amount else 0 end", "wins.amount"),
        ("unproven is what no version reaches", "count(*) filter (where forecasts.is_known is not true)", "count(*)"),
        ("due in that month", "and horizons.month_end > forecasts.expected_close_date", ""),
        ("due from its first day", "horizons.month_start <= forecasts.expected_close_date", "horizons.month_start < forecasts.expected_close_date"),
        ("won by its last day", "horizons.month_end > wins.won_day", "horizons.month_end >= wins.won_day"),
    ),
    # Who sees what
    *_of(
        ACCESS, "mart_access__people",
        ("without a role nobody comes in", "where role <> 'none'", ""),
        ("who sees everything", "role in {{ roles_that_see('all') }} as sees_all", "role = 'director' as sees_all"),
        ("who sees no more than channels", "role in {{ roles_that_see('all') }} or role in {{ roles_that_see('channels') }} as", "role in {{ roles_that_see('all') }} as"),
        ("who sees everything sees channels", "role in {{ roles_that_see('all') }} or role in {{ roles_that_see('channels') }} as", "role in {{ roles_that_see('channels') }} as"),
    ),
    *_of(
        ACCESS, "mart_access__visible_managers",
        ("a role that sees no rows of people", "and (role in {{ roles_that_see('own') }} or role in {{ roles_that_see('tree') }})", ""),
        ("a manager sees their own", "(role in {{ roles_that_see('own') }} or role", "(role"),
        ("a head sees their own", "or role in {{ roles_that_see('tree') }})", ")"),
        ("who is nobody in the portal", "    manager_id is not null\n    and", "    true\n    and"),
        ("a head's departments", "people.manager_id = departments.head_id\n      or", ""),
        ("a head of another department does not see the one they sit in", "heads.head_id is null and managers", "managers"),
        ("a head by a file only heads their own", "      or (heads.head_id is null and managers.department_id = departments.department_id)\n", ""),
        ("only heads see others", "where people.role in {{ roles_that_see('tree') }}", ""),
        ("the departments below too", "position('/' || headed.department_id || '/' in departments.path_ids) > 0", "headed.department_id = departments.department_id"),
        ("numbers that end alike", "position('/' || headed.department_id || '/' in", "position(headed.department_id || '/' in"),
        ("numbers that begin alike", "position('/' || headed.department_id || '/' in", "position('/' || headed.department_id in"),
        ("nobody sees what is nobody's", "inner join managers on departments.department_id = managers.department_id", "inner join managers on departments.department_id = managers.department_id or managers.manager_id = 0"),
    ),
]  # fmt: skip
