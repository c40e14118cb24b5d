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
