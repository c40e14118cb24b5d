"""Bitrix24's error codes, as its documents and recorded answers give them, and what the tap makes of each."""

from __future__ import annotations

import pytest
from tap_bitrix24 import errors
from tap_bitrix24.errors import classify

ENVELOPE = [
    (503, "QUERY_LIMIT_EXCEEDED", errors.RateLimited),
    (429, "OPERATION_TIME_LIMIT", errors.OperatingLimit),
    (503, "OVERLOAD_LIMIT", errors.PortalRefused),
    (500, "INTERNAL_SERVER_ERROR", errors.Temporary),
    (500, "ERROR_UNEXPECTED_ANSWER", errors.Temporary),
    (500, "PORTAL_DELETED", errors.PortalRefused),
    (410, "PORTAL_DELETED", errors.PortalRefused),
    (401, "NO_AUTH_FOUND", errors.PortalRefused),
    (401, "expired_token", errors.PortalRefused),
    (401, "invalid_token", errors.PortalRefused),
    (401, "authorization_error", errors.PortalRefused),
    (401, "PAYMENT_REQUIRED", errors.PortalRefused),
    (403, "INVALID_CREDENTIALS", errors.PortalRefused),
    (401, "INVALID_CREDENTIALS", errors.PortalRefused),
    (403, "user_access_error", errors.PortalRefused),
    (403, "ACCESS_DENIED", errors.PortalRefused),
    (400, "INVALID_REQUEST", errors.PortalRefused),
    (401, "SOMETHING_NEW", errors.PortalRefused),
    (502, "SOMETHING_NEW", errors.Temporary),
    (400, "ERROR_BATCH_LENGTH_EXCEEDED", errors.StreamRefused),
]
COMMAND = [
    ("insufficient_scope", errors.StreamRefused),
    ("INSUFFICIENT_SCOPE", errors.StreamRefused),
    ("ACCESS_DENIED", errors.StreamRefused),
    ("INVALID_CREDENTIALS", errors.StreamRefused),
    ("", errors.StreamRefused),
    (0, errors.StreamRefused),
    (100, errors.StreamRefused),
    ("ERROR_METHOD_NOT_FOUND", errors.StreamRefused),
    ("ENTITY_TYPE_NOT_SUPPORTED", errors.StreamRefused),
    ("INVALID_ARG_VALUE", errors.StreamRefused),
    ("OPERATION_TIME_LIMIT", errors.OperatingLimit),
    ("QUERY_LIMIT_EXCEEDED", errors.RateLimited),
    ("internal_server_error", errors.Temporary),
    ("expired_token", errors.PortalRefused),
]


@pytest.mark.parametrize(("status", "code", "kind"), ENVELOPE)
def test_failed_request(status: int, code: str, kind: type) -> None:
    assert type(classify({"error": code, "error_description": "x"}, status=status)) is kind


@pytest.mark.parametrize(("code", "kind"), COMMAND)
def test_failed_command(code: object, kind: type) -> None:
    error = classify({"error": code, "error_description": "why not"}, command="crm.item.list")
    assert type(error) is kind
    assert "why not" in str(error)


def test_texts_name_method_cause_and_cure() -> None:
    scope = classify({"error": "insufficient_scope"}, command="voximplant.statistic.get")
    assert "voximplant.statistic.get" in str(scope) and "tick the scope" in str(scope)
    assert "commercial" in str(classify({"error": "ACCESS_DENIED"}, status=403))
    assert "BITRIX24_WEBHOOK_URL" in str(classify({"error": "NO_AUTH_FOUND"}, status=401))


def test_operating_limit_carries_the_wait() -> None:
    error = classify({"error": "OPERATION_TIME_LIMIT"}, status=429, wait=123.0)
    assert isinstance(error, errors.OperatingLimit) and error.wait == 123.0
