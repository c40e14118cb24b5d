"""Logins by an OpenID Connect provider: a provider of our own says who somebody is, our roles stay."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import psycopg

from tests.access.people import rows_of
from tests.access.test_logins import provision, somebody
from tests.conftest import ROOT, Stack
from tests.dashboards.test_server import SUPERSET_PYTHON

# The provider and a Superset that is set up for it, in one process; for each of the claims a browser of its own comes.
PROGRAM = """
import json, os, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC = {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key())), "kid": "one", "alg": "RS256", "use": "sig"}
claims, asked, sent = {}, {}, {}

class Provider(BaseHTTPRequestHandler):
    def say(self, body):
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        ends = {"authorization": "authorize", "token": "token", "userinfo": "userinfo"}
        metadata = {"issuer": BASE, "jwks_uri": BASE + "/keys", "id_token_signing_alg_values_supported": ["RS256"]}
        metadata |= {f"{name}_endpoint": f"{BASE}/{path}" for name, path in ends.items()}
        self.say({"/.well-known/openid-configuration": metadata, "/keys": {"keys": [PUBLIC]}, "/userinfo": claims}[self.path])

    def do_POST(self):
        sent.update(parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        now = int(time.time())
        token = {"iss": BASE, "aud": "voronka", "iat": now, "exp": now + 60, "nonce": asked["nonce"][0], **claims}
        signed = jwt.encode(token, KEY, "RS256", headers={"kid": "one"})
        self.say({"access_token": "access", "token_type": "Bearer", "expires_in": 60, "id_token": signed})

    def log_message(self, *_):
        pass

server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()
BASE = os.environ["VORONKA_OIDC_URL"] = f"http://127.0.0.1:{server.server_port}"

from superset.app import create_app

app = create_app()
told = {"page": app.test_client().get("/login/").text, "people": []}
for given in json.load(sys.stdin):
    claims.clear()
    claims.update(given)
    browser = app.test_client()
    to_provider = browser.get("/login/sso").location
    asked.clear()
    asked.update(parse_qs(urlsplit(to_provider).query))
    back = browser.get("/oauth-authorized/sso", query_string={"code": "code", "state": asked["state"][0]})
    me, roles = browser.get("/api/v1/me/"), browser.get("/api/v1/me/roles/")
    told["people"].append({
        "to": to_provider, "asked": asked.copy(), "sent": sent.copy(), "back": back.location, "status": me.status_code,
        "me": me.json, "roles": list(((roles.json or {}).get("result") or {}).get("roles", {})),
        "databases": browser.get("/api/v1/database/").status_code,
    })
print(json.dumps(told))
"""


def come(stack: Stack, *claims: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    """The page of the login, and what became of each who came from the provider with such claims."""
    client = {"VORONKA_OIDC_CLIENT_ID": "voronka", "VORONKA_OIDC_CLIENT_SECRET": "secret of the client"}
    ran = subprocess.run(
        [str(SUPERSET_PYTHON), "-c", PROGRAM],
        env={**os.environ, **stack.env, **client},
        cwd=ROOT,
        input=json.dumps(claims),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout.splitlines()[-1])
    return told["page"], told["people"]


def test_the_provider_says_who_it_is_and_the_warehouse_what_they_may(stack: Stack) -> None:
    manager, administrator = somebody(stack, 3), somebody(stack, 4)
    role = "update marts.mart_access__people set role = %s where login = %s"
    with psycopg.connect(stack.warehouse_url, autocommit=True) as warehouse:
        # As a line of people.csv makes it.
        warehouse.execute(role, ["administrator", administrator])
        try:
            named = provision(stack)
            assert named.returncode == 0, named.stderr
            groups = {"groups": ["Admin"], "roles": ["Admin"], "role_keys": ["Admin"]}
            page, (one, boss, stranger, unchecked, nameless) = come(
                stack,
                {"sub": "1", "email": manager.upper(), "email_verified": True, **groups},
                {"sub": "2", "email": administrator},
                {"sub": "3", "email": "stranger@example.com", "email_verified": True, **groups},
                {"sub": "4", "email": administrator, "email_verified": False},
                {"sub": "5", "preferred_username": "admin"},
            )
        finally:
            warehouse.execute(role, ["manager", administrator])
            assert provision(stack).returncode == 0
    assert "AUTH_PROVIDERS" in page and "sso" in page
    assert one["to"].split("?")[0].endswith("/authorize") and one["asked"]["client_id"] == ["voronka"]
    assert one["asked"]["redirect_uri"] == ["http://localhost/oauth-authorized/sso"]
    assert one["asked"]["code_challenge_method"] == ["S256"] and one["sent"]["code_verifier"]
    # The issued password, never changed, is nobody's business here.
    assert one["status"] == 200 and one["me"]["result"]["username"] == manager
    assert set(one["roles"]) == {"Менеджер", "Из портала"} and one["databases"] == 403
    assert boss["me"]["result"]["username"] == administrator
    assert set(boss["roles"]) == {"Admin", "Из портала"} and boss["databases"] == 200
    for refused in (stranger, unchecked, nameless):
        assert refused["status"] == 401 and "/login" in refused["back"]
    assert rows_of(stack, "select role from marts.mart_access__people where login = %s", administrator) == [
        ("manager",)
    ]
