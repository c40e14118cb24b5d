"""Permissions of roles, remembered for a minute.

Each request for a chart asks some fifteen times whether the person's roles hold a permission or which databases and datasets
they name; Superset asks the database each time. Answers are kept by the roles, not by the person: who is dismissed, or gets
another role, has other rights at the next request. Row rules and the roles of dashboards are not kept at all.
"""

from __future__ import annotations

from threading import Lock
from typing import Any

from cachetools import TTLCache, cachedmethod
from cachetools.keys import hashkey
from flask import g
from superset.security import SupersetSecurityManager

SECONDS = 60


def _of_question(_: Any, view_name: str, permission_name: str, role_ids: list[int]) -> tuple[Any, ...]:
    return hashkey(view_name, permission_name, frozenset(role_ids))


def _of_person(manager: SecurityManager, permission_name: str) -> tuple[Any, ...]:
    return hashkey(permission_name, frozenset(role.id for role in manager.get_user_roles(g.user)))


class SecurityManager(SupersetSecurityManager):
    """Superset's, with a memory; the one of single sign-on extends it, and so has one of one's own."""

    def __init__(self, appbuilder: Any) -> None:
        self._held: TTLCache[Any, bool] = TTLCache(maxsize=10_000, ttl=SECONDS)
        self._named: TTLCache[Any, frozenset[str]] = TTLCache(maxsize=1_000, ttl=SECONDS)
        self._lock = Lock()
        super().__init__(appbuilder)

    @cachedmethod(lambda self: self._held, key=_of_question, lock=lambda self: self._lock)
    def exist_permission_on_roles(self, view_name: str, permission_name: str, role_ids: list[int]) -> bool:
        """Whether one of the roles holds the permission on the view."""
        return bool(super().exist_permission_on_roles(view_name, permission_name, role_ids))

    @cachedmethod(lambda self: self._named, key=_of_person, lock=lambda self: self._lock)
    def _view_menu_names(self, permission_name: str) -> frozenset[str]:
        return frozenset(super().user_view_menu_names(permission_name))

    def user_view_menu_names(self, permission_name: str) -> set[str]:
        """What the person's roles hold the permission on."""
        return {*self._view_menu_names(permission_name)}
