{% macro variable_limits() %}
  {#- What the variables may be, by name: kind, the least and the greatest, and an example for the message. Those that are
      checked by macros of their own stand in check_vars. A new number or flag is one line here. -#}
  {{ return({
    'successful_call_min_seconds': {'kind': 'whole', 'least': 0, 'most': 3600, 'such_as': '1'},
    'ring_group_seconds': {'kind': 'whole', 'least': 0, 'most': 3600, 'such_as': '30'},
    'callback_norm_minutes': {'kind': 'whole', 'least': 1, 'most': 10080, 'such_as': '30'},
    'stuck_share': {'kind': 'share', 'such_as': '0.75'},
    'stage_norm_days': {'kind': 'whole', 'least': 1, 'most': 3660, 'such_as': '365'},
    'stage_norm_min_stays': {'kind': 'whole', 'least': 1, 'most': 1000000, 'such_as': '20'},
    'win_share_days': {'kind': 'whole', 'least': 1, 'most': 3660, 'such_as': '365'},
    'win_share_min_deals': {'kind': 'whole', 'least': 1, 'most': 1000000, 'such_as': '20'},
    'forecast_months': {'kind': 'whole', 'least': 1, 'most': 60, 'such_as': '6'},
    'forecast_backtest_months': {'kind': 'whole', 'least': 1, 'most': 60, 'such_as': '12'},
    'forecast_backtest_months_ahead': {'kind': 'whole', 'least': 0, 'most': 24, 'such_as': '2'},
    'snapshot_days': {'kind': 'whole', 'least': 1, 'most': 3660, 'such_as': '92'},
    'snapshot_months': {'kind': 'whole', 'least': 1, 'most': 240, 'such_as': '24'},
    'period_days': {'kind': 'whole', 'least': 1, 'most': 3660, 'such_as': '92'},
    'period_weeks': {'kind': 'whole', 'least': 1, 'most': 1000, 'such_as': '106'},
    'period_years': {'kind': 'whole', 'least': 1, 'most': 50, 'such_as': '15'},
    'client_silence_days': {'kind': 'whole', 'least': 1, 'most': 3660, 'such_as': '90'},
    'norm_baseline_days': {'kind': 'whole', 'least': 1, 'most': 3660, 'such_as': '90'},
    'own_initiative_sources': {'kind': 'texts', 'such_as': "['UC_COLD01']"},
    'abc_days': {'kind': 'whole', 'least': 1, 'most': 3660, 'such_as': '365'},
    'new_client_days': {'kind': 'whole', 'least': 1, 'most': 3660, 'such_as': '90'},
    'active_client_days': {'kind': 'whole', 'least': 1, 'most': 3660, 'such_as': '90'},
    'lost_client_days': {'kind': 'whole', 'least': 1, 'most': 3660, 'such_as': '180'},
    'client_fields': {'kind': 'texts', 'such_as': '[phone, email, responsible, source, type]'},
    'targets_for_heads': {'kind': 'flag', 'such_as': 'false'},
    'selling_pipelines': {'kind': 'ids', 'such_as': '[0, 5]'},
    'selling_departments': {'kind': 'ids', 'such_as': '[7, 9]'},
    'payment_stages': {'kind': 'texts', 'such_as': "['C9:UC_PAID']"},
    'working_weekdays': {'kind': 'weekdays', 'such_as': '[1, 2, 3, 4, 5]'},
    'schema_suffix': {'kind': 'pattern', 'pattern': '[a-z0-9_]{1,30}', 'words': 'small letters, digits and _', 'such_as': 'trial'},
    'base_currency': {'kind': 'pattern', 'pattern': '[A-Z]{3}', 'words': 'the three capital letters of a currency', 'such_as': 'RUB'},
    'loss_reason_field': {
      'kind': 'pattern', 'pattern': '(?i)uf[a-z0-9_]+', 'words': 'the name of a user field of the deal in the API',
      'such_as': 'ufCrm_1700000000'
    },
    'call_norm_metric': {'kind': 'pattern', 'pattern': '[a-z_]+', 'words': 'a code of seeds/metric_catalogue.csv', 'such_as': 'calls_outbound'},
  }) }}
{% endmacro %}


{% macro check_vars() %}
  {#- on-run-start: the variables are what they should be, or the run ends before anything is built, and says what to write
      where. Numbers out of range would otherwise be wrong figures, or an error of the database about a query. -#}
  {%- if not execute -%}
    {{ return('') }}
  {%- endif -%}
  {%- for name, limits in variable_limits().items() -%}
    {%- do refuse_variable(name, limits, variable_problem(var(name, none), limits)) -%}
  {%- endfor -%}
  {%- do refuse_variable('as_of', {'such_as': '2026-06-30'}, day_problem(var('as_of', none))) -%}
  {%- do refuse_variable('timezone', {'such_as': 'Europe/Moscow'}, timezone_problem(portal_timezone())) -%}
  {%- set hours = var('working_hours') -%}
  {%- if hours is not mapping or 'from' not in hours or 'until' not in hours -%}
    {%- do refuse_variable('working_hours', {'such_as': '{from: "09:00", until: "18:00"}'}, 'both from and until') -%}
  {%- endif -%}
  {%- do [
    working_hour('from'), recency_labels(), payments_source(), not_selling_pipelines(), in_selling_department("''")
  ] -%}
{% endmacro %}


{% macro refuse_variable(name, limits, problem) -%}
  {%- if problem -%}
    {{ exceptions.raise_compiler_error(
      "Variable " ~ name ~ " is '" ~ (portal_timezone() if name == 'timezone' else var(name, none))
      ~ "' (vars: in dbt_project/dbt_project.yml, or --vars): write " ~ problem ~ ", such as " ~ limits.such_as
    ) }}
  {%- endif -%}
{%- endmacro %}


{% macro variable_problem(value, limits) -%}
  {#- What a value should be, where it is not; nothing for a good one. -#}
  {%- set ns = namespace(problem='') -%}
  {%- if limits.kind == 'whole' -%}
    {%- if value is boolean or value is not integer or value < limits.least or value > limits.most -%}
      {%- set ns.problem = 'a whole number from ' ~ limits.least ~ ' to ' ~ limits.most -%}
    {%- endif -%}
  {%- elif limits.kind == 'share' -%}
    {%- if value is boolean or value is not number or value <= 0 or value >= 1 -%}
      {%- set ns.problem = 'a share between 0 and 1' -%}
    {%- endif -%}
  {%- elif limits.kind == 'flag' -%}
    {%- if value is not boolean -%}
      {%- set ns.problem = 'true or false' -%}
    {%- endif -%}
  {%- elif limits.kind == 'ids' -%}
    {%- if value != 'all' and not (value is sequence and value is not string and value | length > 0) -%}
      {%- set ns.problem = "all, or a list of ids" -%}
    {%- elif value != 'all' -%}
      {%- for id in value if not modules.re.fullmatch('\\d+', (id | string) | trim) -%}
        {%- set ns.problem = "all, or a list of ids" -%}
      {%- endfor -%}
    {%- endif -%}
  {%- elif limits.kind == 'texts' -%}
    {%- if value is string or value is not sequence -%}
      {%- set ns.problem = 'a list of texts' -%}
    {%- else -%}
      {%- for text in value if text is not string or "'" in text -%}
        {%- set ns.problem = 'a list of texts' -%}
      {%- endfor -%}
    {%- endif -%}
  {%- elif limits.kind == 'weekdays' -%}
    {%- if value is string or value is not sequence or not value or value | unique | list | length != value | length -%}
      {%- set ns.problem = 'a list of days, 1 for Monday to 7 for Sunday' -%}
    {%- else -%}
      {%- for day in value if day is boolean or day is not integer or day < 1 or day > 7 -%}
        {%- set ns.problem = 'a list of days, 1 for Monday to 7 for Sunday' -%}
      {%- endfor -%}
    {%- endif -%}
  {%- elif limits.kind == 'pattern' -%}
    {%- if value is not none and not modules.re.fullmatch(limits.pattern, value | string) -%}
      {%- set ns.problem = limits.words -%}
    {%- endif -%}
  {%- endif -%}
  {{ return(ns.problem) }}
{%- endmacro %}


{% macro day_problem(value) -%}
  {%- if value is none -%}
    {{ return('') }}
  {%- endif -%}
  {%- set found = modules.re.fullmatch('(\\d{4})-(0[1-9]|1[0-2])-(\\d{2})', value | string) -%}
  {%- if not found -%}
    {{ return('a day as YYYY-MM-DD') }}
  {%- endif -%}
  {%- set year, month, day = found.group(1) | int, found.group(2) | int, found.group(3) | int -%}
  {%- set next_month = modules.datetime.date(year + month // 12, month % 12 + 1, 1) -%}
  {%- if day < 1 or day > (next_month - modules.datetime.timedelta(days=1)).day -%}
    {{ return('a day that the calendar has, as YYYY-MM-DD') }}
  {%- endif -%}
  {{ return('') }}
{%- endmacro %}


{% macro timezone_problem(name) -%}
  {%- set known = modules.re.fullmatch('[A-Za-z0-9_+/-]+', name)
      and run_query("select 1 from pg_timezone_names where name = '" ~ name ~ "'").rows | length > 0 -%}
  {{ return('' if known else 'an IANA zone name (or set VORONKA_TIMEZONE)') }}
{%- endmacro %}
