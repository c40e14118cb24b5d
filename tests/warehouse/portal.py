"""A plain reader of the portal's lists for the checks: pages by offset, which the tap never does."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlencode

import httpx

PAGE = 50
COMMANDS = 50
# The portal lets two requests a second through for ever.
PAUSE_SECONDS = 0.5


class Portal:
    """Reads lists of the portal behind an inbound webhook, `http(s)://host/rest/1/code/`."""

    def __init__(self, webhook: str) -> None:
        self._http = httpx.Client(base_url=webhook.rstrip("/") + "/", timeout=120)

    def close(self) -> None:
        self._http.close()

    def _post(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        time.sleep(PAUSE_SECONDS)
        answer = self._http.post(f"{method}.json", json=body).json()
        assert "error" not in answer, f"{method}: {answer['error']}: {answer.get('error_description')}"
        return answer

    def total(self, method: str, params: dict[str, Any]) -> int:
        """How many rows the portal itself counts for `params` (PHP-style keys: `filter[<createdTime]`)."""
        return self.totals(method, [params])[0]

    def totals(self, method: str, several: list[dict[str, Any]]) -> list[int]:
        """The same for up to fifty sets of parameters at once."""
        found = self._batch([f"{method}?{urlencode(params)}" for params in several])["result_total"]
        return [int(found[str(number)]) for number in range(len(several))]

    def rows(self, method: str, params: dict[str, Any], inside: str | None = None) -> list[dict[str, Any]]:
        """All rows of a list; `inside` is the key of the rows where the answer is not the list itself."""
        commands = [
            f"{method}?{urlencode({**params, 'start': start})}"
            for start in range(0, max(self.total(method, params), 1), PAGE)
        ]
        collected: list[dict[str, Any]] = []
        for first in range(0, len(commands), COMMANDS):
            answers = self._batch(commands[first : first + COMMANDS])["result"]
            for number in range(len(answers)):
                answer = answers[str(number)]
                collected += answer[inside] if inside else answer
        return collected

    def _batch(self, commands: list[str]) -> dict[str, Any]:
        answer = self._post("batch", {"halt": 1, "cmd": {str(n): c for n, c in enumerate(commands)}})[
            "result"
        ]
        assert not answer["result_error"], answer["result_error"]
        # PHP writes a map whose keys are 0, 1, 2 … as a list.
        for key in ("result", "result_total"):
            if isinstance(answer[key], list):
                answer[key] = {str(n): item for n, item in enumerate(answer[key])}
        return answer
