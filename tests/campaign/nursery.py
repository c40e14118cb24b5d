"""Runs a plugin's command many times as processes of their own, without paying for its imports each time.

A nursery is a process of the plugin's own interpreter that has imported what its console script imports; each
run is a fork of it that executes the script. So runs can be killed like any process, and start in a tenth of
the time. This file is also what that process executes: standard library only.
"""

from __future__ import annotations

import array
import gc
import json
import os
import re
import runpy
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

LONGEST_WAIT = 0.05
"""Seconds that a hurried plugin really sleeps where it means to wait a minute for the portal."""
LONGEST_ANSWER = 2.0
"""Seconds that it waits for an answer, instead of more than a minute."""


class Nursery:
    """Starts runs of a console script, one at a time.

    Args:
        script: a console script of pip's; its first line names the interpreter.
        preload: modules to import beside the one that the script names.
        constants: values to give to constants (`package.module.NAME`) before anything else imports them.
        hurry: what the plugin would wait for is cut short: `time.sleep`, and answers to `requests`.
    """

    def __init__(
        self,
        script: Path,
        preload: Sequence[str] = (),
        *,
        constants: Mapping[str, Any] | None = None,
        hurry: bool = False,
    ) -> None:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        interpreter = script.read_text().partition("\n")[0].removeprefix("#!").strip()
        plan = {
            "script": str(script),
            "preload": list(preload),
            "constants": dict(constants or {}),
            "hurry": hurry,
            "channel": theirs.fileno(),
        }
        self._process = subprocess.Popen(
            [interpreter, __file__, json.dumps(plan)],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONWARNINGS": "ignore", "PYTHONDONTWRITEBYTECODE": "1"},
        )
        theirs.close()

    def start(self, arguments: Sequence[str], stdin: int, stdout: int, stderr: int) -> int:
        """Start a run; returns its process id. The descriptors stay the caller's to close."""
        handles = array.array("i", [stdin, stdout, stderr])
        message = json.dumps(list(arguments)).encode()
        self._channel.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, handles)])
        return self._told("pid")

    def wait(self) -> int:
        """The exit code of the run, negative for the signal that ended it."""
        return self._told("code")

    def _told(self, what: str) -> int:
        answer = self._channel.recv(4096)
        if not answer:
            raise RuntimeError("a plugin's nursery died: see its message above")
        return json.loads(answer)[what]

    def close(self) -> None:
        self._channel.close()
        self._process.wait(30)


# --- the process of the plugin's interpreter ----------------------------------------------------------------


def _hurry() -> None:
    really = time.sleep
    time.sleep = lambda seconds: really(min(seconds, LONGEST_WAIT))
    adapter = import_module("requests.adapters").HTTPAdapter
    send = adapter.send

    def hurried(self: Any, request: Any, *args: Any, timeout: Any = None, **more: Any) -> Any:
        connect = timeout[0] if isinstance(timeout, tuple) else timeout
        return send(self, request, *args, timeout=(connect, LONGEST_ANSWER), **more)

    adapter.send = hurried


def _serve(plan: dict[str, Any]) -> None:
    if plan["hurry"]:
        _hurry()
    for constant, value in plan["constants"].items():
        module, _, name = constant.rpartition(".")
        getattr(import_module(module), name)  # It must exist, or it would not be what is meant.
        setattr(import_module(module), name, value)
    script = Path(plan["script"])
    named = re.findall(r"^from ([\w.]+) import", script.read_text(), re.MULTILINE)
    for module in (*named, *plan["preload"]):
        import_module(module)
    gc.freeze()
    channel = socket.socket(fileno=plan["channel"])
    while True:
        message, handles, _, _ = socket.recv_fds(channel, 65536, 3)
        if not message:
            return
        child = os.fork()
        if not child:
            channel.close()
            for number, handle in enumerate(handles):
                os.dup2(handle, number)
                os.close(handle)
            sys.argv = [str(script), *json.loads(message)]
            runpy.run_path(str(script), run_name="__main__")
            return
        for handle in handles:
            os.close(handle)
        channel.send(json.dumps({"pid": child}).encode())
        _, status = os.waitpid(child, 0)
        channel.send(json.dumps({"code": os.waitstatus_to_exitcode(status)}).encode())


if __name__ == "__main__":
    _serve(json.loads(sys.argv[1]))
