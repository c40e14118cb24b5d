"""How lists are read through `batch`: keyset chains, whole lists, and many small questions at once.

What shapes this module (the `rest` module's batch): a command may refer to the answer of an earlier one,
 `$result[c0][49][ID]`; if that page is short, the reference resolves to something else than
nothing, and every later command returns garbage. So a chain ends at its first short page and what follows is
thrown away; and chains start short, because garbage costs execution time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from tap_bitrix24.client import MAX_COMMANDS, Answer, Client, Usage
from tap_bitrix24.errors import StreamRefused, TooSlow
from tap_bitrix24.spans import Span

PAGE = 50
RAMP = 8
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
        if isinstance(page, dict) and page and all(str(key).isdigit() for key in page):
            page = list(page.values())  # PHP's list with a gap.
        if not isinstance(page, list):
            if page in (None, {}):
                return []
            raise StreamRefused(
                f"{self.method}: rows are not where streams.yml says (result: {self.result or 'the answer'})"
            )
        return page

    def page_after(self, last: str, window: Params, upto: int | None = None) -> str:
        """The command for the page that follows id `last`; `start=-1` spares the portal its COUNT."""
        bound = [(f"{self.filter}[<={self.id}]", str(upto))] if upto is not None else []
        return self.command(
            *window, (f"{self.filter}[>{self.id}]", last), *bound, *self.order, (self.start, self.uncounted)
        )

    def last_page(self, window: Params) -> str:
        """The command for the rows with the greatest ids, of which only the ids are wanted."""
        params = [(name, value) for name, value in self.params if not name.startswith("select")]
        if len(params) < len(self.params):
            params.append(("select[0]", self.id))
        order = [(name, "DESC" if value.upper() == "ASC" else value) for name, value in self.order]
        return replace(self, params=params).command(*window, *order, (self.start, self.uncounted))

    def count(self, window: Params) -> str:
        """The command whose answer carries the portal's count of the window."""
        return self.command(*window, (self.start, "0"))

    def reference(self, name: str) -> str:
        """The id of the last row of the full page that command `name` returns."""
        inside = f"[{self.result}]" if self.result else ""
        return f"$result[{name}]{inside}[{PAGE - 1}][{self.id}]"


@dataclass
class Pages:
    """What one request brought of a span: `rows` ascending, up to id `reached` (None: to the end of the span)."""

    rows: list[Row]
    reached: int | None


def chains(
    client: Client,
    listing: Listing,
    wanted: list[tuple[Span, int]],
    *,
    window: Params,
    usage: Usage,
    newest: bool = False,
) -> tuple[list[Pages], list[int]]:
    """The first pages of several spans, in one request.

    Fewer than wanted may come, but never nothing of the first: if the portal was too slow, a command failed, or
    other streams' questions left no more room.

    Args:
        wanted: spans and how many pages of each, at most 50 in all.
        newest: ask for the greatest ids of the window too.

    Returns:
        What came of each span, and the greatest ids, descending (empty where not asked for or not told).

    Raises:
        StreamRefused: the method refuses, or does not honour the keyset.
        Temporary: the portal kept failing.
    """
    share = 1.0

    def attempt() -> tuple[list[Pages], list[int]]:
        nonlocal share
        names = [
            [f"{_letters(i)}{k}" for k in range(max(1, int(n * share)))] for i, (_, n) in enumerate(wanted)
        ]
        if share < 1:
            names = [names[0], *([] for _ in names[1:])]
        sent: dict[str, str] = {}
        for (span, _), own in zip(wanted, names, strict=True):
            last = str(span.after)
            for name in own:
                sent[name] = listing.page_after(last, window, span.upto)
                last = listing.reference(name)
        if newest:
            sent["newest"] = listing.last_page(window)
        try:
            answer = client.batch(sent, halt=not newest, usage=usage, elastic=True)
        except TooSlow:
            share /= 4
            raise
        found = [_pages(listing, span, own, answer) for (span, _), own in zip(wanted, names, strict=True)]
        if found[0].reached == wanted[0][0].after:
            raise answer.failure()
        return found, _greatest(listing, answer) if newest else []

    return client.retrying(attempt, listing.method)


def _letters(number: int) -> str:
    return chr(ord("c") + number)


def _pages(listing: Listing, span: Span, names: list[str], answer: Answer) -> Pages:
    """The pages of one chain, up to its first short one or the first that did not come."""
    rows: list[Row] = []
    for name in names:
        page = listing.rows(answer, name)
        if page is None:
            break
        check_order(listing, page, int(rows[-1][listing.id]) if rows else span.after)
        rows += page
        if len(page) < PAGE or (span.upto is not None and int(page[-1][listing.id]) >= span.upto):
            # A method that knows no upper bound has gone too far, which does no harm.
            while span.upto is not None and rows and int(rows[-1][listing.id]) > span.upto:
                rows.pop()
            return Pages(rows, None)
    return Pages(rows, int(rows[-1][listing.id]) if rows else span.after)


def _greatest(listing: Listing, answer: Answer) -> list[int]:
    """Ids of the last page, empty where the portal gave none: without them a list is one chain, no more."""
    try:
        return sorted((int(row[listing.id]) for row in listing.rows(answer, "newest") or []), reverse=True)
    except (StreamRefused, KeyError, TypeError, ValueError):
        return []


@dataclass
class Total:
    """How many rows a walk will bring, where that is known: spares it feeling its way."""

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
    """All rows of a list with ids above `after`, ascending, a request at a time (lists of up to 2500 rows).

    One request after the other: `walk.Walk` reads a large list faster, in no order.

    Args:
        window: fixed further filter, the same for the whole walk.

    Raises:
        StreamRefused: the method refuses, or does not honour the keyset.
        Temporary: the portal kept failing.
    """
    left = total.value or 0 if total else 0
    span, length = Span(int(after)), max(1, left // PAGE + 1 if left else 1)
    while True:
        wanted = [(span, client.room(listing.method, min(commands, length)))]
        [pages], _ = chains(client, listing, wanted, window=window, usage=usage)
        if pages.rows:
            yield pages.rows
        if pages.reached is None:
            return
        left -= len(pages.rows)
        span, length = Span(pages.reached), left // PAGE + 1 if left > 0 else length * RAMP


def check_order(listing: Listing, page: list[Row], floor: int) -> None:
    """A method that ignores filter or order would go round for ever."""
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
        share = client.room(listing.method)
        now, starts = starts[:share], starts[share:]
        answer = ask(now)
        before = len(found)
        for start in now:
            page = listing.rows(answer, f"p{start}") or []
            found.update((str(row.get(listing.id)), row) for row in page)
        if total is None and len(found) - before == PAGE:
            starts = [now[-1] + PAGE]
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
        asked = waiting[: client.room(listing.method, share)]
        sent = {
            f"g{i}": listing.page_after(
                after, [(f"{listing.filter}[{owner_filter}][{n}]", owner) for n, owner in enumerate(group)]
            )
            for i, (group, after) in enumerate(asked)
        }
        try:
            answer = client.batch(sent, usage=usage, elastic=True)
        except TooSlow:
            share = max(1, len(asked) // 4)
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
