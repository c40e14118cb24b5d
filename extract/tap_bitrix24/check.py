"""`python -m tap_bitrix24.check`: can this webhook be loaded? One line tells, before anything is loaded.

Reads BITRIX24_WEBHOOK_URL and VORONKA_TIMEZONE. Prints `ok <host> …`, with the optional parts that the portal does not
offer, and exits with 0, or prints the cause and its cure and exits with 1. The webhook's code is never printed.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Mapping
from datetime import timedelta
from zoneinfo import ZoneInfo

from tap_bitrix24 import offers, portal, webhook
from tap_bitrix24.catalogue import Spec, load
from tap_bitrix24.client import Client, Usage
from tap_bitrix24.errors import PortalError, PortalRefused

ANSWER_SECONDS = 20
TRIES = 2


def missing_scopes(granted: Iterable[str], specs: Iterable[Spec]) -> dict[str, list[str]]:
    """Scope that would have to be added → names of the streams that must not be missing and would be."""
    granted, missing = set(granted), {}
    for spec in specs:
        if spec.scope and not spec.optional and not granted & set(spec.scope):
            missing.setdefault(spec.scope[0], []).append(spec.name)
    return missing


def problems(found: portal.Portal, zone: str, specs: Iterable[Spec]) -> list[str]:
    """What stands in the way of a complete load, each with its cure."""
    texts = []
    if found.scopes is not None and (missing := missing_scopes(found.scopes, specs)):
        lost = "; ".join(f"{scope} (without it no {', '.join(names)})" for scope, names in missing.items())
        texts.append(f"the webhook lacks scopes: {lost}. Tick them in the webhook's settings")
    if not found.is_admin:
        texts.append(
            "the webhook's owner is not an administrator, cards they may not read would be missing."
            " Let an administrator make the webhook"
        )
    theirs, ours = found.server_time.utcoffset(), ZoneInfo(zone).utcoffset(found.server_time)
    if theirs != ours:
        texts.append(
            f"the portal's clock is at UTC{_offset(theirs)}, VORONKA_TIMEZONE {zone} at UTC{_offset(ours)}."
            " Set VORONKA_TIMEZONE to the portal's zone"
        )
    return texts


def _by_reason(absent: Mapping[str, str]) -> dict[str, list[str]]:
    reasons: dict[str, list[str]] = {}
    for name, reason in absent.items():
        reasons.setdefault(reason, []).append(name)
    return reasons


def _offset(value: timedelta | None) -> str:
    minutes = int((value or timedelta()).total_seconds() // 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def check(environ: Mapping[str, str]) -> tuple[bool, str]:
    """Whether the portal can be loaded as it should, and the line to print."""
    zone = environ.get("VORONKA_TIMEZONE") or "Europe/Moscow"
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        return False, f"VORONKA_TIMEZONE is {zone!r}: give an IANA zone name such as Europe/Moscow"
    try:
        address = webhook.parse(environ.get("BITRIX24_WEBHOOK_URL"))
    except PortalRefused as refusal:
        return False, str(refusal)
    client, specs = Client(address, tries=TRIES, answer_seconds=ANSWER_SECONDS), load()
    try:
        found = portal.ask(client, Usage())
        absent = offers.missing(client, found, specs, Usage())
    except PortalError as error:
        text = webhook.mask(str(error))
        return False, text if address.host in text else f"{address.host}: {text}"
    if texts := problems(found, zone, specs):
        return False, f"{found.host}: {'; '.join(texts)}"
    kind = "demonstration portal" if found.is_demonstration else "portal"
    line = f"ok {found.host} {kind}, its time {found.server_time.isoformat()}, {len(specs)} streams"
    offered = [spec.name for spec in specs if offers.is_asked(spec) and spec.name not in absent]
    line += f"; optional: {', '.join(offered) or 'none'}"
    for reason, names in _by_reason(absent).items():
        line += f"; without {', '.join(names)} ({reason})"
    if found.owner_shift:
        line += (
            f"; set the webhook owner's zone {found.owner_zone} to the portal's, else moments may be shifted"
        )
    return True, line


def main() -> None:
    logging.getLogger("tap-bitrix24").setLevel(logging.ERROR)  # One line: retries are not worth their own.
    fine, line = check(os.environ)
    print(line)
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
