"""Wrong thresholds of the client base are told by name and with the cure, before anything is built."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from jinja2 import Environment

from tests.conftest import ROOT

PROJECT = ROOT / "dbt_project"
DEFAULTS = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]


class Told(Exception):
    """What dbt would end the command with."""


class Returned(Exception):
    """What a macro gives back; its text would be that of the value."""


def tell(message: str) -> None:
    raise Told(message)


def give(value: Any) -> None:
    raise Returned(value)


def render(call: str, **changed: Any) -> str:
    """A macro of client_base.sql called as dbt does, with some variables changed."""
    environment = Environment(extensions=["jinja2.ext.do"])
    environment.globals |= {
        "var": lambda name: {**DEFAULTS, **changed}[name],
        "exceptions": SimpleNamespace(raise_compiler_error=tell),
        "modules": SimpleNamespace(re=re),
        "return": give,
    }
    macros = (PROJECT / "macros" / "client_base.sql").read_text(encoding="utf-8")
    return environment.from_string(macros + "{{ " + call + " }}").render().strip()


WRONG = [
    ("client_days('abc_days')", "abc_days", 0, "write a whole number of days from 1"),
    ("client_days('new_client_days')", "new_client_days", "90", "write a whole number of days from 1"),
    ("client_days('active_client_days')", "active_client_days", 1.5, "write a whole number of days from 1"),
    ("client_days('lost_client_days')", "lost_client_days", 90, "write more days than active_client_days"),
    ("abc_share('A')", "abc_shares", [0.8, 0.95], "write two growing shares"),
    ("abc_share('A')", "abc_shares", {"A": 80, "B": 95}, "write two growing shares"),
    ("abc_share('B')", "abc_shares", {"A": 0.95, "B": 0.8}, "write two growing shares"),
    ("abc_share('A')", "abc_shares", {"A": 0.8}, "write two growing shares"),
    ("rfm_score('x')", "rfm_percent_ranks", [0.2, 0.4, 0.6], "write four growing shares"),
    ("rfm_score('x')", "rfm_percent_ranks", [0.2, 0.4, 0.4, 0.8], "write four growing shares"),
    ("rfm_score('x')", "rfm_percent_ranks", "0.2, 0.4", "write four growing shares"),
    ("client_fields()", "client_fields", [], "write a list of what a full card holds"),
    ("client_fields()", "client_fields", "phone", "write a list of what a full card holds"),
    ("client_fields()", "client_fields", ["phone", "adress"], "write one of phone, email, responsible"),
    (
        "client_fields()",
        "client_fields",
        ["phone", "ufCrm_1'; drop"],
        "write one of phone, email, responsible",
    ),
]


@pytest.mark.parametrize(("call", "name", "value", "cure"), WRONG)
def test_a_wrong_value_is_named_with_its_cure(call: str, name: str, value: Any, cure: str) -> None:
    with pytest.raises(Told) as told:
        render(call, **{name: value})
    assert f"Variable {name}" in str(told.value)
    assert cure in str(told.value)


def test_right_values_are_taken() -> None:
    assert render("client_days('lost_client_days')", lost_client_days=120) == "120"
    assert render("abc_share('B')", abc_shares={"A": 0.5, "B": 1}) == "1"
    assert "when x >= 0.8 then 5" in render("rfm_score('x')")
    with pytest.raises(Returned) as given:
        render("client_fields()", client_fields=["email", "ufCrm_5", "email"])
    assert given.value.args[0] == ["email", "ufCrm_5"]
