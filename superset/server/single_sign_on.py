"""Logins by an OpenID Connect provider (VORONKA_OIDC_URL): it says who somebody is, the warehouse says what they may see."""

from __future__ import annotations

import logging
import os
from typing import Any

import permissions

logger = logging.getLogger(__name__)
# What the provider calls the login by which the warehouse knows a person.
CLAIM = os.environ.get("VORONKA_OIDC_CLAIM") or "email"


def provider(url: str, client_id: str, client_secret: str) -> dict[str, Any]:
    """The only entry of OAUTH_PROVIDERS; everything else about the provider it tells by itself."""
    return {
        # In the address that the provider sends people back to, and on the button.
        "name": os.environ.get("VORONKA_OIDC_NAME") or "sso",
        "icon": "fa-key",
        "token_key": "access_token",
        "remote_app": {
            "client_id": client_id,
            "client_secret": client_secret,
            "server_metadata_url": f"{url.rstrip('/')}/.well-known/openid-configuration",
            "client_kwargs": {"scope": "openid email profile", "code_challenge_method": "S256"},
        },
    }


class SecurityManager(permissions.SecurityManager):
    """Superset's, which knows some providers by name only, and each in its own way."""

    def get_oauth_user_info(self, provider: str, resp: dict[str, Any]) -> dict[str, Any]:
        """The login alone: names, address and roles are the warehouse's. Nothing, where the provider has not checked it."""
        # What the signed token says; some providers put the address into their other answer only.
        claims = dict(resp.get("userinfo") or {})
        if not claims.get(CLAIM):
            claims |= self.oauth_remotes[provider].userinfo(token=resp)
        login = str(claims.get(CLAIM) or "")
        if not login or (CLAIM == "email" and claims.get("email_verified") is False):
            logger.warning("single sign-on: the provider sent no %s, or has not verified it", CLAIM)
            return {}
        return {"username": login}
