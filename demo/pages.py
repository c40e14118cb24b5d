"""Pages of cards, at the portal's own addresses, so that a link on a dashboard opens what it counts."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from demo.company import catalogue as c
from demo.company.records import Card, Staged
from demo.company.sales import row_price
from demo.rest.crm_dictionaries import statuses
from demo.rest.service import Service

KINDS = {
    c.LEAD: ("lead", "Лид"),
    c.DEAL: ("deal", "Сделка"),
    c.CONTACT: ("contact", "Контакт"),
    c.COMPANY: ("company", "Компания"),
    c.QUOTE: ("type/7", "Предложение"),
    c.INVOICE: ("type/31", "Счёт"),
    **{x.entity: (f"type/{x.entity}", x.title) for x in c.SMART_PROCESSES},
}
LATEST = 30

Fact = tuple[str, str, str | None]


def link(kind: int, card_id: int) -> str:
    return f"/crm/{KINDS[kind][0]}/details/{card_id}/"


class Pages:
    """Cards and people of a portal as pages for the eye; nothing here is part of the REST API."""

    def __init__(self, service: Service) -> None:
        self.service = service
        environment = Environment(
            loader=FileSystemLoader(Path(__file__).with_name("templates")), autoescape=True
        )
        self.template = environment.get_template("card.html")
        self.stages = {(row["ENTITY_ID"] == "STATUS", row["STATUS_ID"]): row["NAME"] for row in statuses()}
        self.people = {user.id: f"{user.last_name} {user.name}" for user in c.USERS}

    def routes(self) -> list[Route]:
        paths = [(kind, f"/crm/{name}/details/{{id:int}}/") for kind, (name, _) in KINDS.items()]
        cards = [Route(path, self._endpoint(kind)) for kind, path in paths]
        return [*cards, Route("/company/personal/user/{id:int}/", self.person)]

    def _endpoint(self, kind: int) -> Any:
        async def endpoint(request: Request) -> HTMLResponse:
            self.service.refresh()
            card = self.service.portal.cards[kind].get(request.path_params["id"])
            return self._card(kind, request.path_params["id"], card)

        return endpoint

    def _show(self, status: int = 200, **values: Any) -> HTMLResponse:
        return HTMLResponse(self.template.render(values), status)

    def moment(self, value: int) -> str:
        zone = self.service.chronicle.world.calendar.zone
        return datetime.fromtimestamp(value, zone).strftime("%d.%m.%Y %H:%M")

    def stage(self, kind: int, code: str) -> str:
        return self.stages.get((kind == c.LEAD, code), code)

    def person_name(self, user: int) -> str:
        return self.people.get(user, "Без ответственного")

    def _card(self, kind: int, card_id: int, card: Card | None) -> HTMLResponse:
        label = KINDS[kind][1]
        if card is None:
            return self._show(404, found=False, title=f"{label} № {card_id}")
        portal = self.service.portal
        history = [portal.history[kind][i] for i in portal.history_of.get((kind, card_id), ())]
        done = [
            portal.activities[i]
            for i in portal.activities_of.get((kind, card_id), ())
            if i in portal.activities
        ]
        return self._show(
            found=True,
            kind=label,
            id=card_id,
            title=self.title(card),
            stage=self.stage(kind, card.stage) if isinstance(card, Staged) else "",
            semantic=card.semantic if isinstance(card, Staged) else "",
            facts=self._facts(kind, card),
            products=[
                (row.name, money(row_price(row)), f"{row.quantity} {row.measure[1]}")
                for row in (portal.product_rows.get(card_id, ()) if kind == c.DEAL else ())
            ],
            history=[
                (self.moment(r.created), self.stage(kind, r.stage), r.semantic) for r in reversed(history)
            ],
            activities=[
                (
                    self.moment(a.start),
                    a.subject,
                    self.person_name(a.responsible),
                    "" if a.completed else "не завершено",
                )
                for a in reversed(done[-LATEST:])
            ],
        )

    @staticmethod
    def title(card: Card) -> str:
        names = (getattr(card, name, None) for name in ("name", "second_name", "last_name"))
        return card.title or " ".join(filter(None, names)) or "Без названия"

    def _facts(self, kind: int, card: Card) -> list[Fact]:
        cards = self.service.portal.cards
        facts: list[Fact] = [("Ответственный", self.person_name(card.assigned), None)]
        if isinstance(card, Staged) and kind != c.LEAD:
            facts.append(("Сумма", f"{money(card.amount)} {card.currency}", None))
        if kind == c.DEAL:
            facts.append(("Воронка", c.PIPELINE_BY_ID[card.category].name, None))
        for label, other, other_id in (
            ("Сделка", c.DEAL, getattr(card, "deal_id", 0)),
            ("Лид", c.LEAD, getattr(card, "lead_id", 0)),
            ("Компания", c.COMPANY, card.company_id),
            ("Контакт", c.CONTACT, card.contact_id),
        ):
            if other_id:
                found = cards[other].get(other_id)
                name = self.title(found) if found else f"№ {other_id} (удалён)"
                facts.append((label, name, link(other, other_id) if found else None))
        source = next((s.name for s in c.SOURCES if s.id == card.source), None)
        facts.append(("Источник", source or "Не указан", None))
        names = {"PHONE": "Телефон", "EMAIL": "Почта", "WEB": "Сайт"}
        facts += [(names.get(ch.type, ch.type), ch.value, None) for ch in card.channels]
        facts += [("Создан", self.moment(card.created), None), ("Изменён", self.moment(card.updated), None)]
        if card.comments:
            facts.append(("Комментарий", card.comments, None))
        return facts

    async def person(self, request: Request) -> HTMLResponse:
        user_id = request.path_params["id"]
        user = next((u for u in c.USERS if u.id == user_id), None)
        if user is None:
            return self._show(404, found=False, title=f"Сотрудник № {user_id}")
        names = {d.id: d.name for d in c.DEPARTMENTS}
        facts = [("Должность", user.position or "—", None)]
        facts += [("Отдел", names[d], None) for d in user.departments]
        return self._show(
            found=True, kind="Сотрудник", id=user.id, title=self.person_name(user.id), stage="", facts=facts
        )


def money(kopecks: int) -> str:
    """«1 234 567,80» without needless kopecks, spaces unbreakable."""
    whole, rest = divmod(kopecks, 100)
    text = f"{whole:,}".replace(",", "\N{NO-BREAK SPACE}")
    return f"{text},{rest:02d}" if rest else text
