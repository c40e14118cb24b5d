"""The portal's own fields: which there are, and what people happen to have written into them."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from demo.company.catalogue import (
    CLAIM,
    COMPANY,
    CONTACT,
    CONTRACT,
    DEAL,
    INVOICE,
    LEAD,
    PROCESS_BY_ENTITY,
    QUOTE,
)

DAY = 86_400


@dataclass(frozen=True)
class UserField:
    """A field of the portal's own.

    ``kind``: its USER_TYPE_ID. ``options``: (list id, text) of an enumeration. ``share``: how many cards have it
    filled in by ``filled``; 0 where the sellers do it, or nobody. ``texts``: what may stand in it. ``reach``: days
    or units its value lies within.
    """

    id: int
    entity: int
    name: str
    kind: str
    label: str
    sort: int
    multiple: bool = False
    options: tuple[tuple[int, str], ...] = field(default=())
    share: float = 0.0
    texts: tuple[str, ...] = ()
    reach: tuple[int, int] = (0, 0)

    @property
    def camel(self) -> str:
        """``ufCrm_1731000001``, of a smart process ``ufCrm7_1731000051``."""
        process = PROCESS_BY_ENTITY.get(self.entity)
        if process is None:
            return "ufCrm" + self.name.removeprefix("UF_CRM")
        return f"ufCrm{process.id}" + self.name.removeprefix(f"UF_CRM_{process.id}")


LOSS_REASON_FIELD = UserField(
    215,
    DEAL,
    "UF_CRM_1731000001",
    "enumeration",
    "Причина отказа",
    100,
    options=(
        (51, "Дорого"),
        (53, "Выбрали конкурента"),
        (55, "Нет бюджета"),
        (57, "Не устроили сроки"),
        (59, "Перестали отвечать"),
        (61, "Потребность отпала"),
    ),
)

_TENDER = ("https://tenders.example.com/notice/4417", "https://tenders.example.com/notice/9082")
_PAGES = (
    "https://gorizont.example.com/audit",
    "https://gorizont.example.com/",
    "https://gorizont.example.com/tsd",
)
_REGISTER = ("https://register.example.com/company",)

USER_FIELDS = (
    LOSS_REASON_FIELD,
    UserField(217, DEAL, "UF_CRM_1731000002", "boolean", "Нужна доставка", 110),
    UserField(219, DEAL, "UF_CRM_1731000003", "money", "Предоплата", 120),
    UserField(221, DEAL, "UF_CRM_1731000004", "string", "Номер договора", 130),
    UserField(223, DEAL, "UF_CRM_1731000005", "date", "Дата следующей отгрузки", 140),
    UserField(
        235,
        DEAL,
        "UF_CRM_1731000006",
        "enumeration",
        "Способы доставки",
        150,
        True,
        ((81, "Самовывоз"), (83, "Транспортная компания"), (85, "Свой транспорт")),
        share=0.35,
    ),
    UserField(
        237, DEAL, "UF_CRM_1731000007", "datetime", "Когда ждать решения", 160, share=0.15, reach=(1, 40)
    ),
    UserField(239, DEAL, "UF_CRM_1731000008", "url", "Страница тендера", 170, share=0.06, texts=_TENDER),
    UserField(241, DEAL, "UF_CRM_1731000009", "employee", "Технический специалист", 180, share=0.2),
    UserField(243, DEAL, "UF_CRM_1731000010", "double", "Доля скидки, %", 190, share=0.25, reach=(1, 25)),
    UserField(225, LEAD, "UF_CRM_1731000011", "string", "Потребность", 100),
    UserField(227, LEAD, "UF_CRM_1731000012", "boolean", "Согласие на рассылку", 110),
    UserField(
        245,
        LEAD,
        "UF_CRM_1731000013",
        "enumeration",
        "Размер бизнеса",
        120,
        options=((91, "Малый"), (93, "Средний"), (95, "Крупный")),
        share=0.5,
    ),
    UserField(
        247, LEAD, "UF_CRM_1731000014", "datetime", "Когда удобно позвонить", 130, share=0.2, reach=(0, 3)
    ),
    UserField(249, LEAD, "UF_CRM_1731000015", "url", "Страница входа", 140, share=0.45, texts=_PAGES),
    UserField(251, LEAD, "UF_CRM_1731000016", "integer", "Рабочих мест", 150, share=0.3, reach=(1, 180)),
    UserField(229, COMPANY, "UF_CRM_1731000021", "string", "ИНН", 100),
    UserField(
        231,
        COMPANY,
        "UF_CRM_1731000022",
        "enumeration",
        "Каналы связи",
        110,
        True,
        ((71, "Телефон"), (73, "Почта"), (75, "Мессенджер")),
    ),
    UserField(253, COMPANY, "UF_CRM_1731000023", "money", "Кредитный лимит", 120, share=0.3, reach=(10, 200)),
    UserField(255, COMPANY, "UF_CRM_1731000024", "date", "Клиент с", 130, share=0.4, reach=(-900, 0)),
    UserField(257, COMPANY, "UF_CRM_1731000025", "employee", "Куратор", 140, share=0.5),
    UserField(259, COMPANY, "UF_CRM_1731000026", "url", "Запись в реестре", 150, share=0.3, texts=_REGISTER),
    UserField(233, CONTACT, "UF_CRM_1731000031", "string", "Комментарий менеджера", 100),
    UserField(
        261,
        CONTACT,
        "UF_CRM_1731000032",
        "enumeration",
        "Роль в решении",
        110,
        options=((101, "Решает"), (103, "Влияет"), (105, "Пользуется")),
        share=0.6,
    ),
    UserField(263, CONTACT, "UF_CRM_1731000033", "boolean", "Поздравлять с праздниками", 120, share=1.0),
    UserField(
        265,
        CONTACT,
        "UF_CRM_1731000034",
        "string",
        "Бренды в работе",
        130,
        True,
        share=0.15,
        texts=("Базис", "Про", "ТСД-4"),
    ),
    UserField(
        267,
        QUOTE,
        "UF_CRM_1731000041",
        "string",
        "Условия поставки",
        100,
        share=0.6,
        texts=("Самовывоз", "До склада"),
    ),
    UserField(269, INVOICE, "UF_CRM_1731000043", "boolean", "Оригинал отправлен", 100, share=1.0),
    UserField(
        271,
        CONTRACT,
        "UF_CRM_7_1731000051",
        "string",
        "Номер договора",
        100,
        share=1.0,
        texts=("Д-17", "Д-24", "Р-3"),
    ),
    UserField(273, CONTRACT, "UF_CRM_7_1731000052", "date", "Дата подписания", 110, share=0.5, reach=(0, 20)),
    UserField(
        275,
        CLAIM,
        "UF_CRM_11_1731000061",
        "enumeration",
        "Вид рекламации",
        100,
        options=((111, "Брак"), (113, "Недостача"), (115, "Срок поставки")),
        share=0.95,
    ),
    UserField(277, CLAIM, "UF_CRM_11_1731000062", "employee", "Эксперт", 110, share=0.5),
)

#: Who may stand in a field of the kind «employee».
_PEOPLE = (21, 22, 41, 42, 51, 52, 61)

_BY_ENTITY: dict[int, tuple[UserField, ...]] = {
    entity: tuple(spec for spec in USER_FIELDS if spec.entity == entity)
    for entity in {spec.entity for spec in USER_FIELDS}
}


def fields_of(entity: int) -> tuple[UserField, ...]:
    return _BY_ENTITY.get(entity, ())


def filled(entity: int, rng: Random, day: int, moment: int) -> dict[str, Any]:
    """Values by name of a new card's fields: those that people fill in on their share of the cards, else None."""
    return {
        spec.name: value_of(spec, rng, day, moment) if rng.random() < spec.share else None
        for spec in fields_of(entity)
        if spec.share
    }


def value_of(spec: UserField, rng: Random, day: int, moment: int) -> Any:
    """Something that might stand in the field: a day as ordinal, a moment in unix seconds, an option's id …"""
    low, high = spec.reach
    if spec.kind == "enumeration":
        ids = [option for option, _ in spec.options]
        return sorted(rng.sample(ids, rng.randrange(1, len(ids)))) if spec.multiple else rng.choice(ids)
    if spec.kind == "boolean":
        return rng.random() < 0.4
    if spec.kind == "money":
        return f"{rng.randrange(low, high) * 1000}|RUB"
    if spec.kind == "date":
        return day + rng.randint(low, high)
    if spec.kind == "datetime":
        return moment + rng.randint(low, high) * DAY + rng.randrange(DAY // 4)
    if spec.kind == "employee":
        return rng.choice(_PEOPLE)
    if spec.kind == "integer":
        return rng.randint(low, high)
    if spec.kind == "double":
        return rng.randint(low * 10, high * 10) / 10
    if spec.multiple:
        return rng.sample(spec.texts, rng.randrange(1, len(spec.texts)))
    return rng.choice(spec.texts)
