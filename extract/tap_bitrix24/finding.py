"""Finds the variants that only the portal knows: its smart processes, its catalogues."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_bitrix24 import batch
from tap_bitrix24.batch import Row
from tap_bitrix24.catalogue import Found, Spec, Variant
from tap_bitrix24.client import Usage

if TYPE_CHECKING:
    from tap_bitrix24.tap import TapBitrix24


def found_rows(tap: TapBitrix24, found: Found, usage: Usage) -> list[Row]:
    """The rows that variants are made of, asked for once a run, whichever thread needs them first.

    If the portal shows fewer than it counts, `found_short` says so: what is not among them may still be there.

    Raises:
        PortalError: they cannot be read.
    """
    with tap.finding:
        if found.name not in tap.found_rows:
            rows, total = batch.whole(tap.client, found.listing, usage=usage)
            if total is not None and len(rows) < total:
                tap.found_short.add(found.name)
            tap.found_rows[found.name] = rows
        return tap.found_rows[found.name]


def portal_variants(tap: TapBitrix24, spec: Spec, usage: Usage) -> list[Variant]:
    """All variants of a stream, given and found, each once."""
    variants = {variant.key: variant for variant in spec.variants}
    for found in spec.found:
        for variant in found.variants(spec, found_rows(tap, found, usage)):
            variants.setdefault(variant.key, variant)
    return list(variants.values())
