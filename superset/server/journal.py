"""What Superset writes down of each request, without the steps that it took inside.

A row in `logs` says who asked for which chart, dashboard or export, and when. Superset writes as many again for its own
measurements: each a commit, after which everything the request has read from the metadata is read anew.
"""

from __future__ import annotations

from typing import Any

from superset.utils.log import DBEventLogger

STEPS = {"_get_data_response", "load_into_dataframe", "execute_sql", "QueryObject.post_processing"}
ENCODING = ".json_dumps"


class Journal(DBEventLogger):
    """Superset's journal in its metadata, of requests only."""

    def log(self, user_id: int | None, action: str, *args: Any, **kwargs: Any) -> None:
        if action not in STEPS and not action.endswith(ENCODING):
            super().log(user_id, action, *args, **kwargs)
