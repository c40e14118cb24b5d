"""Random streams that depend only on the seed and on what they are for, never on what was drawn before."""

from __future__ import annotations

from random import Random

_MASK = (1 << 64) - 1


def _mix(value: int) -> int:
    """Finalizer of splitmix64 (Steele, Lea, Flood 2014): spreads close keys apart."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


def stream(seed: int, *keys: int) -> Random:
    """A generator for one purpose, e.g. ``stream(20, DEAL, 17)`` for everything deal 17 decides."""
    state = _mix(seed)
    for key in keys:
        state = _mix(state ^ (key & _MASK))
    return Random(state)


def poisson(rng: Random, mean: float) -> int:
    """How many arrivals happen when ``mean`` are expected."""
    if mean > 60:
        return max(0, round(rng.gauss(mean, mean**0.5)))
    count, left = 0, rng.expovariate(1.0)
    while left < mean:
        count += 1
        left += rng.expovariate(1.0)
    return count
