"""The state that Meltano keeps between runs, by its own rules (meltano.core.state_store)."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

State = dict[str, Any]


@dataclass
class KeptState:
    """Every STATE line of the loader replaces what was kept; those of a `--full-refresh` are merged onto it.

    A merge keeps what the new state no longer has, which is why the tap does not resume a cursor whose
    walk its bookmark says was finished.
    """

    completed: State = field(default_factory=dict)
    partial: State = field(default_factory=dict)

    def add(self, state: State, *, full_refresh: bool) -> None:
        if not state:
            return  # Meltano leaves an empty state out.
        if full_refresh:
            _merge(copy.deepcopy(state), self.partial)
        else:
            self.completed, self.partial = state, {}

    def given(self) -> State:
        """What the next run's tap gets."""
        return _merge(self.partial, copy.deepcopy(self.completed))


def _merge(source: State, target: State) -> State:
    for key, value in source.items():
        if isinstance(value, dict):
            _merge(value, target.setdefault(key, {}))
        else:
            target[key] = value
    return target
