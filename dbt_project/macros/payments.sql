{% macro payments_source() -%}
  {#- Where payments are read from, checked. -#}
  {%- set known = ['smart_invoice', 'deal_stage', 'deal_payments'] -%}
  {%- if var('payments_source') not in known -%}
    {{ exceptions.raise_compiler_error(
      "Variable payments_source is '" ~ var('payments_source') ~ "': write one of " ~ known | join(', ')
    ) }}
  {%- endif -%}
  {%- if var('payments_source') == 'deal_stage' and not var('payment_stages') -%}
    {{ exceptions.raise_compiler_error(
      "Variable payments_source is deal_stage, but payment_stages is empty: list the ids of the stages that mean the"
      ~ " money has come, such as ['C9:UC_PAID'] (column stage_id of dim_stages)"
    ) }}
  {%- endif -%}
  {{ var('payments_source') }}
{%- endmacro %}
