{#- Thresholds of the analysis of the client base, checked. -#}

{% macro client_days(name) -%}
  {#- A variable that counts days, today included: a moment is within them when days_since() is less. -#}
  {%- set days = var(name) -%}
  {%- if days is not integer or days < 1 -%}
    {{ exceptions.raise_compiler_error(
      "Variable " ~ name ~ " is '" ~ days ~ "': write a whole number of days from 1, such as 90"
    ) }}
  {%- endif -%}
  {%- if name == 'lost_client_days' and days <= client_days('active_client_days') | int -%}
    {{ exceptions.raise_compiler_error(
      "Variable lost_client_days is " ~ days ~ ", active_client_days " ~ var('active_client_days')
      ~ ": a client sleeps between the two, so write more days than active_client_days"
    ) }}
  {%- endif -%}
  {{ days }}
{%- endmacro %}


{% macro abc_share(category) -%}
  {#- Cumulative share of revenue up to which a client is of a category. -#}
  {%- set shares = var('abc_shares') -%}
  {%- set wrong = shares is not mapping or shares['A'] is not number or shares['B'] is not number -%}
  {%- if wrong or not 0 < shares['A'] < shares['B'] <= 1 -%}
    {{ exceptions.raise_compiler_error(
      "Variable abc_shares is '" ~ shares ~ "': write two growing shares from 0 to 1, such as {A: 0.80, B: 0.95}"
    ) }}
  {%- endif -%}
  {{ shares[category] }}
{%- endmacro %}


{% macro rfm_score(percent_rank) -%}
  {#- 1 (worst) to 5 by the place among all buyers. -#}
  {%- set bounds = var('rfm_percent_ranks') -%}
  {%- set wrong = bounds is string or bounds is mapping or bounds | select('number') | list | length != 4 -%}
  {%- if wrong or bounds | length != 4 or not 0 < bounds[0] < bounds[1] < bounds[2] < bounds[3] < 1 -%}
    {{ exceptions.raise_compiler_error(
      "Variable rfm_percent_ranks is '" ~ bounds
      ~ "': write four growing shares between 0 and 1, such as [0.2, 0.4, 0.6, 0.8]"
    ) }}
  {%- endif -%}
  case
    {%- for bound in bounds | reverse %}
    when {{ percent_rank }} >= {{ bound }} then {{ 6 - loop.index }}
    {%- endfor %}
    else 1
  end
{%- endmacro %}


{% macro client_fields() -%}
  {#- What a full card holds, checked as far as that goes without the portal: it knows the user fields, and a test asks. -#}
  {%- set known = ['phone', 'email', 'responsible', 'source', 'type'] -%}
  {%- set fields = var('client_fields') -%}
  {%- if fields is string or fields is not sequence or fields is mapping or not fields -%}
    {{ exceptions.raise_compiler_error(
      "Variable client_fields is '" ~ fields ~ "': write a list of what a full card holds, such as [phone, email]"
    ) }}
  {%- endif -%}
  {%- for field in fields if field not in known and not modules.re.fullmatch('[Uu][Ff]\\w+', field | string) -%}
    {{ exceptions.raise_compiler_error(
      "Variable client_fields has '" ~ field ~ "': write one of " ~ known | join(', ')
      ~ ", or a user field as the API names it, such as ufCrm_1700000000"
    ) }}
  {%- endfor -%}
  {{ return(fields | unique(case_sensitive=true) | list) }}
{%- endmacro %}


{% macro client_user_fields() -%}
  {#- Those of them that are user fields. -#}
  {{ return(client_fields() | reject('in', ['phone', 'email', 'responsible', 'source', 'type']) | list) }}
{%- endmacro %}


{% macro client_categories() -%}
  {#- Who holds a client and what sort of client it is: the columns that the sums of the base are broken down by. -#}
  {{ return([
    'manager_id', 'manager', 'department', 'owner_status', 'pipeline', 'channel', 'client_type_label', 'abc', 'abc_sort',
    'segment', 'segment_sort', 'rfm_group', 'rfm_group_sort', 'buyer_label', 'call_bucket', 'call_bucket_sort',
  ]) }}
{%- endmacro %}
