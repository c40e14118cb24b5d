"""Singer lines, parsed only as far as somebody looks: a record's values stay the bytes that the tap wrote."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Callable
from typing import IO, Any

import msgspec
from singer_sdk.singerlib.encoding.base import GenericSingerReader, SingerMessageType
from singer_sdk.singerlib.exceptions import InvalidInputLine

from target_postgres_jsonb.copytext import storable

logger = logging.getLogger(__name__)


class Line(msgspec.Struct, gc=False):
    """A message; `record` has the JSON of each value as it came."""

    type: str
    stream: str = ""
    record: dict[str, msgspec.Raw] = {}
    time_extracted: str | None = None
    version: int | None = None


_decode = msgspec.json.Decoder(Line).decode


def parse(text: bytes) -> Line:
    """A line as a message.

    Raises:
        msgspec.DecodeError: it is none.
    """
    try:
        return _decode(text)
    except msgspec.DecodeError:
        # Halves of character pairs are no valid JSON, but some libraries write them.
        return _decode(storable(text))


class LineReader(GenericSingerReader[bytes]):
    """Calls back with a `Line` for RECORD, with a dictionary for the rest."""

    @property
    def default_input(self) -> IO[bytes]:
        return sys.stdin.buffer

    def process_lines(
        self, file_input: IO[Any] | None, callbacks: dict[str, Callable[[Any], None]]
    ) -> Counter[str]:
        """Read until the end of input; returns how many messages of each type there were.

        Half a line at the end is left out: the tap was killed while it wrote.

        Raises:
            InvalidInputLine: a line is no Singer message.
        """
        # `--input` opens a text file.
        lines = getattr(file_input, "buffer", file_input) or self.default_input
        counts: Counter[str] = Counter()
        take = callbacks[SingerMessageType.RECORD]
        for number, text in enumerate(lines, start=1):
            try:
                line = parse(text)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                if not text.endswith(b"\n"):
                    logger.warning("the input ends in half a line, which is left out: the tap was cut off")
                    break
                # Not the line itself: it is somebody's data.
                raise InvalidInputLine(f"line {number} of the tap's output is no message: {error}") from None
            counts[line.type] += 1
            if line.type == "RECORD":
                take(line)
            elif call := callbacks.get(line.type):
                call(self.deserialize_json(text))
            else:
                raise InvalidInputLine(
                    f"line {number} of the tap's output has the unknown type {line.type!r}"
                )
        return counts

    def deserialize_json(self, line: bytes) -> dict[str, Any]:
        return msgspec.json.decode(line)
