"""Cards: crm.item.*, the older crm.<entity>.*, their stage history and product rows."""

from __future__ import annotations

from typing import Any

from demo.company import catalogue as c
from demo.company.records import HistoryRow, ProductRow
from demo.company.sales import row_price
from demo.company.user_fields import UserField, fields_of
from demo.rest import errors
from demo.rest.columns import Column
from demo.rest.entities import NAMES, render
from demo.rest.fields import USER_FIELD_SETTINGS, item_fields, legacy_fields
from demo.rest.filters import PAGE
from demo.rest.parameters import Parameters, php_array, to_int
from demo.rest.service import (
    METHODS,
    Answer,
    Method,
    Registered,
    Service,
    list_work,
    method,
    select_columns,
)

OLD_NAMES = {c.LEAD: "lead", c.DEAL: "deal", c.CONTACT: "contact", c.COMPANY: "company"}


def entity_of(p: Parameters) -> int:
    value = p.get("entityTypeId")
    if value is None:
        raise errors.missing_parameter("entityTypeId")
    entity = to_int(value)
    if entity not in NAMES:
        if entity == 5:
            raise errors.entity_not_supported("INVOICE")
        raise errors.not_found("Смарт-процесс не найден")
    return entity


def order_of(p: Parameters) -> list[tuple[str, str]]:
    return [(name, str(direction)) for name, direction in p.mapping("order").items()]


def start_of(p: Parameters) -> int:
    return to_int(p.get("start"), 0)


# --- crm.item.*


def _bad_filter(name: str) -> errors.RestError:
    return errors.bad_argument(f"Invalid filter: field '{name}' is not allowed in filter")


def _bad_order(name: str) -> errors.RestError:
    return errors.bad_argument(f"Invalid order: field '{name}' is not allowed in order")


def _item_columns(service: Service, entity: int, names: list[str]) -> list[Column]:
    """Without ``select``, or with ``*`` alone, everything; multifields and the type come only then."""
    columns = service.columns[entity].item
    if not names or names == ["*"]:
        return columns
    columns = [column for column in columns if column.group != "multi" and column.name != "entityTypeId"]
    if "*" in names:
        return columns
    wanted = {name.lower() for name in names}
    return [
        column
        for column in columns
        if column.name == "id" or column.name.lower() in wanted or column.upper.lower() in wanted
    ]


@method("crm.item.list", "crm")
def crm_item_list(service: Service, p: Parameters) -> Answer:
    entity = entity_of(p)
    start = start_of(p)
    page = service.lister.page(
        f"card{entity}",
        service.version,
        service.portal.cards[entity],
        service.columns[entity].item_index,
        p.mapping("filter"),
        order_of(p),
        start,
        _bad_filter,
        _bad_order,
        visible=service.visible(),
    )
    columns = _item_columns(service, entity, p.names("select"))
    items: list[Any] = [render(record, columns) for record in page.records]
    if str(p.get("useOriginalUfNames", "N")).upper() == "Y" and p.names("select"):
        items = [[] for _ in items]  # a bug of the portal, bitrix-tools/b24-rest-docs#263
    return Answer(
        {"items": items},
        page.total if start >= 0 else 0,
        page.next,
        list_work(page.scanned, len(items), start >= 0),
    )


@method("crm.item.get", "crm")
def crm_item_get(service: Service, p: Parameters) -> Answer:
    entity = entity_of(p)
    if p.get("id") is None:
        raise errors.missing_parameter("id")
    record = service.portal.cards[entity].get(to_int(p.get("id")))
    visible = service.visible()
    if record is None or (visible and not visible(record)):
        raise errors.not_found()
    return Answer({"item": render(record, service.columns[entity].item)}, work=0.02)


@method("crm.item.fields", "crm")
def crm_item_fields(service: Service, p: Parameters) -> Answer:
    entity = entity_of(p)
    return Answer({"fields": item_fields(service.columns[entity])}, work=0.01)


# --- crm.<entity>.*


def _legacy_list(entity: int) -> Method:
    def run(service: Service, p: Parameters) -> Answer:
        if p.get("filter") is not None and not isinstance(p.get("filter"), (dict, list)):
            raise errors.RestError(400, "", "Parameter 'filter' must be array.")
        start = start_of(p)
        columns = service.columns[entity]
        page = service.lister.page(
            f"card{entity}",
            service.version,
            service.portal.cards[entity],
            columns.legacy_index,
            p.mapping("filter"),
            order_of(p),
            start,
            visible=service.visible(),
        )
        chosen = select_columns(columns.legacy, p.names("select"))
        rows = [render(record, chosen) for record in page.records]
        return Answer(
            rows, page.total if start >= 0 else 0, page.next, list_work(page.scanned, len(rows), start >= 0)
        )

    return run


def _legacy_get(entity: int) -> Method:
    def run(service: Service, p: Parameters) -> Answer:
        record = service.portal.cards[entity].get(to_int(p.get("id")))
        visible = service.visible()
        if record is None or (visible and not visible(record)):
            raise errors.legacy_not_found()
        return Answer(render(record, service.columns[entity].legacy), work=0.02)

    return run


def _legacy_fields(entity: int) -> Method:
    def run(service: Service, p: Parameters) -> Answer:
        return Answer(legacy_fields(service.columns[entity]), work=0.01)

    return run


def _user_fields(entity: int) -> Method:
    def run(service: Service, p: Parameters) -> Answer:
        labels = "LANG" in {key.upper() for key in p.mapping("filter")}
        rows = [_user_field_row(spec, labels) for spec in fields_of(entity)]
        return Answer(rows, len(rows), work=0.01)

    return run


def _user_field_row(spec: UserField, labels: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "ID": str(spec.id),
        "ENTITY_ID": f"CRM_{OLD_NAMES[spec.entity].upper()}",
        "FIELD_NAME": spec.name,
        "USER_TYPE_ID": spec.kind,
        "XML_ID": None,
        "SORT": str(spec.sort),
        "MULTIPLE": "Y" if spec.multiple else "N",
        "MANDATORY": "N",
        "SHOW_FILTER": "E",
        "SHOW_IN_LIST": "Y",
        "EDIT_IN_LIST": "Y",
        "IS_SEARCHABLE": "N",
        "SETTINGS": php_array(USER_FIELD_SETTINGS[spec.kind]),
    }
    if labels:
        row.update(
            {
                "EDIT_FORM_LABEL": spec.label,
                "LIST_COLUMN_LABEL": spec.label,
                "LIST_FILTER_LABEL": spec.label,
                "ERROR_MESSAGE": None,
                "HELP_MESSAGE": None,
            }
        )
    if spec.options:
        row["LIST"] = [
            {
                "ID": str(option),
                "SORT": str(number * 10),
                "VALUE": text,
                "DEF": "N",
                "XML_ID": f"{spec.id:08x}{option:024x}",
            }
            for number, (option, text) in enumerate(spec.options, start=1)
        ]
    return row


for _entity, _name in OLD_NAMES.items():
    METHODS[f"crm.{_name}.list"] = Registered(f"crm.{_name}.list", ("crm",), _legacy_list(_entity))
    METHODS[f"crm.{_name}.get"] = Registered(f"crm.{_name}.get", ("crm",), _legacy_get(_entity))
    METHODS[f"crm.{_name}.fields"] = Registered(f"crm.{_name}.fields", ("crm",), _legacy_fields(_entity))
    METHODS[f"crm.{_name}.userfield.list"] = Registered(
        f"crm.{_name}.userfield.list", ("crm",), _user_fields(_entity)
    )


@method("crm.deal.contact.items.get", "crm")
def crm_deal_contact_items_get(service: Service, p: Parameters) -> Answer:
    deal = service.portal.cards[c.DEAL].get(to_int(p.get("id")))
    if deal is None:
        raise errors.legacy_not_found()
    return Answer(
        [
            {
                "CONTACT_ID": contact,
                "SORT": number * 10,
                "ROLE_ID": 0,
                "IS_PRIMARY": "Y" if number == 1 else "N",
            }
            for number, contact in enumerate(deal.contact_ids, start=1)
        ]
    )


# --- stage history


@method("crm.stagehistory.list", "crm")
def crm_stagehistory_list(service: Service, p: Parameters) -> Answer:
    value = p.get("entityTypeId")
    if value is None:
        raise errors.missing_parameter("entityTypeId")
    entity = to_int(value)
    if entity not in service.portal.history:
        known = {3: "CONTACT", 4: "COMPANY", 7: "QUOTE", 8: "REQUISITE", 14: "ORDER", 15: "SHIPMENT_DOCUMENT"}
        raise errors.RestError(400, 0, f"{known.get(entity, entity)} entity is not supported")
    start = start_of(p)
    columns = history_columns(service, entity)
    visible = None
    if service.settings.old_history and entity == c.DEAL:
        deals = service.portal.cards[c.DEAL]

        def visible(row: HistoryRow) -> bool:
            return deals[row.owner_id].category == row.category

    page = service.lister.page(
        f"history{entity}",
        service.version,
        service.portal.history[entity],
        {col.name.lower(): col for col in columns},
        p.mapping("filter"),
        order_of(p),
        start,
        _bad_filter,
        visible=visible,
    )
    names = {name.upper() for name in p.names("select")}
    chosen = (
        columns
        if not names or "*" in names
        else [col for col in columns if col.name in names or col.name == "ID"]
    )
    items = [render(record, chosen) for record in page.records]
    return Answer(
        {"items": items},
        page.total if start >= 0 else 0,
        page.next,
        list_work(page.scanned, len(items), start >= 0),
    )


def history_columns(service: Service, entity: int) -> list[Column]:
    encoder = service.encoder
    head = [
        Column("ID", "int", lambda r: r.id, encoder.number),
        Column("TYPE_ID", "int", lambda r: r.type_id, encoder.number),
        Column("OWNER_ID", "int", lambda r: r.owner_id, encoder.number),
        Column("CREATED_TIME", "moment", lambda r: r.created, encoder.moment),
    ]
    if entity == c.LEAD:
        return [
            *head,
            Column("STATUS_SEMANTIC_ID", "text", lambda r: r.semantic, encoder.same),
            Column("STATUS_ID", "text", lambda r: r.stage, encoder.same),
        ]
    return [
        *head,
        Column("CATEGORY_ID", "int", lambda r: r.category, encoder.number),
        Column("STAGE_SEMANTIC_ID", "text", lambda r: r.semantic, encoder.same),
        Column("STAGE_ID", "text", lambda r: r.stage, encoder.same),
    ]


# --- product rows


@method("crm.item.productrow.list", "crm")
def crm_item_productrow_list(service: Service, p: Parameters) -> Answer:
    conditions = {key.lower(): value for key, value in p.mapping("filter").items()}
    owner_type = conditions.get("=ownertype", conditions.get("ownertype"))
    owners = conditions.get("=ownerid", conditions.get("ownerid"))
    if owner_type is None or owners is None:
        raise errors.bad_argument("Invalid filter: fields '=ownerType' and '=ownerId' are required")
    values = owners.values() if isinstance(owners, dict) else owners if isinstance(owners, list) else [owners]
    rows: list[ProductRow] = []
    if owner_type == c.OWNER_CODES[c.DEAL]:
        for owner in {to_int(v): None for v in values if not isinstance(v, (dict, list))}:
            rows.extend(service.portal.product_rows.get(owner, ()))
    rows.sort(key=lambda row: row.id)
    for name, direction in reversed(order_of(p)):
        get = {
            "id": lambda r: r.id,
            "ownerid": lambda r: r.owner_id,
            "sort": lambda r: r.sort,
            "price": row_price,
        }.get(name.lower())
        if get is None:
            raise _bad_order(name)
        rows.sort(key=get, reverse=direction.upper() == "DESC")
    start = start_of(p)
    offset = max(0, start) // PAGE * PAGE
    last = [value for key, value in conditions.items() if key == ">id"]
    if last and not isinstance(last[0], (dict, list)):
        rows = [row for row in rows if row.id > to_int(last[0])]
    page = rows[offset : offset + PAGE]
    more = start >= 0 and offset + PAGE < len(rows)
    return Answer(
        {"productRows": [_product_row(service, row) for row in page]},
        len(rows) if start >= 0 else 0,
        offset + PAGE if more else None,
        list_work(len(rows), len(page), start >= 0),
    )


def _number(kopecks: int) -> int | float:
    return kopecks // 100 if kopecks % 100 == 0 else kopecks / 100


#: Goods: kept in a store and taxed; the rest are services and licences without VAT.
STORED = (105, 107, 111, 113, 201, 203)
VAT = 20


def _tax_rate(row: ProductRow) -> int | None:
    return VAT if row.product_id in STORED else None


def _untaxed(row: ProductRow, price: int) -> int:
    return round(price * 100 / (100 + (_tax_rate(row) or 0)))


def _product_row(service: Service, row: ProductRow) -> dict[str, Any]:
    price = row_price(row)
    deal = service.portal.cards[c.DEAL].get(row.owner_id)
    rate = service.chronicle.world.rate(deal.currency, service.today()) if deal else 1.0
    return {
        "id": row.id,
        "ownerId": row.owner_id,
        "ownerType": "D",
        "productId": row.product_id,
        "productName": row.name,
        "price": _number(price),
        "priceAccount": _number(round(price * rate)),
        "priceExclusive": _number(_untaxed(row, price)),
        "priceNetto": _number(row.price),
        "priceBrutto": _number(row.price),
        "quantity": row.quantity,
        "discountTypeId": 2,
        "discountRate": row.discount_rate,
        "discountSum": _number(row.price - price),
        "taxRate": _tax_rate(row),
        "taxIncluded": "Y",
        "customized": "Y",
        "measureCode": row.measure[0],
        "measureName": row.measure[1],
        "sort": row.sort,
        "xmlId": "",
        "type": 1,
        "storeId": 1 if row.product_id in STORED else None,
    }


@method("crm.deal.productrows.get", "crm")
def crm_deal_productrows_get(service: Service, p: Parameters) -> Answer:
    deal = service.portal.cards[c.DEAL].get(to_int(p.get("id")))
    if deal is None:
        raise errors.legacy_not_found()
    rate = service.chronicle.world.rate(deal.currency, service.today())
    rows = []
    for row in service.portal.product_rows.get(deal.id, ()):
        price = row_price(row)
        rows.append(
            {
                "ID": str(row.id),
                "OWNER_ID": str(row.owner_id),
                "OWNER_TYPE": "D",
                "PRODUCT_ID": row.product_id,
                "PRODUCT_NAME": row.name,
                "ORIGINAL_PRODUCT_NAME": row.name,
                "PRODUCT_DESCRIPTION": None,
                "PRICE": _number(price),
                "PRICE_EXCLUSIVE": _number(_untaxed(row, price)),
                "PRICE_NETTO": _number(row.price),
                "PRICE_BRUTTO": _number(row.price),
                "PRICE_ACCOUNT": f"{price * rate / 100:.2f}",
                "QUANTITY": row.quantity,
                "DISCOUNT_TYPE_ID": 2,
                "DISCOUNT_RATE": row.discount_rate,
                "DISCOUNT_SUM": _number(row.price - price),
                "TAX_RATE": _tax_rate(row),
                "TAX_INCLUDED": "Y",
                "CUSTOMIZED": "Y",
                "MEASURE_CODE": row.measure[0],
                "MEASURE_NAME": row.measure[1],
                "SORT": row.sort,
                "XML_ID": "",
                "TYPE": 1,
                "STORE_ID": 1 if row.product_id in STORED else None,
                "RESERVE_ID": None,
                "DATE_RESERVE_END": None,
                "RESERVE_QUANTITY": None,
            }
        )
    return Answer(rows)
