"""Voronka's own PostgreSQL for a measurement, in the core environment: up while standard input stays open."""

from __future__ import annotations

import pwd
import signal
import subprocess
import sys
import time

from voronka import postgres
from voronka.settings import Settings


def main() -> None:
    settings = Settings()
    postgres.initialise(settings)
    user = postgres.system_user()
    # The group too: root's own would make the file modes of others apply.
    account = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}
    server = subprocess.Popen(
        # When a row was committed is what is measured.
        [*postgres.command(settings), "-ctrack_commit_timestamp=on"],
        cwd="/",
        stdin=subprocess.DEVNULL,
        **account,
    )
    try:
        until = time.monotonic() + 60
        while not postgres.is_ready(settings):
            if server.poll() is not None or time.monotonic() > until:
                sys.exit("PostgreSQL did not start")
            time.sleep(0.1)
        postgres.provision(settings)
        print("ready", flush=True)
        sys.stdin.read()
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(60)


if __name__ == "__main__":
    main()
