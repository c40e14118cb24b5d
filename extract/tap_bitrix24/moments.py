"""Which spelling of a moment the filters of crm.item.list understand: asked of the portal, on one card.

Some portals are reported to misread ISO moments there (docs issue #215), and a window that is not understood
loses cards without a word. So the newest card of a type is asked for again under bounds that it must, or must
not, satisfy. The questions go with the first request of a run.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from enum import Enum
from typing import Any
from urllib.parse import urlencode

METHOD = "crm.item.list"
CARD_TYPES = (2, 1, 3)
"""Deals, leads, contacts: the first type that has a card answers."""
_BOUNDS = {
    "iso_past": "1990-01-01T00:00:00+00:00",
    "iso_future": "2100-01-01T00:00:00+00:00",
    "iso_own": "$result[newest][items][0][updatedTime]",
    "plain_past": "1990-01-01 00:00:00",
    "plain_future": "2100-01-01 00:00:00",
}
SUMMER_TIME = dt.timedelta(hours=1)


class Spelling(Enum):
    """How a moment is written in a filter of crm.item.list."""

    ISO = "ISO with offset"
    PLAIN = "server time without offset"
    NONE = "none that the portal honours"


def questions(card_type: int = CARD_TYPES[0]) -> dict[str, str]:
    """Commands of the probe: the newest card of a type, and whether it is found under each bound."""
    base = [("entityTypeId", str(card_type)), ("select[0]", "id"), ("select[1]", "updatedTime")]
    newest = f"{METHOD}?{urlencode([*base, ('order[id]', 'DESC'), ('start', '-1')])}"
    own = ("filter[=id]", "$result[newest][items][0][id]")
    return {"newest": newest} | {
        name: f"{METHOD}?{urlencode([*base, own, ('filter[>=updatedTime]', bound), ('start', '-1')])}"
        for name, bound in _BOUNDS.items()
    }


def _found(result: Mapping[str, Any], name: str, card: Any) -> bool | None:
    """Whether the card came under a bound; None where the command failed."""
    page = result.get(name)
    rows = page.get("items") if isinstance(page, dict) else None
    if not isinstance(rows, list):
        return None
    return any(isinstance(row, dict) and str(row.get("id")) == card for row in rows)


def judge(result: Mapping[str, Any]) -> tuple[Spelling, bool] | None:
    """The spelling that the portal honours, and whether it compares with other moments than it shows.

    None where the answers tell nothing: no card of this type, or none that may be read.
    """
    page = result.get("newest")
    rows = page.get("items") if isinstance(page, dict) else None
    if (
        not isinstance(rows, list)
        or not rows
        or not isinstance(rows[0], dict)
        or not rows[0].get("updatedTime")
    ):
        return None
    card = str(rows[0].get("id"))
    if _found(result, "iso_past", card) and _found(result, "iso_future", card) is False:
        return Spelling.ISO, not _found(result, "iso_own", card)
    if _found(result, "plain_past", card) and _found(result, "plain_future", card) is False:
        return Spelling.PLAIN, False
    return Spelling.NONE, False


def written(moment: str, spelling: Spelling, offset: dt.timedelta) -> str:
    """An ISO moment as a filter's lower bound, in the server's offset.

    Without an offset the bound is an hour earlier, since the server's summer time at that moment is not known.
    """
    zone = dt.timezone(offset)
    given = dt.datetime.fromisoformat(moment.replace("Z", "+00:00"))  # Python 3.10 knows no Z.
    server = given.replace(tzinfo=given.tzinfo or zone).astimezone(zone)
    if spelling is Spelling.PLAIN:
        return (server - SUMMER_TIME).strftime("%Y-%m-%d %H:%M:%S")
    return server.isoformat()
