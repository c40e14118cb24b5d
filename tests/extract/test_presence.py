"""Sets of ids in buckets."""

from __future__ import annotations

import random

from tap_bitrix24.presence import Presence


def present(*ids: int) -> Presence:
    presence = Presence()
    presence.add(ids)
    return presence


def test_ids_come_back_as_ranges_by_bucket() -> None:
    ids = present(1, 2, 3, 7, 9_999, 10_000, 10_001, 35_000)
    assert ids.runs(0) == [[1, 3], [7, 7], [9_999, 9_999]]
    assert ids.runs(1) == [[10_000, 10_001]]
    assert ids.runs(2) == [] and ids.runs(3) == [[35_000, 35_000]]
    assert (ids.count(), ids.greatest) == (8, 35_000)
    assert present(*range(20_000, 30_000)).runs(2) == [[20_000, 29_999]]


def test_count_up_to_an_id() -> None:
    ids = present(1, 9_999, 10_000, 20_500)
    assert [ids.count(upto) for upto in (0, 1, 9_998, 9_999, 10_000, 20_499, 20_500, 99_999)] == [
        0, 1, 1, 2, 3, 3, 4, 4,
    ]  # fmt: skip


def test_count_within_a_range() -> None:
    ids = present(1, 9_999, 10_000, 20_500)
    assert [ids.within(0, 9_999), ids.within(10_000, 19_999), ids.within(30_000, 39_999)] == [2, 1, 0]


def test_fingerprints_tell_changes() -> None:
    ids = present(1, 2, 10_005)
    assert ids.fingerprint(0) == present(2, 1).fingerprint(0) != present(1).fingerprint(0)
    assert ids.fingerprint(2) == "" and len(ids.fingerprint(1)) == 8


def test_random_sets_survive() -> None:
    draw = random.Random(7)
    for _ in range(20):
        ids = set(draw.sample(range(1, 60_000), draw.choice([1, 50, 5_000, 50_000])))
        presence = present(*ids)
        back = {n for bucket in range(7) for a, b in presence.runs(bucket) for n in range(a, b + 1)}
        assert back == ids
        upto = draw.randrange(60_000)
        assert presence.count(upto) == sum(n <= upto for n in ids)
