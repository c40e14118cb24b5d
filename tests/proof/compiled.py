"""Unit tests as dbt compiled them: one query each, so that a mutant costs a query and no dbt."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from contextlib import suppress
from pathlib import Path

import psycopg
from psycopg.types.json import set_json_loads

from tests.proof.mutants import Mutant

JINJA = re.compile(r"({{.*?}})", re.DOTALL)


def _pattern(text: str) -> tuple[re.Pattern[str], list[str]]:
    """What a piece of a model looks like when compiled, and which expressions its groups hold."""
    parts, expressions = [], []
    pieces = JINJA.split(text)
    for place, piece in enumerate(pieces):
        if JINJA.fullmatch(piece):
            expressions.append(piece)
            # At the end of the piece the expression goes to the end of the line.
            parts.append("(.+)$" if not "".join(pieces[place + 1 :]) else "(.+?)")
        else:
            parts.append(r"\s+".join(re.escape(word) for word in re.split(r"\s+", piece)))
    return re.compile("".join(parts), re.MULTILINE), expressions


# Where dbt begins to say what is expected.
EXPECTED = "dbt_internal_unit_test_expected"


def _turned(sql: str, mutant: Mutant) -> str | None:
    """The compiled query with the mutant in it; none where it cannot be put there."""
    pattern, expressions = _pattern(mutant.old)
    wanted = JINJA.findall(mutant.new)
    if "{%" in mutant.old + mutant.new or any(expression not in expressions for expression in wanted):
        return None

    def replace(match: re.Match[str]) -> str:
        found = dict(zip(expressions, match.groups(), strict=True))
        return JINJA.sub(lambda expression: found[expression[1]], mutant.new)

    tested, expected = sql.split(EXPECTED, 1)
    turned, times = pattern.subn(replace, tested)
    return turned + EXPECTED + expected if times else None


class Compiled:
    """The unit tests that `dbt test` left in its target folder, those that pass."""

    def __init__(self, connection: psycopg.Connection, target: Path) -> None:
        self.connection = connection
        # A wrong turn may never come to an end.
        connection.execute("set statement_timeout = '30s'")
        # 1 and 1.00 are one number.
        set_json_loads(lambda text: json.loads(text, parse_int=float), connection)
        manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
        files = {path.stem: path for path in (target / "run").rglob("*.sql") if "unit_tests.yml" in str(path)}
        self.tests: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for test in manifest["unit_tests"].values():
            if test["name"] in files:
                sql = files[test["name"]].read_text(encoding="utf-8")
                with suppress(psycopg.Error):
                    if self._passes(sql):
                        self.tests[test["model"]].append((test["name"], sql))

    def _passes(self, sql: str) -> bool:
        """Whether what came out is what was expected.

        Raises:
            psycopg.Error: the query does not run.
        """
        sides: dict[str, Counter[str]] = {"actual": Counter(), "expected": Counter()}
        # By JSON, since Python knows no infinite moment.
        wrapped = (
            f"select to_jsonb(told) - 'actual_or_expected', told.actual_or_expected from (\n{sql}\n) as told"
        )
        for row, side in self.connection.execute(wrapped.encode()).fetchall():
            sides[side][json.dumps(row, sort_keys=True)] += 1
        return sides["actual"] == sides["expected"]

    def notice(self, mutant: Mutant) -> tuple[list[str], int] | None:
        """Tests that fail of the mutant, and how many saw it; none where only dbt can tell."""
        failed, seen = [], 0
        for model in mutant.models.split():
            for name, sql in self.tests.get(model, []):
                turned = _turned(sql, mutant)
                if turned is None:
                    continue
                try:
                    seen += 1
                    if not self._passes(turned):
                        failed.append(name)
                except psycopg.errors.QueryCanceled:
                    failed.append(name)
                except psycopg.Error:
                    return None
        return (failed, seen) if seen else None
