"""What does not change while the company lives: people, departments, pipelines, dictionaries, products.

Everything here is invented. Telephone numbers use the codes +7 2xx, which the Russian numbering plan leaves
unassigned; mail addresses use the reserved domains example.com and example.org.
"""

from __future__ import annotations

from dataclasses import dataclass

LEAD, DEAL, CONTACT, COMPANY, QUOTE, INVOICE = 1, 2, 3, 4, 7, 31
#: The smart processes, by ``entityTypeId``; the ``id`` of a type is another number, see ``SmartProcess``.
CONTRACT, CLAIM = 177, 1038
#: How the CRM numbers what is no card: activities have an entity type too.
ACTIVITY = 6

#: Short codes of the entity types, as product rows spell their owner.
OWNER_CODES = {
    LEAD: "L",
    DEAL: "D",
    CONTACT: "C",
    COMPANY: "CO",
    QUOTE: "Q",
    INVOICE: "SI",
    CONTRACT: f"T{CONTRACT:x}",
    CLAIM: f"T{CLAIM:x}",
}

COLORS = {
    "P": ("#39A8EF", "#2FC6F6", "#55D0E0", "#47E4C2", "#FFA900", "#7CDBB5"),
    "S": ("#7BD500",),
    "F": ("#FF5752",),
}


@dataclass(frozen=True)
class Stage:
    """One entry of a stage dictionary; ``semantic`` is P, S or F."""

    code: str
    name: str
    semantic: str = "P"
    system: bool = False


@dataclass(frozen=True)
class Department:
    id: int
    name: str
    parent: int | None
    head: int | None


@dataclass(frozen=True)
class User:
    """An account of the portal.

    ``hired`` and ``dismissed`` are days after the start of the company's story (None: before it / never).
    ``skill`` multiplies the chance to win, ``pace`` the share of work that comes to the person.
    ``returned`` is False for accounts that ``user.get`` never lists (integrators, the system user).
    """

    id: int
    last_name: str
    name: str
    position: str
    departments: tuple[int, ...]
    skill: float = 1.0
    pace: float = 1.0
    hired: int | None = None
    dismissed: int | None = None
    returned: bool = True
    gender: str = "M"


@dataclass(frozen=True)
class Pipeline:
    """A deal pipeline; ``new``, ``active``, ``repeat``: its share of leads, cold sales and old clients."""

    id: int
    name: str
    sort: int
    departments: tuple[int, ...]
    stages: tuple[Stage, ...]
    amount: int
    cycle_days: float
    win_rate: float
    new: float = 0.0
    active: float = 0.0
    repeat: float = 0.0
    currencies: tuple[str, ...] = ("RUB",)
    products: tuple[int, ...] = ()

    def prefix(self) -> str:
        return f"C{self.id}:" if self.id else ""

    def process(self) -> list[Stage]:
        return [s for s in self.stages if s.semantic == "P"]

    def success(self) -> Stage:
        return next(s for s in self.stages if s.semantic == "S")

    def failures(self) -> list[Stage]:
        return [s for s in self.stages if s.semantic == "F"]


DEPARTMENTS = (
    Department(1, "ООО «Горизонт»", None, 3),
    Department(3, "Коммерческий департамент", 1, 5),
    Department(5, "Отдел телемаркетинга", 3, 11),
    Department(7, "Отдел новых клиентов", 3, 21),
    Department(9, "Отдел развития клиентов", 3, 41),
    Department(11, "Региональные продажи", 3, 51),
    Department(13, "Филиал «Урал и Сибирь»", 11, 61),
    Department(15, "Отдел маркетинга", 1, 7),
)

TELEMARKETING, NEW_CLIENTS, ACCOUNTS, REGIONS, EAST, MARKETING = 5, 7, 9, 11, 13, 15

#: Account of the webhook's owner.
WEBHOOK_USER = 1

USERS = (
    User(1, "Системный", "Администратор", "Администратор портала", (1,)),
    User(2, "Интеграция", "1С", "", (), returned=False),
    User(3, "Верещагин", "Павел", "Генеральный директор", (1,)),
    User(5, "Лебединский", "Роман", "Коммерческий директор", (3,), 1.2, 0.15),
    User(7, "Ставицкая", "Ольга", "Руководитель отдела маркетинга", (15,), gender="F"),
    User(9, "Ромашина", "Дарья", "Маркетолог", (15,), gender="F"),
    User(11, "Кречетова", "Ирина", "Руководитель отдела телемаркетинга", (5,), 1.25, 0.5, gender="F"),
    User(12, "Мохова", "Алина", "Специалист по телемаркетингу", (5,), 1.15, 1.2, gender="F"),
    User(13, "Дроздов", "Максим", "Специалист по телемаркетингу", (5,), 0.95, 1.1),
    User(14, "Сизова", "Вероника", "Специалист по телемаркетингу", (5,), 1.35, 1.3, gender="F"),
    User(15, "Пахомов", "Егор", "Специалист по телемаркетингу", (5,), 0.7, 0.8, dismissed=430),
    User(16, "Тарханова", "Юлия", "Специалист по телемаркетингу", (5,), 1.0, 1.0, hired=210, gender="F"),
    User(17, "Ёлкин", "Степан", "Специалист по телемаркетингу", (5,), 0.8, 0.9, hired=455),
    User(21, "Гордеев", "Андрей", "Руководитель отдела новых клиентов", (7,), 1.3, 0.6),
    User(22, "Ясенева", "Марина", "Менеджер по продажам", (7,), 1.45, 1.3, gender="F"),
    User(23, "Корнилов", "Дмитрий", "Менеджер по продажам", (7,), 1.1, 1.1),
    User(24, "Белозёрова", "Анна", "Менеджер по продажам", (7, 9), 1.2, 1.0, gender="F"),
    User(25, "Щукин", "Илья", "Менеджер по продажам", (7,), 0.65, 0.9),
    User(26, "Рябинин", "Олег", "Менеджер по продажам", (7,), 0.85, 1.0, dismissed=560),
    User(27, "Званцева", "Полина", "Менеджер по продажам", (7,), 1.0, 1.0, hired=330, gender="F"),
    User(28, "Аверин", "Тимур", "Старший менеджер по продажам", (7,), 1.35, 1.2),
    User(41, "Соболева", "Наталья", "Руководитель отдела развития клиентов", (9,), 1.25, 0.5, gender="F"),
    User(42, "Вишневский", "Кирилл", "Менеджер по работе с клиентами", (9,), 1.15, 1.2),
    User(43, "Жаркова", "Светлана", "Менеджер по работе с клиентами", (9,), 1.0, 1.1, gender="F"),
    User(44, "Медников", "Артём", "Менеджер по работе с клиентами", (9,), 0.75, 0.9),
    User(45, "Осокина", "Елена", "Менеджер по работе с клиентами", (9,), 1.3, 1.1, dismissed=640, gender="F"),
    User(46, "Лунёва", "Ксения", "Менеджер по работе с клиентами", (9,), 0.95, 1.0, hired=520, gender="F"),
    User(51, "Чернышёв", "Виктор", "Руководитель региональных продаж", (11,), 1.2, 0.6),
    User(52, "Полозова", "Татьяна", "Региональный менеджер", (11,), 1.1, 1.1, gender="F"),
    User(53, "Кедров", "Сергей", "Региональный менеджер", (11,), 0.9, 1.0),
    User(54, "Батурин", "Алексей", "Региональный менеджер", (11,), 1.25, 1.2),
    User(55, "Усольцева", "Лариса", "Региональный менеджер", (11,), 0.7, 0.8, dismissed=300, gender="F"),
    User(61, "Самоцветов", "Глеб", "Директор филиала", (13,), 1.15, 0.7),
    User(62, "Уралова", "Яна", "Региональный менеджер", (13,), 1.2, 1.1, gender="F"),
    User(63, "Таёжный", "Фёдор", "Региональный менеджер", (13,), 0.8, 1.0),
    User(64, "Зорина", "Валерия", "Региональный менеджер", (13,), 1.0, 1.0, hired=150, gender="F"),
    User(90, "Внедренцев", "Борис", "Интегратор", (), 0.9, 0.5, returned=False),
    User(91, "Сторонний", "Лев", "Интегратор", (), 0.9, 0.3, returned=False),
)

USER_BY_ID = {user.id: user for user in USERS}


def _process(*names: str) -> tuple[Stage, ...]:
    codes = (
        "NEW",
        "PREPARATION",
        "PREPAYMENT_INVOICE",
        "EXECUTING",
        "FINAL_INVOICE",
        "UC_K7Q2M4",
        "UC_T3W9ZB",
    )
    return tuple(Stage(code, name, "P", code == "NEW") for code, name in zip(codes, names, strict=False))


def _final(won: str, *lost: str) -> tuple[Stage, ...]:
    codes = ("LOSE", "APOLOGY", "UC_PRICE1", "UC_RIVAL2", "UC_QUIET3", "UC_LATER4")
    return (
        Stage("WON", won, "S", True),
        *(Stage(code, name, "F", code == "LOSE") for code, name in zip(codes, lost, strict=False)),
    )


_SALE = _process(
    "Новая сделка",
    "Выявление потребности",
    "Коммерческое предложение",
    "Согласование договора",
    "Ожидание оплаты",
)
_REASONS = (
    "Выбрали конкурента",
    "Дорого",
    "Нет бюджета",
    "Перестали отвечать",
    "Отложили решение",
    "Нет нужного товара",
)
_REGION = _process("Заявка из региона", "Переговоры", "Предложение отправлено", "Договор", "Отгрузка")

AUDIT_PIPELINE, NEW_PIPELINE, REPEAT_PIPELINE = 1, 3, 5

PIPELINES = (
    Pipeline(
        0,
        "Общая",
        500,
        (NEW_CLIENTS, ACCOUNTS),
        _SALE + _final("Сделка успешна", "Сделка провалена", "Анализ причины провала"),
        140_000,
        16,
        0.30,
        0.4,
        0.6,
        0.6,
        products=(101, 103, 105, 117),
    ),
    Pipeline(
        1,
        "Аудит / диагностика",
        10,
        (TELEMARKETING,),
        _process("Новая заявка", "Дозвон", "Аудит назначен", "Аудит проведён")
        + _final(
            "Передан в отдел продаж",
            "Не дозвонились",
            "Отказ от аудита",
            "Нет потребности",
            "Уже есть поставщик",
        ),
        0,
        9,
        0.56,
        5.0,
        2.6,
    ),
    Pipeline(
        3,
        "Новые клиенты",
        20,
        (NEW_CLIENTS,),
        _process(
            "Отработка результата аудита",
            "Презентация решения",
            "Коммерческое предложение",
            "Согласование договора",
            "Договор подписан",
            "Ожидание первой оплаты",
        )
        + _final("Первая оплата получена", *_REASONS),
        320_000,
        24,
        0.36,
        1.6,
        0.9,
        products=(101, 103, 105, 107, 109),
    ),
    Pipeline(
        5,
        "Повторные продажи",
        30,
        (ACCOUNTS,),
        _process("Запрос клиента", "Подбор решения", "Счёт выставлен", "Отгрузка")
        + _final("Продажа состоялась", *_REASONS[:4]),
        210_000,
        11,
        0.58,
        0.0,
        0.0,
        4.2,
        products=(101, 103, 109, 111, 113),
    ),
    Pipeline(
        7,
        "Продление договоров",
        40,
        (ACCOUNTS,),
        _process("Срок подходит", "Переговоры", "Счёт на продление")
        + _final("Договор продлён", "Не продлили", "Ушли к конкуренту"),
        95_000,
        18,
        0.72,
        0.0,
        0.0,
        2.0,
        products=(115,),
    ),
    Pipeline(
        9,
        "Допродажи",
        50,
        (ACCOUNTS,),
        _process("Идея для клиента", "Предложение", "Согласование")
        + _final("Купили ещё", "Не нужно", "Дорого"),
        70_000,
        9,
        0.42,
        0.0,
        0.0,
        1.6,
        products=(111, 113, 117),
    ),
    Pipeline(
        11,
        "Тендеры и госзакупки",
        60,
        (NEW_CLIENTS,),
        _process("Поиск тендера", "Подготовка заявки", "Заявка подана", "Торги", "Контракт")
        + _final("Контракт исполнен", "Проиграли торги", "Заявка отклонена", "Не стали участвовать"),
        900_000,
        42,
        0.24,
        0.1,
        0.35,
        0.1,
        products=(101, 105, 107),
    ),
    Pipeline(
        13,
        "Партнёрские продажи",
        70,
        (NEW_CLIENTS,),
        _SALE[:4] + _final("Отгружено партнёру", *_REASONS[:3]),
        260_000,
        19,
        0.40,
        0.15,
        0.35,
        0.3,
        products=(101, 103, 109),
    ),
    Pipeline(
        15,
        "Крупные клиенты",
        80,
        (NEW_CLIENTS, ACCOUNTS),
        _process("Карта клиента", "Встреча с ЛПР", "Пилот", "Защита бюджета", "Договор", "Внедрение")
        + _final("Проект сдан", *_REASONS),
        1_450_000,
        55,
        0.27,
        0.12,
        0.25,
        0.3,
        products=(101, 105, 107, 119),
    ),
    Pipeline(
        17,
        "Регион: Центр",
        110,
        (REGIONS,),
        _REGION + _final("Отгружено и оплачено", *_REASONS[:5]),
        180_000,
        17,
        0.37,
        0.5,
        0.4,
        0.45,
        products=(101, 103, 109, 111),
    ),
    Pipeline(
        19,
        "Регион: Северо-Запад",
        120,
        (REGIONS,),
        _REGION + _final("Отгружено и оплачено", *_REASONS[:5]),
        190_000,
        18,
        0.35,
        0.4,
        0.3,
        0.35,
        products=(101, 103, 109, 111),
    ),
    Pipeline(
        21,
        "Регион: Юг",
        130,
        (REGIONS,),
        _REGION + _final("Отгружено и оплачено", *_REASONS[:5]),
        150_000,
        15,
        0.39,
        0.4,
        0.35,
        0.35,
        products=(101, 103, 109),
    ),
    Pipeline(
        23,
        "Регион: Поволжье",
        140,
        (REGIONS,),
        _REGION + _final("Отгружено и оплачено", *_REASONS[:5]),
        165_000,
        18,
        0.33,
        0.35,
        0.3,
        0.3,
        products=(101, 103, 111),
    ),
    Pipeline(
        25,
        "Регион: Урал",
        150,
        (EAST,),
        _REGION + _final("Отгружено и оплачено", *_REASONS[:5]),
        200_000,
        19,
        0.36,
        0.4,
        0.4,
        0.4,
        products=(101, 105, 109),
    ),
    Pipeline(
        27,
        "Регион: Сибирь",
        160,
        (EAST,),
        _REGION + _final("Отгружено и оплачено", *_REASONS[:5]),
        185_000,
        21,
        0.34,
        0.35,
        0.35,
        0.3,
        products=(101, 105, 111),
    ),
    Pipeline(
        29,
        "Регион: Дальний Восток",
        170,
        (EAST,),
        _REGION + _final("Отгружено и оплачено", *_REASONS[:5]),
        240_000,
        26,
        0.29,
        0.2,
        0.2,
        0.2,
        ("RUB", "RUB", "RUB", "CNY"),
        (101, 105),
    ),
    Pipeline(
        31,
        "Оборудование",
        210,
        (NEW_CLIENTS,),
        _SALE + _final("Оборудование отгружено", *_REASONS),
        540_000,
        28,
        0.31,
        0.4,
        0.3,
        0.3,
        products=(105, 107),
    ),
    Pipeline(
        33,
        "Сервисное обслуживание",
        220,
        (ACCOUNTS,),
        _process("Обращение", "Диагностика", "Смета", "Работы")
        + _final("Работы приняты", "Отказ клиента", "Дорого"),
        48_000,
        8,
        0.64,
        0.1,
        0.0,
        1.3,
        products=(115, 117),
    ),
    Pipeline(
        35,
        "Обучение персонала",
        230,
        (ACCOUNTS,),
        _process("Заявка", "Программа и смета", "Счёт")
        + _final("Обучение проведено", "Отменили", "Перенесли"),
        62_000,
        13,
        0.55,
        0.15,
        0.1,
        0.5,
        products=(119,),
    ),
    Pipeline(
        37,
        "Проектирование",
        240,
        (NEW_CLIENTS,),
        _process("Техническое задание", "Предпроект", "Смета", "Договор", "Проект в работе")
        + _final("Проект принят", *_REASONS[:4]),
        420_000,
        38,
        0.33,
        0.2,
        0.2,
        0.15,
        products=(119, 121),
    ),
    Pipeline(
        39,
        "Расходные материалы",
        250,
        (ACCOUNTS,),
        _process("Заказ", "Комплектация", "Доставка") + _final("Доставлено", "Отмена заказа"),
        24_000,
        4,
        0.82,
        0.1,
        0.0,
        2.2,
        products=(111, 113),
    ),
    Pipeline(
        41,
        "Экспорт и ВЭД",
        260,
        (REGIONS,),
        _process("Запрос", "Предложение", "Контракт", "Таможня", "Отгрузка")
        + _final("Доставлено и оплачено", "Выбрали другого", "Санкционный риск", "Не сошлись в цене"),
        680_000,
        36,
        0.30,
        0.08,
        0.2,
        0.15,
        ("USD", "EUR", "CNY", "USD"),
        (101, 105, 107),
    ),
    Pipeline(
        43,
        "Маркетплейсы",
        270,
        (REGIONS,),
        _process("Заявка площадки", "Согласование ассортимента", "Поставка")
        + _final("Поставка принята", "Отказ площадки"),
        110_000,
        12,
        0.49,
        0.1,
        0.15,
        0.35,
        products=(109, 111),
    ),
)

PIPELINE_BY_ID = {p.id: p for p in PIPELINES}

LEAD_STAGES = (
    Stage("NEW", "Не обработан", "P", True),
    Stage("IN_PROCESS", "В работе"),
    Stage("UC_CALLBK", "Перезвонить позже"),
    Stage("PROCESSED", "Квалификация"),
    Stage("CONVERTED", "Качественный лид", "S", True),
    Stage("JUNK", "Некачественный лид", "F", True),
    Stage("UC_SPAM01", "Спам", "F"),
    Stage("UC_DOUBLE", "Дубль", "F"),
    Stage("UC_NOCALL", "Недозвон", "F"),
    Stage("UC_NOTFIT", "Нецелевой запрос", "F"),
)

#: The smart-invoice pipeline; unpaid money of a lost invoice never counts.
INVOICE_CATEGORY = 9
INVOICE_STAGES = (
    Stage("N", "Новый", "P", True),
    Stage("S", "Отправлен клиенту"),
    Stage("P", "Оплачен", "S", True),
    Stage("D", "Не оплачен", "F", True),
)


QUOTE_STAGES = (
    Stage("DRAFT", "Черновик", "P", True),
    Stage("SENT", "Отправлено клиенту"),
    Stage("APPROVED", "Принято клиентом", "S", True),
    Stage("DECLAINED", "Отклонено клиентом", "F", True),
    Stage("APOLOGY", "Анализ причины отказа", "F"),
)


@dataclass(frozen=True)
class Category:
    """A pipeline of a smart process."""

    id: int
    name: str
    is_default: bool
    stages: tuple[Stage, ...]


@dataclass(frozen=True)
class SmartProcess:
    """A type of cards of the portal's own: ``id`` names its user fields, ``entity`` everything else.

    ``products``, ``mine``, ``source``: whether its cards have an amount, a company of the portal's own, a source.
    """

    id: int
    entity: int
    title: str
    categories: tuple[Category, ...]
    products: bool = True
    mine: bool = True
    source: bool = True

    def category(self, category_id: int) -> Category:
        return next(x for x in self.categories if x.id == category_id)

    def stage(self, category: int, code: str) -> str:
        return f"DT{self.entity}_{category}:{code}"

    def dictionary(self, category: int) -> str:
        return f"DYNAMIC_{self.entity}_STAGE_{category}"


CONTRACT_CATEGORY, FRAME_CATEGORY, CLAIM_CATEGORY = 12, 14, 16

SMART_PROCESSES = (
    SmartProcess(
        7,
        CONTRACT,
        "Договоры",
        (
            Category(
                CONTRACT_CATEGORY,
                "Разовые договоры",
                True,
                (
                    Stage("NEW", "Подготовка", "P", True),
                    Stage("PREPARATION", "Согласование с юристом"),
                    Stage("CLIENT", "На подписи у клиента"),
                    Stage("SUCCESS", "Подписан", "S", True),
                    Stage("FAIL", "Не подписан", "F", True),
                ),
            ),
            Category(
                FRAME_CATEGORY,
                "Рамочные договоры",
                False,
                (
                    Stage("NEW", "Подготовка", "P", True),
                    Stage("UC_SECUR1", "Проверка безопасности"),
                    Stage("CLIENT", "На подписи у клиента"),
                    Stage("SUCCESS", "Действует", "S", True),
                    Stage("FAIL", "Расторгнут", "F", True),
                ),
            ),
        ),
    ),
    SmartProcess(
        11,
        CLAIM,
        "Рекламации",
        (
            Category(
                CLAIM_CATEGORY,
                "Общая",
                True,
                (
                    Stage("NEW", "Зарегистрирована", "P", True),
                    Stage("PREPARATION", "Экспертиза"),
                    Stage("CLIENT", "Ответ клиенту"),
                    Stage("SUCCESS", "Урегулирована", "S", True),
                    Stage("FAIL", "Отклонена", "F", True),
                    Stage("UC_COURT1", "Передана юристам", "F"),
                ),
            ),
        ),
        products=False,
        mine=False,
        source=False,
    ),
)

PROCESS_BY_ENTITY = {process.entity: process for process in SMART_PROCESSES}

#: Card types whose moves between stages ``crm.stagehistory.list`` tells; quotes have none.
WITH_HISTORY = (LEAD, DEAL, INVOICE, CONTRACT, CLAIM)
CARD_TYPES = (LEAD, DEAL, CONTACT, COMPANY, QUOTE, INVOICE, CONTRACT, CLAIM)


@dataclass(frozen=True)
class Source:
    """A traffic channel: how much it brings, how good its leads are, how it is tagged."""

    id: str
    name: str
    weight: float
    quality: float
    utm: tuple[str, str] | None = None
    system: bool = False
    campaigns: tuple[str, ...] = ()


SOURCES = (
    Source("CALL", "Входящий звонок", 1.7, 1.15, system=True),
    Source("EMAIL", "Электронная почта", 0.5, 0.95, system=True),
    Source("WEB", "Сайт", 2.2, 1.0, ("yandex", "organic"), True),
    Source(
        "ADVERTISING",
        "Яндекс Директ",
        2.6,
        0.8,
        ("yandex", "cpc"),
        True,
        ("poisk_oborudovanie", "rsya_audit", "brand", "poisk_servis"),
    ),
    Source("UC_VKADS1", "VK Реклама", 1.1, 0.55, ("vk", "cpc"), False, ("lead_forms", "retarget")),
    Source("UC_TGRAM1", "Telegram", 0.6, 0.85, ("telegram", "social"), False, ("channel", "bot")),
    Source("RECOMMENDATION", "Рекомендация", 0.7, 1.8, system=True),
    Source("TRADE_SHOW", "Выставка", 0.35, 1.35, system=True),
    Source("PARTNER", "Партнёр", 0.6, 1.45, system=True),
    Source("UC_COLD01", "Холодный обзвон", 0.9, 0.6),
    Source("WEBFORM", "CRM-форма", 0.8, 0.9, ("yandex", "organic"), True),
)

#: The share of cards whose source nobody filled in.
EMPTY_SOURCE_SHARE = 0.06


#: The catalogue of goods and the one of their variations, which is an information block of its own.
GOODS, VARIATIONS = 15, 17


@dataclass(frozen=True)
class Product:
    """Something to sell. ``parent``: the product it is a variation of; ``active``: still in the assortment."""

    id: int
    name: str
    price: int
    measure: tuple[int, str] = (796, "шт")
    parent: int = 0
    active: bool = True


PRODUCTS = (
    Product(101, "Система учёта «Горизонт-Базис»", 86_000),
    Product(103, "Система учёта «Горизонт-Про»", 148_000),
    Product(105, "Терминал сбора данных ТСД-4", 54_500),
    Product(107, "Серверный шкаф 42U с монтажом", 236_000),
    Product(109, "Лицензия на рабочее место", 12_900),
    Product(111, "Этикетка термотрансферная, короб", 7_400, (778, "упак")),
    Product(113, "Риббон, короб", 9_150, (778, "упак")),
    Product(115, "Сопровождение, месяц", 18_000, (362, "мес")),
    Product(117, "Выезд инженера", 9_800, (356, "ч")),
    Product(119, "Обучение группы", 45_000),
    Product(121, "Проектная документация", 190_000),
    Product(123, "Доставка", 3_500),
)

PRODUCT_BY_ID = {p.id: p for p in PRODUCTS}

#: What is sold of a product that comes in several kinds: rows of deals name the variation.
VARIANTS = (
    Product(201, "Терминал сбора данных ТСД-4, камера 2D", 54_500, parent=105),
    Product(203, "Терминал сбора данных ТСД-4, дальний луч", 54_500, parent=105),
    Product(205, "Лицензия на рабочее место, бессрочная", 12_900, parent=109),
    Product(207, "Лицензия на рабочее место, на год", 12_900, parent=109),
)
#: No longer sold, still in the catalogue.
DISCONTINUED = (Product(125, "Терминал сбора данных ТСД-2", 38_000, active=False),)
ASSORTMENT = (*PRODUCTS, *DISCONTINUED, *VARIANTS)

#: Pipelines whose clients often order and pay in the shop, without an invoice.
SHOP_PIPELINES = frozenset({33, 39, 43})


@dataclass(frozen=True)
class PaySystem:
    id: int
    name: str
    is_cash: bool


PAY_SYSTEMS = (
    PaySystem(6, "Наличные", True),
    PaySystem(9, "Банковская карта", False),
    PaySystem(11, "СБП", False),
)

DICTIONARIES: dict[str, tuple[tuple[str, str, bool], ...]] = {
    "DEAL_TYPE": (
        ("SALE", "Продажа", True),
        ("COMPLEX", "Комплексная продажа", False),
        ("GOODS", "Продажа товара", False),
        ("SERVICES", "Услуги", False),
        ("SERVICE", "Сервисное обслуживание", False),
    ),
    "CONTACT_TYPE": (
        ("CLIENT", "Клиенты", True),
        ("SUPPLIER", "Поставщики", False),
        ("PARTNER", "Партнёры", False),
        ("OTHER", "Другое", False),
    ),
    "COMPANY_TYPE": (
        ("CUSTOMER", "Клиент", True),
        ("SUPPLIER", "Поставщик", False),
        ("COMPETITOR", "Конкурент", False),
        ("PARTNER", "Партнёр", False),
        ("OTHER", "Другое", False),
    ),
    "INDUSTRY": (
        ("IT", "Информационные технологии", True),
        ("MANUFACTURING", "Производство", False),
        ("CONSULTING", "Консалтинг", False),
        ("DELIVERY", "Логистика", False),
        ("OTHER", "Другое", False),
    ),
    "EMPLOYEES": (
        ("EMPLOYEES_1", "менее 50", True),
        ("EMPLOYEES_2", "50 – 250", False),
        ("EMPLOYEES_3", "250 – 500", False),
        ("EMPLOYEES_4", "более 500", False),
    ),
    "HONORIFIC": (("HNR_RU_1", "г-н", True), ("HNR_RU_2", "г-жа", False)),
    "CALL_LIST": (("IN_WORK", "В работе", True), ("SUCCESS", "Успех", False)),
}


@dataclass(frozen=True)
class Currency:
    code: str
    full_name: str
    base: bool
    sort: int
    format_string: str
    middle: float
    swing: float


CURRENCIES = (
    Currency("RUB", "Российский рубль", True, 100, "# &#8381;", 1.0, 0.0),
    Currency("USD", "Доллар США", False, 200, "$#", 84.0, 7.0),
    Currency("EUR", "Евро", False, 300, "# &euro;", 95.0, 6.0),
    Currency("CNY", "Китайский юань", False, 400, "# CNY", 11.6, 0.8),
)


MALE_NAMES = (
    "Александр",
    "Алексей",
    "Андрей",
    "Антон",
    "Борис",
    "Вадим",
    "Василий",
    "Виктор",
    "Георгий",
    "Денис",
    "Евгений",
    "Иван",
    "Игорь",
    "Константин",
    "Леонид",
    "Михаил",
    "Николай",
    "Пётр",
    "Роман",
    "Семён",
    "Юрий",
)
FEMALE_NAMES = (
    "Алла",
    "Анастасия",
    "Валентина",
    "Вера",
    "Галина",
    "Екатерина",
    "Зинаида",
    "Ирина",
    "Лидия",
    "Любовь",
    "Людмила",
    "Маргарита",
    "Надежда",
    "Оксана",
    "Раиса",
    "София",
    "Тамара",
    "Ульяна",
    "Эльвира",
    "Юлия",
)
FATHERS = (
    "Александров",
    "Андреев",
    "Борисов",
    "Викторов",
    "Иванов",
    "Михайлов",
    "Николаев",
    "Павлов",
    "Сергеев",
    "Юрьев",
)
SURNAMES = (
    "Абрикосов",
    "Берёзкин",
    "Ветров",
    "Грачёв",
    "Долин",
    "Ершов",
    "Журавлёв",
    "Зимин",
    "Ивушкин",
    "Калинин",
    "Ландышев",
    "Малинин",
    "Незабудкин",
    "Озеров",
    "Пшеничный",
    "Ромашкин",
    "Снегирёв",
    "Тополев",
    "Уткин",
    "Фиалкин",
    "Холмов",
    "Цветаев",
    "Черёмухин",
    "Шишкин",
    "Щеглов",
    "Южаков",
    "Ягодин",
    "Боровиков",
    "Лесной",
    "Речкин",
    "Родников",
    "Светлов",
    "Туманов",
    "Вьюгин",
    "Заречный",
    "Орехов",
)
COMPANY_STEMS = (
    "Агро",
    "Вектор",
    "Гранит",
    "Дельта",
    "Заря",
    "Импульс",
    "Каскад",
    "Лотос",
    "Магистраль",
    "Норд",
    "Орбита",
    "Пилот",
    "Ритм",
    "Сокол",
    "Титан",
    "Уют",
    "Факел",
    "Центр",
    "Эталон",
    "Янтарь",
    "Север",
    "Восход",
    "Альянс",
    "Меридиан",
    "Прогресс",
    "Сатурн",
)
COMPANY_TAILS = (
    "Снаб",
    "Строй",
    "Торг",
    "Логистика",
    "Пром",
    "Сервис",
    "Маркет",
    "Тех",
    "Пак",
    "Мебель",
    "Мед",
    "Энерго",
    "Продукт",
    "Металл",
    "Текстиль",
    "Авто",
    "Хим",
    "Электро",
)
COMPANY_FORMS = ("ООО", "ООО", "ООО", "АО", "ПК", "ИП")
POSTS = (
    "Директор",
    "Заместитель директора",
    "Начальник склада",
    "Закупщик",
    "Главный инженер",
    "Бухгалтер",
    "Офис-менеджер",
    "IT-директор",
    None,
)
CITIES = (
    "Москва",
    "Санкт-Петербург",
    "Казань",
    "Екатеринбург",
    "Новосибирск",
    "Краснодар",
    "Самара",
    "Хабаровск",
)
NEEDS = (
    "Автоматизация склада",
    "Учёт товаров",
    "Терминалы сбора данных",
    "Сервисный договор",
    "Маркировка",
    "Расходные материалы",
    "Обучение сотрудников",
    "Проект под ключ",
)
