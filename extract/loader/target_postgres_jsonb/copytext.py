"""JSON values as fields of PostgreSQL's COPY in text format."""

from __future__ import annotations

import re
from typing import Any

import msgspec

NULL = b"\\N"
_SPACES = bytes.maketrans(b"\t\r", b"  ")
# An escape at a time, so that the u0000 of \\u0000 is not taken for a NUL. The group is what text and jsonb cannot
# hold: NUL, and a half of a character pair without its other half.
_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2}))"
    rb"|\\."
)


def as_json(raw: Any) -> bytes:
    """A field of a jsonb column: the JSON as it came, without characters that jsonb refuses.

    Args:
        raw: a buffer of JSON, None where the record lacks the field.
    """
    if raw is None:
        return NULL
    value = bytes(raw)
    if b"\t" in value or b"\r" in value:  # Between values only: inside strings they are escaped.
        value = value.translate(_SPACES)
    if b"\\" in value:
        return storable(value).replace(b"\\", b"\\\\")
    return NULL if value == b"null" else value


def as_text(raw: Any) -> bytes:
    """A field of any other column: the characters of a string, everything else as JSON writes it."""
    if raw is None:
        return NULL
    value = bytes(raw)
    if value[:1] != b'"':
        return as_json(raw)
    if b"\\" in value:
        return _escaped(msgspec.json.decode(storable(value)))
    return value[1:-1]


def storable(value: bytes) -> bytes:
    """JSON without the characters that neither text nor jsonb can hold."""
    # Well-made JSON needs \u for control characters only, so that most values need no second look.
    return _ESCAPE.sub(lambda found: b"" if found[1] else found[0], value) if b"\\u" in value else value


def _escaped(text: str) -> bytes:
    for character, escape in (("\\", r"\\"), ("\t", r"\t"), ("\n", r"\n"), ("\r", r"\r")):
        text = text.replace(character, escape)
    return text.encode()
