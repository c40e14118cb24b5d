"""`make proof SEEDS="1 2 3"`: the demonstration company of each seed and portals drawn at random, figure by figure."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.conftest import Installation
from tests.embedded_postgres import embedded_postgres
from tests.proof import scenes
from tests.proof.checks import Check


def _of_seed(seed: str, scale: str) -> list[Check]:
    with ExitStack() as stack:
        installation = Installation.new(VORONKA_DEMO_SEED=seed, VORONKA_DEMO_SCALE=scale)
        stack.callback(installation.close)
        return scenes.of_demonstration(installation)


def _columns(seeds: list[str], scale: str, strange: list[str]) -> Iterator[tuple[str, list[Check]]]:
    for seed in seeds:
        yield f"seed {seed}", _of_seed(seed, scale)
    if strange:
        with embedded_postgres() as host, tempfile.TemporaryDirectory() as folder:
            for name in strange:
                yield name, scenes.of_strange(name, host, Path(folder))


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seeds", nargs="*", default=["1", "2", "3"])
    options.add_argument("--scale", default="0.3", help="how large the demonstration company is")
    options.add_argument("--strange", nargs="*", default=list(scenes.STRANGE), help="portals drawn at random")
    options.add_argument("--report", type=Path, help="where to write the figures as JSON")
    asked = options.parse_args()
    columns: dict[str, dict[str, Check]] = {}
    for name, checks in _columns(asked.seeds, asked.scale, asked.strange):
        columns[name] = {check.name: check for check in checks}
        compared, differing = _sum(columns[name])
        print(f"{name}: {compared:,} figures compared, {differing} differ".replace(",", " "), flush=True)
    table = _table(columns)
    print(table)
    for name, found in columns.items():
        for check in found.values():
            for difference in check.differences[:5]:
                print(f"{name}, {check.name}: {difference}")
    if asked.report:
        figures = {
            name: {check.name: [check.compared, len(check.differences)] for check in found.values()}
            for name, found in columns.items()
        }
        asked.report.write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return int(any(_sum(found)[1] for found in columns.values()))


def _sum(found: dict[str, Check]) -> tuple[int, int]:
    return sum(c.compared for c in found.values()), sum(len(c.differences) for c in found.values())


def _table(columns: dict[str, dict[str, Check]]) -> str:
    """KPI by seed: how many figures were compared, and how many differ where any do."""
    names = list(dict.fromkeys(name for found in columns.values() for name in found))
    width, cell = max(map(len, names)), max(14, *(len(name) + 2 for name in columns))
    lines = [" " * width + "".join(f"{name:>{cell}}" for name in columns)]
    for name in names:
        cells = []
        for found in columns.values():
            check = found.get(name)
            text = "—" if check is None else f"{check.compared}"
            cells.append(f"{text}, {len(check.differences)} differ" if check and check.differences else text)
        lines.append(f"{name:{width}}" + "".join(f"{text:>{cell}}" for text in cells))
    sums = [_sum(found) for found in columns.values()]
    lines.append(f"{'figures compared':{width}}" + "".join(f"{compared:>{cell}}" for compared, _ in sums))
    lines.append(f"{'differences':{width}}" + "".join(f"{differing:>{cell}}" for _, differing in sums))
    return "\n".join(lines)


if __name__ == "__main__":
    started = time.monotonic()
    code = main()
    print(f"{dt.timedelta(seconds=round(time.monotonic() - started))}")
    sys.exit(code)
