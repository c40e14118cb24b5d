"""How lists are read through `batch`: keyset chains, whole lists, and many small questions at once.

What shapes this module (the `rest` module's batch): a command may refer to the answer of an earlier one,
 `$result[c0][49][ID]`; if that page is short, the reference resolves to something else than
nothing, and every later command returns garbage. So a chain ends at its first short page and what follows is
thrown away; and chains start short, because garbage costs execution time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from tap_bitrix24.client import Answer, Client, Usage
from tap_bitrix24.errors import OperatingLimit, StreamRefused, Temporary, TooSlow

PAGE = 50
MAX_COMMANDS = 50
RAMP = 8
SLOW_SECONDS = 25.0  # Of the 60 that the cloud grants a request.
Row = dict[str, Any]
Params = list[tuple[str, str]]


@dataclass(frozen=True)
class Listing:
    """A list method and the way it spells its parameters.

    `result` is the key of the rows inside the answer, empty where the answer itself is the list. `order`
    sorts by `id` ascending; `filter` is the filter parameter's name, for instance `FILTER`; `uncounted` is the value
    of `start` for a first page without a count, 0 where the method is not known to spare it.
    """

    method: str
    id: str
    result: str = ""
    filter: str = "filter"
    order: Params = field(default_factory=list)
    params: Params = field(default_factory=list)
    start: str = "start"
    uncounted: str = "-1"

    def command(self, *more: tuple[str, str]) -> str:
        return f"{self.method}?{urlencode([*self.params, *more])}"

    def rows(self, answer: Answer, name: str) -> list[Row] | None:
        """The page that command `name` returned; None where it did not succeed."""
        if name not in answer.result:
            return None
        page = answer.result[name]
        if self.result and isinstance(page, dict):
            page = page.get(self.result)
        if not isinstance(page, list):
            if page in (None, {}):
                return []
            raise StreamRefused(
                f"{self.method}: rows are not where streams.yml says (result: {self.result or 'the answer'})"
            )
        return page

    def page_after(self, last: str, window: Params) -> str:
        """The command for the page that follows id `last`; `start=-1` spares the portal its COUNT."""
        return self.command(
            *window, (f"{self.filter}[>{self.id}]", last), *self.order, (self.start, self.uncounted)
        )

    def reference(self, name: str) -> str:
        """The id of the last row of the full page that command `name` returns."""
        inside = f"[{self.result}]" if self.result else ""
        return f"$result[{name}]{inside}[{PAGE - 1}][{self.id}]"


@dataclass
class Total:
    """The portal's own count, filled in by `keyset` where asked for and granted."""

    value: int | None = None


def keyset(
    client: Client,
    listing: Listing,
    *,
    window: Params,
    after: str = "0",
    usage: Usage,
    total: Total | None = None,
    commands: int = MAX_COMMANDS,
) -> Iterator[list[Row]]:
    """All rows of a list with ids above `after`, ascending, a batch at a time (lists of up to 2500 rows).

    Args:
        window: fixed further filter, the same for the whole walk.
        total: asks the portal for its count of the window with the first page.

    Raises:
        StreamRefused: the method refuses, or does not honour the keyset.
        Temporary: the portal kept failing.
    """
    last, length, seen = after, 1, 0

    def reach(pages: list[list[Row]]) -> int:
        """Commands that the rest needs by the portal's count, which asks for no garbage; else a ramp."""
        left = (total.value or 0) - seen - sum(map(len, pages)) if total is not None else 0
        return left // PAGE + 1 if left > 0 else length * RAMP

    def advance() -> tuple[list[list[Row]], bool]:
        nonlocal length
        names = [f"c{i}" for i in range(length)]
        sent = {
            name: listing.page_after(last if i == 0 else listing.reference(names[i - 1]), window)
            for i, name in enumerate(names)
        }
        counting = total is not None and total.value is None and length == 1
        if counting:
            sent["total"] = listing.command(*window, (listing.start, "0"))
        try:
            answer = client.batch(sent, usage=usage)
        except TooSlow:
            if counting and total is not None:
                total.value = -1  # The count may be what took so long: go on without.
            length = max(1, length // 4)
            raise
        if counting and total is not None:
            total.value = answer.totals.get("total", -1)
        pages: list[list[Row]] = []
        floor = int(last)
        for name in names:
            page = listing.rows(answer, name)
            if page is None:
                if pages:
                    length = 1
                    return pages, False
                raise answer.failure()
            floor = check_order(listing, page, floor)
            pages.append(page)
            if len(page) < PAGE:
                return pages, True
        length = max(1, length // 2) if answer.seconds > SLOW_SECONDS else min(commands, reach(pages))
        return pages, False

    finished = False
    while not finished:
        pages, finished = client.retrying(advance, listing.method)
        rows = [row for page in pages for row in page]
        if rows:
            last, seen = str(rows[-1][listing.id]), seen + len(rows)
            yield rows


def check_order(listing: Listing, page: list[Row], floor: int) -> int:
    """The greatest id of the page. A method that ignores filter or order would go round for ever."""
    try:
        for row in page:
            if (number := int(row[listing.id])) <= floor:
                raise StreamRefused(
                    f"{listing.method} ignores the filter >{listing.id} or its order: check streams.yml",
                    "KEYSET",
                )
            floor = number
    except (KeyError, TypeError, ValueError):
        raise StreamRefused(
            f"{listing.method}: rows have no numeric {listing.id}: check `id` in streams.yml", "KEYSET"
        ) from None
    return floor


def whole(client: Client, listing: Listing, *, usage: Usage) -> tuple[list[Row], int | None]:
    """All rows of a small list that has no keyset, and the portal's count of them (None where it gives none).

    Some methods return everything at once, some pages of 50; the count, or a full page, tells.
    """

    def ask(starts: list[int]) -> Answer:
        def attempt() -> Answer:
            sent = {
                f"p{start}": listing.command(*listing.order, (listing.start, str(start))) for start in starts
            }
            answer = client.batch(sent, usage=usage)
            if any(name not in answer.result for name in sent):
                raise answer.failure()
            return answer

        return client.retrying(attempt, listing.method)

    answer = ask([0])
    first = listing.rows(answer, "p0") or []
    total = answer.totals.get("p0") or None
    found: dict[str, Row] = {str(row.get(listing.id)): row for row in first}
    starts = list(range(PAGE, total, PAGE)) if total and len(first) == PAGE else []
    if total is None and len(first) == PAGE:
        starts = [PAGE]
    while starts:
        answer = ask(starts[:MAX_COMMANDS])
        before = len(found)
        for start in starts[:MAX_COMMANDS]:
            page = listing.rows(answer, f"p{start}") or []
            found.update((str(row.get(listing.id)), row) for row in page)
        last = starts[MAX_COMMANDS - 1 : MAX_COMMANDS] or starts[-1:]
        starts = starts[MAX_COMMANDS:]
        if total is None and len(found) - before == PAGE:
            starts = [last[0] + PAGE]
    return list(found.values()), total


def by_owner(
    client: Client,
    listing: Listing,
    owners: list[str],
    *,
    owner_field: str,
    owner_filter: str,
    per_command: int,
    usage: Usage,
    commands: int = MAX_COMMANDS,
) -> dict[str, list[Row]]:
    """The rows of each owner (owner's id → rows; an empty list where it has none).

    Owners are asked for in groups; a group with more than one page is continued by keyset.
    """
    found: dict[str, list[Row]] = {owner: [] for owner in owners}
    waiting: list[tuple[list[str], str]] = [
        (owners[i : i + per_command], "0") for i in range(0, len(owners), per_command)
    ]

    def attempt() -> tuple[list[list[Row]], int]:
        nonlocal share
        asked = waiting[:share]
        sent = {
            f"g{i}": listing.page_after(
                after, [(f"{listing.filter}[{owner_filter}][{n}]", owner) for n, owner in enumerate(group)]
            )
            for i, (group, after) in enumerate(asked)
        }
        try:
            answer = client.batch(sent, usage=usage)
        except TooSlow:
            share = max(1, share // 4)
            raise
        pages: list[list[Row]] = []
        for i, (_, after) in enumerate(asked):
            page = listing.rows(answer, f"g{i}")
            if page is None:
                break
            check_order(listing, page, int(after))
            pages.append(page)
        if not pages:
            raise answer.failure()
        return pages, len(pages)

    share = commands
    while waiting:
        pages, answered = client.retrying(attempt, listing.method)
        asked, waiting = waiting[:answered], waiting[answered:]
        for (group, _), page in zip(asked, pages, strict=True):
            for row in page:
                owner = str(row.get(owner_field))
                if owner not in found:
                    raise StreamRefused(
                        f"{listing.method} ignores the filter {owner_filter}: check streams.yml", "KEYSET"
                    )
                found[owner].append(row)
            if len(page) == PAGE:
                waiting.append((group, str(page[-1][listing.id])))
    return found


def questions(client: Client, commands: dict[str, str], *, usage: Usage) -> Answer:
    """Independent single commands in one batch; failed ones are missing from the answer's `result`.

    Raises:
        Temporary: one of them kept failing for a passing reason.
    """

    def attempt() -> Answer:
        answer = client.batch(commands, halt=False, usage=usage)
        if answer.errors and isinstance(failure := answer.failure(), Temporary | OperatingLimit):
            raise failure
        return answer

    return client.retrying(attempt, "batch")
