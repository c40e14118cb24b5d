"""`make mutants`: each mutant in a copy of the project, and whether a unit test of its models notices."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import DBT, ROOT
from tests.embedded_postgres import embedded_postgres
from tests.proof import mechanical, portals, scenes
from tests.proof.compiled import Compiled
from tests.proof.mutants import MUTANTS, Mutant
from tests.proof.warehouse import Environment, Warehouse, database

# One dbt that parses once: what a mutant turns wrong is turned in what was parsed.
RUNNER = """
import contextlib, io, json, sys
from dbt.cli.main import dbtRunner
out = sys.stdout
with contextlib.redirect_stdout(io.StringIO()):
    manifest = dbtRunner().invoke(["--quiet", "parse"]).result
runner = dbtRunner(manifest=manifest)

def turn(file, old, new):
    turned = 0
    for macro in manifest.macros.values():
        if macro.package_name == "voronka" and macro.original_file_path == file:
            turned += macro.macro_sql.count(old)
            macro.macro_sql = macro.macro_sql.replace(old, new)
    for node in manifest.nodes.values():
        if node.original_file_path == file:
            turned += node.raw_code.count(old)
            node.raw_code = node.raw_code.replace(old, new)
    return turned

def restore(sound):
    for id, text in sound.items():
        if id in manifest.macros:
            manifest.macros[id].macro_sql = text
        else:
            manifest.nodes[id].raw_code = text

files = {}
for node in manifest.nodes.values():
    if node.resource_type == "model":
        files.setdefault(node.original_file_path, set()).add(node.name)
        seen, to_see = set(), list(node.depends_on.macros)
        while to_see:
            macro = to_see.pop()
            if macro not in seen and macro.startswith("macro.voronka."):
                seen.add(macro)
                to_see += manifest.macros[macro].depends_on.macros
                files.setdefault(manifest.macros[macro].original_file_path, set()).add(node.name)
print(json.dumps({file: sorted(models) for file, models in files.items()}), file=out, flush=True)

for line in sys.stdin:
    asked = json.loads(line)
    sound = {id: macro.macro_sql for id, macro in manifest.macros.items()}
    sound.update({id: node.raw_code for id, node in manifest.nodes.items()})
    turned = [turn(*edit) for edit in asked["edits"]]
    with contextlib.redirect_stdout(io.StringIO()):
        done = runner.invoke(["--quiet", "test", "--select", *asked["select"]])
    restore(sound)
    found = [(str(r.status), r.node) for r in done.result or []]
    results = [[status, node.name, getattr(node, "tested_node_unique_id", None)] for status, node in found]
    answer = {"results": results, "error": str(done.exception or ""), "turned": turned}
    print(json.dumps(answer), file=out, flush=True)
"""


@dataclass(frozen=True)
class Verdict:
    mutant: Mutant
    word: str
    """killed, survived, or broken: the mutant is no SQL, or is not in the file."""

    noticed: list[str]


class Tester:
    """A dbt that runs the unit tests of a project turned wrong."""

    def __init__(self, environment: Environment, folder: Path) -> None:
        self.process = subprocess.Popen(
            [str(DBT.parent / "python"), "-c", RUNNER],
            env=environment,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout
        self.files = {
            file: set(models) for file, models in json.loads(self.process.stdout.readline()).items()
        }
        """Files of the project to the models whose SQL they make, macros called by macros included."""

    def judge(self, mutants: list[Mutant]) -> list[Verdict]:
        """All of them at once: none touches a model that another touches."""
        models = {model for mutant in mutants for model in mutant.models.split()}
        asked = {
            "edits": [[mutant.file, mutant.old, mutant.new] for mutant in mutants],
            "select": [f"{model},test_type:unit" for model in sorted(models)],
        }
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        found: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for status, name, model in answer["results"]:
            found[(model or "").split(".")[-1]].append((status, name))
        if answer["error"] and not found and len(mutants) > 1:
            return [self.judge([mutant])[0] for mutant in mutants]
        return [
            self._verdict(mutant, found, answer["error"])
            if turned == 1
            else Verdict(mutant, "broken", [f"its place is {turned} times in the file"])
            for mutant, turned in zip(mutants, answer["turned"], strict=True)
        ]

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


def run(mutants: list[Mutant], environment: Environment, target: Path, by_dbt: bool = True) -> list[Verdict]:
    """In the warehouse that `environment` names, by the unit tests compiled in `target`; by dbt what is left."""
    verdicts, left = [], []
    with scenes.connect(environment) as connection:
        compiled = Compiled(connection, target)
        for mutant in mutants:
            noticed = compiled.notice(mutant)
            if noticed is None:
                left.append(mutant)
            else:
                failed, seen = noticed
                verdict = Verdict(
                    mutant, "killed" if failed else "survived", failed or [f"{seen} tests passed"]
                )
                verdicts.append(_told(verdict))
    if not left or not by_dbt:
        return verdicts
    tester = Tester(environment, target.parent)
    try:
        for together in rounds(left, tester.files):
            verdicts += [_told(verdict) for verdict in tester.judge(together)]
    finally:
        tester.close()
    return verdicts


def _told(verdict: Verdict) -> Verdict:
    said = ", ".join(verdict.noticed[:2])
    print(f"{verdict.word:9} {verdict.mutant.file}: {verdict.mutant.rule} ({said})", flush=True)
    return verdict


def in_a_warehouse(mutants: list[Mutant], compiled: Path | None, by_dbt: bool = True) -> list[Verdict]:
    """In one built for the purpose; with `compiled` in the one that `make env` names, whose unit tests have run."""
    if compiled:
        # What dbt compiles of a mutant must not take the place of a sound test; a relative path it would take from its project.
        with tempfile.TemporaryDirectory() as scratch:
            environment = {**os.environ, "DBT_TARGET_PATH": str(Path(scratch) / "target")}
            return run(mutants, environment, compiled.resolve(), by_dbt)
    with (
        embedded_postgres() as host,
        tempfile.TemporaryDirectory() as scratch,
        built(host, Path(scratch)) as warehouse,
    ):
        arguments = ["test", "--select", "test_type:unit", "--no-use-colors"]
        done = subprocess.run(
            [str(DBT), *arguments], env=warehouse.environment, cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout
        return run(mutants, warehouse.environment, warehouse.folder / "target", by_dbt)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only", default="", help="mutants whose file or rule has this word")
    options.add_argument(
        "--compiled",
        type=Path,
        help="dbt's target folder after its unit tests, of the warehouse that `make env` names",
    )
    options.add_argument(
        "--mechanical",
        action="store_true",
        help="not the named mutants, but operators and joins of every line: where no unit test holds a rule",
    )
    asked = options.parse_args()
    started = time.monotonic()
    known = list(mechanical.of_project()) if asked.mechanical else MUTANTS
    chosen = [mutant for mutant in known if asked.only in mutant.file or asked.only in mutant.rule]
    verdicts = in_a_warehouse(chosen, asked.compiled, by_dbt=not asked.mechanical)
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
    return int(not chosen or (not asked.mechanical and words.count("killed") != len(chosen)))


if __name__ == "__main__":
    sys.exit(main())
