"""What streams share that are read in several walks, each with a bookmark and a cursor of its own.

A stream by owner has one walk, whose state is the stream's own. A stream with variants (smart processes) has one
for each, in the state's `variants`; a variant that is new to the portal therefore gets its own first load.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tap_bitrix24.batch import Params
from tap_bitrix24.catalogue import Variant
from tap_bitrix24.streams import CatalogueStream, Chunk, Plan
from tap_bitrix24.turns import is_due_days

ONLY = ""
"""Key of the walk of a stream that has but one."""


@dataclass
class Walk:
    """One walk: as `Plan`, for one variant. `since` None reads everything."""

    key: str
    since: str | None
    bookmark: str
    after: str = "0"
    first: bool = True
    resumed: bool = False

    def cursor(self, after: str) -> dict[str, Any]:
        return {"since": self.since, "after": after, "bookmark": self.bookmark, "first": self.first}


@dataclass
class StepsPlan(Plan):
    """`saved` is a copy of the state, so that a thread may read it; `again` allows whole passes that are due."""

    saved: Mapping[str, Any] = field(default_factory=dict)
    again: bool = False


@dataclass
class Step(Chunk):
    """Lines of the walk `key`, and what is remembered of it once they are written."""

    key: str = ONLY
    state: dict[str, Any] = field(default_factory=dict)


class SteppedStream(CatalogueStream):
    """Keeps the states of its walks; subclasses fetch."""

    def plan(self) -> StepsPlan:
        saved = copy.deepcopy(dict(self.stream_state))
        whole = [each.get("whole_at") for each in self._saved_walks(saved) if "replication_key_value" in each]
        again = bool(whole) and self.tap.turns.take(
            self.spec.again_days, None if None in whole else min(map(str, whole))
        )
        bookmark = (self.tap.portal.server_time - self.tap.overlap).isoformat()
        return StepsPlan(bookmark=bookmark, saved=saved, again=again)

    @staticmethod
    def _saved_walks(saved: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        return list(saved["variants"].values()) if "variants" in saved else [saved]

    def walk_of(self, plan: StepsPlan, variant: Variant, first_since: str | None = None) -> Walk:
        """Where a variant's walk starts; `first_since` limits a first load."""
        saved = plan.saved.get("variants", {}).get(variant.key, {}) if variant.key else plan.saved
        cursor = saved.get("cursor")
        if isinstance(cursor, dict) and {"since", "after", "bookmark", "first"} <= cursor.keys():
            self.logger.info(
                "%s: resuming after id %s", " ".join([self.name, variant.key]).strip(), cursor["after"]
            )
            return Walk(variant.key, resumed=True, **cursor)
        assert plan.bookmark, "plan() gives it"
        since = saved.get("replication_key_value")
        if since is None:
            return Walk(variant.key, first_since, plan.bookmark)
        listing = self.spec.owners.listing if self.spec.owners else variant.listing
        due = plan.again and is_due_days(self.spec.again_days, saved.get("whole_at"), self.tap.turns.now)
        if due or not self.tap.portal.has_windows(listing.method):
            since = None
        return Walk(variant.key, since, plan.bookmark, first=False)

    def window(self, method: str, filter_name: str, modified: str, since: str | None) -> Params:
        """The condition of a walk's window; none where everything is read."""
        return [(f"{filter_name}[>={modified}]", self.tap.portal.moment(method, since))] if since else []

    def done(self, plan: StepsPlan, walk: Walk, lines: list[bytes] | None = None) -> Step:
        """The last step of a walk: the bookmark moves."""
        saved = plan.saved.get("variants", {}).get(walk.key, {}) if walk.key else plan.saved
        whole_at = walk.bookmark if walk.since is None else saved.get("whole_at")
        return Step(
            lines or [],
            key=walk.key,
            state={
                "replication_key": self.replication_key,
                "replication_key_value": walk.bookmark,
                **({"whole_at": whole_at} if whole_at else {}),
            },
        )

    def emit(self, plan: Plan, chunk: Chunk) -> None:
        super().emit(plan, Chunk(chunk.lines, complete=chunk.complete))
        if not isinstance(chunk, Step):
            return
        if chunk.key:
            walks = self.stream_state.setdefault("variants", {})
            walks[chunk.key] = {**walks.get(chunk.key, {}), **chunk.state}
            if "cursor" not in chunk.state:
                walks[chunk.key].pop("cursor", None)
        else:
            self.stream_state.update(chunk.state)
            if "cursor" not in chunk.state:
                self.stream_state.pop("cursor", None)
        self._flush_state()

    def finish(self, plan: Plan, *, complete: bool) -> None:
        """Nothing more: each walk's last step has moved its bookmark."""
        self._flush_state()
