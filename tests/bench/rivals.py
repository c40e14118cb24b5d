"""What else one could load a portal with, as its makers made it."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.portal import Portal
from tests.conftest import ROOT

PLAIN_TAP = ROOT / ".meltano" / "extractors" / "tap-bitrix24" / "venv" / "bin" / "tap-rest-api-msdk"


@dataclass
class Read:
    """What a rival got. `complete`: it was all; otherwise `seconds` is how long we watched. None is in a database.

    `failure` is its last word, if it gave up, and `given_up` how often it did before.
    """

    rows: int
    seconds: float
    requests: int
    complete: bool
    peak_mb: int | None = None
    failure: str | None = None
    given_up: int = 0


def write_messages(settings: dict[str, Any], file: Path) -> None:
    """What our tap says of a portal, for loaders to be fed with."""
    config = file.with_suffix(".tap")
    config.touch(mode=0o600)
    config.write_text(json.dumps(settings))
    with file.open("wb") as lines:
        subprocess.run(
            [PLAIN_TAP.with_name("tap-bitrix24"), "--config", config],
            stdout=lines,
            check=True,
        )
    config.unlink()


def plain_tap(portal: Portal, folder: Path, rows: int, seconds: float) -> Read:
    """Read deals with tap-rest-api-msdk for at most `seconds`; its rows are counted as it writes them."""
    field = {"type": ["string", "number", "boolean", "object", "array", "null"]}
    (folder / "deal.json").write_text(
        json.dumps({"type": "object", "properties": {"ID": {"type": "string"}, "DATE_MODIFY": field}})
    )
    config = {
        "api_url": portal.webhook.rstrip("/"),
        "records_path": "$.result[*]",
        "next_page_token_path": "$.next",
        "pagination_request_style": "jsonpath_paginator",
        "pagination_response_style": "page",
        "pagination_next_page_param": "start",
        "streams": [
            {
                "name": "deals",
                "path": "/crm.deal.list",
                "primary_keys": ["ID"],
                "params": {"order[ID]": "ASC"},
                "schema": str(folder / "deal.json"),
            }
        ],
    }
    (folder / "plain.json").write_text(json.dumps(config))
    portal.forget()
    first = portal.first_request()
    with (folder / "plain.log").open("w") as log:
        tap = subprocess.Popen(
            [str(PLAIN_TAP), "--config", str(folder / "plain.json")], stdout=subprocess.PIPE, stderr=log
        )
        assert tap.stdout
        found, began = 0, time.time()
        for line in tap.stdout:
            found += b'"RECORD"' in line[:40]
            if time.time() - began > seconds:
                tap.kill()
                break
        code = tap.wait()
    ended, began = time.time(), first.moment()
    failed = code not in (0, -9)
    words = (folder / "plain.log").read_text(errors="replace").strip().splitlines()
    return Read(
        found,
        round(ended - began, 2),
        portal.requests(),
        found >= rows,
        failure=words[-1][:200] if failed and words else None,
    )


def fast_bitrix24(portal: Portal, seconds: float) -> Read:
    """Read deals into memory with fast-bitrix24, in a process of its own, for at most `seconds`."""
    portal.forget()
    began = time.perf_counter()
    try:
        result = subprocess.run(
            [sys.executable, "-m", "tests.bench.rivals", portal.webhook],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        return Read(0, seconds, portal.requests(), False, failure=f"not done after {seconds:.0f} s")
    if result.returncode:
        words = result.stderr.strip().splitlines()
        seconds = round(time.perf_counter() - began, 2)
        return Read(0, seconds, portal.requests(), False, failure=words[-1][:200] if words else "no word")
    said = json.loads(result.stdout.strip().splitlines()[-1])
    return Read(said["rows"], said["seconds"], portal.requests(), True, said["peak_mb"])


def _read(webhook: str) -> None:
    from fast_bitrix24 import Bitrix

    began = time.perf_counter()
    rows = Bitrix(webhook, verbose=False).get_all("crm.deal.list")
    print(
        json.dumps(
            {
                "rows": len(rows),
                "seconds": round(time.perf_counter() - began, 2),
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            }
        )
    )


if __name__ == "__main__":
    _read(sys.argv[1])
