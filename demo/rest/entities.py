"""The CRM entities in both dialects: which fields they have, in which order, written how.

The order and the set of fields follow the official examples (tests/fixtures/bitrix24_examples) and, for what
they do not show, the documentation of crm.item fields; fields that it calls disabled are always null.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from demo.company import catalogue as c
from demo.company.records import Card
from demo.company.user_fields import UserField, fields_of
from demo.rest.columns import Column, Encoder, Get
from demo.rest.parameters import php_array

NAMES = {
    c.LEAD: "lead",
    c.DEAL: "deal",
    c.CONTACT: "contact",
    c.COMPANY: "company",
    c.QUOTE: "quote",
    c.INVOICE: "smart_invoice",
    **{process.entity: f"dynamic_{process.entity}" for process in c.SMART_PROCESSES},
}
ADDRESS = (
    "ADDRESS",
    "ADDRESS_2",
    "ADDRESS_CITY",
    "ADDRESS_POSTAL_CODE",
    "ADDRESS_REGION",
    "ADDRESS_PROVINCE",
    "ADDRESS_COUNTRY",
    "ADDRESS_COUNTRY_CODE",
    "ADDRESS_LOC_ADDR_ID",
)
#: Kinds of user fields as kinds of columns; the rest are texts (money is «100|RUB»).
USER_FIELD_COLUMNS = {
    "enumeration": "int",
    "employee": "int",
    "integer": "int",
    "boolean": "flag",
    "date": "day",
    "datetime": "moment",
    "double": "number",
}
UTM = ("Source", "Medium", "Campaign", "Content", "Term")


def attribute(name: str) -> Get:
    return lambda record: getattr(record, name)


def nothing(_record: Any) -> None:
    return None


def has(kind: str) -> Get:
    return lambda record: any(channel.type == kind for channel in record.channels)


def utm(index: int) -> Get:
    return lambda record: record.utm[index]


def custom(name: str) -> Get:
    return lambda record: record.custom.get(name)


def channel_value(kind: str, purpose: str | None = None) -> Get:
    return lambda record: next(
        (ch.value for ch in record.channels if ch.type == kind and purpose in (None, ch.kind)), ""
    )


class EntityColumns:
    """Columns of one entity type: ``item`` for crm.item.*, ``legacy`` for crm.<name>.*."""

    def __init__(self, entity: int, encoder: Encoder) -> None:
        self.entity, self.encoder = entity, encoder
        self._made: list[Column] = []

    # --- the typed dialect

    @cached_property
    def item(self) -> list[Column]:
        self._made = []
        build = {
            c.LEAD: self._item_lead,
            c.DEAL: self._item_deal,
            c.CONTACT: self._item_contact,
            c.COMPANY: self._item_company,
            c.QUOTE: self._item_quote,
            c.INVOICE: self._item_invoice,
        }
        build.get(self.entity, self._item_process)()
        self._const("entityTypeId", self.entity)
        return self._made

    @cached_property
    def item_index(self) -> dict[str, Column]:
        """By camelCase and by UPPER_SNAKE name: the controllers understand both in filters and orders."""
        index = {column.upper.lower(): column for column in self.item}
        index.update({column.name.lower(): column for column in self.item})
        return index

    def _add(
        self,
        name: str,
        kind: str,
        get: Get,
        write: Callable[[Any], Any],
        group: str = "field",
        upper: str = "",
    ) -> None:
        self._made.append(Column(name, kind, get, write, group, upper or snake(name)))

    def _int(self, name: str, source: str | Get, empty: int | None = 0) -> None:
        get = attribute(source) if isinstance(source, str) else source
        self._add(name, "int", get, self.encoder.number if empty == 0 else self.encoder.number_or_null)

    def _text(self, name: str, source: str | Get) -> None:
        self._add(name, "text", attribute(source) if isinstance(source, str) else source, self.encoder.same)

    def _moment(self, name: str, source: str) -> None:
        self._add(name, "moment", attribute(source), self.encoder.moment)

    def _day(self, name: str, source: str) -> None:
        self._add(name, "day", attribute(source), self.encoder.day)

    def _flag(self, name: str, source: str | Get) -> None:
        self._add(name, "flag", attribute(source) if isinstance(source, str) else source, self.encoder.flag)

    def _money(self, name: str, source: str) -> None:
        self._add(name, "money", attribute(source), self.encoder.money)

    def _const(self, name: str, value: Any, kind: str = "const") -> None:
        self._add(name, kind, lambda _record: value, self.encoder.same)

    def _nulls(self, *names: str) -> None:
        for name in names:
            self._add(name, "const", nothing, self.encoder.same)

    def _ids(self, name: str, source: str | Get) -> None:
        get = attribute(source) if isinstance(source, str) else source
        self._add(name, "ids", get, lambda value: list(value))

    def _item_head(self) -> None:
        self._int("id", "id")
        self._moment("createdTime", "created")
        self._nulls("dateCreateShort")
        self._moment("updatedTime", "updated")
        self._nulls("dateModifyShort")
        self._int("createdBy", "created_by")
        self._int("updatedBy", "updated_by")
        self._int("assignedById", "assigned")
        self._flag("opened", "opened")

    def _item_activity(self) -> None:
        self._int("lastActivityBy", "activity_by")
        self._moment("lastActivityTime", "activity_time")

    def _item_user_fields(self) -> None:
        for spec in fields_of(self.entity):
            self._add(
                spec.camel,
                *self._user_kind(spec),
                self._write_user_field(spec, typed=True),
                "user",
                spec.name,
            )

    def _user_kind(self, spec: UserField) -> tuple[str, Get]:
        if spec.multiple:
            return ("ids" if spec.kind == "enumeration" else "texts"), custom(spec.name)
        return USER_FIELD_COLUMNS.get(spec.kind, "text"), custom(spec.name)

    def _write_user_field(self, spec: UserField, typed: bool) -> Callable[[Any], Any]:
        encoder = self.encoder
        if spec.multiple:
            # A multiple field without values is an empty array in one dialect and ``false`` in the other.
            return (lambda v: list(v or [])) if typed else (lambda v: list(v) if v else False)
        if spec.kind == "boolean":
            return encoder.flag if typed else (lambda v: bool(v))
        if spec.kind in ("enumeration", "employee", "integer"):
            return encoder.number_or_null if typed else encoder.text_number_or_null
        if spec.kind == "double":
            return encoder.same if typed else encoder.text_number
        if spec.kind == "date":
            return encoder.day if typed else encoder.day_or_blank
        if spec.kind == "datetime":
            return encoder.moment if typed else encoder.moment_or_blank
        return encoder.same

    def _item_channels(self) -> None:
        for name, kind, purpose in (
            ("phoneMobile", "PHONE", "MOBILE"),
            ("phoneWork", "PHONE", "WORK"),
            ("phoneMailing", "PHONE", "MAILING"),
            ("emailHome", "EMAIL", "HOME"),
            ("emailWork", "EMAIL", "WORK"),
            ("emailMailing", "EMAIL", "MAILING"),
        ):
            self._add(name, "text", channel_value(kind, purpose), self.encoder.same, "multi")
        self._add("skype", "const", nothing, self.encoder.same, "multi")
        self._add("icq", "const", nothing, self.encoder.same, "multi")
        self._add("imol", "text", lambda _record: "", self.encoder.same, "multi")
        self._add("email", "text", channel_value("EMAIL"), self.encoder.same, "multi")
        self._add("phone", "text", channel_value("PHONE"), self.encoder.same, "multi")
        self._add(
            "fm",
            "const",
            attribute("channels"),
            lambda channels: [
                {"id": ch.id, "valueType": ch.kind, "value": ch.value, "typeId": ch.type} for ch in channels
            ],
            "multi",
        )

    def _item_tail(self) -> None:
        for index, part in enumerate(UTM):
            self._text(f"utm{part}", utm(index))
        self._ids("observers", "observers")
        self._ids("contactIds", "contact_ids")

    def _item_lead(self) -> None:
        self._item_head()
        self._int("companyId", "company_id")
        self._int("contactId", "contact_id")
        self._text("stageId", "stage")
        self._nulls("isConvert")
        self._text("statusDescription", "status_description")
        self._text("stageSemanticId", "semantic")
        self._nulls("productId")
        self._money("opportunity", "amount")
        self._text("currencyId", "currency")
        self._text("sourceId", "source")
        self._text("sourceDescription", "source_description")
        self._text("title", "title")
        self._text("name", "name")
        self._text("lastName", "last_name")
        self._text("secondName", "second_name")
        self._nulls("shortName")
        self._text("companyTitle", "company_title")
        self._text("post", "post")
        self._nulls("address")
        self._text("comments", "comments")
        self._int("webformId", lambda record: 5 if record.source == "WEBFORM" else 0)
        self._nulls("originatorId", "originId")
        self._moment("dateClosed", "closed")
        self._day("birthdate", "birth_day")
        self._text("honorific", "honorific")
        self._flag("hasPhone", has("PHONE"))
        self._flag("hasEmail", has("EMAIL"))
        self._flag("hasImol", has("IM"))
        self._nulls("login")
        self._flag("isReturnCustomer", "returning")
        self._text("searchContent", search_content)
        self._flag("isManualOpportunity", "manual_amount")
        self._int("movedBy", "moved_by")
        self._moment("movedTime", "moved")
        self._item_activity()
        self._item_channels()
        self._item_user_fields()
        self._item_tail()

    def _item_deal(self) -> None:
        self._item_head()
        self._int("leadId", "lead_id", None)
        self._int("companyId", "company_id")
        self._int("contactId", "contact_id")
        self._nulls("quoteId")
        self._text("title", "title")
        self._nulls("productId")
        self._int("categoryId", "category")
        self._text("stageId", "stage")
        self._text("stageSemanticId", "semantic")
        self._flag("isNew", "is_new")
        self._flag("isRecurring", "recurring")
        self._flag("isReturnCustomer", "returning")
        self._flag("isRepeatedApproach", "repeated_approach")
        self._flag("closed", lambda record: record.semantic != "P")
        self._text("typeId", "type_id")
        self._money("opportunity", "amount")
        self._flag("isManualOpportunity", "manual_amount")
        self._const("taxValue", 0, "money")
        self._text("currencyId", "currency")
        self._int("probability", "probability")
        self._text("comments", "comments")
        self._day("begindate", "begin_day")
        self._nulls("begindateShort")
        self._day("closedate", "close_day")
        self._nulls(
            "closedateShort",
            "eventDate",
            "eventDateShort",
            "eventId",
            "eventDescription",
            "locationId",
        )
        self._int("webformId", lambda record: 5 if record.source == "WEBFORM" else 0, None)
        self._text("sourceId", "source")
        self._text("sourceDescription", "source_description")
        self._nulls("originatorId", "originId")
        self._text("additionalInfo", "additional_info")
        self._text("searchContent", search_content)
        self._nulls("orderStage")
        self._int("movedBy", "moved_by")
        self._moment("movedTime", "moved")
        self._item_activity()
        self._nulls("isWork", "isWon", "isLose", "receivedAmount", "lostAmount", "hasProducts")
        self._item_user_fields()
        self._item_tail()

    def _item_common(self) -> None:
        """The common fields, in the order in which contacts and companies have them."""
        self._int("id", "id")
        self._moment("createdTime", "created")
        self._moment("updatedTime", "updated")
        self._int("createdBy", "created_by")
        self._int("updatedBy", "updated_by")
        self._int("assignedById", "assigned")
        self._flag("opened", "opened")

    def _item_communication(self) -> None:
        self._moment("lastCommunicationTime", "last_communication")
        for name, channel in (("Call", "call"), ("Email", None), ("Imol", None), ("Webform", None)):
            if channel:
                self._moment(f"lastCommunication{name}Time", "last_communication")
            else:
                self._nulls(f"lastCommunication{name}Time")

    def _item_contact(self) -> None:
        self._item_common()
        self._text("name", "name")
        self._text("lastName", "last_name")
        self._text("secondName", "second_name")
        self._nulls("shortName", "photo")
        self._text("post", "post")
        self._nulls("address")
        self._text("comments", "comments")
        self._int("leadId", "lead_id", None)
        self._const("export", "Y", "text")
        self._text("typeId", "type_id")
        self._const("webformId", 0, "int")
        self._nulls("originatorId", "originId", "originVersion")
        self._day("birthdate", "birth_day")
        self._text("honorific", "honorific")
        self._flag("hasPhone", has("PHONE"))
        self._flag("hasEmail", has("EMAIL"))
        self._flag("hasImol", has("IM"))
        self._nulls("login")
        self._text("searchContent", search_content)
        self._const("categoryId", 0, "int")
        self._int("companyId", "company_id")
        self._ids(
            "companyIds",
            lambda record: [record.company_id, *record.other_companies] if record.company_id else [],
        )
        self._text("sourceId", "source")
        self._text("sourceDescription", "source_description")
        self._item_activity()
        self._item_communication()
        self._item_channels()
        self._item_user_fields()
        for index, part in enumerate(UTM):
            self._text(f"utm{part}", utm(index))
        self._ids("observers", lambda _record: ())

    def _item_company(self) -> None:
        self._item_common()
        self._text("title", "title")
        self._nulls("logo", "address", "addressLegal", "bankingDetails")
        self._text("comments", "comments")
        self._text("typeId", "type_id")
        self._text("industry", "industry")
        self._money("revenue", "revenue")
        self._const("currencyId", "RUB", "text")
        self._text("employees", "employees")
        self._int("leadId", "lead_id", None)
        self._const("webformId", 0, "int")
        self._nulls("originatorId", "originId", "originVersion")
        self._flag("hasPhone", has("PHONE"))
        self._flag("hasEmail", has("EMAIL"))
        self._flag("hasImol", has("IM"))
        self._flag("isMyCompany", "is_mine")
        self._text("searchContent", search_content)
        self._const("categoryId", 0, "int")
        self._item_activity()
        self._item_communication()
        self._item_channels()
        self._nulls("ufLogo", "ufStamp", "ufDirectorSign", "ufAccountantSign")
        self._item_user_fields()
        self._item_tail()

    def _item_quote(self) -> None:
        self._item_head()
        self._text("title", "title")
        # There is neither stageSemanticId nor a time of the last move.
        self._text("stageId", "stage")
        self._flag("closed", lambda record: record.semantic != "P")
        self._text("quoteNumber", "number")
        self._int("leadId", "lead_id", None)
        self._int("dealId", "deal_id", None)
        self._int("companyId", "company_id")
        self._int("contactId", "contact_id")
        self._int("mycompanyId", "my_company_id")
        self._const("personTypeId", 1, "int")
        self._money("opportunity", "amount")
        self._flag("isManualOpportunity", "manual_amount")
        self._const("taxValue", 0, "money")
        self._text("currencyId", "currency")
        self._text("comments", "comments")
        self._const("commentsType", 1, "int")
        self._day("begindate", "begin_day")
        self._nulls("begindateShort")
        self._day("closedate", "close_day")
        self._nulls("closedateShort")
        self._day("actualDate", "actual_day")
        self._nulls("content")
        self._const("contentType", 1, "int")
        self._nulls("terms")
        self._const("termsType", 1, "int")
        self._const("storageTypeId", 3, "int")
        self._ids("storageElementIds", lambda _record: ())
        self._nulls("locationId")
        self._const("webformId", 0, "int")
        self._nulls(
            "clientTitle",
            "clientAddr",
            "clientContact",
            "clientEmail",
            "clientPhone",
            "clientTpId",
            "clientTpaId",
        )
        self._text("searchContent", search_content)
        self._nulls("hasProducts")
        self._item_activity()
        self._item_communication()
        self._item_user_fields()
        for index, part in enumerate(UTM):
            self._text(f"utm{part}", utm(index))
        self._ids("contactIds", "contact_ids")

    def _item_staged(self) -> None:
        """What invoices and smart processes begin with. There is no stageSemanticId: the dictionary has it."""
        self._int("id", "id")
        self._nulls("xmlId")
        self._text("title", "title")
        self._int("createdBy", "created_by")
        self._int("updatedBy", "updated_by")
        self._int("movedBy", "moved_by")
        self._moment("createdTime", "created")
        self._moment("updatedTime", "updated")
        self._moment("movedTime", "moved")
        self._int("categoryId", "category")
        self._flag("opened", "opened")
        self._text("stageId", "stage")
        self._text("previousStageId", "previous_stage")
        self._day("begindate", "begin_day")
        self._day("closedate", "close_day")
        self._int("companyId", "company_id")
        self._int("contactId", "contact_id")

    def _item_money(self) -> None:
        self._money("opportunity", "amount")
        self._flag("isManualOpportunity", "manual_amount")
        self._const("taxValue", 0, "money")
        self._text("currencyId", "currency")
        self._int("mycompanyId", "my_company_id")
        self._text("sourceId", "source")
        self._text("sourceDescription", "source_description")
        self._const("webformId", 0, "int")
        self._int("assignedById", "assigned")

    def _item_parent(self, entity: int, source: str) -> None:
        self._add(
            f"parentId{entity}",
            "int",
            attribute(source),
            self.encoder.number_or_null,
            upper=f"PARENT_ID_{entity}",
        )

    def _item_invoice(self) -> None:
        self._item_staged()
        self._item_money()
        self._text("comments", "comments")
        self._text("accountNumber", "number")
        self._nulls("locationId")
        self._item_activity()
        self._item_parent(c.DEAL, "deal_id")
        self._item_parent(c.QUOTE, "quote_id")
        self._item_user_fields()
        for index, part in enumerate(UTM):
            self._text(f"utm{part}", utm(index))
        self._ids("observers", lambda _record: ())
        self._ids("contactIds", "contact_ids")

    def _item_process(self) -> None:
        """A smart process answers with the fields of switched-off features too; its description leaves them out."""
        self._item_staged()
        self._item_money()
        self._item_activity()
        self._item_parent(c.DEAL, "deal_id")
        self._item_user_fields()
        self._item_tail()

    # --- the stringly dialect

    @cached_property
    def legacy(self) -> list[Column]:
        self._made = []
        build = {
            c.LEAD: self._legacy_lead,
            c.DEAL: self._legacy_deal,
            c.CONTACT: self._legacy_contact,
            c.COMPANY: self._legacy_company,
        }
        build[self.entity]()
        return self._made

    @cached_property
    def legacy_index(self) -> dict[str, Column]:
        return {column.name.lower(): column for column in self.legacy}

    def _s_int(self, name: str, source: str | Get, empty: str | None = "0") -> None:
        get = attribute(source) if isinstance(source, str) else source
        write = self.encoder.text_number if empty == "0" else self.encoder.text_number_or_null
        self._add(name, "int", get, write, upper=name)

    def _s_moment(self, name: str, source: str, blank: bool = False) -> None:
        write = self.encoder.moment_or_blank if blank else self.encoder.moment
        self._add(name, "moment", attribute(source), write, upper=name)

    def _s_day(self, name: str, source: str) -> None:
        self._add(name, "day", attribute(source), self.encoder.day_or_blank, upper=name)

    def _s_money(self, name: str, source: str) -> None:
        self._add(name, "money", attribute(source), self.encoder.text_money, upper=name)

    def _legacy_people(self) -> None:
        self._s_int("ASSIGNED_BY_ID", "assigned")
        self._s_int("CREATED_BY_ID", "created_by")
        self._s_int("MODIFY_BY_ID", "updated_by")

    def _legacy_utm(self) -> None:
        for index, part in enumerate(UTM):
            self._text(f"UTM_{part.upper()}", utm(index))

    def _legacy_activity(self) -> None:
        self._s_int("LAST_ACTIVITY_BY", "activity_by")
        self._s_moment("LAST_ACTIVITY_TIME", "activity_time")

    def _legacy_user_fields(self) -> None:
        for spec in fields_of(self.entity):
            self._add(
                spec.name,
                *self._user_kind(spec),
                self._write_user_field(spec, typed=False),
                "user",
                spec.name,
            )

    def _legacy_channels(self) -> None:
        for kind in ("PHONE", "EMAIL", "WEB", "IM", "LINK"):
            self._add(kind, "text", channel_value(kind), self._channel_writer(kind), "multi", kind)

    @staticmethod
    def _channel_writer(kind: str) -> Callable[[Any], Any]:
        """Multifields are written from the whole record, see ``render``."""

        def write(record: Card) -> list[dict[str, str]]:
            return [
                {"ID": str(ch.id), "VALUE_TYPE": ch.kind, "VALUE": ch.value, "TYPE_ID": kind}
                for ch in record.channels
                if ch.type == kind
            ]

        return write

    def _legacy_lead(self) -> None:
        self._s_int("ID", "id")
        self._text("TITLE", "title")
        self._text("HONORIFIC", "honorific")
        self._text("NAME", "name")
        self._text("SECOND_NAME", "second_name")
        self._text("LAST_NAME", "last_name")
        self._text("COMPANY_TITLE", "company_title")
        self._s_int("COMPANY_ID", "company_id", None)
        self._s_int("CONTACT_ID", "contact_id", None)
        self._flag("IS_RETURN_CUSTOMER", "returning")
        self._s_day("BIRTHDATE", "birth_day")
        self._text("SOURCE_ID", "source")
        self._text("SOURCE_DESCRIPTION", "source_description")
        self._text("STATUS_ID", "stage")
        self._text("STATUS_DESCRIPTION", "status_description")
        self._text("POST", "post")
        self._text("COMMENTS", "comments")
        self._text("CURRENCY_ID", "currency")
        self._s_money("OPPORTUNITY", "amount")
        self._flag("IS_MANUAL_OPPORTUNITY", "manual_amount")
        self._flag("HAS_PHONE", has("PHONE"))
        self._flag("HAS_EMAIL", has("EMAIL"))
        self._flag("HAS_IMOL", has("IM"))
        self._legacy_people()
        self._s_moment("DATE_CREATE", "created")
        self._s_moment("DATE_MODIFY", "updated")
        self._s_moment("DATE_CLOSED", "closed", blank=True)
        self._text("STATUS_SEMANTIC_ID", "semantic")
        self._flag("OPENED", "opened")
        self._nulls("ORIGINATOR_ID", "ORIGIN_ID")
        self._s_int("MOVED_BY_ID", "moved_by")
        self._s_moment("MOVED_TIME", "moved")
        self._text("ADDRESS", lambda record: f"г. {record.city}" if record.city else None)
        self._nulls("ADDRESS_2")
        self._text("ADDRESS_CITY", "city")
        self._nulls("ADDRESS_POSTAL_CODE", "ADDRESS_REGION", "ADDRESS_PROVINCE")
        self._text("ADDRESS_COUNTRY", lambda record: "Россия" if record.city else None)
        self._nulls("ADDRESS_COUNTRY_CODE")
        self._s_int("ADDRESS_LOC_ADDR_ID", lambda record: record.id if record.city else 0, None)
        self._legacy_utm()
        self._legacy_activity()
        self._legacy_user_fields()
        self._legacy_channels()

    def _legacy_deal(self) -> None:
        self._s_int("ID", "id")
        self._text("TITLE", "title")
        self._text("TYPE_ID", "type_id")
        self._text("STAGE_ID", "stage")
        self._s_int("PROBABILITY", "probability")
        self._text("CURRENCY_ID", "currency")
        self._s_money("OPPORTUNITY", "amount")
        self._flag("IS_MANUAL_OPPORTUNITY", "manual_amount")
        self._const("TAX_VALUE", "0.00", "text")
        self._s_int("LEAD_ID", "lead_id", None)
        self._s_int("COMPANY_ID", "company_id")
        self._s_int("CONTACT_ID", "contact_id")
        self._nulls("QUOTE_ID")
        self._s_day("BEGINDATE", "begin_day")
        self._s_day("CLOSEDATE", "close_day")
        self._legacy_people()
        self._s_moment("DATE_CREATE", "created")
        self._s_moment("DATE_MODIFY", "updated")
        self._flag("OPENED", "opened")
        self._flag("CLOSED", lambda record: record.semantic != "P")
        self._text("COMMENTS", "comments")
        self._text("ADDITIONAL_INFO", "additional_info")
        self._nulls("LOCATION_ID")
        self._s_int("CATEGORY_ID", "category")
        self._text("STAGE_SEMANTIC_ID", "semantic")
        self._flag("IS_NEW", "is_new")
        self._flag("IS_RECURRING", "recurring")
        self._flag("IS_RETURN_CUSTOMER", "returning")
        self._flag("IS_REPEATED_APPROACH", "repeated_approach")
        self._text("SOURCE_ID", "source")
        self._text("SOURCE_DESCRIPTION", "source_description")
        self._nulls("ORIGINATOR_ID", "ORIGIN_ID")
        self._s_int("MOVED_BY_ID", "moved_by")
        self._s_moment("MOVED_TIME", "moved")
        self._s_moment("LAST_ACTIVITY_TIME", "activity_time")
        self._legacy_utm()
        self._s_int("LAST_ACTIVITY_BY", "activity_by")
        self._legacy_user_fields()

    def _legacy_contact(self) -> None:
        self._s_int("ID", "id")
        self._text("POST", "post")
        self._text("COMMENTS", "comments")
        self._text("HONORIFIC", "honorific")
        self._text("NAME", "name")
        self._text("SECOND_NAME", "second_name")
        self._text("LAST_NAME", "last_name")
        self._nulls("PHOTO")
        self._s_int("LEAD_ID", "lead_id", None)
        self._text("TYPE_ID", "type_id")
        self._text("SOURCE_ID", "source")
        self._text("SOURCE_DESCRIPTION", "source_description")
        self._s_int("COMPANY_ID", "company_id", None)
        self._s_day("BIRTHDATE", "birth_day")
        self._const("EXPORT", "Y", "text")
        self._flag("HAS_PHONE", has("PHONE"))
        self._flag("HAS_EMAIL", has("EMAIL"))
        self._flag("HAS_IMOL", has("IM"))
        self._s_moment("DATE_CREATE", "created")
        self._s_moment("DATE_MODIFY", "updated")
        self._legacy_people()
        self._flag("OPENED", "opened")
        self._nulls("ORIGINATOR_ID", "ORIGIN_ID", "ORIGIN_VERSION", "FACE_ID")
        self._s_moment("LAST_ACTIVITY_TIME", "activity_time")
        self._nulls(*(name for name in ADDRESS if name != "ADDRESS_COUNTRY_CODE"))
        self._legacy_utm()
        self._s_int("LAST_ACTIVITY_BY", "activity_by")
        self._legacy_user_fields()
        self._legacy_channels()

    def _legacy_company(self) -> None:
        self._s_int("ID", "id")
        self._text("COMPANY_TYPE", "type_id")
        self._text("TITLE", "title")
        self._nulls("LOGO")
        self._s_int("LEAD_ID", "lead_id", None)
        self._flag("HAS_PHONE", has("PHONE"))
        self._flag("HAS_EMAIL", has("EMAIL"))
        self._flag("HAS_IMOL", has("IM"))
        self._legacy_people()
        self._const("BANKING_DETAILS", "", "text")
        self._text("INDUSTRY", "industry")
        self._s_int("REVENUE", lambda record: record.revenue // 100)
        self._const("CURRENCY_ID", "RUB", "text")
        self._text("EMPLOYEES", "employees")
        self._text("COMMENTS", lambda record: record.comments or "")
        self._s_moment("DATE_CREATE", "created")
        self._s_moment("DATE_MODIFY", "updated")
        self._flag("OPENED", "opened")
        self._flag("IS_MY_COMPANY", "is_mine")
        self._nulls(
            "ORIGINATOR_ID",
            "ORIGIN_ID",
            "ORIGIN_VERSION",
            *ADDRESS,
            "ADDRESS_LEGAL",
            *("REG_" + name for name in ADDRESS),
        )
        self._legacy_utm()
        self._legacy_activity()
        self._s_moment("LAST_COMMUNICATION_TIME", "last_communication")
        self._legacy_user_fields()
        self._legacy_channels()


def search_content(record: Card) -> str:
    """The search index of a card, as the API leaks it."""
    return " ".join(filter(None, (str(record.id), record.title, *(ch.value for ch in record.channels))))


def snake(name: str) -> str:
    """UPPER_SNAKE of a camelCase name; names that are upper already stay."""
    if name.isupper():
        return name
    return "".join("_" + ch if ch.isupper() else ch.upper() for ch in name)


def render(record: Any, columns: list[Column]) -> dict[str, Any]:
    """A row of an answer. Multifields of the old dialect are there only when the card has any."""
    row: dict[str, Any] = {}
    for column in columns:
        if column.group == "multi" and column.name.isupper():
            value = column.write(record)
            if value:
                row[column.name] = value
        else:
            row[column.name] = column.write(column.get(record))
    return row


__all__ = ["NAMES", "EntityColumns", "php_array", "render"]
