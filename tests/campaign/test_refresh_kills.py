"""A refresh killed outright: viewers see whole numbers, and the next one is not disturbed by what was left at work."""

from __future__ import annotations

from tests.campaign.refresh_kills import Killings
from tests.conftest import Stack


def test_a_command_killed_in_the_midst_of_a_build(stack: Stack) -> None:
    """Its dbt was left at work, and the next refresh failed beside it."""
    result = Killings(stack).play("marts", "voronka")
    assert result.killed and result.ended == -9
    assert result.problems == []
    assert result.answers["chart"] and result.answers["marts"]
