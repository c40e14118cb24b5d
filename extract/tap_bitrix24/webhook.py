"""The webhook's address, taken apart once, and the mask that keeps its code out of every log line and
traceback.
"""

from __future__ import annotations

import ipaddress
import logging
import sys
import threading
import traceback
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from tap_bitrix24.errors import PortalRefused

SHAPE = "https://<portal>/rest/<user id>/<code>/"
MASK = "***"


@dataclass(frozen=True)
class Webhook:
    """An inbound webhook: `base` is `https://host[:port]`, `code` the secret part of the path."""

    scheme: str
    host: str
    user: str
    code: str = field(repr=False)

    @property
    def base(self) -> str:
        return f"{self.scheme}://{self.host}"

    def url(self, method: str) -> str:
        """The address to POST `method` to. Secret."""
        return f"{self.base}/rest/{self.user}/{self.code}/{method}"

    def moved(self, scheme: str, host: str) -> Webhook:
        """The same webhook at a renamed portal."""
        return Webhook(scheme, host, self.user, self.code)


def is_loopback(hostname: str) -> bool:
    """Whether `hostname` is this machine itself, so that plain http does not cross a network."""
    if hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(hostname).is_loopback
    except ValueError:
        return False


def parse(url: object) -> Webhook:
    """Take a webhook's address apart.

    Raises:
        PortalRefused: it is none, or it is plain http to another machine. The message never repeats the
        address.
    """
    text = str(url or "").strip()
    if not text:
        raise PortalRefused(f"BITRIX24_WEBHOOK_URL is empty: put the portal's inbound webhook there, {SHAPE}")
    try:
        parts = urlsplit(text)
        hostname, port = parts.hostname or "", parts.port
    except ValueError:
        hostname, port, parts = "", None, urlsplit("")
    steps = [unquote(step) for step in parts.path.split("/") if step]
    if parts.scheme not in ("http", "https") or not hostname:
        raise PortalRefused(f"BITRIX24_WEBHOOK_URL is not a web address: give the inbound webhook as {SHAPE}")
    if parts.username or parts.query or len(steps) < 3 or steps[0] != "rest" or not steps[1].isdigit():
        raise PortalRefused(
            f"BITRIX24_WEBHOOK_URL is not an inbound webhook of {hostname}: it should look like {SHAPE}"
        )
    if parts.scheme == "http" and not is_loopback(hostname):
        raise PortalRefused(
            f"BITRIX24_WEBHOOK_URL uses plain http for {hostname}, which shows the code to anybody: use https://"
        )
    name = f"[{hostname}]" if ":" in hostname else hostname
    return Webhook(parts.scheme, f"{name}:{port}" if port else name, steps[1], steps[2])


_secrets: set[str] = set()


def mask(text: str) -> str:
    """`text` without any webhook code that this process knows."""
    for secret in _secrets:
        text = text.replace(secret, MASK)
    return text


def keep_secret(code: str) -> None:
    """From now on take `code` out of every log record and uncaught exception of this process."""
    for form in {code, quote(code, safe="")} - {""}:
        # A code as short as a word would take innocent text with it; real ones have 16 characters.
        _secrets.add(form if len(form) >= 6 else f"/{form}/")
    _install()


_installed = False


def _install() -> None:
    global _installed
    if _installed:
        return
    _installed = True
    make_record = logging.getLogRecordFactory()

    def masking(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make_record(*args, **kwargs)
        try:
            text = record.getMessage()
        except (TypeError, ValueError):
            return record
        if (clean := mask(text)) != text:
            record.msg, record.args = clean, ()
        if record.exc_info and record.exc_info[0]:
            # Formatters take a ready `exc_text` instead of formatting the exception themselves.
            record.exc_text = mask("".join(traceback.format_exception(*record.exc_info))).rstrip()
        return record

    logging.setLogRecordFactory(masking)

    def print_masked(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        sys.stderr.write(mask("".join(traceback.format_exception(kind, error, trace))))

    sys.excepthook = print_masked
    threading.excepthook = lambda args: print_masked(
        args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback
    )
