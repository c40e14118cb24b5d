{#- Words of the health family: what the streams, the checks and the tests are to people. -#}

{% macro streams_of_portal() %}
  {#- By stream, in order: what people call it, what is missing from the reports without it, and the column of its rows'
      moment of birth (none: rows without one; they are compared as they are). Streams with `counted` false have no rows that
      could be compared one by one. -#}
  {{ return({
    'leads': {'label': 'Лиды', 'without': 'Не видно новых лидов и их статусов', 'born': 'created_at'},
    'deals': {'label': 'Сделки', 'without': 'Не видно новых сделок, побед и выручки', 'born': 'created_at'},
    'contacts': {'label': 'Контакты', 'without': 'Клиенты звонков и сделок могут быть неизвестны', 'born': 'created_at'},
    'companies': {'label': 'Компании', 'without': 'Клиенты звонков и сделок могут быть неизвестны', 'born': 'created_at'},
    'calls': {'label': 'Звонки', 'without': 'Не видно звонков, пропущенных и потерянных клиентов', 'born': 'started_at'},
    'activities': {'label': 'Дела', 'without': 'Не видно встреч, писем, дел и следующих шагов', 'born': 'created_at'},
    'activity_bindings': {'label': 'Привязки звонков к карточкам', 'without': 'Звонки не находят своих сделок', 'counted': false},
    'smart_invoices': {'label': 'Счета', 'without': 'Не видно оплат по счетам', 'born': 'created_at'},
    'quotes': {'label': 'Коммерческие предложения', 'without': 'Не видно предложений', 'born': 'created_at'},
    'orders': {'label': 'Заказы', 'without': 'Не видно заказов магазина', 'born': 'created_at'},
    'payments': {'label': 'Оплаты заказов', 'without': 'Не видно оплат по сделкам', 'counted': false},
    'order_owners': {'label': 'Связи заказов со сделками', 'without': 'Оплаты не находят своих сделок', 'counted': false},
    'deal_product_rows': {'label': 'Товары сделок', 'without': 'Средний чек по товарам неполон', 'counted': false},
    'products': {'label': 'Каталог товаров', 'without': 'Новые товары без названий', 'counted': false},
    'lead_stage_history': {'label': 'История лидов', 'without': 'Даты квалификации лидов неточны', 'counted': false},
    'deal_stage_history': {'label': 'История сделок', 'without': 'Даты побед, цикл и воронка неточны', 'counted': false},
    'smart_invoice_stage_history': {'label': 'История счетов', 'without': 'Даты оплат неточны', 'counted': false},
    'smart_processes': {'label': 'Смарт-процессы', 'without': 'Новые смарт-процессы не видны', 'counted': false},
    'smart_process_items': {'label': 'Карточки смарт-процессов', 'without': 'Карточки смарт-процессов неполны', 'born': 'created_at'},
    'smart_process_stage_history': {'label': 'История смарт-процессов', 'without': 'Даты смарт-процессов неточны', 'counted': false},
    'users': {'label': 'Сотрудники', 'without': 'Новые сотрудники считаются «Без ответственного»'},
    'departments': {'label': 'Отделы', 'without': 'Новые отделы и руководители не видны'},
    'pipelines': {'label': 'Воронки', 'without': 'Новые воронки без названий', 'counted': false},
    'statuses': {'label': 'Справочники и стадии', 'without': 'Новые стадии и источники без названий', 'counted': false},
    'fields': {'label': 'Поля карточек', 'without': 'Новые поля без названий', 'counted': false},
    'currencies': {'label': 'Валюты', 'without': 'Курсы валют не обновляются', 'counted': false},
    'portal': {'label': 'Портал', 'without': 'Ссылки на карточки могут не открываться', 'counted': false},
  }) }}
{% endmacro %}


{% macro counted_streams() -%}
  {%- set counted = [] -%}
  {%- for stream, about in streams_of_portal().items() if about.get('counted', true) -%}
    {%- do counted.append(stream) -%}
  {%- endfor -%}
  {{ return(counted) }}
{%- endmacro %}


{% macro load_error_ru(error) -%}
  {#- SQL of what went wrong with a load, in words for people; the tap's own words are for engineers. -#}
  case
    when {{ error }} is null then '—'
    when {{ error }} ~* '(scope|INSUFFICIENT_SCOPE)' then 'У вебхука нет нужного права: отметьте его в настройках вебхука'
    when {{ error }} ~* '(revoked|expired|NO_AUTH|INVALID_TOKEN|new inbound webhook)' then 'Вебхук отозван или неверен: создайте новый'
    when {{ error }} ~* '(administrator|ACCESS_DENIED|USER_ACCESS|INVALID_CREDENTIALS)' then 'Владельцу вебхука не хватает прав: вебхук должен создать администратор'
    when {{ error }} ~* '(PAYMENT_REQUIRED|subscription|plan has no REST)' then 'Тариф Битрикс24 закончился или не даёт доступа к данным'
    when {{ error }} ~* '(vanish|guard|missing)' then 'Пропало слишком много карточек: похоже, у вебхука стало меньше прав'
    when {{ error }} ~* '(LIMIT|OVERLOAD|operating)' then 'Битрикс24 ограничил число запросов: загрузка повторится сама'
    when {{ error }} ~* '(connect|resolve|timed? ?out|unreachable|no answer|TLS|refused)' then 'Битрикс24 не ответил: загрузка повторится сама'
    when {{ error }} ~* '(no such method|METHOD_NOT_FOUND|NOT_FOUND|NOT_SUPPORTED)' then 'В этом портале такого раздела нет'
    else 'Загрузка не удалась: подробности в журнале'
  end
{%- endmacro %}


{% macro test_groups() %}
  {#- What a test is about, by the folder it or its model stands in: what people call it, and what a failure means. -#}
  {{ return({
    'inputs': {'label': 'Таблицы, которые заполняют люди', 'meaning': 'В планах, расходах или календаре ошибка: строка и что исправить названы в проверке.'},
    'seeds': {'label': 'Таблицы, которые заполняют люди', 'meaning': 'В планах, расходах или календаре ошибка: строка и что исправить названы в проверке.'},
    'targets': {'label': 'Планы', 'meaning': 'План сотрудников может не сойтись с планом отдела.'},
    'plan_fact': {'label': 'План и факт', 'meaning': 'Выполнение плана может быть показано неверно.'},
    'bitrix24': {'label': 'Данные из Битрикс24', 'meaning': 'Карточки пришли не такими, как ожидалось: часть может не попасть в отчёты.'},
    'kpi': {'label': 'Показатели', 'meaning': 'Итоги могут не сойтись с карточками.'},
    'core': {'label': 'Справочники и карточки', 'meaning': 'Сотрудники, воронки или карточки могут быть показаны неверно.'},
    'telephony': {'label': 'Телефония', 'meaning': 'Звонки и потерянные клиенты могут быть показаны неверно.'},
    'calls': {'label': 'Телефония', 'meaning': 'Звонки и потерянные клиенты могут быть показаны неверно.'},
    'pipeline': {'label': 'Сделки в работе', 'meaning': 'Прогноз и стадии могут быть показаны неверно.'},
    'clients': {'label': 'Клиентская база', 'meaning': 'Клиенты и их категории могут быть показаны неверно.'},
    'recency': {'label': 'Давность контактов', 'meaning': 'Дни без звонка могут быть показаны неверно.'},
    'funnel': {'label': 'Сквозная воронка', 'meaning': 'Шаги воронки и конверсия могут быть показаны неверно.'},
    'activities': {'label': 'Дела', 'meaning': 'Встречи, письма и дела могут быть показаны неверно.'},
    'payments': {'label': 'Оплаты', 'meaning': 'Оплаты могут быть показаны неверно.'},
    'invoices': {'label': 'Оплаты', 'meaning': 'Оплаты могут быть показаны неверно.'},
    'currencies': {'label': 'Валюты', 'meaning': 'Суммы в валюте могут быть пересчитаны неверно.'},
    'deals': {'label': 'Сделки и лиды', 'meaning': 'Даты побед и проигрышей могут быть неверны.'},
    'leads': {'label': 'Сделки и лиды', 'meaning': 'Даты побед и проигрышей могут быть неверны.'},
    'stages': {'label': 'Сделки и лиды', 'meaning': 'Даты побед и проигрышей могут быть неверны.'},
    'cards': {'label': 'Поля карточек', 'meaning': 'Поля, названные в настройках, могут быть показаны неверно.'},
    'calendar': {'label': 'Календарь', 'meaning': 'Рабочие дни и нормы могут быть посчитаны неверно.'},
    'health': {'label': 'Здоровье данных', 'meaning': 'Эта страница может говорить не всё.'},
    'dbt': {'label': 'Здоровье данных', 'meaning': 'Эта страница может говорить не всё.'},
  }) }}
{% endmacro %}


{% macro quality_checks() %}
  {#- Checks of what people write into the portal, in order: the fact, which of its rows are looked at and which of them lack
      something (SQL), what that means for the business, and who cures it. -#}
  {{ return([
    {'code': 'deals_without_manager', 'label': 'Сделки без ответственного', 'fact': 'deals',
     'looked_at': 'true', 'flawed': 'manager_id = 0',
     'meaning': 'Сделки не видны в отчётах ни одного менеджера.',
     'cure': 'Руководитель продаж: назначьте ответственного в сделке.'},
    {'code': 'deals_without_client', 'label': 'Сделки без клиента', 'fact': 'deals',
     'looked_at': 'is_selling', 'flawed': 'client_key is null',
     'meaning': 'Повторные продажи, звонки и база клиентов считаются без этих сделок.',
     'cure': 'Менеджер: привяжите компанию или контакт.'},
    {'code': 'open_deals_without_amount', 'label': 'Сделки в работе без суммы', 'fact': 'deals',
     'looked_at': "is_selling and semantic = 'process'", 'flawed': 'amount = 0',
     'meaning': 'Прогноз выручки занижен.',
     'cure': 'Менеджер: укажите сумму сделки.'},
    {'code': 'won_deals_without_amount', 'label': 'Успешные сделки без суммы', 'fact': 'deals',
     'looked_at': 'won_at is not null', 'flawed': 'amount = 0',
     'meaning': 'Выручка и средний чек занижены.',
     'cure': 'Менеджер: укажите сумму сделки.'},
    {'code': 'open_deals_without_close_date', 'label': 'Сделки в работе без даты закрытия', 'fact': 'deals',
     'looked_at': "is_selling and semantic = 'process'", 'flawed': 'expected_close_date is null',
     'meaning': 'Сделки не попадают в прогноз по месяцам.',
     'cure': 'Менеджер: укажите предполагаемую дату закрытия.'},
    {'code': 'deals_in_unknown_currency', 'label': 'Сделки в неизвестной валюте', 'fact': 'deals',
     'looked_at': 'amount_in_currency <> 0', 'flawed': 'not is_currency_known',
     'meaning': 'Суммы этих сделок не пересчитать, в выручке их нет.',
     'cure': 'Администратор Битрикс24: добавьте валюту и курс.'},
    {'code': 'deals_in_deleted_stage', 'label': 'Сделки в удалённой стадии', 'fact': 'deals',
     'looked_at': 'true', 'flawed': 'is_stage_deleted',
     'meaning': 'Неясно, в работе сделка или закрыта: воронка и прогноз неточны.',
     'cure': 'Администратор Битрикс24: перенесите сделки в действующую стадию.'},
    {'code': 'deals_without_source', 'label': 'Сделки без источника', 'fact': 'deals',
     'looked_at': 'is_selling', 'flawed': "source_id = ''",
     'meaning': 'Выручка этих сделок не относится ни к одному каналу.',
     'cure': 'Менеджер: укажите источник в сделке или в её лиде.'},
    {'code': 'leads_without_manager', 'label': 'Лиды без ответственного', 'fact': 'leads',
     'looked_at': 'true', 'flawed': 'manager_id = 0',
     'meaning': 'Лиды никто не обрабатывает.',
     'cure': 'Руководитель продаж: назначьте ответственного.'},
    {'code': 'leads_without_source', 'label': 'Лиды без источника', 'fact': 'leads',
     'looked_at': 'true', 'flawed': "source_id = ''",
     'meaning': 'Стоимость лида и ROMI каналов неточны.',
     'cure': 'Маркетолог: проверьте формы и интеграции.'},
    {'code': 'leads_in_deleted_stage', 'label': 'Лиды в удалённом статусе', 'fact': 'leads',
     'looked_at': 'true', 'flawed': 'is_stage_deleted',
     'meaning': 'Неясно, в работе лид или закрыт.',
     'cure': 'Администратор Битрикс24: перенесите лиды в действующий статус.'},
    {'code': 'calls_without_manager', 'label': 'Звонки без менеджера', 'fact': 'calls',
     'looked_at': 'true', 'flawed': 'manager_id = 0',
     'meaning': 'Звонки не засчитаны ни одному менеджеру.',
     'cure': 'Администратор телефонии: привяжите внутренние номера к сотрудникам.'},
    {'code': 'calls_without_number', 'label': 'Звонки с нечитаемым номером', 'fact': 'calls',
     'looked_at': 'true', 'flawed': 'phone_key is null',
     'meaning': 'Номер скрыт или записан не цифрами: перезвонить нельзя, клиента не узнать.',
     'cure': 'Администратор телефонии: включите передачу номера.'},
    {'code': 'invoices_without_manager', 'label': 'Счета без ответственного', 'fact': 'invoices',
     'looked_at': 'true', 'flawed': 'manager_id = 0',
     'meaning': 'Оплаты не засчитаны ни одному менеджеру.',
     'cure': 'Руководитель продаж: назначьте ответственного в счёте.'},
    {'code': 'invoices_in_unknown_currency', 'label': 'Счета в неизвестной валюте', 'fact': 'invoices',
     'looked_at': 'true', 'flawed': 'not is_currency_known',
     'meaning': 'Суммы этих счетов не пересчитать, в оплатах их нет.',
     'cure': 'Администратор Битрикс24: добавьте валюту и курс.'},
  ]) }}
{% endmacro %}


{% macro quality_facts() -%}
  {#- CTEs of the facts that quality_checks look at, with the columns that they and the filters need. -#}
deals_of_all as (

  select * from {{ ref('fct_deals') }}

),

leads_of_all as (

  select * from {{ ref('fct_leads') }}

),

calls_of_all as (

  select * from {{ ref('fct_calls') }}

),

invoices_of_all as (

  select * from {{ ref('fct_invoices') }}

),

pipelines as (

  select * from {{ ref('dim_pipelines') }}

),

stages as (

  select * from {{ ref('dim_stages') }}

),

managers as (

  select * from {{ ref('dim_managers') }}

),

deals as (

  select
    deals_of_all.*,
    deals_of_all.deal_id as card_id,
    'Сделка' as card_type_label,
    coalesce(pipelines.pipeline, 'Без воронки') as pipeline,
    coalesce(stages.is_deleted, true) as is_stage_deleted
  from deals_of_all
  left join pipelines on deals_of_all.pipeline_id = pipelines.pipeline_id
  left join stages on stages.entity = 'deal' and deals_of_all.stage_id = stages.stage_id

),

leads as (

  select
    leads_of_all.*,
    leads_of_all.lead_id as card_id,
    'Лид' as card_type_label,
    'Без воронки' as pipeline,
    coalesce(stages.is_deleted, true) as is_stage_deleted
  from leads_of_all
  left join stages on stages.entity = 'lead' and leads_of_all.status_id = stages.stage_id

),

calls as (

  select
    calls_of_all.*,
    calls_of_all.call_id as card_id,
    'Звонок' as card_type_label,
    calls_of_all.started_at as created_at,
    'Звонок ' || to_char({{ local_time('calls_of_all.started_at') }}, 'DD.MM.YYYY HH24:MI') as title,
    'Без воронки' as pipeline,
    'Без канала' as channel
  from calls_of_all

),

invoices as (

  select
    invoices_of_all.*,
    invoices_of_all.invoice_id as card_id,
    'Счёт' as card_type_label,
    'Без воронки' as pipeline,
    'Без канала' as channel
  from invoices_of_all

),
{%- endmacro %}
