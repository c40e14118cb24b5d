"""Rules against numbers worked out by hand, inside dbt: the refresh leaves them out, since they do not depend on data."""

from __future__ import annotations

import re

from tests.conftest import Stack


def test_dbt_unit_tests_pass(stack: Stack) -> None:
    done = stack.dbt("test", "--select", "test_type:unit", "--no-use-colors")
    assert done.returncode == 0, done.stdout
    passed = re.search(r"PASS=(\d+)", done.stdout)
    assert passed and int(passed.group(1)) >= 30, done.stdout
