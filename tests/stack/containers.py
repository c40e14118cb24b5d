"""docker-compose.yml and the Dockerfile as an engine would read them, and its services' very commands run without one."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ROOT, Installation

COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "Dockerfile"
# Where the images put what the checkout holds, and where their volume of state stands.
IMAGE_ROOT, IMAGE_HOME = "/opt/voronka", "/var/lib/voronka"
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?P<operator>:[-?+])?(?P<word>[^}]*)\}")


class Unset(Exception):
    """A variable that the file demands has no value; the text is the file's message."""


def interpolate(value: Any, given: dict[str, str]) -> Any:
    """Variables replaced by the rules of the compose specification."""
    if isinstance(value, dict):
        return {key: interpolate(item, given) for key, item in value.items()}
    if isinstance(value, list):
        return [interpolate(item, given) for item in value]
    if not isinstance(value, str):
        return value

    def one(match: re.Match[str]) -> str:
        text = given.get(match["name"], "")
        match match["operator"]:
            case ":-":
                return text or match["word"]
            case ":+":
                return match["word"] if text else ""
            case ":?" if not text:
                raise Unset(f"{match['name']}: {match['word']}")
        return text

    return VARIABLE.sub(one, value)


def compose() -> dict[str, Any]:
    """The file with its anchors merged, variables as they stand."""
    return yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))


@cache
def dockerfile() -> tuple[tuple[str, str, str], ...]:
    """(stage, instruction, arguments) of the Dockerfile, continued lines joined, comments dropped."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if not line.lstrip().startswith("#")]
    found, stage = [], ""
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        instruction, _, rest = line.strip().partition(" ")
        if not instruction:
            continue
        if instruction == "FROM":
            stage = rest.rpartition(" AS ")[2]
        found.append((stage, instruction, " ".join(rest.split())))
    return tuple(found)


def image_environment(stage: str) -> dict[str, str]:
    """What ENV of a stage sets."""
    pairs = [
        word for at, name, rest in dockerfile() if (at, name) == (stage, "ENV") for word in shlex.split(rest)
    ]
    return dict(pair.split("=", 1) for pair in pairs)


def seconds(text: str) -> float:
    return float(text.removesuffix("s"))


@dataclass
class Host:
    """A machine to run the services on: the variables of its .env, paths and addresses in place of the containers'."""

    given: dict[str, str]
    home: Path
    places: dict[str, str]
    # Variables that a container has no need of: ports, which are its own there.
    extra: dict[str, str] = field(default_factory=dict)

    def here(self, text: str) -> str:
        for there, here in {IMAGE_HOME: str(self.home), IMAGE_ROOT: str(ROOT), **self.places}.items():
            text = text.replace(there, here)
        return text

    def service(self, name: str) -> dict[str, Any]:
        return interpolate(compose()["services"][name], self.given)

    def environ(self, name: str, stage: str = "voronka") -> dict[str, str]:
        """What the container gets: nothing of this process's environment, and nothing of a developer's .env."""
        of_file = self.service(name).get("environment", {})
        blank = dict.fromkeys(Installation.BLANK, "")
        pairs = {**blank, **image_environment(stage), **of_file, **self.extra}
        return {"PATH": os.defpath, **{key: self.here(str(value)) for key, value in pairs.items()}}

    def command(self, *args: str) -> list[str]:
        """The image's entry point with the arguments."""
        [entrypoint] = [rest for at, name, rest in dockerfile() if (at, name) == ("voronka", "ENTRYPOINT")]
        return [self.here(word) for word in [*yaml.safe_load(entrypoint), *args]]

    def start(self, name: str, log: Path) -> subprocess.Popen[bytes]:
        """A service by its own command, in the background."""
        with log.open("wb") as output:
            return subprocess.Popen(
                self.command(*self.service(name)["command"]),
                env=self.environ(name),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def run(self, name: str, *args: str) -> subprocess.CompletedProcess[str]:
        """`docker compose run --rm NAME ARGS`; without any, the service's own command."""
        return subprocess.run(
            self.command(*(args or self.service(name)["command"])),
            env=self.environ(name),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )

    def is_healthy(self, name: str, env: dict[str, str] | None = None) -> bool:
        """The exit code of the service's health check, word by word that of the file."""
        kind, *command = self.service(name)["healthcheck"]["test"]
        assert kind == "CMD"
        ran = subprocess.run(
            [self.here(word) for word in command],
            env=env or self.environ(name),
            cwd="/",
            capture_output=True,
            timeout=120,
        )
        return ran.returncode == 0

    def stop(self, name: str, process: subprocess.Popen[bytes], signal_number: int) -> int:
        """The exit code after the signal, which has to come within the service's grace period."""
        process.send_signal(signal_number)
        return process.wait(seconds(self.service(name)["stop_grace_period"]))
