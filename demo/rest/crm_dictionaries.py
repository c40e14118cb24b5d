"""Pipelines, stages and other dictionaries, currencies, types and settings of the CRM."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from demo.company import catalogue as c
from demo.company.calendar import DAY
from demo.rest import errors
from demo.rest.columns import Column, Encoder, Get
from demo.rest.filters import sort_rows
from demo.rest.parameters import Parameters, to_int
from demo.rest.service import Answer, Service, method
from demo.rest.typed_lists import listed

NUMERIC = frozenset({"ID", "SORT"})
SEMANTICS = {"P": (None, "process"), "S": ("S", "success"), "F": ("F", "failure")}


@lru_cache(maxsize=1)
def statuses() -> tuple[dict[str, Any], ...]:
    """Every row of crm.status.list, ids odd and ascending."""
    rows: list[dict[str, Any]] = []

    def add(
        entity: str,
        code: str,
        name: str,
        sort: int,
        system: bool,
        category: int | None = None,
        color: str = "",
        semantic: str | None = None,
        extra: bool = False,
    ) -> None:
        row: dict[str, Any] = {
            "ID": str(101 + 2 * len(rows)),
            "ENTITY_ID": entity,
            "STATUS_ID": code,
            "NAME": name,
            "NAME_INIT": name if system else "",
            "SORT": str(sort),
            "SYSTEM": "Y" if system else "N",
            "CATEGORY_ID": None if category is None else str(category),
            "COLOR": color,
            "SEMANTICS": SEMANTICS[semantic][0] if semantic else None,
        }
        if extra and semantic:
            word = SEMANTICS[semantic][1]
            row["EXTRA"] = {
                "SEMANTICS": "apology" if semantic == "F" and not system else word,
                "COLOR": color,
            }
        rows.append(row)

    def add_stages(
        entity: str, prefix: str, stages: tuple[c.Stage, ...], category: int | None, extra: bool
    ) -> None:
        for number, stage in enumerate(stages, start=1):
            palette = c.COLORS[stage.semantic]
            add(
                entity,
                prefix + stage.code,
                stage.name,
                number * 10,
                stage.system,
                category,
                palette[(number - 1) % len(palette)],
                stage.semantic,
                extra,
            )

    add_stages("STATUS", "", c.LEAD_STAGES, None, True)
    for number, source in enumerate(c.SOURCES, start=1):
        add("SOURCE", source.id, source.name, number * 10, source.system)
    for entity, entries in c.DICTIONARIES.items():
        for number, (code, name, system) in enumerate(entries, start=1):
            add(entity, code, name, number * 10, system)
    for pipeline in c.PIPELINES:
        add_stages(stage_entity(pipeline.id), pipeline.prefix(), pipeline.stages, pipeline.id or None, True)
    add_stages(
        f"SMART_INVOICE_STAGE_{c.INVOICE_CATEGORY}",
        f"DT31_{c.INVOICE_CATEGORY}:",
        c.INVOICE_STAGES,
        c.INVOICE_CATEGORY,
        False,
    )
    add_stages("QUOTE_STATUS", "", c.QUOTE_STAGES, None, True)
    for process in c.SMART_PROCESSES:
        for category in process.categories:
            prefix = process.stage(category.id, "")
            add_stages(process.dictionary(category.id), prefix, category.stages, category.id, False)
    return tuple(rows)


def stage_entity(pipeline: int) -> str:
    return f"DEAL_STAGE_{pipeline}" if pipeline else "DEAL_STAGE"


@method("crm.status.list", "crm")
def crm_status_list(service: Service, p: Parameters) -> Answer:
    """No paging: everything that passes the filter. Only equality is understood in filters, as of old."""
    conditions = {key.lstrip("=@").upper(): value for key, value in p.mapping("filter").items()}
    rows = list(statuses())
    for name, value in conditions.items():
        if name not in statuses()[0]:
            continue
        values = list(value.values()) if isinstance(value, dict) else value
        wanted = {None if v is None else str(v) for v in (values if isinstance(values, list) else [values])}
        rows = [row for row in rows if row.get(name) in wanted]
    sort_rows(rows, p.mapping("order"), NUMERIC)
    return Answer(rows, len(rows), work=0.01)


@method("crm.status.entity.types", "crm")
def crm_status_entity_types(service: Service, p: Parameters) -> Answer:
    def info(prefix: str, won: str, lost: str) -> dict[str, Any]:
        return {
            "START_FIELD": prefix + "NEW",
            "FINAL_SUCCESS_FIELD": prefix + won,
            "FINAL_UNSUCCESS_FIELD": prefix + lost,
            "FINAL_SORT": 0,
        }

    rows: list[dict[str, Any]] = [
        {
            "ID": "STATUS",
            "NAME": "Стадии лида",
            "SEMANTIC_INFO": info("", "CONVERTED", "JUNK"),
            "ENTITY_TYPE_ID": 1,
        },
        {"ID": "SOURCE", "NAME": "Источники"},
        {"ID": "CONTACT_TYPE", "NAME": "Тип контакта"},
        {"ID": "COMPANY_TYPE", "NAME": "Тип компании"},
        {"ID": "EMPLOYEES", "NAME": "Кол-во сотрудников"},
        {"ID": "INDUSTRY", "NAME": "Сфера деятельности"},
        {"ID": "DEAL_TYPE", "NAME": "Тип сделки"},
        {
            "ID": f"SMART_INVOICE_STAGE_{c.INVOICE_CATEGORY}",
            "NAME": "Стадии счёта",
            "SEMANTIC_INFO": [],
            "PREFIX": f"DT31_{c.INVOICE_CATEGORY}",
            "FIELD_ATTRIBUTE_SCOPE": f"category_{c.INVOICE_CATEGORY}",
            "ENTITY_TYPE_ID": 31,
            "IS_ENABLED": True,
            "CATEGORY_ID": c.INVOICE_CATEGORY,
        },
    ]
    for pipeline in c.PIPELINES:
        row: dict[str, Any] = {"ID": stage_entity(pipeline.id), "NAME": f"Стадии сделки {pipeline.name}"}
        if pipeline.id:
            row["PARENT_ID"] = "DEAL_STAGE"
        row["SEMANTIC_INFO"] = info(pipeline.prefix(), "WON", "LOSE")
        if pipeline.id:
            row["PREFIX"] = f"C{pipeline.id}"
        row["FIELD_ATTRIBUTE_SCOPE"] = f"category_{pipeline.id}" if pipeline.id else ""
        row["ENTITY_TYPE_ID"] = 2
        row["CATEGORY_ID"] = str(pipeline.id) if pipeline.id else 0
        rows.append(row)
    rows.append(
        {
            "ID": "QUOTE_STATUS",
            "NAME": "Стадии предложения",
            "SEMANTIC_INFO": info("", "APPROVED", "DECLAINED") | {"START_FIELD": "DRAFT"},
            "ENTITY_TYPE_ID": 7,
        }
    )
    rows += [{"ID": "HONORIFIC", "NAME": "Обращения"}, {"ID": "CALL_LIST", "NAME": "Статусы обзвона"}]
    rows += [
        {
            "ID": process.dictionary(category.id),
            "NAME": f"{process.title} ({category.name})",
            "SEMANTIC_INFO": [],
            "PREFIX": f"DT{process.entity}_{category.id}",
            "FIELD_ATTRIBUTE_SCOPE": f"category_{category.id}",
            "ENTITY_TYPE_ID": process.entity,
            "IS_ENABLED": True,
            "CATEGORY_ID": category.id,
            "CATEGORY_NAME": category.name,
            "CATEGORY_SORT": 500,
            "IS_DEFAULT_CATEGORY": category.is_default,
        }
        for process in c.SMART_PROCESSES
        for category in process.categories
    ]
    return Answer(rows, work=0.01)


WITHOUT_CATEGORIES = {c.LEAD: "LEAD", 5: "INVOICE", c.QUOTE: "QUOTE"}


@method("crm.category.list", "crm")
def crm_category_list(service: Service, p: Parameters) -> Answer:
    entity = to_int(p.get("entityTypeId"))
    if p.get("entityTypeId") is None:
        raise errors.missing_parameter("entityTypeId")
    if entity == c.DEAL:
        rows = [
            {
                "id": x.id,
                "name": x.name,
                "sort": x.sort,
                "entityTypeId": 2,
                "isDefault": "Y" if x.id == 0 else "N",
                **({"originId": "", "originatorId": ""} if x.id else {}),
            }
            for x in sorted(c.PIPELINES, key=lambda x: (x.sort, x.id))
        ]
    elif entity == c.INVOICE:
        rows = [
            {"id": c.INVOICE_CATEGORY, "name": "Общая", "sort": 500, "entityTypeId": 31, "isDefault": "Y"}
        ]
    elif entity in c.PROCESS_BY_ENTITY:
        rows = [
            {
                "id": x.id,
                "name": x.name,
                "sort": 500,
                "entityTypeId": entity,
                "isDefault": "Y" if x.is_default else "N",
                **({} if x.is_default else {"originId": "", "originatorId": ""}),
            }
            for x in c.PROCESS_BY_ENTITY[entity].categories
        ]
    elif entity in WITHOUT_CATEGORIES:
        raise errors.entity_not_supported(WITHOUT_CATEGORIES[entity])
    elif entity in (c.CONTACT, c.COMPANY):
        rows = [{"id": 0, "name": "Общая", "sort": 500, "entityTypeId": entity, "isDefault": "Y"}]
    else:
        raise errors.not_found("Смарт-процесс не найден")
    return Answer({"categories": rows}, len(rows), work=0.05)


@method("crm.currency.list", "crm")
def crm_currency_list(service: Service, p: Parameters) -> Answer:
    """Present rates only; the total is 0, as the portal has it."""
    today = service.today()
    updated = min(int(service.now()), service.chronicle.world.calendar.midnight(today) + 4 * 3600)
    rows = []
    for currency in c.CURRENCIES:
        rate = service.chronicle.world.rate(currency.code, today)
        count = 10 if currency.code == "CNY" else 1
        rows.append(
            {
                "CURRENCY": currency.code,
                "AMOUNT_CNT": str(count),
                "AMOUNT": f"{rate * count:.4f}",
                "SORT": str(currency.sort),
                "BASE": "Y" if currency.base else "N",
                "FULL_NAME": currency.full_name,
                "LID": "ru",
                "FORMAT_STRING": currency.format_string,
                "DEC_POINT": ".",
                "THOUSANDS_SEP": None if currency.code == "USD" else "&nbsp;",
                "DECIMALS": "2",
                "DATE_UPDATE": service.encoder.moment(updated),
            }
        )
    sort_rows(rows, p.mapping("order"), NUMERIC)
    return Answer(rows, 0, work=0.01)


@method("crm.currency.base.get", "crm")
def crm_currency_base_get(service: Service, p: Parameters) -> Answer:
    return Answer(next(x.code for x in c.CURRENCIES if x.base))


@lru_cache(maxsize=2)
def type_columns(encoder: Encoder, made: int) -> tuple[Column, ...]:
    """Columns of crm.type.list; the types were made before the story, at ``made``."""
    columns: list[Column] = []

    def add(name: str, kind: str, get: Get, write: Callable[[Any], Any] = encoder.same) -> None:
        columns.append(Column(name, kind, get, write, upper=name))

    def constant(name: str, value: Any) -> None:
        add(name, "text" if isinstance(value, str) else "int", lambda _process: value)

    add("id", "int", lambda x: x.id)
    add("title", "text", lambda x: x.title)
    constant("code", "")
    constant("createdBy", c.WEBHOOK_USER)
    add("entityTypeId", "int", lambda x: x.entity)
    constant("customSectionId", None)
    add("isCategoriesEnabled", "flag", lambda x: len(x.categories) > 1, encoder.flag)
    constant("isStagesEnabled", "Y")
    constant("isBeginCloseDatesEnabled", "Y")
    constant("isClientEnabled", "Y")
    constant("isUseInUserfieldEnabled", "Y")
    add("isLinkWithProductsEnabled", "flag", lambda x: x.products, encoder.flag)
    add("isMycompanyEnabled", "flag", lambda x: x.mine, encoder.flag)
    constant("isDocumentsEnabled", "Y")
    add("isSourceEnabled", "flag", lambda x: x.source, encoder.flag)
    constant("isObserversEnabled", "Y")
    constant("isRecyclebinEnabled", "Y")
    constant("isAutomationEnabled", "Y")
    constant("isBizProcEnabled", "N")
    constant("isSetOpenPermissions", "Y")
    constant("isPaymentsEnabled", "N")
    constant("isCountersEnabled", "N")
    add("createdTime", "moment", lambda _x: made, encoder.moment)
    add("updatedTime", "moment", lambda _x: made, encoder.moment)
    constant("updatedBy", c.WEBHOOK_USER)
    return tuple(columns)


@method("crm.type.list", "crm")
def crm_type_list(service: Service, p: Parameters) -> Answer:
    """Smart processes: for administrators of the CRM only."""
    if not service.settings.admin:
        raise errors.access_denied("Доступ запрещен")
    types = {process.id: process for process in c.SMART_PROCESSES}
    return listed(
        service,
        p,
        "type",
        "types",
        types,
        type_columns(service.encoder, service.chronicle.world.start - 40 * DAY),
    )


@method("crm.settings.mode.get", "crm")
def crm_settings_mode_get(service: Service, p: Parameters) -> Answer:
    return Answer(1)


@method("crm.enum.ownertype", "crm")
def crm_enum_ownertype(service: Service, p: Parameters) -> Answer:
    rows = (
        (1, "Лид", "LEAD", "L"),
        (2, "Сделка", "DEAL", "D"),
        (3, "Контакт", "CONTACT", "C"),
        (4, "Компания", "COMPANY", "CO"),
        (5, "Счёт (старая версия)", "INVOICE", "I"),
        (31, "Счёт", "SMART_INVOICE", "SI"),
        (7, "Предложение", "QUOTE", "Q"),
        (8, "Реквизиты", "REQUISITE", "RQ"),
        (36, "Документ", "SMART_DOCUMENT", "DO"),
        *((x.entity, x.title, f"DYNAMIC_{x.entity}", c.OWNER_CODES[x.entity]) for x in c.SMART_PROCESSES),
    )
    return Answer(
        [
            {"ID": i, "NAME": name, "SYMBOL_CODE": code, "SYMBOL_CODE_SHORT": short}
            for i, name, code, short in rows
        ]
    )
