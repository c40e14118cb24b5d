"""One portal behind one webhook: sends batches, waits where the portal wants waiting, tells errors apart.

All requests of a process go through one `Client`, from any number of threads: the request counter is shared.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

import backoff
import orjson
import requests

from tap_bitrix24.bucket import LeakyBucket
from tap_bitrix24.errors import (
    NotBitrix,
    OperatingLimit,
    PortalError,
    PortalRefused,
    RateLimited,
    Temporary,
    TooSlow,
    Unreachable,
    classify,
)
from tap_bitrix24.webhook import Webhook, is_loopback, keep_secret, mask

LOGGER = logging.getLogger("tap-bitrix24.client")
CONNECT_SECONDS = 15
ANSWER_SECONDS = 75  # The cloud cuts a request off after 60 s.
OPERATING_PERIOD = 600.0
MAX_HOPS = 3
NO_PROXY = {"http": "", "https": ""}
DEMONSTRATION = "X-Voronka-Demo"
"""Header by which the demonstration portal says what it is, so that invented rows never pass for a company's.
"""

_NETWORK_CURE = "check the address in BITRIX24_WEBHOOK_URL and this machine's network"
_TLS_CURE = "check the host's certificate, this machine's clock and its CA certificates"

T = TypeVar("T")


@dataclass
class Usage:
    """What a stream has cost so far. `operating` is the highest budget use (seconds) that the portal
    reported.
    """

    requests: int = 0
    commands: int = 0
    operating: float = 0.0


@dataclass
class Answer:
    """A batch's answer. `result` maps command names to raw results; what is missing there failed or was not
    run.
    """

    result: dict[str, Any]
    errors: dict[str, dict[str, Any]]
    totals: dict[str, int]
    seconds: float
    wait: Callable[[str], float] = field(repr=False)
    methods: dict[str, str] = field(repr=False)

    def failure(self) -> PortalError:
        """The exception for the first failed command."""
        for name, body in self.errors.items():
            error = body if isinstance(body, dict) else {"error": "", "error_description": str(body)}
            method = self.methods.get(name, name)
            return classify(error, command=method, wait=self.wait(method))
        return Temporary("the portal left commands of a batch unanswered")


class Client:
    """POSTs batches to a portal.

    Args:
        webhook: where; its code is kept out of all logs from here on.
        bucket: the shared request counter.
        tries: how often a request that failed for a passing reason is sent in all.
        sleep: replaced in tests.
    """

    def __init__(
        self,
        webhook: Webhook,
        bucket: LeakyBucket | None = None,
        *,
        tries: int = 8,
        answer_seconds: float = ANSWER_SECONDS,
        user_agent: str = "tap-bitrix24",
    ) -> None:
        keep_secret(webhook.code)
        self.webhook = webhook
        self.bucket = bucket or LeakyBucket()
        self.tries = tries
        self.answer_seconds = answer_seconds
        self.clock_ahead = 0.0
        self.refused: PortalRefused | None = None
        self.is_demonstration = False
        self._headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": user_agent,
        }
        self._local = threading.local()
        self._reset_at: dict[str, float] = {}

    # --- public ---------------------------------------------------------------------------------------------

    def batch(self, commands: dict[str, str], *, halt: bool = True, usage: Usage | None = None) -> Answer:
        """Send commands (name → `method?query`, at most 50, names not numeric) as one request, once.

        Raises:
            PortalError: the request as a whole failed. Failed commands are in the answer's `errors`.
        """
        if self.refused:
            raise self.refused
        self.bucket.take()
        usage = usage if usage is not None else Usage()
        usage.requests += 1
        usage.commands += len(commands)
        began = time.monotonic()
        try:
            body = self._post("batch", {"halt": int(halt), "cmd": commands})
        except PortalRefused as refused:
            self.refused = refused
            raise
        outer, times = body["result"], body.get("time")
        methods = {name: command.partition("?")[0] for name, command in commands.items()}
        self._read_time(times, usage, "batch")
        for name, each in _mapping(outer.get("result_time")).items():
            self._read_time(each, usage, methods.get(name, name))
        return Answer(
            result=_mapping(outer.get("result")),
            errors=_mapping(outer.get("result_error")),
            totals={k: int(v) for k, v in _mapping(outer.get("result_total")).items() if str(v).isdigit()},
            seconds=time.monotonic() - began,
            wait=self.seconds_until_reset,
            methods=methods,
        )

    def retrying(self, attempt: Callable[[], T], what: str) -> T:
        """Call `attempt` until it succeeds, waiting as the portal demands; give up after `tries` passing
        failures.

        An exhausted operating budget is waited for, and does not count as a failure until an hour has gone.
        """

        def note(details: Any) -> None:
            LOGGER.warning("%s: %s; next try in %.0f s", what, details["exception"], details["wait"])

        patient = backoff.on_exception(
            backoff.runtime,
            OperatingLimit,
            value=lambda error: error.wait,
            jitter=None,
            max_time=3600,
            on_backoff=note,
            logger=None,
        )
        stubborn = backoff.on_exception(
            backoff.expo,
            Temporary,
            base=2,
            factor=1,
            max_value=60,
            max_tries=self.tries,
            on_backoff=note,
            logger=None,
        )
        return patient(stubborn(attempt))()

    def seconds_until_reset(self, method: str = "batch") -> float:
        """How long a method's operating budget stays closed by the portal's clock; a minute where unknown.

        Documents charge each method for itself, a measurement charges `batch` for all: whichever was heard of.
        """
        reset_at = self._reset_at.get(method) or self._reset_at.get("batch", 0.0)
        left = reset_at - (time.time() + self.clock_ahead)
        return min(OPERATING_PERIOD, left) + 1 if left > 0 else 60.0

    # --- one request ----------------------------------------------------------------------------------------

    def _session(self) -> requests.Session:
        """A session a thread: `requests` does not promise that one may be shared."""
        if not hasattr(self._local, "session"):
            session = requests.Session()
            session.auth = lambda request: request  # Nothing from a .netrc: the address says who we are.
            self._local.session = session
        return self._local.session

    def _post(self, method: str, payload: dict[str, Any]) -> dict[str, Any]:
        data = orjson.dumps(payload)
        for _ in range(MAX_HOPS):
            response = self._send(method, data)
            self.is_demonstration = DEMONSTRATION in response.headers
            if response.status_code not in (301, 302, 303, 307, 308):
                return self._read(response)
            self._follow(response)
        raise NotBitrix(
            f"{self.webhook.host} keeps redirecting: open it in a browser and take its address from there"
        )

    def _send(self, method: str, data: bytes) -> requests.Response:
        failure: PortalError
        host = self.webhook.host
        try:
            return self._session().post(
                self.webhook.url(method),
                data=data,
                headers=self._headers,
                timeout=(CONNECT_SECONDS, self.answer_seconds),
                proxies=NO_PROXY if is_loopback(urlsplit(self.webhook.base).hostname or "") else None,
                allow_redirects=False,  # A followed redirect turns a POST into a GET without parameters.
            )
        except requests.exceptions.SSLError as error:
            failure = Unreachable(f"TLS with {host} failed ({_reason(error)}): {_TLS_CURE}", "TLS")
        except requests.exceptions.ConnectTimeout:
            failure = Unreachable(f"{host} does not accept connections: {_NETWORK_CURE}", "CONNECT")
        except requests.exceptions.Timeout:
            failure = TooSlow(f"{host} did not answer within {self.answer_seconds:.0f} s", "TIMEOUT")
        except requests.exceptions.ConnectionError as error:
            failure = Unreachable(f"no connection to {host} ({_reason(error)}): {_NETWORK_CURE}", "CONNECT")
        except requests.exceptions.RequestException as error:
            failure = Temporary(f"the request to {host} failed: {type(error).__name__}")
        # Raised outside the handlers, so that the library's exception, which holds the address, is not its
        # context.
        raise failure

    def _follow(self, response: requests.Response) -> None:
        """A renamed cloud portal answers 302 from its old address: go on at the new one."""
        there = urlsplit(response.headers.get("Location", ""))
        if not there.netloc or there.netloc == self.webhook.host or "/rest/" not in there.path:
            raise NotBitrix(
                f"{self.webhook.host} redirects away from its REST interface: is it a Bitrix24 portal?"
            )
        if there.scheme != "https" and not is_loopback(there.hostname or ""):
            raise NotBitrix(
                f"{self.webhook.host} redirects to plain http: not followed, it would show the webhook's code"
            )
        LOGGER.warning(
            "portal moved from %s to %s: update BITRIX24_WEBHOOK_URL", self.webhook.host, there.netloc
        )
        self.webhook = self.webhook.moved(there.scheme, there.netloc)

    def _read(self, response: requests.Response) -> dict[str, Any]:
        status, host = response.status_code, self.webhook.host
        try:
            body = orjson.loads(response.content)
        except orjson.JSONDecodeError:
            body = _lenient(response.content)
        if not isinstance(body, dict) or not ("result" in body or "error" in body):
            if status in (404, 405, 410):
                raise NotBitrix(
                    f"{host} has no REST interface here (HTTP {status}): is it a Bitrix24 portal?"
                )
            if status in (401, 403):
                raise NotBitrix(
                    f"{host} refuses access before REST (HTTP {status}): check its IP restrictions"
                )
            raise Temporary(
                f"{host} answered with a page instead of JSON (HTTP {status}): overload, or no Bitrix24",
                "HTML",
            )
        # Both may be present: the error counts.
        if "error" in body or status >= 400:
            error = classify(body, status=status, wait=self.seconds_until_reset())
            if isinstance(error, RateLimited):
                self.bucket.fill()
            raise error
        if not isinstance(body["result"], dict):
            raise Temporary(f"{host} gave an answer to batch that is none")
        return body

    def _read_time(self, times: Any, usage: Usage, method: str) -> None:
        """Note the operating budget; fields may be absent, and the reset moment an ISO string instead of a
        number.
        """
        if not isinstance(times, dict):
            return
        if isinstance(operating := times.get("operating"), int | float):
            usage.operating = max(usage.operating, float(operating))
        if isinstance(finish := times.get("finish"), int | float):
            self.clock_ahead = finish - time.time()
        if isinstance(reset := times.get("operating_reset_at"), int | float):
            self._reset_at[method] = float(reset)


def _mapping(value: Any) -> dict[str, Any]:
    """PHP writes an empty map as `[]`."""
    return value if isinstance(value, dict) else {}


def _lenient(content: bytes) -> Any:
    """JSON with half a character pair, which the strict parser refuses; None if it is no JSON at all."""
    try:
        return json.loads(content)
    except ValueError:
        return None


def _reason(error: requests.exceptions.RequestException) -> str:
    """The library's reason without the address it carries."""
    inner: Any = error.args[0] if error.args else error
    inner = getattr(inner, "reason", inner)
    inner = inner.args[-1] if isinstance(inner, Exception) and inner.args else inner
    text = str(inner).rpartition("object at 0x")[2].partition(">: ")[2] or str(inner)
    return mask(text) if "/rest/" not in text else type(error).__name__
