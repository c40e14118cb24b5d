"""One request to a portal: POST, redirects, and what is no answer at all told apart."""

from __future__ import annotations

import json
import logging
import threading
from typing import Any
from urllib.parse import urlsplit

import orjson
import requests

from tap_bitrix24.errors import NotBitrix, PortalError, Temporary, TooSlow, Unreachable, classify
from tap_bitrix24.webhook import Webhook, is_loopback, keep_secret, mask

LOGGER = logging.getLogger("tap-bitrix24.client")
CONNECT_SECONDS = 15
ANSWER_SECONDS = 75  # The cloud cuts a request off after 60 s.
MAX_HOPS = 3
NO_PROXY = {"http": "", "https": ""}
DEMONSTRATION = "X-Voronka-Demo"
"""Header by which the demonstration portal says what it is, so that invented rows never pass for a company's.
"""

_NETWORK_CURE = "check the address in BITRIX24_WEBHOOK_URL and this machine's network"
_TLS_CURE = "check the host's certificate, this machine's clock and its CA certificates"


class Transport:
    """Sends requests to the portal behind a webhook, from any number of threads.

    Args:
        webhook: where; its code is kept out of all logs from here on.
    """

    def __init__(self, webhook: Webhook, *, user_agent: str) -> None:
        keep_secret(webhook.code)
        self.webhook = webhook
        self.is_demonstration = False
        self._headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": user_agent,
        }
        # `requests` does not promise that a session may be shared: each request has one to itself.
        self._sessions: list[requests.Session] = []
        self._moving = threading.Lock()

    def post(self, method: str, payload: dict[str, Any], answer_seconds: float) -> dict[str, Any]:
        """The portal's answer, with a `result`.

        Raises:
            PortalError: it is an error, or none that a Bitrix24 portal gives.
        """
        data = orjson.dumps(payload)
        for _ in range(MAX_HOPS):
            webhook = self.webhook
            response = self._send(webhook, method, data, answer_seconds)
            self.is_demonstration = DEMONSTRATION in response.headers
            if response.status_code not in (301, 302, 303, 307, 308):
                return self._read(response)
            self._follow(webhook, response)
        raise NotBitrix(
            f"{self.webhook.host} keeps redirecting: open it in a browser and take its address from there"
        )

    def _session(self) -> requests.Session:
        try:
            return self._sessions.pop()
        except IndexError:
            session = requests.Session()
            session.auth = lambda request: request  # Nothing from a .netrc: the address says who we are.
            return session

    def _send(self, webhook: Webhook, method: str, data: bytes, answer_seconds: float) -> requests.Response:
        failure: PortalError
        host = webhook.host
        session = self._session()
        try:
            return session.post(
                webhook.url(method),
                data=data,
                headers=self._headers,
                timeout=(CONNECT_SECONDS, answer_seconds),
                proxies=NO_PROXY if is_loopback(urlsplit(webhook.base).hostname or "") else None,
                allow_redirects=False,  # A followed redirect turns a POST into a GET without parameters.
            )
        except requests.exceptions.SSLError as error:
            failure = Unreachable(f"TLS with {host} failed ({_reason(error)}): {_TLS_CURE}", "TLS")
        except requests.exceptions.ConnectTimeout:
            failure = Unreachable(f"{host} does not accept connections: {_NETWORK_CURE}", "CONNECT")
        except requests.exceptions.Timeout:
            failure = TooSlow(f"{host} did not answer within {answer_seconds:.0f} s", "TIMEOUT")
        except requests.exceptions.ConnectionError as error:
            failure = Unreachable(f"no connection to {host} ({_reason(error)}): {_NETWORK_CURE}", "CONNECT")
        except requests.exceptions.RequestException as error:
            failure = Temporary(f"the request to {host} failed: {type(error).__name__}")
        finally:
            self._sessions.append(session)
        # Raised outside the handlers, so that the library's exception, which holds the address, is not its
        # context.
        raise failure

    def _follow(self, asked: Webhook, response: requests.Response) -> None:
        """A renamed cloud portal answers 302 from its old address: go on at the new one."""
        there = urlsplit(response.headers.get("Location", ""))
        if not there.netloc or there.netloc == asked.host or "/rest/" not in there.path:
            raise NotBitrix(f"{asked.host} redirects away from its REST interface: is it a Bitrix24 portal?")
        if there.scheme != "https" and not is_loopback(there.hostname or ""):
            raise NotBitrix(
                f"{asked.host} redirects to plain http: not followed, it would show the webhook's code"
            )
        with self._moving:
            if self.webhook.host != there.netloc:
                LOGGER.warning(
                    "portal moved from %s to %s: update BITRIX24_WEBHOOK_URL", asked.host, there.netloc
                )
                self.webhook = asked.moved(there.scheme, there.netloc)

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
            raise classify(body, status=status)
        if not isinstance(body["result"], dict):
            raise Temporary(f"{host} gave an answer to batch that is none")
        return body


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
