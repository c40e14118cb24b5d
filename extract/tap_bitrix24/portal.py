"""What a portal says about itself, asked once a run: its clock, the webhook's owner and scopes, and how its
filters read moments.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from tap_bitrix24 import moments
from tap_bitrix24.client import Client, Usage
from tap_bitrix24.errors import NotBitrix
from tap_bitrix24.moments import Spelling
from tap_bitrix24.questions import ask_each

DISTRUST = dt.timedelta(days=1)
"""How much farther windows reach back where filters compare with other moments than those shown."""
COMMANDS = {"time": "server.time", "profile": "profile", "scope": "scope", "mode": "crm.settings.mode.get"}


@dataclass(frozen=True)
class Portal:
    """`server_time` carries the portal's own offset; `scopes` is None where the portal did not tell.

    `host` is the one in the settings, by which the portal is known; `url` the address that it answers at, another one
    after a renaming. `owner_zone` is the IANA zone in the profile of the webhook's owner, empty where they follow the portal's.
    `spelling` is that of moments in filters of crm.item.list; `is_shifted` says that these compare with other
    moments than the rows show.
    """

    url: str
    host: str
    server_time: dt.datetime
    is_admin: bool
    scopes: tuple[str, ...] | None
    owner_zone: str
    crm_mode: int | None
    is_demonstration: bool
    spelling: Spelling = field(default=Spelling.ISO)
    is_shifted: bool = field(default=False)

    @property
    def offset(self) -> dt.timedelta:
        """The server's, from UTC."""
        return self.server_time.utcoffset() or dt.timedelta()

    @property
    def doubt(self) -> dt.timedelta:
        """What windows have to reach back further, where moments may be shifted (documents: `data-types.md`)."""
        return max(abs(self.owner_shift), DISTRUST if self.is_shifted else dt.timedelta())

    def has_windows(self, method: str) -> bool:
        """Whether a list can be asked for what changed since a moment."""
        return method != moments.METHOD or self.spelling is not Spelling.NONE

    def moment(self, method: str, since: str) -> str:
        """An ISO moment as this portal's filters want it."""
        spelling = self.spelling if method == moments.METHOD else Spelling.ISO
        return moments.written(since, spelling, self.offset)

    @property
    def owner_shift(self) -> dt.timedelta:
        """How far the owner's zone is from the portal's. Some moments of crm.item.list are printed in it, with
        the portal's offset nevertheless.
        """
        here = self.offset
        try:
            there = ZoneInfo(self.owner_zone).utcoffset(self.server_time) if self.owner_zone else here
        except (KeyError, ValueError, OSError):
            there = here
        return (there or here) - here

    def payload(self) -> dict[str, Any]:
        """The row of stream `portal`."""
        return {
            "url": self.url,
            "server_time": self.server_time.isoformat(),
            "admin": self.is_admin,
            "scopes": list(self.scopes or ()),
            "crm_mode": self.crm_mode,
            "is_demonstration": self.is_demonstration,
        }


def ask(client: Client, usage: Usage) -> Portal:
    """Read the portal's answers.

    Raises:
        PortalError: it cannot be read through this webhook at all.
    """
    asked = client.webhook.host
    answer, refused = ask_each(client, {**COMMANDS, **moments.questions()}, usage=usage)
    if "time" in refused:
        raise refused["time"]
    try:
        server_time = dt.datetime.fromisoformat(str(answer.result["time"]))
    except ValueError:
        raise NotBitrix(
            f"{client.webhook.host} does not tell its time as Bitrix24 does: is it a Bitrix24 portal?"
        ) from None
    profile, scope, mode = (answer.result.get(name) for name in ("profile", "scope", "mode"))
    spelling, is_shifted = _probe(client, answer.result, usage)
    return Portal(
        url=client.webhook.base,
        host=asked,
        server_time=server_time,
        is_admin=isinstance(profile, dict) and profile.get("ADMIN") is True,
        scopes=tuple(map(str, scope)) if isinstance(scope, list) else None,
        owner_zone=str(profile.get("TIME_ZONE") or "") if isinstance(profile, dict) else "",
        crm_mode=mode if isinstance(mode, int) else None,
        is_demonstration=client.is_demonstration,
        spelling=spelling,
        is_shifted=is_shifted,
    )


def _probe(client: Client, result: dict[str, Any], usage: Usage) -> tuple[Spelling, bool]:
    """How filters read moments. A portal without any card has nothing to lose by the usual spelling."""
    verdict = moments.judge(result)
    for card_type in moments.CARD_TYPES[1:]:
        # Where the newest card cannot even be asked for, it is the scope that is missing.
        if verdict is not None or "newest" not in result:
            break
        answer, _ = ask_each(client, moments.questions(card_type), usage=usage)
        result = answer.result
        verdict = moments.judge(result)
    return verdict or (Spelling.ISO, False)
