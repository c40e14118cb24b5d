"""Independent commands in one request, of which each may be refused for itself."""

from __future__ import annotations

from collections.abc import Collection

from tap_bitrix24.client import Answer, Client, Usage
from tap_bitrix24.errors import StreamRefused, Temporary, classify


def ask_each(
    client: Client, commands: dict[str, str], *, usage: Usage
) -> tuple[Answer, dict[str, StreamRefused]]:
    """The answers to at most 50 commands, and the refusals of those that were refused.

    Commands that fail for a passing reason are waited for, as everywhere: the request is repeated.

    Raises:
        PortalError: the request failed, or a command for a reason that concerns them all.
    """

    def attempt() -> tuple[Answer, dict[str, StreamRefused]]:
        answer = client.batch(commands, halt=False, usage=usage)
        refused: dict[str, StreamRefused] = {}
        for name, body in answer.errors.items():
            error = body if isinstance(body, dict) else {"error": "", "error_description": str(body)}
            method = commands[name].partition("?")[0] if name in commands else name
            failure = classify(error, command=method, wait=answer.wait(method))
            if not isinstance(failure, StreamRefused):
                raise failure
            refused[name] = failure
        if any(name not in answer.result and name not in refused for name in commands):
            raise Temporary("the portal left commands of a batch unanswered")
        return answer, refused

    return client.retrying(attempt, methods_of(commands.values()))


def methods_of(commands: Collection[str]) -> str:
    """The methods of commands, for messages."""
    return ", ".join(dict.fromkeys(command.partition("?")[0] for command in commands))
