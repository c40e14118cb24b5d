"""Questions of many threads in one request: who shares, who waits, and whose failure is whose."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from tap_bitrix24 import webhook
from tap_bitrix24.bucket import LeakyBucket
from tap_bitrix24.client import Answer, Client, Usage
from tap_bitrix24.errors import NotBitrix, PortalRefused, StreamRefused, Temporary, TooSlow

from tests.extract.fake_portal import CODE, FakePortal, refuse, reply, serving


def client_of(portal: FakePortal, **more: Any) -> Client:
    return Client(webhook.parse(portal.webhook), LeakyBucket(1000, 1000), **{"tries": 3, **more})


@pytest.fixture
def client(portal: FakePortal) -> Client:
    portal.tables["user.get"] = [{"ID": str(n)} for n in range(1, 400)]
    return client_of(portal)


def together(client: Client, *questions: Callable[[], Any]) -> list[Any]:
    """Ask in a thread each, at the same time; answers and errors in the order of the questions."""
    outcomes: list[Any] = [None] * len(questions)

    def ask(number: int) -> None:
        try:
            outcomes[number] = questions[number]()
        except Exception as error:
            outcomes[number] = error

    with client.crew.gathering():
        for number in range(len(questions)):
            client.crew.start(lambda number=number: ask(number), f"question {number}")  # type: ignore[misc]
    with client.crew.changed:
        assert client.crew.changed.wait_for(
            lambda: client.crew.at_work == 0 and None not in outcomes, timeout=20
        )
    return outcomes


def users(
    client: Client, after: int, pages: int = 1, usage: Usage | None = None, **more: Any
) -> Callable[[], Answer]:
    """Pages of users after an id, chained as keyset chains are."""
    first = f"user.get?FILTER%5B%3EID%5D={after}&start=-1"
    chain = {"c0": first} | {
        f"c{k}": f"user.get?FILTER%5B%3EID%5D=%24result%5Bc{k - 1}%5D%5B49%5D%5BID%5D&start=-1"
        for k in range(1, pages)
    }
    return lambda: client.batch(chain, usage=usage, **more)


def numbers(answer: Answer, name: str = "c0") -> list[int]:
    return [int(row["ID"]) for row in answer.result[name]]


def test_questions_of_the_same_moment_share_a_request(portal: FakePortal, client: Client) -> None:
    """Each gets its own answer under its own names, references within a chain included."""
    usages = [Usage() for _ in range(10)]
    answers = together(client, *(users(client, 10 * k, 2, usages[k]) for k in range(10)))
    assert len(portal.batches) == 1 and len(portal.batches[0]) == 20
    for k, answer in enumerate(answers):
        assert numbers(answer) == list(range(10 * k + 1, 10 * k + 51))
        assert numbers(answer, "c1") == list(range(10 * k + 51, 10 * k + 101))
        assert answer.asked == ["c0", "c1"]
    assert {(usage.requests, usage.commands) for usage in usages} == {(1, 2)}
    assert (client.usage.requests, client.usage.commands) == (1, 20)


def test_more_than_fifty_commands_are_several_requests(portal: FakePortal, client: Client) -> None:
    together(client, *(users(client, 0, 8) for _ in range(10)))
    assert sorted(map(len, portal.batches)) == [32, 48]


def test_long_chain_makes_room_for_short_questions(portal: FakePortal, client: Client) -> None:
    """An elastic chain gives up its end rather than send half-empty requests."""
    answers = together(client, *(users(client, 0, 4) for _ in range(3)), users(client, 0, 45, elastic=True))
    assert [len(batch) for batch in portal.batches] == [50] or len(portal.batches) == 2
    long = answers[3]
    assert len(long.asked) in (38, 45) and long.asked == [f"c{k}" for k in range(len(long.asked))]


def test_failed_command_fails_only_who_asked_it(portal: FakePortal, client: Client) -> None:
    portal.errors["department.get"] = [{"error": "insufficient_scope", "error_description": ""}]
    good, bad, other = together(
        client, users(client, 0), lambda: client.batch({"c0": "department.get"}), users(client, 50)
    )
    assert len(portal.batches) == 1
    assert numbers(good)[0] == 1 and numbers(other)[0] == 51
    assert bad.result == {} and isinstance(bad.failure(), StreamRefused)
    assert "department.get" in str(bad.failure())


def test_question_that_spoils_the_request_is_found(portal: FakePortal, client: Client) -> None:
    """A portal that refuses a whole batch for one of its commands: each is asked alone, one is refused."""

    def spoilt(handler: BaseHTTPRequestHandler, commands: dict[str, str]) -> bool:
        if not any("department" in command for command in commands.values()):
            return False
        reply(
            handler, 405, {"error": "ERROR_BATCH_METHOD_NOT_ALLOWED", "error_description": "not in a batch"}
        )
        return True

    portal.faults.append(spoilt)
    good, bad, other = together(
        client, users(client, 0), lambda: client.batch({"c0": "department.get"}), users(client, 50)
    )
    assert isinstance(bad, StreamRefused)
    assert numbers(good)[0] == 1 and numbers(other)[0] == 51
    assert len(portal.batches) == 4


def test_slow_question_is_found(portal: FakePortal) -> None:
    """No answer in time to a shared request: alone, the others are answered, and only the slow one is too slow."""
    client, pause = client_of(portal, answer_seconds=1.5), threading.Event()
    portal.tables["user.get"] = [{"ID": "1"}]

    def slow(handler: BaseHTTPRequestHandler, commands: dict[str, str]) -> bool:
        if any("department" in command for command in commands.values()):
            pause.wait(5)
        return False

    portal.faults.append(slow)
    good, bad = together(client, users(client, 0), lambda: client.batch({"c0": "department.get"}))
    pause.set()
    assert numbers(good) == [1] and isinstance(bad, TooSlow)
    assert client.room("department.get") == 1 and client.room("user.get") == 50


def test_lanes_do_not_share(portal: FakePortal, client: Client) -> None:
    together(client, users(client, 0), users(client, 0, lane="counts"), users(client, 9, lane="counts"))
    assert sorted(map(len, portal.batches)) == [1, 2]


def test_passing_failure_of_a_shared_request_is_tried_again_as_one(
    portal: FakePortal, client: Client, naps: list[float]
) -> None:
    portal.faults.append(refuse(503, "QUERY_LIMIT_EXCEEDED", times=2))
    answers = together(client, *(users(client, k) for k in range(8)))
    assert [numbers(answer)[0] for answer in answers] == list(range(1, 9))
    assert [len(batch) for batch in portal.batches] == [8, 8, 8]


def test_lasting_failure_is_tried_as_often_as_said(
    portal: FakePortal, client: Client, naps: list[float]
) -> None:
    """Not as often again by each of those who asked."""
    portal.faults.append(refuse(503, "<html>busy</html>", times=99))

    def stubborn() -> Answer:
        return client.retrying(users(client, 0), "user.get")

    outcomes = together(client, *[stubborn] * 5)
    assert all(isinstance(outcome, Temporary) for outcome in outcomes)
    assert len(portal.batches) == 3


def test_refused_webhook_ends_all_questions_at_once(portal: FakePortal, client: Client) -> None:
    portal.faults.append(refuse(401, "expired_token", "The webhook has expired", times=99))
    outcomes = together(client, *(users(client, 0, 40) for _ in range(20)))
    assert all(isinstance(outcome, PortalRefused) for outcome in outcomes)
    assert len(portal.batches) <= 8  # Those that were under way at once.
    with pytest.raises(PortalRefused):
        users(client, 0)()


def cut_off(handler: BaseHTTPRequestHandler, commands: dict[str, str]) -> None:
    """Half a body, then the connection ends."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"result": {"result": {"c0": [{"ID"')
    handler.close_connection = True


def reset(handler: BaseHTTPRequestHandler, commands: dict[str, str]) -> None:
    """The connection ends without an answer."""
    handler.close_connection = True


def half_json(handler: BaseHTTPRequestHandler, commands: dict[str, str]) -> None:
    """A body of the promised length that ends in the middle."""
    reply(handler, 200, '{"result": {"result": {"c0": [{"ID"')


@pytest.mark.parametrize("wire", [cut_off, reset, half_json])
def test_broken_answers_are_asked_for_again(
    portal: FakePortal, client: Client, naps: list[float], wire: Callable[..., None]
) -> None:
    left = [2]

    def fault(handler: BaseHTTPRequestHandler, commands: dict[str, str]) -> bool:
        left[0] -= 1
        if left[0] >= 0:
            wire(handler, commands)
        return left[0] >= 0

    portal.faults.append(fault)
    assert numbers(users(client, 0)())[0] == 1
    assert len(portal.batches) == 3


def test_portal_renamed_in_the_middle_is_followed_by_all(portal: FakePortal) -> None:
    portal.tables["user.get"] = [{"ID": str(n)} for n in range(1, 400)]
    with serving(FakePortal()) as new:
        new.tables = portal.tables
        client = client_of(portal)
        users(client, 0)()
        moved = f"http://{new.address}/rest/1/{CODE}/batch"
        portal.faults.append(lambda handler, commands: reply(handler, 302, {}, {"Location": moved}) or True)
        answers = together(client, *(users(client, k, 40) for k in range(6)))
        assert [numbers(answer)[0] for answer in answers] == list(range(1, 7))
        assert client.webhook.host == new.address
        before = len(portal.batches)
        users(client, 0)()
        assert len(portal.batches) == before


def test_portal_that_sends_in_circles_is_told(portal: FakePortal, client: Client) -> None:
    with serving(FakePortal()) as other:
        for one, two in ((portal, other), (other, portal)):
            there = f"http://{two.address}/rest/1/{CODE}/batch"
            one.faults.append(lambda h, c, there=there: reply(h, 302, {}, {"Location": there}) or True)
        with pytest.raises(NotBitrix, match="keeps redirecting"):
            users(client, 0)()


def test_counter_is_asked_before_the_request_is_filled(portal: FakePortal) -> None:
    """What is asked while a request waits for the counter travels with it."""
    waiting, go = threading.Event(), threading.Event()

    class Bucket(LeakyBucket):
        def take(self) -> float:
            waiting.set()
            assert go.wait(10)
            return 0.0

    portal.tables["user.get"] = [{"ID": str(n)} for n in range(1, 400)]
    client = Client(webhook.parse(portal.webhook), Bucket(1000, 1000))
    first = threading.Thread(target=users(client, 0))
    first.start()
    assert waiting.wait(10)
    second = threading.Thread(target=users(client, 5))
    second.start()
    while len(client._waiting) < 2:
        time.sleep(0.01)
    go.set()
    first.join(10), second.join(10)
    assert [len(batch) for batch in portal.batches] == [2]


def test_what_a_request_leaves_behind_is_sent_at_once(portal: FakePortal) -> None:
    """Two slow questions wait with one leader for the counter. Only one fits; the other does not wait for its answer."""
    waiting, go, both = threading.Event(), threading.Event(), threading.Barrier(2)

    class Bucket(LeakyBucket):
        def take(self) -> float:
            waiting.set()
            assert go.wait(10)
            return 0.0

    def meet(handler: BaseHTTPRequestHandler, commands: dict[str, str]) -> bool:
        both.wait(10)  # Broken if the portal is asked one request after the other.
        return False

    portal.tables["user.get"] = [{"ID": str(n)} for n in range(1, 400)]
    client = Client(webhook.parse(portal.webhook), Bucket(1000, 1000))
    client.budgets.answered(["user.get"], 15.0, {"user.get": 15.0})
    portal.faults.append(meet)
    first = threading.Thread(target=users(client, 0))
    first.start()
    assert waiting.wait(10)
    second = threading.Thread(target=users(client, 5))
    second.start()
    while len(client._waiting) < 2:
        time.sleep(0.01)
    go.set()
    first.join(30), second.join(30)
    assert [len(batch) for batch in portal.batches] == [1, 1] and not both.broken
