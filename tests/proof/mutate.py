"""`make mutants`: each mutant in a copy of the project, and whether a unit test of its models notices."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import DBT, ROOT
from tests.embedded_postgres import embedded_postgres
from tests.proof import portals, scenes
from tests.proof.mutants import MUTANTS, Mutant
from tests.proof.warehouse import Environment, Warehouse, database

# dbt in one process for many runs: its start costs more than the tests.
RUNNER = """
import contextlib, io, json, sys
from dbt.cli.main import dbtRunner
runner, out = dbtRunner(), sys.stdout
for line in sys.stdin:
    with contextlib.redirect_stdout(io.StringIO()):
        done = runner.invoke(json.loads(line))
    found = [(str(r.status), r.node) for r in done.result or []]
    results = [[status, node.name, getattr(node, "tested_node_unique_id", None)] for status, node in found]
    print(json.dumps({"results": results, "error": str(done.exception or "")}), file=out, flush=True)
"""


@dataclass(frozen=True)
class Verdict:
    mutant: Mutant
    word: str
    """killed, survived, or broken: the mutant is no SQL, or is not in the file."""

    noticed: list[str]


class Project:
    """A copy of the project, and a dbt that tests it."""

    def __init__(self, environment: Environment, folder: Path) -> None:
        self.folder, self.project = folder, folder / "dbt_project"
        shutil.copytree(ROOT / "dbt_project", self.project, ignore=shutil.ignore_patterns("target", "logs"))
        self.process = subprocess.Popen(
            [str(DBT.parent / "python"), "-c", RUNNER],
            env={
                **environment,
                "DBT_PROJECT_DIR": str(self.project),
                "DBT_PROFILES_DIR": str(self.project),
                "DBT_TARGET_PATH": str(folder / "target"),
                "DBT_LOG_PATH": str(folder / "logs"),
            },
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def test(self, models: Iterable[str]) -> tuple[dict[str, list[tuple[str, str]]], str]:
        """Unit tests of `models`: of each (status, name), and what stopped dbt."""
        select = [f"{model},test_type:unit" for model in sorted(models)]
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(["--quiet", "test", "--select", *select]) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        found: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for status, name, model in answer["results"]:
            found[(model or "").split(".")[-1]].append((status, name))
        return found, answer["error"]

    def judge(self, mutants: list[Mutant]) -> list[Verdict]:
        """All of them at once: none touches a model that another touches."""
        sound = {mutant.file: (self.project / mutant.file).read_text(encoding="utf-8") for mutant in mutants}
        try:
            for mutant in mutants:
                text = sound[mutant.file].replace(mutant.old, mutant.new)
                (self.project / mutant.file).write_text(text, encoding="utf-8")
            found, error = self.test({model for mutant in mutants for model in mutant.models.split()})
        finally:
            for file, text in sound.items():
                (self.project / file).write_text(text, encoding="utf-8")
        if error and not found and len(mutants) > 1:
            return [self.judge([mutant])[0] for mutant in mutants]
        return [self._verdict(mutant, found, error) for mutant in mutants]

    @staticmethod
    def _verdict(mutant: Mutant, found: dict[str, list[tuple[str, str]]], error: str) -> Verdict:
        results = [result for model in mutant.models.split() for result in found.get(model, [])]
        if failed := [name for status, name in results if status == "fail"]:
            return Verdict(mutant, "killed", failed)
        if error or not results or any(status == "error" for status, _ in results):
            return Verdict(mutant, "broken", [error or "the SQL does not run, or no unit test is there"])
        return Verdict(mutant, "survived", [f"{len(results)} tests passed"])

    def close(self) -> None:
        if self.process.stdin:
            self.process.stdin.close()
        self.process.wait(60)


def touched(manifest: Mapping[str, Any]) -> dict[str, set[str]]:
    """Files of the project to the models whose SQL they make, macros called by macros included."""
    calls = {id: set(macro["depends_on"]["macros"]) for id, macro in manifest["macros"].items()}
    paths = {id: macro["original_file_path"] for id, macro in manifest["macros"].items()}
    found: dict[str, set[str]] = defaultdict(set)
    for node in manifest["nodes"].values():
        if node["resource_type"] != "model":
            continue
        found[node["original_file_path"]].add(node["name"])
        reached, to_see = set(), list(node["depends_on"]["macros"])
        while to_see:
            macro = to_see.pop()
            if macro not in reached and macro.startswith("macro.voronka."):
                reached.add(macro)
                to_see += calls[macro]
        for macro in reached:
            found[paths[macro]].add(node["name"])
    return found


def rounds(mutants: list[Mutant], files: dict[str, set[str]]) -> list[list[Mutant]]:
    """Unit tests see one model each, so that mutants of different models can be judged by one run of dbt."""
    found: list[tuple[list[Mutant], set[str]]] = []
    for mutant in sorted(mutants, key=lambda mutant: -len(files[mutant.file])):
        models = files[mutant.file] | set(mutant.models.split())
        for together, taken in found:
            if not models & taken:
                together.append(mutant)
                taken |= models
                break
        else:
            found.append(([mutant], set(models)))
    return [together for together, _ in found]


@contextmanager
def built(host: str, folder: Path) -> Iterator[Warehouse]:
    """A warehouse with every relation, which is where unit tests look up the columns of their inputs."""
    strange = scenes.STRANGE["leap day"]
    now = scenes.now_of(scenes.Strange(1, strange.kind))
    with database(host, "mutants", folder) as warehouse:
        scenes.load(warehouse, portals.empty(now), now)
        done = warehouse.build("--resource-type", "model", "--resource-type", "seed")
        assert done.ok, done.output
        yield warehouse


def run(mutants: list[Mutant]) -> list[Verdict]:
    verdicts = []
    for mutant in mutants:
        times = (ROOT / "dbt_project" / mutant.file).read_text(encoding="utf-8").count(mutant.old)
        if times != 1:
            verdicts.append(Verdict(mutant, "broken", [f"its place is {times} times in the file"]))
    sound = [mutant for mutant in mutants if mutant not in [verdict.mutant for verdict in verdicts]]
    with (
        embedded_postgres() as host,
        tempfile.TemporaryDirectory() as scratch,
        built(host, Path(scratch)) as warehouse,
    ):
        manifest = json.loads((Path(scratch) / "target" / "manifest.json").read_text(encoding="utf-8"))
        project = Project(warehouse.environment, Path(scratch))
        try:
            for together in rounds(sound, touched(manifest)):
                for verdict in project.judge(together):
                    verdicts.append(verdict)
                    said = ", ".join(verdict.noticed[:2])
                    print(
                        f"{verdict.word:9} {verdict.mutant.file}: {verdict.mutant.rule} ({said})", flush=True
                    )
        finally:
            project.close()
    return verdicts


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only", default="", help="mutants whose file or rule has this word")
    asked = options.parse_args()
    started = time.monotonic()
    chosen = [mutant for mutant in MUTANTS if asked.only in mutant.file or asked.only in mutant.rule]
    verdicts = run(chosen)
    for word in ("survived", "broken"):
        for verdict in verdicts:
            if verdict.word == word:
                print(
                    f"\n{word}: {verdict.mutant.rule}, {verdict.mutant.file}\n- {verdict.mutant.old}\n+ {verdict.mutant.new}"
                )
    words = [verdict.word for verdict in verdicts]
    print(
        f"{len(words)} mutants: {words.count('killed')} killed, {words.count('survived')} survived,"
        f" {words.count('broken')} broken; {time.monotonic() - started:.0f} s"
    )
    return int(words.count("killed") != len(chosen) or not chosen)


if __name__ == "__main__":
    sys.exit(main())
