"""The page of questions: each of the brief's eleven is there, is answered by the published marts, and shows its answer."""

from __future__ import annotations

import re

import psycopg
import pytest

from tests.conftest import Stack
from voronka import questions


@pytest.fixture(scope="module")
def answers(stack: Stack) -> list[questions.Answer]:
    with psycopg.connect(stack.url("BI"), autocommit=True) as viewer:
        return list(questions.ask(viewer))


def test_every_question_has_an_answer(answers: list[questions.Answer]) -> None:
    assert sorted({int(answer.question.split(".")[0]) for answer in answers}) == list(range(1, 12))
    assert [answer.question for answer in answers if not answer.rows] == []
    void = [a.question for a in answers if any(set(column) == {None} for column in zip(*a.rows, strict=True))]
    assert void == []


def test_the_page_shows_the_answers_of_its_queries(answers: list[questions.Answer]) -> None:
    text = questions.PAGE.read_text(encoding="utf-8")
    shown = [(block["answer"] or "").split("\n")[1:2] for block in questions.BLOCK.finditer(text)]
    headings = [[f"| {' | '.join(answer.columns)} |"] for answer in answers]
    assert shown == headings, "run `make questions ARGS=--write` on the demonstration"
    assert not re.search(r"127\.0\.0\.1|localhost", text)
