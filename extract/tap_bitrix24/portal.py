"""What a portal says about itself, asked once a run: its clock, the webhook's owner and scopes."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from tap_bitrix24.batch import questions
from tap_bitrix24.client import Client, Usage
from tap_bitrix24.errors import NotBitrix

COMMANDS = {"time": "server.time", "profile": "profile", "scope": "scope", "mode": "crm.settings.mode.get"}


@dataclass(frozen=True)
class Portal:
    """`server_time` carries the portal's own offset; `scopes` is None where the portal did not tell.

    `owner_zone` is the IANA zone in the profile of the webhook's owner, empty where they follow the portal's.
    """

    url: str
    host: str
    server_time: dt.datetime
    is_admin: bool
    scopes: tuple[str, ...] | None
    owner_zone: str
    crm_mode: int | None
    is_demonstration: bool

    @property
    def owner_shift(self) -> dt.timedelta:
        """How far the owner's zone is from the portal's. Some moments of crm.item.list are printed in it, with
        the portal's offset nevertheless.
        """
        here = self.server_time.utcoffset() or dt.timedelta()
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
    answer = questions(client, COMMANDS, usage=usage)
    if "time" not in answer.result:
        raise answer.failure()
    try:
        server_time = dt.datetime.fromisoformat(str(answer.result["time"]))
    except ValueError:
        raise NotBitrix(
            f"{client.webhook.host} does not tell its time as Bitrix24 does: is it a Bitrix24 portal?"
        ) from None
    profile, scope, mode = (answer.result.get(name) for name in ("profile", "scope", "mode"))
    return Portal(
        url=client.webhook.base,
        host=client.webhook.host,
        server_time=server_time,
        is_admin=isinstance(profile, dict) and profile.get("ADMIN") is True,
        scopes=tuple(map(str, scope)) if isinstance(scope, list) else None,
        owner_zone=str(profile.get("TIME_ZONE") or "") if isinstance(profile, dict) else "",
        crm_mode=mode if isinstance(mode, int) else None,
        is_demonstration=client.is_demonstration,
    )
