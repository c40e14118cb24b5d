"""Descriptions of fields, as crm.item.fields and crm.<entity>.fields give them."""

from __future__ import annotations

import re
from typing import Any

from demo.company import catalogue as c
from demo.company.user_fields import UserField, fields_of
from demo.rest.columns import Column
from demo.rest.entities import EntityColumns
from demo.rest.parameters import php_array

#: What people read over a field. Names without an entry are their own title, as the portal has it.
TITLES = {
    "ID": "ID",
    "XML_ID": "Внешний код",
    "TITLE": "Название",
    "DATE_CREATE": "Дата создания",
    "DATE_MODIFY": "Дата изменения",
    "DATE_CLOSED": "Дата завершения",
    "CREATED_TIME": "Когда создан",
    "UPDATED_TIME": "Когда обновлен",
    "CREATED_BY": "Кем создан",
    "CREATED_BY_ID": "Кем создан",
    "UPDATED_BY": "Кем обновлен",
    "MODIFY_BY_ID": "Кем изменен",
    "ASSIGNED_BY_ID": "Ответственный",
    "OPENED": "Доступно для всех",
    "OBSERVERS": "Наблюдатели",
    "COMPANY_ID": "Компания",
    "COMPANY_TITLE": "Название компании",
    "CONTACT_ID": "Контакт",
    "MYCOMPANY_ID": "Реквизиты вашей компании",
    "CATEGORY_ID": "Воронка",
    "STAGE_ID": "Стадия",
    "STATUS_ID": "Стадия",
    "STAGE_SEMANTIC_ID": "Группа стадии",
    "STATUS_SEMANTIC_ID": "Группа стадии",
    "STATUS_DESCRIPTION": "Дополнительно о стадии",
    "PREVIOUS_STAGE_ID": "Предыдущая стадия",
    "SOURCE_ID": "Источник",
    "SOURCE_DESCRIPTION": "Дополнительно об источнике",
    "CURRENCY_ID": "Валюта",
    "OPPORTUNITY": "Сумма",
    "IS_MANUAL_OPPORTUNITY": "Режим расчета суммы",
    "TAX_VALUE": "Сумма налога",
    "PROBABILITY": "Вероятность",
    "BEGINDATE": "Дата начала",
    "CLOSEDATE": "Дата завершения",
    "ACTUAL_DATE": "Актуально до",
    "MOVED_TIME": "Когда передвинут",
    "MOVED_BY": "Кем передвинут",
    "MOVED_BY_ID": "Кем передвинут",
    "CLOSED": "Завершено",
    "IS_NEW": "Новая сделка",
    "IS_RECURRING": "Регулярная сделка",
    "IS_RETURN_CUSTOMER": "Повторный клиент",
    "IS_REPEATED_APPROACH": "Повторное обращение",
    "ADDITIONAL_INFO": "Дополнительная информация",
    "EVENT_DATE": "Дата события",
    "EVENT_ID": "Вид события",
    "EVENT_DESCRIPTION": "Описание события",
    "ORDER_STAGE": "Стадия оплаты",
    "LOCATION_ID": "Местоположение",
    "ORIGINATOR_ID": "Внешний источник",
    "ORIGIN_ID": "Идентификатор элемента во внешнем источнике",
    "ORIGIN_VERSION": "Версия оригинала",
    "WEBFORM_ID": "Создано CRM-формой",
    "NAME": "Имя",
    "LAST_NAME": "Фамилия",
    "SECOND_NAME": "Отчество",
    "HONORIFIC": "Обращение",
    "BIRTHDATE": "Дата рождения",
    "POST": "Должность",
    "PHOTO": "Фотография",
    "LOGO": "Логотип",
    "EXPORT": "Участвует в экспорте контактов",
    "COMMENTS": "Комментарий",
    "TYPE_ID": "Тип",
    "COMPANY_TYPE": "Тип компании",
    "INDUSTRY": "Сфера деятельности",
    "EMPLOYEES": "Кол-во сотрудников",
    "REVENUE": "Годовой оборот",
    "BANKING_DETAILS": "Банковские реквизиты",
    "IS_MY_COMPANY": "Моя компания",
    "LEAD_ID": "Лид",
    "DEAL_ID": "Сделка",
    "QUOTE_ID": "Предложение",
    "QUOTE_NUMBER": "Номер предложения",
    "PERSON_TYPE_ID": "Тип плательщика",
    "CONTENT": "Содержание",
    "TERMS": "Условия",
    "STORAGE_TYPE_ID": "Тип хранения файлов",
    "STORAGE_ELEMENT_IDS": "Файлы",
    "ACCOUNT_NUMBER": "Номер счёта",
    "ADDRESS": "Адрес",
    "ADDRESS_2": "Адрес (стр. 2)",
    "ADDRESS_CITY": "Город",
    "ADDRESS_POSTAL_CODE": "Почтовый индекс",
    "ADDRESS_REGION": "Район",
    "ADDRESS_PROVINCE": "Область",
    "ADDRESS_COUNTRY": "Страна",
    "ADDRESS_COUNTRY_CODE": "Код страны",
    "ADDRESS_LEGAL": "Юридический адрес",
    "HAS_PHONE": "Телефон задан",
    "HAS_EMAIL": "E-mail задан",
    "HAS_IMOL": "Открытая линия задана",
    "LAST_ACTIVITY_BY": "Кем осуществлена последняя активность в таймлайне",
    "LAST_ACTIVITY_TIME": "Последняя активность",
    "LAST_COMMUNICATION_TIME": "Последняя коммуникация",
    "LAST_COMMUNICATION_CALL_TIME": "Последний звонок",
    "LAST_COMMUNICATION_EMAIL_TIME": "Последнее письмо",
    "LAST_COMMUNICATION_IMOL_TIME": "Последнее сообщение в открытой линии",
    "LAST_COMMUNICATION_WEBFORM_TIME": "Последнее заполнение CRM-формы",
    "UTM_SOURCE": "Рекламная система",
    "UTM_MEDIUM": "Тип трафика",
    "UTM_CAMPAIGN": "Обозначение рекламной кампании",
    "UTM_CONTENT": "Содержание кампании",
    "UTM_TERM": "Условие поиска кампании",
    "PARENT_ID_2": "Сделка",
    "PARENT_ID_7": "Предложение",
    "PHONE": "Телефон",
    "EMAIL": "E-mail",
    "WEB": "Сайт",
    "IM": "Мессенджер",
    "LINK": "Ссылка",
}

READ_ONLY = {
    "ID",
    "CREATED_TIME",
    "UPDATED_TIME",
    "DATE_CREATE",
    "DATE_MODIFY",
    "CREATED_BY",
    "CREATED_BY_ID",
    "UPDATED_BY",
    "MODIFY_BY_ID",
    "MOVED_BY",
    "MOVED_BY_ID",
    "MOVED_TIME",
    "STAGE_SEMANTIC_ID",
    "STATUS_SEMANTIC_ID",
    "IS_NEW",
    "LAST_ACTIVITY_BY",
    "LAST_ACTIVITY_TIME",
    "DATE_CLOSED",
    "HAS_PHONE",
    "HAS_EMAIL",
    "HAS_IMOL",
    "LEAD_ID",
    "QUOTE_ID",
    "PREVIOUS_STAGE_ID",
    "IS_RETURN_CUSTOMER",
    "LAST_COMMUNICATION_TIME",
}
USERS = {
    "ASSIGNED_BY_ID",
    "CREATED_BY",
    "CREATED_BY_ID",
    "UPDATED_BY",
    "MODIFY_BY_ID",
    "MOVED_BY",
    "MOVED_BY_ID",
    "LAST_ACTIVITY_BY",
    "OBSERVERS",
}
STATUS_TYPES = {
    "SOURCE_ID": "SOURCE",
    "TYPE_ID": "DEAL_TYPE",
    "STATUS_ID": "STATUS",
    "HONORIFIC": "HONORIFIC",
    "INDUSTRY": "INDUSTRY",
    "EMPLOYEES": "EMPLOYEES",
    "COMPANY_TYPE": "COMPANY_TYPE",
}
STAGE_TYPES = {
    c.LEAD: "STATUS",
    c.DEAL: "DEAL_STAGE",
    c.QUOTE: "QUOTE_STATUS",
    c.INVOICE: f"SMART_INVOICE_STAGE_{c.INVOICE_CATEGORY}",
    **{
        process.entity: process.dictionary(next(x.id for x in process.categories if x.is_default))
        for process in c.SMART_PROCESSES
    },
}
TYPE_TYPES = {c.CONTACT: "CONTACT_TYPE", c.COMPANY: "COMPANY_TYPE", c.DEAL: "DEAL_TYPE"}
PARENTS = {
    "COMPANY_ID": ("crm_company", 4),
    "CONTACT_ID": ("crm_contact", None),
    "CONTACT_IDS": ("crm_contact", None),
    "CONTACTS": ("crm_contact", None),
    "COMPANY_IDS": ("crm_company", None),
    "LEAD_ID": ("crm_lead", 1),
    "QUOTE_ID": ("crm_quote", 7),
    "MYCOMPANY_ID": ("crm_company", 4),
    "DEAL_ID": ("crm_deal", 2),
    "PARENT_ID_2": ("crm_entity", 2),
    "PARENT_ID_7": ("crm_entity", 7),
}
#: Fields with a successor: the list of contacts, the list of companies.
DEPRECATED = {(kind, "CONTACT_ID") for kind in c.CARD_TYPES if kind != c.COMPANY} | {
    (c.CONTACT, "COMPANY_ID")
}
MULTIPLE = {"CONTACT_IDS", "CONTACTS", "COMPANY_IDS", "OBSERVERS"}
KINDS = {
    "int": "integer",
    "text": "string",
    "moment": "datetime",
    "day": "date",
    "money": "double",
    "const": "string",
    "ids": "integer",
}
#: Long texts.
TEXTS = {"COMMENTS", "SOURCE_DESCRIPTION", "CONTENT", "TERMS", "ADDITIONAL_INFO"}
#: What only answers have: described nowhere, written by nobody.
ANSWERED_ONLY = re.compile(
    r"(ENTITY_TYPE_ID|SEARCH_CONTENT|FM|\w+_SHORT|\w+_TYPE|CLIENT_\w+|HAS_PRODUCTS|IS_WORK|IS_WON|IS_LOSE|IS_CONVERT"
    r"|RECEIVED_AMOUNT|LOST_AMOUNT|LOGIN|SHORT_NAME|PRODUCT_ID|ADDRESS|ADDRESS_LEGAL|UF_LOGO|UF_STAMP|UF_\w+_SIGN)"
)
#: Features of smart processes and the fields that go with them.
SWITCHED = {
    "products": {"OPPORTUNITY", "IS_MANUAL_OPPORTUNITY", "TAX_VALUE", "CURRENCY_ID"},
    "mine": {"MYCOMPANY_ID"},
    "source": {"SOURCE_ID", "SOURCE_DESCRIPTION"},
}


#: Settings of the portal's own fields, by kind.
USER_FIELD_SETTINGS: dict[str, dict[str, Any]] = {
    "enumeration": {"DISPLAY": "LIST", "LIST_HEIGHT": 1, "CAPTION_NO_VALUE": "", "SHOW_NO_VALUE": "Y"},
    "string": {"SIZE": 20, "ROWS": 1, "REGEXP": "", "MIN_LENGTH": 0, "MAX_LENGTH": 0, "DEFAULT_VALUE": ""},
    "boolean": {"DEFAULT_VALUE": 0, "DISPLAY": "CHECKBOX", "LABEL": ["", ""], "LABEL_CHECKBOX": ""},
    "date": {"DEFAULT_VALUE": {"TYPE": "NONE", "VALUE": ""}},
    "money": {"DEFAULT_VALUE": ""},
    "datetime": {"DEFAULT_VALUE": {"TYPE": "NONE", "VALUE": ""}, "USE_SECOND": "Y", "USE_TIMEZONE": "N"},
    "url": {"POPUP": "Y", "SIZE": 20, "MIN_LENGTH": 0, "MAX_LENGTH": 0, "DEFAULT_VALUE": ""},
    "employee": {},
    "integer": {"SIZE": 20, "MIN_VALUE": 0, "MAX_VALUE": 0, "DEFAULT_VALUE": None},
    "double": {"PRECISION": 2, "SIZE": 20, "MIN_VALUE": 0, "MAX_VALUE": 0, "DEFAULT_VALUE": None},
}
#: Fields that are described although the lists do not show them under this name.
DESCRIBED_ONLY = {
    c.LEAD: ("CONTACT_IDS",),
    c.DEAL: ("CONTACT_IDS",),
    c.CONTACT: ("ADDRESS_COUNTRY_CODE", "COMPANY_IDS"),
    c.COMPANY: ("CONTACT_ID",),
}


def _describe(entity: int, column: Column, name: str, old: bool) -> dict[str, Any]:
    kind = KINDS.get(column.kind, "string")
    extra: dict[str, Any] = {}
    if column.kind == "flag":
        kind = "char" if old else "boolean"
    if name in USERS:
        kind = "user"
    elif name in ("STAGE_ID", "PREVIOUS_STAGE_ID"):
        kind, extra["statusType"] = "crm_status", STAGE_TYPES.get(entity, "STATUS")
    elif name == "TYPE_ID" and entity in TYPE_TYPES:
        kind, extra["statusType"] = "crm_status", TYPE_TYPES[entity]
    elif name in STATUS_TYPES:
        kind, extra["statusType"] = "crm_status", STATUS_TYPES[name]
    elif name in PARENTS:
        kind, parent = PARENTS[name]
        if (entity, name) in DEPRECATED:
            extra["isDeprecated"] = True
        elif name == "MYCOMPANY_ID":
            extra["settings"] = {
                "isMyCompany": True,
                "parentEntityTypeId": 4,
                "isEmbeddedEditorEnabled": True,
            }
        elif parent is not None:
            extra["settings"] = {"parentEntityTypeId": parent}
    elif name == "CURRENCY_ID":
        kind = "crm_currency"
    elif name == "CATEGORY_ID":
        kind = "crm_category"
    elif column.group == "multi":
        kind = "crm_multifield"
    elif name in TEXTS and not old:
        kind = "text"
    return {
        "type": kind,
        "isRequired": name == "OPENED" and not old,
        "isReadOnly": name in READ_ONLY,
        "isImmutable": old and name == "CATEGORY_ID",
        "isMultiple": name in MULTIPLE or column.group == "multi",
        "isDynamic": False,
        **extra,
        "title": TITLES.get(name, name),
    }


def _describe_user_field(spec: UserField, old: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "type": spec.kind,
        "isRequired": False,
        "isReadOnly": False,
        "isImmutable": False,
        "isMultiple": spec.multiple,
        "isDynamic": True,
    }
    if spec.options:
        row["items"] = [{"ID": str(option), "VALUE": text} for option, text in spec.options]
    row["title"] = spec.name if old else spec.label
    if old:
        row.update(listLabel=spec.label, formLabel=spec.label, filterLabel=spec.label)
    row["settings"] = php_array(USER_FIELD_SETTINGS[spec.kind])
    return row


def item_fields(columns: EntityColumns) -> dict[str, dict[str, Any]]:
    """``result.fields`` of crm.item.fields, without what only answers have (flattened phones, say)."""
    user_fields = {spec.camel: spec for spec in fields_of(columns.entity)}
    hidden = _switched_off(columns.entity)
    rows: dict[str, dict[str, Any]] = {}
    for column in columns.item:
        if column.name in user_fields:
            described = _describe_user_field(user_fields[column.name], old=False)
        elif column.group != "field" or column.upper in hidden or ANSWERED_ONLY.fullmatch(column.upper):
            continue
        elif columns.entity not in (c.LEAD, c.DEAL, c.CONTACT, c.COMPANY, c.QUOTE) and column.name.startswith(
            "utm"
        ):
            continue  # invoices and smart processes show the marks of their advertising, but do not describe them
        else:
            described = _describe(columns.entity, column, column.upper, old=False)
        rows[column.name] = {**described, "upperName": column.upper}
    if columns.entity != c.CONTACT:
        contacts = Column("contacts", "ids", _nothing, _nothing)
        rows["contacts"] = {
            **_describe(columns.entity, contacts, "CONTACTS", old=False),
            "upperName": "CONTACTS",
        }
    return rows


def _switched_off(entity: int) -> set[str]:
    """Fields of features that a smart process does not use."""
    process = c.PROCESS_BY_ENTITY.get(entity)
    if process is None:
        return set()
    return {name for feature, names in SWITCHED.items() if not getattr(process, feature) for name in names}


def legacy_fields(columns: EntityColumns) -> dict[str, dict[str, Any]]:
    """``result`` of crm.<entity>.fields."""
    entity = columns.entity
    user_fields = {spec.name: spec for spec in fields_of(entity)}
    shown = [*columns.legacy, *(Column(name, "text", _nothing, _nothing) for name in DESCRIBED_ONLY[entity])]
    return {
        column.name: _describe_user_field(user_fields[column.name], old=True)
        if column.name in user_fields
        else _describe(entity, column, column.name, old=True)
        for column in shown
        if column.name != "FACE_ID"
    }


def _nothing(_value: Any) -> None:
    return None
