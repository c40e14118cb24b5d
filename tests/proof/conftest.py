"""One server for all strange portals, and a folder in which dbt's parsing of one serves the next."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.embedded_postgres import embedded_postgres


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with embedded_postgres() as host:
        yield host


@pytest.fixture(scope="session")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("strange")
