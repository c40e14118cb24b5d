"""Messages to people where a refresh failed, data are old, rights are missing or rows differ from the portal's.

Apprise sends them: `VORONKA_ALERTS` holds its addresses (mailtos://…, tgram://…, forms://… for a Bitrix24 webhook),
separated by spaces. A problem is told once, when it appears, and once more when it is gone.
"""

from __future__ import annotations

import json
import logging

import apprise
import psycopg

from voronka import paths
from voronka.failure import Failure
from voronka.settings import Settings

TOLD = "alerts.json"
# What a head of sales or an administrator has to know of; the marts say it in Russian, with the cure.
QUERIES = (
    "select message from marts.mart_health__freshness where status <> 'свежие'",
    "select stream_label || ': ' || status || '. ' || error || ' ' || meaning from marts.mart_health__streams where is_problem",
    "select group_label || ': ' || meaning || ' ' || consequence from marts.mart_health__tests"
    " where is_problem and status = 'ошибка'",
    "select input_label || ': ' || message || ' ' || cure from marts.mart_health__inputs where is_problem",
)


def problems(settings: Settings) -> list[str]:
    """What the health marts complain of; nothing before the first publication."""
    try:
        with psycopg.connect(settings.warehouse.url("bi"), connect_timeout=5, autocommit=True) as warehouse:
            found = []
            for query in QUERIES:
                try:
                    found += [row[0] for row in warehouse.execute(query)]  # type: ignore[arg-type]
                except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
                    continue
            return list(dict.fromkeys(found))
    except psycopg.OperationalError:
        return ["База данных не отвечает: показатели не обновляются и не открываются."]


def _sender(settings: Settings) -> apprise.Apprise | None:
    addresses = settings.get("VORONKA_ALERTS").split()
    if not addresses:
        return None
    # Apprise names addresses, with their tokens, in its messages.
    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    sender = apprise.Apprise()
    for number, address in enumerate(addresses, start=1):
        if not sender.add(address):
            kind = address.partition("://")[0] if "://" in address else "nothing"
            raise Failure(
                f"VORONKA_ALERTS, address {number} ({kind}://…) cannot be read: write it as Apprise does, "
                "such as mailtos://user:password@mail.example.com?to=rop@example.com"
            )
    return sender


def check(settings: Settings) -> None:
    """See that the addresses can be read.

    Raises:
        Failure: one cannot; the text never repeats it, since it may hold a password.
    """
    _sender(settings)


def tell(settings: Settings, failure: str = "") -> list[str]:
    """Send what is new, and what is over; returns the lines sent.

    Raises:
        Failure: an address cannot be read, or none took the message (it is sent with the next refresh then).
    """
    sender, path = _sender(settings), paths.HOME / TOLD
    told: list[str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    now = [f"Обновление не удалось: {failure}"] if failure else []
    now += problems(settings)
    lines = [f"• {line}" for line in now if line not in told]
    lines += [f"✓ больше нет: {line}" for line in told if line not in now]
    if sender and lines and not sender.notify(title="Воронка: данные", body="\n".join(lines)):
        raise Failure("the alert was taken by none of VORONKA_ALERTS; it is sent again with the next refresh")
    path.write_text(json.dumps(now, ensure_ascii=False, indent=1), encoding="utf-8")
    return lines
