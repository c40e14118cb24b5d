"""The questions of `docs/questions.md`, asked of the published marts; the page holds the queries and the last answers."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from voronka import paths
from voronka.failure import Failure

PAGE = paths.ROOT / "docs" / "questions.md"
# A query, and the answer of last time below it if there was one.
BLOCK = re.compile(r"```sql\n(?P<sql>.*?)```\n(?P<answer>\n(?:\|[^\n]*\n)+)?", re.DOTALL)
HEADING = re.compile(r"^## (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Answer:
    """What one query of the page gave."""

    question: str
    sql: str
    columns: list[str]
    rows: list[tuple[Any, ...]]

    @property
    def table(self) -> str:
        """Markdown, numbers to the right."""
        numeric = [
            any(
                isinstance(row[n], int | float | Decimal) and not isinstance(row[n], bool)
                for row in self.rows
            )
            for n in range(len(self.columns))
        ]
        rule = ["--:" if right else "---" for right in numeric]
        cells = [self.columns, rule, *([_said(value) for value in row] for row in self.rows)]
        return "".join(f"| {' | '.join(row)} |\n" for row in cells)


def _said(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Decimal() | float():
            return f"{value:,.2f}".rstrip("0").rstrip(".").replace(",", " ")
        case int():
            return f"{value:,}".replace(",", " ")
        case dt.datetime():
            return f"{value:%d.%m.%Y %H:%M}"
        case dt.date():
            return f"{value:%d.%m.%Y}"
    return str(value).replace("|", "\\|")


def ask(warehouse: psycopg.Connection, page: Path = PAGE) -> Iterator[Answer]:
    """Run every query of the page, in its order.

    Raises:
        Failure: a query cannot be run; the text names its question and the database's words.
    """
    text = page.read_text(encoding="utf-8")
    for block in BLOCK.finditer(text):
        question = [heading[1] for heading in HEADING.finditer(text, 0, block.start())][-1]
        try:
            cursor = warehouse.execute(block["sql"])
            yield Answer(
                question, block["sql"], [c.name for c in cursor.description or ()], cursor.fetchall()
            )
        except psycopg.Error as error:
            reason = str(error).strip().splitlines()[0]
            raise Failure(f"{page.name}, «{question}»: {reason}. Correct its query in {page}.") from None


def write(answers: list[Answer], page: Path = PAGE) -> None:
    """Put the answers below their queries, in place of those of last time."""
    left = iter(answers)
    text = BLOCK.sub(
        lambda block: f"```sql\n{block['sql']}```\n\n{next(left).table}", page.read_text(encoding="utf-8")
    )
    page.write_text(text, encoding="utf-8")
