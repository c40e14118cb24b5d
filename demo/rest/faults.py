"""Faults that can be ordered, to see what a client does about them, and quirks that some portals have.

An order hits requests, or single commands (within a batch or alone), counted from the moment it is given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from demo.rest import errors
from demo.rest.errors import RestError

#: Errors a method, a command or a whole batch can be refused with, by the code a client sees.
ERRORS: dict[str, Callable[[], RestError]] = {
    "QUERY_LIMIT_EXCEEDED": errors.too_many_requests,
    "OPERATION_TIME_LIMIT": errors.operation_time_limit,
    "INTERNAL_SERVER_ERROR": lambda: RestError(500, "INTERNAL_SERVER_ERROR", "Internal server error"),
    "ERROR_UNEXPECTED_ANSWER": lambda: RestError(
        500, "ERROR_UNEXPECTED_ANSWER", "Server returned an unexpected response"
    ),
    "OVERLOAD_LIMIT": lambda: RestError(503, "OVERLOAD_LIMIT", "REST API is blocked due to overload"),
    "PORTAL_DELETED": lambda: RestError(500, "PORTAL_DELETED", "Portal was deleted"),
    "ACCESS_DENIED": lambda: errors.access_denied("REST API is available only on commercial plans"),
    "NO_AUTH_FOUND": errors.no_auth,
    "expired_token": lambda: RestError(401, "expired_token", "The access token provided has expired"),
    "insufficient_scope": errors.insufficient_scope,
}

#: What can happen to a request on its way.
TRANSPORT = frozenset(
    {
        *("HTML_502", "HTML_503", "HTML_504"),
        *("RESET", "RESET_IN_BODY", "TRUNCATED", "TIMEOUT", "SLOW", "REDIRECT"),
    }
)

#: What other portals answer differently: of a whole answer, and of a method's work.
ANSWER_QUIRKS = frozenset({"NO_TIME", "ISO_RESET_AT", "NO_TOTALS"})
METHOD_QUIRKS = frozenset({"ISO_FILTERS_IGNORED", "TEXT_HISTORY_IDS"})

KINDS = (*ERRORS, *sorted(TRANSPORT), *sorted(ANSWER_QUIRKS | METHOD_QUIRKS))

#: How long SLOW makes an answer wait, and TIMEOUT a client.
SECONDS = {"SLOW": 5.0, "TIMEOUT": 75.0}


@dataclass
class Order:
    """``count`` None: for ever. ``command``: the position within a batch, from 1, None for any."""

    kinds: tuple[str, ...]
    on: str
    method: str
    skip: int
    count: int | None
    probability: float
    command: int | None
    seconds: float | None
    to: str
    rng: Random


@dataclass
class Strike:
    """What hits one request or command."""

    kinds: set[str] = field(default_factory=set)
    seconds: float = 0.0
    to: str = ""

    def error(self) -> None:
        """Raise the error among the kinds, if there is one."""
        for kind in ERRORS:
            if kind in self.kinds:
                raise ERRORS[kind]()


class Faults:
    """Orders, and how often each kind has struck."""

    def __init__(self) -> None:
        self._orders: list[Order] = []
        self.struck: Counter[str] = Counter()

    def order(
        self,
        kind: str | list[str],
        method: str = "*",
        count: int | str | None = None,
        skip: int = 0,
        probability: float = 1.0,
        command: int | None = None,
        on: str | None = None,
        seconds: float | None = None,
        to: str = "",
        seed: int = 0,
    ) -> None:
        """After ``skip`` of them, ``count`` requests or commands of ``method`` (``*``: any) fail.

        Args:
            kind: one of ``KINDS``, or several of which each hit draws one by ``seed``.
            method: a request has the method when it calls it, alone or in its batch.
            count: ``"all"`` for no end, which is what quirks and orders with a probability default to; else 1.
            probability: of each request or command that the order would hit.
            command: hit the command at this position of a batch (from 1) only.
            on: ``request`` or ``command``. Errors of a named method hit commands unless told otherwise.
            seconds: how long SLOW and TIMEOUT take.
            to: ``host:port`` that REDIRECT sends to; requests that come by that name are not hit.

        Raises:
            ValueError: an unknown kind, or one that cannot hit what it is ordered for.
        """
        kinds = tuple(kind) if isinstance(kind, list) else (kind,)
        unknown = [one for one in kinds if one not in KINDS]
        if unknown or not kinds:
            raise ValueError(f"unknown fault {unknown}; known: {', '.join(KINDS)}")
        if on is None:
            named = method not in ("*", "batch") and all(one in ERRORS for one in kinds)
            commands = bool(METHOD_QUIRKS & set(kinds)) or command is not None or named
            on = "command" if commands else "request"
        fitting = set(ERRORS) | (METHOD_QUIRKS if on == "command" else TRANSPORT | ANSWER_QUIRKS)
        if on not in ("request", "command") or not set(kinds) <= fitting:
            raise ValueError(f"{', '.join(kinds)} cannot hit a {on}")
        if "REDIRECT" in kinds and not to:
            raise ValueError("REDIRECT needs to: host:port")
        if count is None:
            lasting = probability < 1 or set(kinds) <= ANSWER_QUIRKS | METHOD_QUIRKS
            count = "all" if lasting else 1
        number = None if count == "all" else int(count)
        self._orders.append(
            Order(
                kinds,
                on,
                method.lower(),
                int(skip),
                number,
                float(probability),
                None if command is None else int(command),
                None if seconds is None else float(seconds),
                to,
                Random(seed),
            )
        )

    def clear(self) -> None:
        """Take all orders back."""
        self._orders.clear()

    def waiting(self) -> int:
        """How many hits with an end are still to come."""
        return sum(order.count or 0 for order in self._orders)

    def standing(self) -> int:
        """How many orders are in force."""
        return len(self._orders)

    def strike(self, on: str, methods: set[str], position: int | None = None, host: str = "") -> Strike:
        """What hits a request that calls ``methods`` by the name ``host``, or the command at a ``position``."""
        strike = Strike()
        for order in list(self._orders):
            if order.on != on or not (order.method == "*" or order.method in methods):
                continue
            if order.command is not None and order.command != position:
                continue
            if order.to and order.to == host:
                continue
            if order.skip:
                order.skip -= 1
                continue
            if order.probability < 1 and order.rng.random() >= order.probability:
                continue
            kind = order.kinds[0] if len(order.kinds) == 1 else order.rng.choice(order.kinds)
            if order.count is not None:
                order.count -= 1
                if not order.count:
                    self._orders.remove(order)
            self.struck[kind] += 1
            strike.kinds.add(kind)
            # Several orders may hit at once: each keeps what it needs.
            seconds = SECONDS.get(kind, 0.0) if order.seconds is None else order.seconds
            strike.seconds, strike.to = max(strike.seconds, seconds), order.to or strike.to
        return strike


def parse_order(text: str) -> dict[str, Any]:
    """The order of ``KIND,key=value,…`` as an option gives it; several kinds are joined by ``|``."""
    kind, *pairs = text.split(",")
    values: dict[str, Any] = {"kind": kind.split("|") if "|" in kind else kind}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise ValueError(f"{pair!r} of {text!r}: expected key=value")
        number = value.replace(".", "", 1).isdigit()
        values[key] = (float(value) if "." in value else int(value)) if number else value
    return values
