"""docker-compose.yml, the Dockerfile and what they name, read and compared; test_compose.py runs them."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.stack.containers import COMPOSE, VARIABLE, Unset, compose, dockerfile, interpolate

SERVICES = compose()["services"]
DEV = Path(sys.executable).parent
LONG_RUNNING = sorted(set(SERVICES) - {"provision"})
each = pytest.mark.parametrize("name", sorted(SERVICES))


def secrets_file() -> dict[str, str]:
    said = subprocess.run(
        ["sh", "docker/new-secrets.sh"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return dict(line.split("=", 1) for line in said.stdout.splitlines())


def test_the_file_is_what_the_compose_specification_allows(tmp_path: Path) -> None:
    check = [DEV / "check-jsonschema", "--builtin-schema", "vendor.compose-spec"]
    ran = subprocess.run([*check, COMPOSE], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    # The check can fail.
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text(COMPOSE.read_text().replace("stop_grace_period:", "stop_grace:"))
    assert subprocess.run([*check, wrong], capture_output=True).returncode == 1


@each
def test_a_service_can_do_no_more_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    user, _, group = service["user"].partition(":")
    assert int(user) > 0 and int(group) > 0
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["pids_limit"] and service["mem_limit"] and "cap_add" not in service
    assert "privileged" not in service and "network_mode" not in service
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}
    assert not any("docker.sock" in str(volume) for volume in service["volumes"])


@each
def test_a_service_starts_again_and_ends_in_time(name: str) -> None:
    service = SERVICES[name]
    assert service["init"] is True and service["stop_grace_period"]
    if name == "provision":
        assert service["restart"] == "on-failure" and service["healthcheck"] == {"disable": True}
    else:
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] == "CMD" and service["healthcheck"]["interval"]


@each
def test_images_are_pinned(name: str) -> None:
    image = SERVICES[name]["image"]
    if "build" in SERVICES[name]:
        assert image.endswith(":local")
        stages = {stage for stage, instruction, _ in dockerfile() if instruction == "FROM"}
        assert SERVICES[name]["build"]["target"] in stages
    else:
        assert re.fullmatch(r"[a-z]+:\d+(\.\d+)+", image)


def test_base_images_are_pinned_and_nobody_is_root() -> None:
    for _, instruction, rest in dockerfile():
        if instruction == "FROM":
            assert re.fullmatch(r"(python|caddy):\d+\.\d+\.\d+-[\w-]+ AS \w+", rest), rest
        assert instruction != "ADD"
        if instruction == "RUN" and "apt-get install" in rest:
            assert "--no-install-recommends" in rest and "rm -rf /var/lib/apt/lists" in rest
        if instruction == "RUN":
            assert not re.search(r"curl|wget|pip install|sudo", rest), rest
    for name in ("voronka", "proxy"):
        [user] = [rest for stage, instruction, rest in dockerfile() if (stage, instruction) == (name, "USER")]
        assert user == SERVICES["superset" if name == "voronka" else name]["user"]


def test_what_the_images_copy_is_there_and_let_in() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    assert ignored[1] == "*"
    copied = set()
    for _, instruction, rest in dockerfile():
        if instruction == "COPY" and "--from" not in rest:
            *sources, _ = shlex.split(rest)
            copied |= set(sources)
    assert copied
    for source in copied:
        assert (ROOT / source).exists(), source
        assert source.split("/")[0] in let_in, source
    assert let_in == {source.split("/")[0] for source in copied}


def test_the_entry_point_is_in_the_image_and_can_be_run() -> None:
    [entrypoint] = [r for stage, i, r in dockerfile() if (stage, i) == ("voronka", "ENTRYPOINT")]
    script = ROOT / entrypoint.strip('["]').removeprefix("/opt/voronka/")
    assert script.stat().st_mode & 0o111


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    return [str(value)]


@each
def test_secrets_come_from_the_environment_and_have_no_default(name: str) -> None:
    for key, value in SERVICES[name].get("environment", {}).items():
        if key == "VORONKA_OIDC_CLIENT_SECRET":
            # Without a provider there is none.
            assert value == "${VORONKA_OIDC_CLIENT_SECRET:-}"
        elif re.search(r"PASSWORD|SECRET|WEBHOOK", key):
            assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", str(value)), key
    for text in texts(SERVICES[name]):
        assert not re.search(r"://[^/$\s]+:[^/$\s]+@", text), text


def test_every_variable_is_documented() -> None:
    documented = set(re.findall(r"^#?(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    used = {match["name"] for match in VARIABLE.finditer(COMPOSE.read_text())}
    assert used <= documented, used - documented
    assert set(re.findall(r"\{\$(\w+)", (ROOT / "docker" / "Caddyfile").read_text())) <= documented | {
        "VORONKA_UPSTREAM"
    }


def test_without_its_secrets_nothing_starts_and_new_ones_are_enough() -> None:
    with pytest.raises(Unset, match="new-secrets"):
        interpolate(compose(), {"BITRIX24_WEBHOOK_URL": "https://portal.example/rest/1/code/"})
    first, second = secrets_file(), secrets_file()
    assert set(first) == set(second) and not set(first.values()) & set(second.values())
    assert len(set(first.values())) == len(first) and all(len(value) >= 32 for value in first.values())
    with pytest.raises(Unset, match="inbound webhook"):
        interpolate(compose(), first)
    interpolate(compose(), {**first, "BITRIX24_WEBHOOK_URL": "https://portal.example/rest/1/code/"})


def test_nobody_is_given_more_secrets_than_their_work_needs() -> None:
    holders = {
        key: {name for name, service in SERVICES.items() if key in service.get("environment", {})}
        for key in ("VORONKA_POSTGRES_PASSWORD", "VORONKA_LOADER_PASSWORD", "BITRIX24_WEBHOOK_URL")
    }
    assert holders == {
        "VORONKA_POSTGRES_PASSWORD": {"provision"},
        "VORONKA_LOADER_PASSWORD": {"provision", "refresh"},
        "BITRIX24_WEBHOOK_URL": {"refresh"},
    }
    assert not any(re.search("PASSWORD|SECRET", key) for key in SERVICES["proxy"]["environment"])


def test_the_database_is_reached_from_inside_alone() -> None:
    assert compose()["networks"]["database"] == {"internal": True}
    assert SERVICES["postgres"]["networks"] == ["database"] and "ports" not in SERVICES["postgres"]
    assert all(str(port).startswith("127.0.0.1:") for port in SERVICES["superset"]["ports"])
    assert "database" not in SERVICES["proxy"]["networks"]


def test_the_server_is_set_as_the_embedded_one() -> None:
    """Of its settings, those that a measurement stands behind; the container's own are the addresses and the replication."""
    source = (ROOT / "voronka" / "postgres.py").read_text()
    embedded = dict(re.findall(r'^    "(\w+)": "([^"]*)",$', source, re.MULTILINE))
    given = dict(part.removeprefix("-c").split("=", 1) for part in SERVICES["postgres"]["command"][1:])
    # The embedded server goes by the machine's memory, the container by its own.
    assert given.pop("shared_buffers") == "${VORONKA_POSTGRES_BUFFERS:-512MB}"
    assert given.pop("effective_cache_size") == "2GB"
    assert {"shared_buffers", "effective_cache_size"}.isdisjoint(embedded)
    assert given.items() <= embedded.items()
    assert {"password_encryption", "work_mem", "jit", "timezone"} <= set(given)


def test_volumes_are_declared_and_all_are_used() -> None:
    mounted = {str(volume).split(":")[0] for service in SERVICES.values() for volume in service["volumes"]}
    assert mounted == set(compose()["volumes"])
    holders = {name for name in SERVICES if any("backups:" in v for v in SERVICES[name]["volumes"])}
    assert holders == {"provision"}
