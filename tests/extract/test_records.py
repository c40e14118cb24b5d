"""What a payload loses on its way: a denylist and what JSONB cannot hold; nothing else."""

from __future__ import annotations

import io
import json
import sys
from select import PIPE_BUF
from typing import Any

import pytest
from tap_bitrix24.records import RecordWriter, encode, write


def test_payload_is_untouched() -> None:
    payload = {
        "id": 7,
        "money": 999.9,
        "none": None,
        "list": [],
        "пустое": "",
        "nested": {"Ключ": ["a", {"b": True}]},
    }
    line = RecordWriter("deals").lines([("7", "2026-01-01T00:00:00+03:00", payload)])[0]
    message = json.loads(line)
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    assert message["type"] == "RECORD" and message["stream"] == "deals" and "version" not in message
    assert message["record"] == {"id": "7", "modified_at": "2026-01-01T00:00:00+03:00", "payload": payload}


def test_denied_fields_are_dropped_and_version_added() -> None:
    writer = RecordWriter("calls", frozenset({"CALL_RECORD_URL"}), version=5)
    message = json.loads(writer.lines([("1", None, {"ID": "1", "CALL_RECORD_URL": "https://signed"})])[0])
    assert message["record"]["payload"] == {"ID": "1"}
    assert message["version"] == 5


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("a\x00b", "ab"),
        ("half \ud83d pair", "half ? pair"),
        ("whole 😀 pair", "whole 😀 pair"),
        ("written \\u0000 out", "written \\u0000 out"),
        ({"k\x00": ["\x00"]}, {"k": [""]}),
    ],
)
def test_what_jsonb_cannot_hold(value: object, stored: object) -> None:
    assert json.loads(encode({"v": value})) == {"v": stored}


class Pipe(io.RawIOBase):
    """Keeps what each call of the system would get."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.pieces.append(bytes(data))
        return len(data)


@pytest.mark.parametrize("sizes", [[10] * 1000, [PIPE_BUF - 1] * 3, [PIPE_BUF] * 3, [100, 9000, 100]])
def test_a_kill_cannot_cut_a_line(sizes: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each write is whole lines of a size that a pipe takes all or not at all, but for a line that is longer."""
    pipe = Pipe()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(pipe)))
    lines = [b"x" * (size - 1) + b"\n" for size in sizes]
    write(lines)
    assert b"".join(pipe.pieces) == b"".join(lines)
    whole = [piece for piece in pipe.pieces if len(piece) <= PIPE_BUF]
    assert all(piece.endswith(b"\n") for piece in whole)
    assert len(pipe.pieces) - len(whole) == sum(size > PIPE_BUF for size in sizes)
