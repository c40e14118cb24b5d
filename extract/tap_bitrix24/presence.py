"""Which ids exist, in little memory: a bit an id, in buckets of 10 000."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

BUCKET = 10_000
_BYTES = BUCKET // 8
NOTHING = ""
"""Fingerprint of a bucket without ids."""


@dataclass
class Presence:
    """Ids of one list. 2.4 million of them take 300 KB."""

    buckets: dict[int, bytearray] = field(default_factory=dict)
    greatest: int = 0

    def add(self, ids: Iterable[int]) -> None:
        for number in ids:
            bucket, place = divmod(number, BUCKET)
            bits = self.buckets.get(bucket)
            if bits is None:
                bits = self.buckets[bucket] = bytearray(_BYTES)
            bits[place >> 3] |= 1 << (place & 7)
            self.greatest = max(self.greatest, number)

    def count(self, upto: int | None = None) -> int:
        """How many ids there are, those above `upto` left out."""
        if upto is None:
            return sum(int.from_bytes(bits, "little").bit_count() for bits in self.buckets.values())
        last, place = divmod(upto, BUCKET)
        whole = sum(
            int.from_bytes(bits, "little").bit_count()
            for bucket, bits in self.buckets.items()
            if bucket < last
        )
        part = int.from_bytes(self.buckets.get(last, b""), "little") & ((1 << (place + 1)) - 1)
        return whole + part.bit_count()

    def within(self, first: int, last: int) -> int:
        """How many ids there are from `first` to `last`, both included."""
        return self.count(last) - (self.count(first - 1) if first else 0)

    def runs(self, bucket: int) -> list[list[int]]:
        """The ids of a bucket as [from, to], ascending, both ends included."""
        bits = int.from_bytes(self.buckets.get(bucket, b""), "little")
        found, at = [], bucket * BUCKET
        while bits:
            gap = (bits & -bits).bit_length() - 1
            bits >>= gap
            length = (~bits & (bits + 1)).bit_length() - 1
            found.append([at + gap, at + gap + length - 1])
            bits >>= length
            at += gap + length
        return found

    def fingerprint(self, bucket: int) -> str:
        """Eight letters that change with the ids of a bucket; none for an empty one."""
        bits = self.buckets.get(bucket)
        if bits is None:
            return NOTHING
        return base64.b64encode(hashlib.blake2b(bits, digest_size=6).digest()).decode()
