"""The addresses that dashboards link to open the card, or say that it is gone."""

from __future__ import annotations

import pytest

from .conftest import Portal


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        (1, "lead"),
        (2, "deal"),
        (3, "contact"),
        (4, "company"),
        (7, "type/7"),
        (31, "type/31"),
        (177, "type/177"),
        (1038, "type/1038"),
    ],
)
def test_every_kind_of_card_has_a_page(portal: Portal, kind: int, path: str) -> None:
    for card in list(portal.service.portal.cards[kind].values())[-40:]:
        page = portal.http.get(f"/crm/{path}/details/{card.id}/")
        assert page.status_code == 200
        assert f"№ {card.id}" in page.text
        assert all(
            f"/details/{i}/" in page.text for i in card.contact_ids[:1] if i in portal.service.portal.cards[3]
        )


def test_a_deal_shows_amount_stage_and_history(portal: Portal) -> None:
    deal = next(d for d in portal.service.portal.cards[2].values() if d.stage == "C3:WON" and d.amount)
    page = portal.http.get(f"/crm/deal/details/{deal.id}/").text
    assert "Первая оплата получена" in page and f"{deal.amount // 100:,}".replace(",", "\u00a0") in page
    assert page.count('class="stage') == 1 + len(portal.service.portal.history_of[(2, deal.id)])


def test_a_deleted_card_says_so(portal: Portal) -> None:
    page = portal.http.get("/crm/deal/details/99999999/")
    assert page.status_code == 404 and "её удалили" in page.text
    assert portal.http.get("/company/personal/user/22/").status_code == 200
    assert portal.http.get("/company/personal/user/777/").status_code == 404


def test_what_clients_type_is_escaped(portal: Portal) -> None:
    card = next(iter(portal.service.portal.cards[4].values()))
    before, card.title = card.title, "<script>alert(1)</script>"
    try:
        assert "<script>" not in portal.http.get(f"/crm/company/details/{card.id}/").text
    finally:
        card.title = before
