"""What a payload loses on its way: a denylist and what JSONB cannot hold; nothing else."""

from __future__ import annotations

import json

import pytest
from tap_bitrix24.records import RecordWriter, encode


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
