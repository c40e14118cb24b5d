"""Descriptions of fields, as crm.item.fields and crm.<entity>.fields give them."""

from __future__ import annotations

from typing import Any

from demo.company import catalogue as c
from demo.rest.columns import Column
from demo.rest.entities import EntityColumns

TITLES = {
    "ID": "ID",
    "TITLE": "Название",
    "DATE_CREATE": "Дата создания",
    "DATE_MODIFY": "Дата изменения",
    "CREATED_TIME": "Когда создан",
    "UPDATED_TIME": "Когда обновлен",
    "CREATED_BY": "Кем создан",
    "UPDATED_BY": "Кем обновлен",
    "ASSIGNED_BY_ID": "Ответственный",
    "OPENED": "Доступно для всех",
    "COMPANY_ID": "Компания",
    "CONTACT_ID": "Контакт",
    "CATEGORY_ID": "Воронка",
    "STAGE_ID": "Стадия",
    "STATUS_ID": "Стадия",
    "SOURCE_ID": "Источник",
    "SOURCE_DESCRIPTION": "Дополнительно об источнике",
    "CURRENCY_ID": "Валюта",
    "OPPORTUNITY": "Сумма",
    "BEGINDATE": "Дата начала",
    "CLOSEDATE": "Дата завершения",
    "MOVED_TIME": "Когда передвинут",
    "MOVED_BY": "Кем передвинут",
    "NAME": "Имя",
    "LAST_NAME": "Фамилия",
    "SECOND_NAME": "Отчество",
    "POST": "Должность",
    "COMMENTS": "Комментарий",
    "TYPE_ID": "Тип",
    "LEAD_ID": "Лид",
    "PHONE": "Телефон",
    "EMAIL": "E-mail",
    "WEB": "Сайт",
    "IM": "Мессенджер",
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
STAGE_TYPES = {c.LEAD: "STATUS", c.DEAL: "DEAL_STAGE", c.INVOICE: f"SMART_INVOICE_STAGE_{c.INVOICE_CATEGORY}"}
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
    "PARENT_ID2": ("crm_entity", 2),
    "PARENT_ID7": ("crm_entity", 7),
}
#: Fields with a successor: the list of contacts, the list of companies.
DEPRECATED = {(kind, "CONTACT_ID") for kind in (c.LEAD, c.DEAL, c.INVOICE)} | {(c.CONTACT, "COMPANY_ID")}
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


#: Settings of the portal's own fields, by kind.
USER_FIELD_SETTINGS: dict[str, dict[str, Any]] = {
    "enumeration": {"DISPLAY": "LIST", "LIST_HEIGHT": 1, "CAPTION_NO_VALUE": "", "SHOW_NO_VALUE": "Y"},
    "string": {"SIZE": 20, "ROWS": 1, "REGEXP": "", "MIN_LENGTH": 0, "MAX_LENGTH": 0, "DEFAULT_VALUE": ""},
    "boolean": {"DEFAULT_VALUE": 0, "DISPLAY": "CHECKBOX", "LABEL": ["", ""], "LABEL_CHECKBOX": ""},
    "date": {"DEFAULT_VALUE": {"TYPE": "NONE", "VALUE": ""}},
    "money": {"DEFAULT_VALUE": ""},
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


def _describe_user_field(spec: c.UserField, old: bool) -> dict[str, Any]:
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
    row["settings"] = USER_FIELD_SETTINGS[spec.kind]
    return row


def item_fields(columns: EntityColumns) -> dict[str, dict[str, Any]]:
    """``result.fields`` of crm.item.fields, without what only answers have (flattened phones, say)."""
    user_fields = {spec.camel: spec for spec in c.USER_FIELDS if spec.entity == columns.entity}
    rows: dict[str, dict[str, Any]] = {}
    for column in columns.item:
        if column.name in user_fields:
            rows[column.name] = {
                **_describe_user_field(user_fields[column.name], old=False),
                "upperName": column.upper,
            }
        elif columns.entity == c.INVOICE and column.name.startswith("utm"):
            continue  # invoices show the marks of their advertising, but do not describe them
        elif (
            column.name not in ("entityTypeId", "searchContent", "fm")
            and column.group == "field"
            and not (column.kind == "const" and column.name.endswith("Short"))
        ):
            rows[column.name] = {
                **_describe(columns.entity, column, column.upper, old=False),
                "upperName": column.upper,
            }
    if columns.entity != c.CONTACT:
        contacts = Column("contacts", "ids", _nothing, _nothing)
        rows["contacts"] = {
            **_describe(columns.entity, contacts, "CONTACTS", old=False),
            "upperName": "CONTACTS",
        }
    return rows


def legacy_fields(columns: EntityColumns) -> dict[str, dict[str, Any]]:
    """``result`` of crm.<entity>.fields."""
    entity = columns.entity
    user_fields = {spec.name: spec for spec in c.USER_FIELDS if spec.entity == entity}
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
