"""The export bundle in git: reading it, and a Superset application to work on from a script."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import yaml

SERVER = Path(__file__).resolve().parent
BUNDLE = SERVER.parent
FOLDERS = ("databases", "datasets", "charts", "dashboards")


class BundleError(Exception):
    """The bundle or the environment cannot be used; the text names the file or variable and the cure."""


def assets() -> dict[str, dict[str, Any]]:
    """Every asset of the bundle by its path inside it (`charts/kpi/tiles.yaml`), in a stable order.

    Raises:
        BundleError: a file is not YAML, or not a mapping.
    """
    found = {}
    for folder in FOLDERS:
        for path in sorted((BUNDLE / folder).rglob("*.yaml")):
            name = path.relative_to(BUNDLE).as_posix()
            try:
                content = yaml.safe_load(path.read_text(encoding="utf-8"))
            except yaml.YAMLError as error:
                raise BundleError(f"superset/{name} is not YAML: {error}") from None
            if not isinstance(content, dict):
                raise BundleError(
                    f"superset/{name} must be a mapping of keys, and is {type(content).__name__}"
                )
            found[name] = content
    return found


def policy() -> dict[str, Any]:
    """Roles, people and dashboards of policy.yaml."""
    return yaml.safe_load((SERVER / "policy.yaml").read_text(encoding="utf-8"))


def common_css(slug: str) -> str:
    """The styles that all dashboards share, for the one of that slug."""
    return (SERVER / "viewers.css").read_text(encoding="utf-8").replace("{slug}", slug)


def chart_uuids(position: dict[str, Any]) -> list[str]:
    """Uuids of the charts that a dashboard's layout places, in its order."""
    return [
        node["meta"]["uuid"]
        for node in position.values()
        if isinstance(node, dict) and node.get("type") == "CHART"
    ]


def application() -> Any:
    """Superset's Flask application, configured by our superset_config.py, with its chatter turned down.

    Raises:
        BundleError: Superset is not installed in this Python, or not configured.
    """
    os.environ.setdefault("SUPERSET_CONFIG_PATH", str(SERVER / "superset_config.py"))
    logging.disable(logging.WARNING)
    try:
        # The folder superset/ of the checkout has no __init__.py, so that the installed package of that name wins.
        from superset.app import create_app
    except ModuleNotFoundError as error:
        raise BundleError(
            f"{error.name} is not installed in this Python: run the script with the Superset environment's python"
        ) from None
    try:
        return create_app()
    except RuntimeError as error:
        raise BundleError(str(error)) from None
