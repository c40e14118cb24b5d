"""What a person reads while streams load."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from tap_bitrix24.client import Usage
from tap_bitrix24.progress import Progress, lasting


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def stream(rows: int, seconds: float, expected: float | None) -> Any:
    entry = SimpleNamespace(rows=rows, seconds=seconds, usage=Usage(requests=7), window_from=None)
    return SimpleNamespace(name="deals", entry=entry, expected=expected)


@pytest.fixture
def progress(caplog: pytest.LogCaptureFixture) -> tuple[Progress, Clock]:
    caplog.set_level(logging.INFO)
    clock = Clock()
    return Progress(logging.getLogger("progress"), clock), clock


def test_speaks_every_few_seconds_of_those_who_have_rows(progress, caplog: pytest.LogCaptureFixture) -> None:
    speaker, clock = progress
    clock.now = 4.9
    speaker.tick([stream(5000, 4.9, 0.9)])
    assert caplog.messages == []
    clock.now = 5.0
    speaker.tick([stream(5000, 5.0, 0.9), stream(0, 5.0, None)])
    assert caplog.messages == ["deals: 5 000 rows so far, 1 000 rows/s, 10%, about 45 s left"]


def test_end_is_expected_by_the_latest_rate(progress, caplog: pytest.LogCaptureFixture) -> None:
    """The burst that a portal allows at first is over after some seconds."""
    speaker, clock = progress
    clock.now = 5.0
    speaker.tick([stream(50_000, 5.0, 0.5)])
    clock.now = 10.0
    speaker.tick([stream(55_000, 10.0, 0.45)])
    assert caplog.messages[-1].endswith("55%, about 45 s left")


def test_unknown_end_is_not_invented(progress, caplog: pytest.LogCaptureFixture) -> None:
    speaker, clock = progress
    clock.now = 6.0
    speaker.tick([stream(50, 5.0, None)])
    assert caplog.messages == ["deals: 50 rows so far, 10 rows/s"]


def test_stream_that_stands_still_says_so(progress, caplog: pytest.LogCaptureFixture) -> None:
    speaker, clock = progress
    for clock.now in (5.0, 10.0):
        speaker.tick([stream(5000, 10.0, 0.5)])
    assert caplog.messages[-1] == "deals: 5 000 rows so far, 500 rows/s, waiting, 50%"


def test_done_tells_rows_rate_and_requests(progress, caplog: pytest.LogCaptureFixture) -> None:
    speaker, _ = progress
    speaker.done(stream(50_000, 10.0, 0.0))
    assert caplog.messages == ["deals: 50 000 rows, done in 10.0 s, 5 000 rows/s, 7 requests"]


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (89, "89 s"), (600, "10 min"), (9000, "2.5 h")])
def test_spans_of_time(seconds: float, text: str) -> None:
    assert lasting(seconds) == text
