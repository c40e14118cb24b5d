"""Which tables there can be in bulk, which fields their rows have, and where a field's value comes from.

A field is the row's *own* (id, moments, amount, whom it belongs to: computed row by row) or one of its *variant*: the
rest of a row is drawn once for each of ``VARIANTS`` variants, of which a row takes one by its id and last change.
Values are plain ones, as in ``demo.company.records``: kopecks, unix seconds, ordinals of days.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from demo.company import catalogue as c
from demo.rest.entities import snake

VARIANTS = 512
#: The number of the first user field made for wide rows.
FIRST_USER_FIELD = 1801000001

Variant = dict[str, Any]


@dataclass(frozen=True)
class Field:
    """``old``: its name in the older dialect; ``own``: which of ``rows.OWN`` computes it, empty for a variant's."""

    name: str
    kind: str
    own: str = ""
    old: str = ""
    label: str = ""


@dataclass(frozen=True)
class Shape:
    """One kind of table.

    ``entity``: entity type id, 0 where there is none; ``old_method``: the list of the older dialect, in which the
    fields take their ``old`` names; ``fields``: in order of importance, ``id``, ``created`` and ``updated`` first.
    ``final``: rows are never modified. ``blind``: they are, without a moment to see it by.
    """

    table: str
    entity: int
    method: str
    old_method: str
    fields: tuple[Field, ...]
    draw: Callable[[Random], Variant]
    final: bool = False
    blind: bool = False

    @property
    def typed(self) -> bool:
        """Whether ``method`` answers with numbers (crm.item.list, stage history) or with texts."""
        return self.method in ("crm.item.list", "crm.stagehistory.list")


OLD_NAMES = {
    "createdTime": "DATE_CREATE",
    "updatedTime": "DATE_MODIFY",
    "createdBy": "CREATED_BY_ID",
    "updatedBy": "MODIFY_BY_ID",
    "movedBy": "MOVED_BY_ID",
}
OLD_LEAD_NAMES = {"stageId": "STATUS_ID", "stageSemanticId": "STATUS_SEMANTIC_ID"}


def _fields(*specs: str, **old_names: str) -> tuple[Field, ...]:
    """Fields of specs like ``createdTime:moment:created``: name, kind, and what computes it if it is the row's own."""
    fields = []
    for spec in specs:
        name, kind, *own = spec.split(":")
        old = old_names.get(name) or OLD_NAMES.get(name) or snake(name)
        fields.append(Field(name, kind, own[0] if own else "", old))
    return tuple(fields)


# --- what the variants are drawn from

_PEOPLE = tuple(u.id for u in c.USERS if u.departments)
_DEAL_STAGES = tuple((p.id, p.prefix() + s.code, s.semantic) for p in c.PIPELINES for s in p.stages)
_DAY = 739_000


def _people(rng: Random) -> Variant:
    return {
        "assignedById": rng.choice(_PEOPLE),
        "createdBy": rng.choice(_PEOPLE),
        "updatedBy": rng.choice(_PEOPLE),
        "movedBy": rng.choice(_PEOPLE),
        "lastActivityBy": rng.choice(_PEOPLE),
        "opened": rng.random() < 0.9,
    }


def _origin(rng: Random) -> Variant:
    source = rng.choice(c.SOURCES)
    return {
        "sourceId": "" if rng.random() < c.EMPTY_SOURCE_SHARE else source.id,
        "sourceDescription": rng.choice((None, None, "Со слов клиента")),
        "comments": rng.choice((None, None, "Просил перезвонить после обеда")),
    }


def _deal(rng: Random) -> Variant:
    category, stage, semantic = rng.choice(_DEAL_STAGES)
    begin = _DAY + rng.randrange(700)
    return {
        **_people(rng),
        **_origin(rng),
        "categoryId": category,
        "stageId": stage,
        "stageSemanticId": semantic,
        "closed": semantic != "P",
        "currencyId": rng.choices(("RUB", "USD", "EUR", "CNY"), (94, 2, 2, 2))[0],
        "begindate": begin,
        "closedate": begin + rng.randrange(90),
        "isRecurring": False,
        "isReturnCustomer": rng.random() < 0.3,
        "isRepeatedApproach": rng.random() < 0.1,
        "isNew": rng.random() < 0.1,
        "isManualOpportunity": rng.random() < 0.5,
        "typeId": rng.choice(("SALE", "SERVICES")),
        "probability": rng.choice((None, 25, 50, 75)),
        "taxValue": 0,
    }


def _lead(rng: Random) -> Variant:
    stage = rng.choice(c.LEAD_STAGES)
    return {
        **_people(rng),
        **_origin(rng),
        "stageId": stage.code,
        "stageSemanticId": stage.semantic,
        "currencyId": "RUB",
        "name": rng.choice(c.MALE_NAMES),
        "lastName": rng.choice(c.SURNAMES),
        "post": rng.choice((None, *c.POSTS)),
        "isManualOpportunity": True,
        "isReturnCustomer": rng.random() < 0.2,
    }


def _contact(rng: Random) -> Variant:
    lead = _lead(rng)
    return {**lead, "typeId": "CLIENT", "export": True}


def _company(rng: Random) -> Variant:
    return {
        **_people(rng),
        "typeId": "CUSTOMER",
        "industry": rng.choice(("MANUFACTURING", "IT", "OTHER")),
        "employees": "EMPLOYEES_1",
        "currencyId": "RUB",
        "isMyCompany": False,
    }


def _invoice(rng: Random) -> Variant:
    stage = rng.choice(c.INVOICE_STAGES)
    begin = _DAY + rng.randrange(700)
    return {
        **_people(rng),
        "categoryId": c.INVOICE_CATEGORY,
        "stageId": f"DT{c.INVOICE}_{c.INVOICE_CATEGORY}:{stage.code}",
        "currencyId": "RUB",
        "begindate": begin,
        "closedate": begin + 10,
        "isManualOpportunity": True,
    }


def _activity(rng: Random) -> Variant:
    type_id, provider, kind, subject = rng.choice(
        (
            (2, "VOXIMPLANT_CALL", "CALL", "Исходящий звонок"),
            (1, "CRM_MEETING", "MEETING", "Встреча"),
            (4, "CRM_EMAIL", "EMAIL", "Коммерческое предложение"),
            (6, "CRM_TODO", "TODO", "Перезвонить"),
        )
    )
    done = rng.random() < 0.8
    return {
        "TYPE_ID": type_id,
        "PROVIDER_ID": provider,
        "PROVIDER_TYPE_ID": kind,
        "PROVIDER_GROUP_ID": None,
        "ASSOCIATED_ENTITY_ID": 0,
        "OWNER_TYPE_ID": rng.choice((c.LEAD, c.DEAL)),
        "SUBJECT": subject,
        "COMPLETED": done,
        "STATUS": 2 if done else 1,
        "RESPONSIBLE_ID": rng.choice(_PEOPLE),
        "PRIORITY": 2,
        "NOTIFY_TYPE": 1,
        "NOTIFY_VALUE": 15,
        "DESCRIPTION": rng.choice(("", "", "Обсудили условия поставки")),
        "DESCRIPTION_TYPE": 1,
        "DIRECTION": rng.choice((1, 2)),
        "LOCATION": "",
        "SETTINGS": (),
        "AUTHOR_ID": rng.choice(_PEOPLE),
        "EDITOR_ID": rng.choice(_PEOPLE),
        "PROVIDER_PARAMS": (),
        "PROVIDER_DATA": None,
        "RESULT_MARK": 0,
        "RESULT_VALUE": None,
        "RESULT_STATUS": 0,
        "RESULT_STREAM": 0,
        "AUTOCOMPLETE_RULE": 0,
    }


def _call(rng: Random) -> Variant:
    duration = rng.choice((0, 0, 14, 65, 182, 640))
    return {
        "PORTAL_USER_ID": rng.choice(_PEOPLE),
        "PORTAL_NUMBER": "reg100200",
        "CALL_CATEGORY": "external",
        "CALL_DURATION": duration,
        "CALL_RECORD_URL": "",
        "CALL_VOTE": rng.choice((None, None, 4, 5)) if duration else None,
        "COST": f"{duration * 0.021:.4f}",
        "COST_CURRENCY": "RUR",
        "CALL_FAILED_CODE": "200" if duration else rng.choice(("304", "486", "603")),
        "CALL_FAILED_REASON": "Success call" if duration else "Missed call",
        "CRM_ENTITY_TYPE": rng.choice(("LEAD", "CONTACT")),
        "REST_APP_ID": None,
        "REST_APP_NAME": None,
        "TRANSCRIPT_ID": None,
        "TRANSCRIPT_PENDING": "N",
        "REDIAL_ATTEMPT": None,
        "COMMENT": None,
        "RECORD_DURATION": duration or None,
        "CALL_TYPE": rng.choice((1, 2, 2, 2, 3)),
    }


def _deal_step(rng: Random) -> Variant:
    category, stage, semantic = rng.choice(_DEAL_STAGES)
    return {
        "TYPE_ID": 3 if semantic != "P" else rng.choice((1, 2, 2, 2)),
        "CATEGORY_ID": category,
        "STAGE_SEMANTIC_ID": semantic,
        "STAGE_ID": stage,
    }


def _lead_step(rng: Random) -> Variant:
    stage = rng.choice(c.LEAD_STAGES)
    return {
        "TYPE_ID": 3 if stage.semantic != "P" else rng.choice((1, 2)),
        "STATUS_SEMANTIC_ID": stage.semantic,
        "STATUS_ID": stage.code,
    }


_MOMENTS = ("id:int:id", "createdTime:moment:created", "updatedTime:moment:updated")
_OWNERS = ("companyId:int:company", "contactId:int:contact")

SHAPES = {
    shape.table: shape
    for shape in (
        Shape(
            "leads",
            c.LEAD,
            "crm.item.list",
            "crm.lead.list",
            _fields(
                *_MOMENTS,
                *("title:text:title", "stageId:text", "stageSemanticId:text", "sourceId:text"),
                *("opportunity:money:amount", "currencyId:text", "assignedById:int", *_OWNERS),
                *("name:text", "lastName:text", "post:text", "phone:text:phone", "createdBy:int"),
                *("updatedBy:int", "movedBy:int", "movedTime:moment:updated", "opened:flag"),
                *(
                    "isManualOpportunity:flag",
                    "isReturnCustomer:flag",
                    "sourceDescription:text",
                    "comments:text",
                ),
                **OLD_LEAD_NAMES,
            ),
            _lead,
        ),
        Shape(
            "deals",
            c.DEAL,
            "crm.item.list",
            "crm.deal.list",
            _fields(
                *_MOMENTS,
                *("title:text:title", "categoryId:int", "stageId:text", "stageSemanticId:text"),
                *("opportunity:money:amount", "currencyId:text", "assignedById:int", *_OWNERS),
                *("leadId:int:lead", "sourceId:text", "createdBy:int", "updatedBy:int", "movedBy:int"),
                *("movedTime:moment:updated", "begindate:day", "closedate:day", "closed:flag", "opened:flag"),
                *("isRecurring:flag", "isManualOpportunity:flag", "isReturnCustomer:flag", "typeId:text"),
                *("probability:int", "isNew:flag", "isRepeatedApproach:flag", "taxValue:money"),
                *("lastActivityBy:int", "lastActivityTime:moment:updated", "sourceDescription:text"),
                "comments:text",
            ),
            _deal,
        ),
        Shape(
            "contacts",
            c.CONTACT,
            "crm.item.list",
            "crm.contact.list",
            _fields(
                *_MOMENTS,
                *("name:text", "lastName:text", "companyId:int:company", "assignedById:int", "typeId:text"),
                *("sourceId:text", "phone:text:phone", "post:text", "opened:flag", "createdBy:int"),
                *("updatedBy:int", "export:flag", "sourceDescription:text", "comments:text"),
            ),
            _contact,
        ),
        Shape(
            "companies",
            c.COMPANY,
            "crm.item.list",
            "crm.company.list",
            _fields(
                *_MOMENTS,
                *("title:text:title", "typeId:text", "industry:text", "assignedById:int", "phone:text:phone"),
                *("isMyCompany:flag", "opened:flag", "createdBy:int", "updatedBy:int", "employees:text"),
                *("revenue:money:amount", "currencyId:text"),
                typeId="COMPANY_TYPE",
            ),
            _company,
        ),
        Shape(
            "smart_invoices",
            c.INVOICE,
            "crm.item.list",
            "",
            _fields(
                *_MOMENTS,
                *("title:text:title", "stageId:text", "categoryId:int", "opportunity:money:amount"),
                *("currencyId:text", "assignedById:int", *_OWNERS, "parentId2:int:deal"),
                *("accountNumber:text:number", "movedTime:moment:updated", "movedBy:int", "createdBy:int"),
                *(
                    "updatedBy:int",
                    "begindate:day",
                    "closedate:day",
                    "opened:flag",
                    "isManualOpportunity:flag",
                ),
            ),
            _invoice,
        ),
        Shape(
            "activities",
            0,
            "crm.activity.list",
            "",
            _fields(
                *("ID:int:id", "CREATED:moment:created", "LAST_UPDATED:moment:updated", "OWNER_ID:int:deal"),
                *("OWNER_TYPE_ID:int", "TYPE_ID:int", "PROVIDER_ID:text", "PROVIDER_TYPE_ID:text"),
                *("PROVIDER_GROUP_ID:text", "ASSOCIATED_ENTITY_ID:int", "SUBJECT:text"),
                *("START_TIME:moment:created", "END_TIME:moment:updated", "DEADLINE:moment:updated"),
                *("COMPLETED:flag", "STATUS:int", "RESPONSIBLE_ID:int", "PRIORITY:int", "NOTIFY_TYPE:int"),
                *("NOTIFY_VALUE:int", "DESCRIPTION:text", "DESCRIPTION_TYPE:int", "DIRECTION:int"),
                *("LOCATION:text", "SETTINGS:list", "AUTHOR_ID:int", "EDITOR_ID:int", "PROVIDER_PARAMS:list"),
                *("PROVIDER_DATA:text", "RESULT_MARK:int", "RESULT_VALUE:text", "RESULT_STATUS:int"),
                *("RESULT_STREAM:int", "AUTOCOMPLETE_RULE:int"),
            ),
            _activity,
        ),
        Shape(
            "calls",
            0,
            "voximplant.statistic.get",
            "",
            _fields(
                *("ID:int:id", "CALL_START_DATE:moment:created", "PORTAL_USER_ID:int", "PORTAL_NUMBER:text"),
                *("PHONE_NUMBER:text:phone", "CALL_ID:text:call", "CALL_CATEGORY:text", "CALL_DURATION:int"),
                *("CALL_RECORD_URL:text", "CALL_VOTE:int", "COST:text", "COST_CURRENCY:text"),
                *("CALL_FAILED_CODE:text", "CALL_FAILED_REASON:text", "CRM_ENTITY_TYPE:text"),
                *("CRM_ENTITY_ID:int:deal", "CRM_ACTIVITY_ID:int:activity", "REST_APP_ID:int"),
                *(
                    "REST_APP_NAME:text",
                    "TRANSCRIPT_ID:int",
                    "TRANSCRIPT_PENDING:text",
                    "SESSION_ID:text:session",
                ),
                *("REDIAL_ATTEMPT:int", "COMMENT:text", "RECORD_DURATION:int", "CALL_TYPE:int"),
            ),
            _call,
            blind=True,
        ),
        Shape(
            "deal_stage_history",
            c.DEAL,
            "crm.stagehistory.list",
            "",
            _fields(
                *("ID:int:id", "CREATED_TIME:moment:created", "TYPE_ID:int", "OWNER_ID:int:step"),
                *("CATEGORY_ID:int", "STAGE_SEMANTIC_ID:text", "STAGE_ID:text"),
            ),
            _deal_step,
            final=True,
        ),
        Shape(
            "lead_stage_history",
            c.LEAD,
            "crm.stagehistory.list",
            "",
            _fields(
                *("ID:int:id", "CREATED_TIME:moment:created", "TYPE_ID:int", "OWNER_ID:int:step"),
                *("STATUS_SEMANTIC_ID:text", "STATUS_ID:text"),
            ),
            _lead_step,
            final=True,
        ),
    )
}


# --- user fields of wide rows


@dataclass(frozen=True)
class UserKind:
    """A kind of user field: the plain kind of its values, and how one is drawn."""

    type: str
    kind: str
    draw: Callable[[Random], Any]


_WORDS = ("Поставка до конца квартала", "Договор подписан", "Оплата по частям", "Нужен выезд инженера", None)
USER_KINDS = (
    UserKind("string", "text", lambda rng: rng.choice(_WORDS)),
    UserKind("enumeration", "int", lambda rng: rng.choice((None, 101, 103, 105, 107))),
    UserKind("date", "day", lambda rng: rng.choice((None, _DAY + rng.randrange(700)))),
    UserKind("money", "text", lambda rng: rng.choice((None, f"{rng.randrange(1000, 900000)}|RUB"))),
    UserKind("boolean", "flag", lambda rng: rng.random() < 0.5),
    UserKind("string", "text", lambda rng: f"№ {rng.randrange(10**6)}-К"),
)


def user_kind(number: int) -> UserKind:
    return USER_KINDS[number % len(USER_KINDS)]


def user_fields(count: int) -> tuple[Field, ...]:
    """As many user fields as wanted, of all kinds in turn."""
    return tuple(
        Field(
            f"ufCrm_{FIRST_USER_FIELD + number}",
            user_kind(number).kind,
            old=f"UF_CRM_{FIRST_USER_FIELD + number}",
            label=f"Поле {number + 1}",
        )
        for number in range(count)
    )


def wide(shape: Shape, count: int | None) -> tuple[Field, ...]:
    """The first ``count`` fields of a shape, filled up with user fields; None for its own fields."""
    if count is None:
        return shape.fields
    own = shape.fields[: max(count, 3)]
    return own + (user_fields(count - len(own)) if shape.method == "crm.item.list" else ())


def draw_variants(shape: Shape, fields: tuple[Field, ...], seed: int) -> list[Variant]:
    """The values of the fields that are not a row's own, ``VARIANTS`` times."""
    users = [field for field in fields if field.label]
    variants = []
    for number in range(VARIANTS):
        rng = Random(f"{seed}:{shape.table}:{number}")
        drawn = shape.draw(rng)
        drawn.update((field.name, user_kind(n).draw(rng)) for n, field in enumerate(users))
        variants.append(drawn)
    return variants
