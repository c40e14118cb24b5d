"""The errors the portal answers with: HTTP status, code and text as the documentation has them."""

from __future__ import annotations


class RestError(Exception):
    """An error of the REST API. ``code`` may be text or a number, as in Bitrix24."""

    def __init__(self, status: int, code: str | int, description: str) -> None:
        super().__init__(description)
        self.status, self.code, self.description = status, code, description

    def body(self) -> dict[str, object]:
        return {"error": self.code, "error_description": self.description}


def no_auth() -> RestError:
    return RestError(401, "NO_AUTH_FOUND", "Wrong authorization data")


def invalid_credentials() -> RestError:
    return RestError(401, "INVALID_CREDENTIALS", "Invalid request credentials")


def method_not_found() -> RestError:
    return RestError(404, "ERROR_METHOD_NOT_FOUND", "Method not found!")


def insufficient_scope() -> RestError:
    return RestError(
        403, "insufficient_scope", "The request requires higher privileges than provided by the webhook token"
    )


def too_many_requests() -> RestError:
    return RestError(503, "QUERY_LIMIT_EXCEEDED", "Too many requests")


def operation_time_limit() -> RestError:
    return RestError(429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.")


def batch_too_long() -> RestError:
    return RestError(400, "ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded")


def batch_not_allowed() -> RestError:
    return RestError(405, "ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed for batch usage")


def not_found(text: str = "Элемент не найден") -> RestError:
    return RestError(400, "NOT_FOUND", text)


def legacy_not_found() -> RestError:
    return RestError(400, "", "Not found")


def access_denied(text: str = "Access denied!") -> RestError:
    return RestError(403, "ACCESS_DENIED", text)


def bad_argument(text: str) -> RestError:
    return RestError(400, "INVALID_ARG_VALUE", text)


def entity_not_supported(name: str) -> RestError:
    return RestError(400, "ENTITY_TYPE_NOT_SUPPORTED", f"Entity type {name} is not supported")


def missing_parameter(name: str) -> RestError:
    return RestError(400, 100, f"Could not find value for parameter {{{name}}}")


def no_rights() -> RestError:
    return RestError(400, "", "Access denied.")
