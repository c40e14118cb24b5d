"""One portal behind one webhook: sends batches, waits where the portal wants waiting, tells errors apart.

All requests of a process go through one `Client`, from any number of threads: the request counter is shared, and
what several threads ask at the same time travels in one request, up to the portal's fifty commands.
"""

from __future__ import annotations

import copy
import logging
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import backoff

from tap_bitrix24.bucket import LeakyBucket
from tap_bitrix24.budget import OUTER, TARGET_SECONDS, UNKNOWN_WAIT, Budgets
from tap_bitrix24.crew import Crew
from tap_bitrix24.errors import (
    OperatingLimit,
    PortalError,
    PortalRefused,
    RateLimited,
    StreamRefused,
    Temporary,
    TooSlow,
    classify,
)
from tap_bitrix24.transport import ANSWER_SECONDS, Transport
from tap_bitrix24.webhook import Webhook

LOGGER = logging.getLogger("tap-bitrix24.client")
MAX_COMMANDS = 50
LINGER = 0.1
"""Seconds that a question waits at most for others to share its request while threads are at work."""
PARALLEL = 8
PATIENCE = 3600.0
"""Seconds that a closed method is waited for without a single answer."""

# A reference to the answer of an earlier command, as it stands in a command's query.
_REFERENCE = re.compile(r"%24result%5B(\w+)%5D")

T = TypeVar("T")


@dataclass
class Usage:
    """What a stream has cost so far. A request that several streams share counts for each of them. `operating`
    is the highest budget use (seconds) that the portal reported.
    """

    requests: int = 0
    commands: int = 0
    operating: float = 0.0


@dataclass
class Answer:
    """A batch's answer. `result` maps command names to raw results; what is missing there failed or was not
    run. `asked` are the commands that were sent: an elastic chain may have been cut short.
    """

    result: dict[str, Any]
    errors: dict[str, dict[str, Any]]
    totals: dict[str, int]
    seconds: float
    asked: list[str]
    wait: Callable[[str], float] = field(repr=False)
    methods: dict[str, str] = field(repr=False)

    def failure(self) -> PortalError:
        """The exception for the first failed command."""
        for name, body in self.errors.items():
            error = body if isinstance(body, dict) else {"error": "", "error_description": str(body)}
            method = self.methods.get(name, name)
            return classify(error, command=method, wait=self.wait(method))
        return Temporary("the portal left commands of a batch unanswered")


@dataclass(eq=False)
class _Ask:
    """Commands of one thread that wait for a request to take them along."""

    commands: dict[str, str]
    halt: bool
    elastic: bool
    usage: Usage
    lane: str
    answer_seconds: float
    since: float
    alone: bool = False
    sent: bool = False
    answer: Answer | None = None
    error: BaseException | None = None

    def __post_init__(self) -> None:
        self.methods = {name: command.partition("?")[0] for name, command in self.commands.items()}

    def shorten(self, commands: int) -> None:
        self.commands = dict(list(self.commands.items())[:commands])
        self.methods = {name: self.methods[name] for name in self.commands}


class Client:
    """POSTs batches to a portal.

    Args:
        webhook: where; its code is kept out of all logs from here on.
        bucket: the shared request counter.
        budgets: what is known of the methods' execution time.
        crew: the threads that ask; those not started by it are never waited for.
        tries: how often a request that failed for a passing reason is sent in all.
        parallel: requests under way at once.
    """

    def __init__(
        self,
        webhook: Webhook,
        bucket: LeakyBucket | None = None,
        *,
        budgets: Budgets | None = None,
        crew: Crew | None = None,
        tries: int = 8,
        parallel: int = PARALLEL,
        answer_seconds: float = ANSWER_SECONDS,
        user_agent: str = "tap-bitrix24",
    ) -> None:
        self.bucket = bucket or LeakyBucket()
        self.budgets = budgets or Budgets()
        self.crew = crew or Crew(parallel)
        self.tries = tries
        self.answer_seconds = answer_seconds
        self.refused: PortalRefused | None = None
        self.usage = Usage()
        self._transport = Transport(webhook, user_agent=user_agent)
        self._told: dict[str, float] = {}
        self._waiting: list[_Ask] = []
        self._free = parallel
        self._leaders: Counter[str] = Counter()

    @property
    def webhook(self) -> Webhook:
        """Where requests go now: a renamed portal is followed."""
        return self._transport.webhook

    @property
    def is_demonstration(self) -> bool:
        return self._transport.is_demonstration

    # --- public ---------------------------------------------------------------------------------------------

    def batch(
        self,
        commands: dict[str, str],
        *,
        halt: bool = True,
        usage: Usage | None = None,
        elastic: bool = False,
        lane: str = "",
        answer_seconds: float | None = None,
    ) -> Answer:
        """Send commands (name → `method?query`, at most 50, names not numeric), in a request that questions of
        other threads may share.

        Args:
            halt: stop at the first error; heeded where the request is not shared.
            elastic: the last commands may be left out where that fills a request; `asked` tells.
            lane: only questions of the same lane share a request. Those of any but the first are held to be slow
                by nature: nothing is learnt from them, and without an answer in time they are not asked again.

        Raises:
            OperatingLimit: a method's execution time is used up; nothing was asked.
            PortalError: the request as a whole failed. Failed commands are in the answer's `errors`.
        """
        ask = _Ask(
            commands,
            halt,
            elastic,
            usage if usage is not None else Usage(),
            lane,
            answer_seconds or self.answer_seconds,
            time.monotonic(),
        )
        for method in set(ask.methods.values()):
            if wait := self.budgets.wait(method):
                raise OperatingLimit(f"{method}: its execution time is used up", "OPERATION_TIME_LIMIT", wait)
        with self.crew.changed:
            self._waiting.append(ask)
            with self.crew.waiting():
                while self._await_turn(ask):
                    self._lead(ask.lane)
        if ask.error is not None:
            raise ask.error
        assert ask.answer is not None
        return ask.answer

    def retrying(self, attempt: Callable[[], T], what: str) -> T:
        """Call `attempt` until it succeeds, waiting as the portal demands; give up after `tries` passing
        failures.

        An exhausted operating budget is waited for, and does not count as a failure until an hour has gone.
        """

        def note(details: Any) -> None:
            self._tell(what, details["exception"], details["wait"])
            self.crew.step_aside()

        def again() -> T:
            self.crew.step_back()
            return attempt()

        patient = backoff.on_exception(
            backoff.runtime,
            OperatingLimit,
            value=lambda error: error.wait,
            jitter=None,
            max_time=PATIENCE,
            on_backoff=note,
            logger=None,
        )
        try:
            return patient(self._stubborn(again, note))()
        finally:
            self.crew.step_back()

    def _tell(self, what: str, error: Exception, wait: float) -> None:
        """Say what is waited for: once, where several threads wait for the same."""
        now, text = time.monotonic(), str(error)
        if isinstance(error, OperatingLimit):
            if self._told.get(what, 0.0) > now:
                return
            self._told[what] = now + wait
        LOGGER.warning("%s; next try in %.0f s", text if what in text else f"{what}: {text}", wait)

    def room(self, method: str, most: int = MAX_COMMANDS) -> int:
        """Commands of `method` that a request should carry now."""
        return self.budgets.room(method, min(most, MAX_COMMANDS))

    # --- questions become requests --------------------------------------------------------------------------

    def _await_turn(self, ask: _Ask) -> bool:
        """Wait until `ask` is answered (False) or its thread should send a request (True). Needs the lock."""
        while ask.answer is None and ask.error is None:
            if self.refused and not ask.sent:
                self._waiting.remove(ask)
                ask.error = copy.copy(self.refused)
                break
            queued = [other for other in self._waiting if other.lane == ask.lane and not other.sent]
            if not queued or self._free <= 0:
                self.crew.changed.wait()
                continue
            ready = (
                self.crew.at_work == 0
                or sum(len(other.commands) for other in queued) >= MAX_COMMANDS
                or (late := time.monotonic() - queued[0].since - LINGER) >= 0
            )
            # Leaders who wait for the request counter will take along what has gathered by then.
            if (
                ready
                and sum(len(other.commands) for other in queued) > MAX_COMMANDS * self._leaders[ask.lane]
            ):
                return True
            self.crew.changed.wait(None if ready else -late)
        return False

    def _lead(self, lane: str) -> None:
        """Send one request with what waits in `lane`. Needs the lock, which is not held meanwhile."""
        self._free -= 1
        self._leaders[lane] += 1
        group: list[_Ask] = []
        try:
            self.crew.changed.release()
            try:
                self.bucket.take()
            finally:
                self.crew.changed.acquire()
                self._leaders[lane] -= 1
            # Refused while this one waited for its turn: whoever asks is told so, the portal is not asked again.
            group = [] if self.refused else self._gather(lane)
            # What did not fit needs another leader now, not when this request is answered.
            self.crew.changed.notify_all()
            self.crew.changed.release()
            try:
                if group:
                    self._exchange(group)
                else:
                    self.bucket.give_back()
            finally:
                self.crew.changed.acquire()
        except BaseException as error:
            for ask in group:
                ask.error = ask.error or error
            raise
        finally:
            self._free += 1
            self._waiting = [ask for ask in self._waiting if ask.answer is None and ask.error is None]
            self.crew.changed.notify_all()

    def _gather(self, lane: str) -> list[_Ask]:
        """The oldest questions that fit into a request: in number, and in the time they will take."""
        group: list[_Ask] = []
        free, seconds = MAX_COMMANDS, 0.0
        for ask in self._waiting:
            if ask.lane != lane or ask.sent or (ask.alone and group):
                continue
            need = len(ask.commands)
            if need > free and ask.elastic and free >= need / 2:
                ask.shorten(free)
                need = free
            takes = self.budgets.seconds(ask.methods.values())
            if need > free or (group and seconds + takes > TARGET_SECONDS):
                continue
            group.append(ask)
            ask.sent = True
            free, seconds = free - need, seconds + takes
            if ask.alone or not free:
                break
        return group

    # --- one request ----------------------------------------------------------------------------------------

    def _exchange(self, group: list[_Ask]) -> None:
        """Send the questions of `group` and give each its answer or error."""
        try:
            first = iter([True])

            def attempt() -> tuple[dict[str, Any], float]:
                if not next(first, False):  # The leader has counted the first try.
                    self.bucket.take()
                return self._request(group)

            def note(details: Any) -> None:
                LOGGER.warning("%s; next try in %.0f s", details["exception"], details["wait"])

            # Without an answer in time the same request is not worth another try.
            body, seconds = self._stubborn(attempt, note, TooSlow)()
        except (TooSlow, StreamRefused) as error:
            if len(group) > 1 and not (group[0].lane and isinstance(error, TooSlow)):
                # One of them may be the cause: each gets a request of its own.
                with self.crew.changed:
                    for ask in group:
                        ask.alone, ask.sent = True, False
                return
            if isinstance(error, TooSlow) and not group[0].lane:
                self.budgets.too_slow(list(group[0].methods.values()))
            for ask in group:
                ask.error = copy.copy(error)
        except PortalError as error:
            if isinstance(error, PortalRefused):
                self.refused = error
            if isinstance(error, Temporary):
                error.final = True
            if isinstance(error, OperatingLimit):
                self.budgets.refused(OUTER)
                error.wait = self.budgets.wait(OUTER) or UNKNOWN_WAIT
            for ask in group:
                ask.error = copy.copy(error)
        else:
            self._deal_out(group, body, seconds)

    def _request(self, group: list[_Ask]) -> tuple[dict[str, Any], float]:
        shared = len(group) > 1
        commands = {
            _prefix(shared, i) + name: _REFERENCE.sub(rf"%24result%5B{_prefix(shared, i)}\1%5D", command)
            for i, ask in enumerate(group)
            for name, command in ask.commands.items()
        }
        for usage in [self.usage, *{id(ask.usage): ask.usage for ask in group}.values()]:
            usage.requests += 1
        self.usage.commands += len(commands)
        for ask in group:
            ask.usage.commands += len(ask.commands)
        reserved = self.budgets.reserve(method for ask in group for method in ask.methods.values())
        began = time.monotonic()
        try:
            body = self._transport.post(
                "batch",
                {"halt": int(group[0].halt and not shared), "cmd": commands},
                min(ask.answer_seconds for ask in group),
            )
        except RateLimited:
            self.bucket.fill()
            raise
        finally:
            self.budgets.release(reserved)
        return body, time.monotonic() - began

    def _deal_out(self, group: list[_Ask], body: dict[str, Any], seconds: float) -> None:
        outer = body["result"]
        result, errors = _mapping(outer.get("result")), _mapping(outer.get("result_error"))
        totals, times = _mapping(outer.get("result_total")), _mapping(outer.get("result_time"))
        operating = self.budgets.heard(OUTER, body.get("time"))
        durations: dict[str, list[float]] = {}
        for i, ask in enumerate(group):
            prefix = _prefix(len(group) > 1, i)
            ask.usage.operating = max(ask.usage.operating, operating)
            for name, method in ask.methods.items():
                if (told := times.get(prefix + name)) is not None:
                    ask.usage.operating = max(ask.usage.operating, self.budgets.heard(method, told))
                    if isinstance(told, dict) and isinstance(took := told.get("duration"), int | float):
                        durations.setdefault(method, []).append(float(took))
                error = errors.get(prefix + name)
                if isinstance(error, dict) and str(error.get("error")).upper() == "OPERATION_TIME_LIMIT":
                    self.budgets.refused(method)
        if not errors and not group[0].lane:
            self.budgets.answered(
                [method for ask in group for method in ask.methods.values()],
                seconds,
                {method: sum(took) / len(took) for method, took in durations.items()},
            )
        for i, ask in enumerate(group):
            prefix = _prefix(len(group) > 1, i)
            own = {prefix + name: name for name in ask.commands}
            ask.answer = Answer(
                result={own[name]: value for name, value in result.items() if name in own},
                errors={own[name]: value for name, value in errors.items() if name in own},
                totals={own[k]: int(v) for k, v in totals.items() if k in own and str(v).isdigit()},
                seconds=seconds,
                asked=list(ask.commands),
                wait=lambda method: self.budgets.wait(method) or UNKNOWN_WAIT,
                methods=ask.methods,
            )

    def _stubborn(
        self, attempt: Callable[[], T], note: Callable[[Any], None], *hopeless: type[Temporary]
    ) -> Callable[[], T]:
        return backoff.on_exception(
            backoff.expo,
            Temporary,
            base=2,
            factor=1,
            max_value=60,
            max_tries=self.tries,
            giveup=lambda error: error.final or isinstance(error, hopeless),
            on_backoff=note,
            logger=None,
        )(attempt)


def _prefix(shared: bool, number: int) -> str:
    return f"q{number}_" if shared else ""


def _mapping(value: Any) -> dict[str, Any]:
    """PHP writes an empty map as `[]`."""
    return value if isinstance(value, dict) else {}
