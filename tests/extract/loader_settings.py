"""What meltano.yml tells the loader, so that the tests try what is run."""

from __future__ import annotations

from typing import Any

import yaml

from tests.conftest import ROOT


def loader_settings() -> dict[str, Any]:
    """The loader's settings but for those that come from the environment."""
    plugins = yaml.safe_load((ROOT / "meltano.yml").read_text())["plugins"]
    given = plugins["loaders"][0]["config"]
    return {name: value for name, value in given.items() if not str(value).startswith("$")}
