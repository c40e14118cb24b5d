{#- Words of the health family: what the streams, the checks and the tests are to people. -#}

{% macro streams_of_portal() %}
  {#- By stream, in order: what people call it, what is missing from the reports without it, and the column of its rows'
      moment of birth (none: rows without one; they are compared as they are). Streams with `counted` false have no rows that
      could be compared one by one. `on` are the dashboards (macro dashboards_named) whose numbers go without. -#}
  {{ return({
    'leads': {'label': 'Лиды', 'without': 'Не видно новых лидов и их статусов', 'on': [1, 3, 5, 6], 'born': 'created_at'},
    'deals': {'label': 'Сделки', 'without': 'Не видно новых сделок, побед и выручки', 'on': [1, 3, 4, 5, 6], 'born': 'created_at'},
    'contacts': {'label': 'Контакты', 'without': 'Клиенты звонков и сделок могут быть неизвестны', 'on': [2, 3, 4, 5], 'born': 'created_at'},
    'companies': {'label': 'Компании', 'without': 'Клиенты звонков и сделок могут быть неизвестны', 'on': [2, 3, 4, 5], 'born': 'created_at'},
    'calls': {'label': 'Звонки', 'without': 'Не видно звонков, пропущенных и потерянных клиентов', 'on': [1, 2, 3, 4, 6], 'born': 'started_at'},
    'activities': {'label': 'Дела', 'without': 'Не видно встреч, писем, дел и следующих шагов', 'on': [3, 4, 6], 'born': 'created_at'},
    'activity_bindings': {'label': 'Привязки звонков к карточкам', 'without': 'Звонки не находят своих сделок', 'on': [3, 4], 'counted': false},
    'smart_invoices': {'label': 'Счета', 'without': 'Не видно оплат по счетам', 'on': [1, 6], 'born': 'created_at'},
    'quotes': {'label': 'Коммерческие предложения', 'without': 'Не видно предложений', 'on': [1, 6], 'born': 'created_at'},
    'orders': {'label': 'Заказы', 'without': 'Не видно заказов магазина', 'on': [], 'born': 'created_at'},
    'payments': {'label': 'Оплаты заказов', 'without': 'Не видно оплат по сделкам', 'on': [1, 6], 'counted': false},
    'order_owners': {'label': 'Связи заказов со сделками', 'without': 'Оплаты не находят своих сделок', 'on': [1, 6], 'counted': false},
    'deal_product_rows': {'label': 'Товары сделок', 'without': 'Средний чек по товарам неполон', 'on': [1], 'counted': false},
    'products': {'label': 'Каталог товаров', 'without': 'Новые товары без названий', 'on': [], 'counted': false},
    'lead_stage_history': {'label': 'История лидов', 'without': 'Даты квалификации лидов неточны', 'on': [1, 5], 'counted': false},
    'deal_stage_history': {'label': 'История сделок', 'without': 'Даты побед, цикл и воронка неточны', 'on': [1, 3, 5, 6], 'counted': false},
    'smart_invoice_stage_history': {'label': 'История счетов', 'without': 'Даты оплат неточны', 'on': [1, 6], 'counted': false},
    'smart_processes': {'label': 'Смарт-процессы', 'without': 'Новые смарт-процессы не видны', 'on': [], 'counted': false},
    'smart_process_items': {'label': 'Карточки смарт-процессов', 'without': 'Карточки смарт-процессов неполны', 'on': [], 'born': 'created_at'},
    'smart_process_stage_history': {'label': 'История смарт-процессов', 'without': 'Даты смарт-процессов неточны', 'on': [], 'counted': false},
    'users': {'label': 'Сотрудники', 'without': 'Новые сотрудники считаются «Без ответственного»', 'on': [1, 2, 3, 4, 5, 6]},
    'departments': {'label': 'Отделы', 'without': 'Новые отделы и руководители не видны', 'on': [1, 2, 3, 4, 5, 6]},
    'pipelines': {'label': 'Воронки', 'without': 'Новые воронки без названий', 'on': [1, 3, 5, 6], 'counted': false},
    'statuses': {'label': 'Справочники и стадии', 'without': 'Новые стадии и источники без названий', 'on': [1, 3, 5, 6], 'counted': false},
    'fields': {'label': 'Поля карточек', 'without': 'Новые поля без названий', 'on': [4], 'counted': false},
    'currencies': {'label': 'Валюты', 'without': 'Курсы валют не обновляются', 'on': [1, 3, 4, 5, 6], 'counted': false},
    'portal': {'label': 'Портал', 'without': 'Ссылки на карточки могут не открываться', 'on': [1, 2, 3, 4, 5, 6], 'counted': false},
  }) }}
{% endmacro %}


{% macro stream_label(stream) -%}
  {#- SQL of what people call a stream; one that the tap has learnt since has no words here yet, and is told by its name. -#}
  case {{ stream }}
    {% for name, about in streams_of_portal().items() -%}
      when '{{ name }}' then '{{ about.label }}'
    {% endfor -%}
    else {{ stream }}
  end
{%- endmacro %}


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
  {#- What a test is about, by the folder it or its model stands in: what people call it, what a failure means, and on
      which dashboards (macro dashboards_named). -#}
  {{ return({
    'inputs': {'label': 'Таблицы, которые заполняют люди', 'meaning': 'В планах, расходах или календаре ошибка: строка и что исправить названы в проверке.', 'on': [1, 2, 6]},
    'seeds': {'label': 'Таблицы, которые заполняют люди', 'meaning': 'В планах, расходах или календаре ошибка: строка и что исправить названы в проверке.', 'on': [1, 2, 6]},
    'targets': {'label': 'Планы', 'meaning': 'План сотрудников может не сойтись с планом отдела.', 'on': [2, 6]},
    'plan_fact': {'label': 'План и факт', 'meaning': 'Выполнение плана может быть показано неверно.', 'on': [6]},
    'bitrix24': {'label': 'Данные из Битрикс24', 'meaning': 'Карточки пришли не такими, как ожидалось: часть может не попасть в отчёты.', 'on': [1, 2, 3, 4, 5, 6]},
    'kpi': {'label': 'Показатели', 'meaning': 'Итоги могут не сойтись с карточками.', 'on': [1]},
    'core': {'label': 'Справочники и карточки', 'meaning': 'Сотрудники, воронки или карточки могут быть показаны неверно.', 'on': [1, 2, 3, 4, 5, 6]},
    'telephony': {'label': 'Телефония', 'meaning': 'Звонки и потерянные клиенты могут быть показаны неверно.', 'on': [2]},
    'calls': {'label': 'Телефония', 'meaning': 'Звонки и потерянные клиенты могут быть показаны неверно.', 'on': [1, 2, 3, 4, 6]},
    'pipeline': {'label': 'Сделки в работе', 'meaning': 'Прогноз и стадии могут быть показаны неверно.', 'on': [3]},
    'clients': {'label': 'Клиентская база', 'meaning': 'Клиенты и их категории могут быть показаны неверно.', 'on': [4]},
    'recency': {'label': 'Давность контактов', 'meaning': 'Дни без звонка могут быть показаны неверно.', 'on': [3, 4]},
    'funnel': {'label': 'Сквозная воронка', 'meaning': 'Шаги воронки и конверсия могут быть показаны неверно.', 'on': [5]},
    'activities': {'label': 'Дела', 'meaning': 'Встречи, письма и дела могут быть показаны неверно.', 'on': [3, 4, 6]},
    'payments': {'label': 'Оплаты', 'meaning': 'Оплаты могут быть показаны неверно.', 'on': [1, 6]},
    'invoices': {'label': 'Оплаты', 'meaning': 'Оплаты могут быть показаны неверно.', 'on': [1, 6]},
    'currencies': {'label': 'Валюты', 'meaning': 'Суммы в валюте могут быть пересчитаны неверно.', 'on': [1, 3, 4, 5, 6]},
    'deals': {'label': 'Сделки и лиды', 'meaning': 'Даты побед и проигрышей могут быть неверны.', 'on': [1, 3, 5, 6]},
    'leads': {'label': 'Сделки и лиды', 'meaning': 'Даты побед и проигрышей могут быть неверны.', 'on': [1, 3, 5, 6]},
    'stages': {'label': 'Сделки и лиды', 'meaning': 'Даты побед и проигрышей могут быть неверны.', 'on': [1, 3, 5, 6]},
    'cards': {'label': 'Поля карточек', 'meaning': 'Поля, названные в настройках, могут быть показаны неверно.', 'on': [4]},
    'managers': {'label': 'Справочники и карточки', 'meaning': 'Сотрудники, воронки или карточки могут быть показаны неверно.', 'on': [1, 2, 3, 4, 5, 6]},
    'access': {'label': 'Доступ', 'meaning': 'Кто-то может не видеть своих строк.', 'on': [1, 2, 3, 4, 5, 6]},
    'calendar': {'label': 'Календарь', 'meaning': 'Рабочие дни и нормы могут быть посчитаны неверно.', 'on': [2, 3, 6]},
    'health': {'label': 'Здоровье данных', 'meaning': 'Эта страница может говорить не всё.', 'on': []},
    'dbt': {'label': 'Здоровье данных', 'meaning': 'Эта страница может говорить не всё.', 'on': []},
  }) }}
{% endmacro %}


{% macro number_ru(value) -%}
  {#- SQL of a whole number as people write it, «1 234 567». -#}
  replace(to_char({{ value }}, 'FM999,999,999,990'), ',', chr(160))
{%- endmacro %}


{% macro dashboards_named(numbers) -%}
  {#- Dashboards by their numbers, called as the row of links on top of them calls them. -#}
  {%- set names = ['KPI', 'Норматив звонков', 'Сделки в работе', 'База клиентов', 'Воронка продаж', 'План/факт'] -%}
  {%- set chosen = [] -%}
  {%- for number in numbers -%}
    {%- do chosen.append(names[number - 1]) -%}
  {%- endfor -%}
  {{ return('все' if chosen | length == names | length else (chosen | join(', ') or '—')) }}
{%- endmacro %}


{% macro check_words() %}
  {#- What a test looks at, in words for people, by the name of the test, else by how its name begins; in order. -#}
  {{ return({
    'assert_files_can_be_read': 'Файлы с планами, расходами и ролями читаются без ошибок',
    'assert_uploads_can_be_read': 'Загруженные таблицы читаются без ошибок',
    'assert_named_ids_exist': 'Воронки, отделы и показатели из настроек есть в портале',
    'assert_production_calendar_has_the_running_year': 'В календаре есть текущий год',
    'assert_user_fields_exist': 'Поля карточек из настроек есть в портале',
    'assert_client_fields_exist': 'Поля клиентов из настроек есть в портале',
    'assert_breakdowns_hold_the_base': 'Разрезы базы складываются во всю базу клиентов',
    'assert_money_of_the_base_is_the_ledgers': 'Деньги клиентской базы равны выручке KPI',
    'assert_talks_of_managers_are_the_clients': 'Созвоны менеджеров равны созвонам клиентов',
    'assert_funnel_channels_are_the_economics': 'Каналы воронки равны каналам KPI',
    'assert_funnel_marts_are_the_journeys': 'Шаги воронки равны путям клиентов',
    'assert_funnel_steps_can_be_read': 'Шаги воронки настроены без ошибок',
    'assert_journeys_hold_every_card_once': 'Каждая карточка стоит в воронке один раз',
    'assert_flawed_cards_are_the_counted_ones': 'Список карточек с недочётами равен их числу',
    'assert_breakdowns_add_up_to_the_metrics': 'Разрезы KPI складываются в итоги',
    'assert_cohorts_hold_every_card_once': 'Каждое обращение стоит в когорте один раз',
    'assert_every_metric_has_events': 'У каждого показателя есть события',
    'assert_ledger_and_catalogue_agree': 'Показатели и их справочник совпадают',
    'assert_previous_is_the_period_before': 'Сравнение идёт с периодом прямо перед этим',
    'assert_products_add_up_to_revenue': 'Товары складываются в выручку',
    'assert_register_rows_are_the_numbers': 'Реестр карточек равен цифрам KPI',
    'assert_short_periods_add_up_to_long_ones': 'Дни складываются в недели, месяцы и годы',
    'assert_spend_channels_exist': 'Каналы из таблицы расходов есть в портале',
    'assert_won_deals_are_the_wins': 'Список выигранных сделок равен их числу',
    'assert_payment_stages_exist': 'Стадии оплаты из настроек есть в портале',
    'assert_breakdowns_hold_the_open_deals': 'Разрезы складываются во все сделки в работе',
    'assert_flags_of_stages_are_the_registers': 'Отметки по стадиям равны реестру сделок',
    'assert_grades_and_win_rates_agree_with_the_ledger': 'Точность прогноза и конверсия равны цифрам KPI',
    'assert_history_ends_in_the_register': 'История сделок в работе кончается сегодняшним реестром',
    'assert_cards_to_act_on_are_the_flagged_ones': 'Карточки к действию равны отмеченным',
    'assert_facts_are_the_kpis': 'Факт плана равен цифрам KPI',
    'assert_look_ahead_holds_what_is_planned': 'Взгляд вперёд равен запланированному',
    'assert_plans_add_up': 'Планы дней складываются в план месяца',
    'assert_register_rows_are_the_facts': 'Реестр плана равен его факту',
    'assert_sheets_are_the_plan_fact': 'Листы менеджеров равны плану и факту',
    'assert_targets_are_reached_by_the_plans': 'Планы сотрудников складываются в цели',
    'assert_hourly_load_adds_up_to_the_overview': 'Звонки по часам складываются в итог',
    'assert_registers_hold_the_missed_calls': 'Реестр пропущенных равен их числу',
    'assert_telephony_agrees_with_the_ledger': 'Телефония равна звонкам KPI',
    'source_not_null': 'Значение заполнено',
    'source_unique': 'Строки не повторяются',
    'not_null': 'Значение заполнено',
    'unique': 'Строки не повторяются',
    'accepted_values': 'Значения только из известных',
    'relationships': 'Ссылки находят свои строки',
    'sums_to_one': 'Доли складываются в целое',
    'expression_is_true': 'Условие выполнено в каждой строке',
    'is_true': 'Условие выполнено',
  }) }}
{% endmacro %}


{% macro quality_checks() %}
  {#- Checks of what people write into the portal, in order: the fact, which of its rows are looked at and which of them lack
      something (SQL), what that means for the business, on which dashboards (macro dashboards_named), and who cures it. -#}
  {{ return([
    {'code': 'deals_without_manager', 'label': 'Сделки без ответственного', 'fact': 'deals', 'on': [1, 3, 5, 6],
     'looked_at': 'true', 'flawed': 'manager_id = 0',
     'meaning': 'Сделки не видны в отчётах ни одного менеджера.',
     'cure': 'Руководитель продаж: назначьте ответственного в сделке.'},
    {'code': 'deals_without_client', 'label': 'Сделки без клиента', 'fact': 'deals', 'on': [3, 4, 5],
     'looked_at': 'is_selling', 'flawed': 'client_key is null',
     'meaning': 'Повторные продажи, звонки и база клиентов считаются без этих сделок.',
     'cure': 'Менеджер: привяжите компанию или контакт.'},
    {'code': 'open_deals_without_amount', 'label': 'Сделки в работе без суммы', 'fact': 'deals', 'on': [3, 6],
     'looked_at': "is_selling and semantic = 'process'", 'flawed': 'amount = 0',
     'meaning': 'Прогноз выручки занижен.',
     'cure': 'Менеджер: укажите сумму сделки.'},
    {'code': 'won_deals_without_amount', 'label': 'Успешные сделки без суммы', 'fact': 'deals', 'on': [1, 4, 5, 6],
     'looked_at': 'won_at is not null', 'flawed': 'amount = 0',
     'meaning': 'Выручка и средний чек занижены.',
     'cure': 'Менеджер: укажите сумму сделки.'},
    {'code': 'open_deals_without_close_date', 'label': 'Сделки в работе без даты закрытия', 'fact': 'deals', 'on': [3, 6],
     'looked_at': "is_selling and semantic = 'process'", 'flawed': 'expected_close_date is null',
     'meaning': 'Сделки не попадают в прогноз по месяцам.',
     'cure': 'Менеджер: укажите предполагаемую дату закрытия.'},
    {'code': 'deals_in_unknown_currency', 'label': 'Сделки в неизвестной валюте', 'fact': 'deals', 'on': [1, 3, 4, 5, 6],
     'looked_at': 'amount_in_currency <> 0', 'flawed': 'not is_currency_known',
     'meaning': 'Суммы этих сделок не пересчитать, в выручке их нет.',
     'cure': 'Администратор Битрикс24: добавьте валюту и курс.'},
    {'code': 'deals_in_deleted_stage', 'label': 'Сделки в удалённой стадии', 'fact': 'deals', 'on': [1, 3, 5, 6],
     'looked_at': 'true', 'flawed': 'is_stage_deleted',
     'meaning': 'Неясно, в работе сделка или закрыта: воронка и прогноз неточны.',
     'cure': 'Администратор Битрикс24: перенесите сделки в действующую стадию.'},
    {'code': 'deals_without_source', 'label': 'Сделки без источника', 'fact': 'deals', 'on': [1, 5],
     'looked_at': 'is_selling', 'flawed': "source_id = ''",
     'meaning': 'Выручка этих сделок не относится ни к одному каналу.',
     'cure': 'Менеджер: укажите источник в сделке или в её лиде.'},
    {'code': 'leads_without_manager', 'label': 'Лиды без ответственного', 'fact': 'leads', 'on': [1, 3, 5],
     'looked_at': 'true', 'flawed': 'manager_id = 0',
     'meaning': 'Лиды никто не обрабатывает.',
     'cure': 'Руководитель продаж: назначьте ответственного.'},
    {'code': 'leads_without_source', 'label': 'Лиды без источника', 'fact': 'leads', 'on': [1, 5],
     'looked_at': 'true', 'flawed': "source_id = ''",
     'meaning': 'Стоимость лида и ROMI каналов неточны.',
     'cure': 'Маркетолог: проверьте формы и интеграции.'},
    {'code': 'leads_in_deleted_stage', 'label': 'Лиды в удалённом статусе', 'fact': 'leads', 'on': [3, 5],
     'looked_at': 'true', 'flawed': 'is_stage_deleted',
     'meaning': 'Неясно, в работе лид или закрыт.',
     'cure': 'Администратор Битрикс24: перенесите лиды в действующий статус.'},
    {'code': 'calls_without_manager', 'label': 'Звонки без менеджера', 'fact': 'calls', 'on': [1, 2, 6],
     'looked_at': 'true', 'flawed': 'manager_id = 0',
     'meaning': 'Звонки не засчитаны ни одному менеджеру.',
     'cure': 'Администратор телефонии: привяжите внутренние номера к сотрудникам.'},
    {'code': 'calls_without_number', 'label': 'Звонки с нечитаемым номером', 'fact': 'calls', 'on': [2],
     'looked_at': 'true', 'flawed': 'phone_key is null',
     'meaning': 'Номер скрыт или записан не цифрами: перезвонить нельзя, клиента не узнать.',
     'cure': 'Администратор телефонии: включите передачу номера.'},
    {'code': 'invoices_without_manager', 'label': 'Счета без ответственного', 'fact': 'invoices', 'on': [1, 6],
     'looked_at': 'true', 'flawed': 'manager_id = 0',
     'meaning': 'Оплаты не засчитаны ни одному менеджеру.',
     'cure': 'Руководитель продаж: назначьте ответственного в счёте.'},
    {'code': 'invoices_in_unknown_currency', 'label': 'Счета в неизвестной валюте', 'fact': 'invoices', 'on': [1, 6],
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
