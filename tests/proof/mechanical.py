"""Wrong turns that nobody thought of: operators, joins and conditions of every line, turned one by one.

Many turn nothing (a sort that decides nothing, a condition that spares rows which a later join drops), so that what
survives is no fault: it is where to look for a rule that no unit test holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.conftest import ROOT
from tests.proof.mutants import Mutant

TURNS = (
    (" < ", " <= "), (" <= ", " < "), (" > ", " >= "), (" >= ", " > "), (" = ", " <> "), (" <> ", " = "),
    (" desc", " asc"), (" asc", " desc"), ("min(", "max("), ("max(", "min("), ("sum(", "max("), (" + ", " - "),
    (" - ", " + "), (" or ", " and "), ("not ", ""), ("left join", "inner join"), ("full outer join", "left join"),
    ("union all", "union"), (", 0)", ", 1)"),
)  # fmt: skip


def of_model(name: str, file: str, code: str) -> Iterator[Mutant]:
    """All turns of the lines of a model's SQL that can be found again in what dbt compiles of it."""
    lines = code.split("\n")
    for place, line in enumerate(lines):
        text = line.strip()
        if not text or text.startswith("--") or re.search(r"{%|{#|ref\(", text):
            continue
        turned = [text.replace(old, new, 1) for old, new in TURNS if old in text]
        if re.match("(and|or) ", text):
            turned.append("")
        for new in turned:
            # Where the line stands twice, the one before it tells which is meant.
            before = f"{lines[place - 1].lstrip()}\n" if code.count(text) > 1 else ""
            old = f"{before}{line}" if before else text
            if code.count(old) == 1 and not re.search(r"{%|ref\(", before):
                yield Mutant(f"line {place + 1}", file, old, f"{before}{new}", name)


def of_project() -> Iterator[Mutant]:
    project = ROOT / "dbt_project"
    for path in sorted((project / "models").rglob("*.sql")):
        file = path.relative_to(project).as_posix()
        yield from of_model(path.stem, file, path.read_text(encoding="utf-8"))
