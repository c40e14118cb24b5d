"""Superset's configuration. Secrets and addresses come from the environment (docs/architecture.md names the variables)."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import sys
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

# Modules beside this file; `superset` itself stays the installed package.
sys.path.append(str(Path(__file__).parent))

from journal import Journal
from permissions import SecurityManager


def _required(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise RuntimeError(
            f'{name} is not set: start Superset by make, or load the variables with eval "$(make -s env)"'
        )
    return value


def _derived(purpose: str) -> str:
    """A key of its own for each purpose, so that one generated secret is enough."""
    return hmac.new(SECRET_KEY.encode(), purpose.encode(), hashlib.sha256).hexdigest()


def _long_enough(password: str) -> None:
    """What a person may choose as a password."""
    from flask_appbuilder.exceptions import PasswordComplexityValidationError

    if len(password) < 12:
        raise PasswordComplexityValidationError("Пароль короче 12 знаков: придумайте длиннее")


# --- secrets and addresses -------------------------------------------------------------------------------------------
SECRET_KEY = _required("SUPERSET_SECRET_KEY")
SQLALCHEMY_DATABASE_URI = _required("SUPERSET_DATABASE_URI")
GUEST_TOKEN_JWT_SECRET = _derived("guest-token")
GLOBAL_ASYNC_QUERIES_JWT_SECRET = _derived("async-queries")
# No pool_pre_ping: Superset itself asks each connection that it takes.
SQLALCHEMY_ENGINE_OPTIONS = {"pool_recycle": 1800}

# Behind a proxy that ends TLS: cookies travel over https only, and the proxy's X-Forwarded-* headers are believed.
BEHIND_PROXY = os.environ.get("VORONKA_BEHIND_PROXY", "") == "1"
ENABLE_PROXY_FIX = BEHIND_PROXY
# Of these the proxy says what is so; a prefix or a port would be the browser's word.
PROXY_FIX_CONFIG = {"x_for": 1, "x_proto": 1, "x_host": 1, "x_port": 0, "x_prefix": 0}
DEBUG = False

# --- what is switched on ---------------------------------------------------------------------------------------------
FEATURE_FLAGS = {
    "DASHBOARD_RBAC": True,
    # Row-level rules name the person who asks. Viewers can write no template; administrators alone edit charts.
    "ENABLE_TEMPLATE_PROCESSING": True,
    "ALERT_REPORTS": False,
    "DRILL_BY": False,
}
ENABLE_UI_THEME_ADMINISTRATION = False

# --- access ----------------------------------------------------------------------------------------------------------
CUSTOM_SECURITY_MANAGER = SecurityManager
PUBLIC_ROLE_LIKE = None
AUTH_USER_REGISTRATION = False
AUTH_ROLES_SYNC_AT_LOGIN = False
if OIDC_URL := os.environ.get("VORONKA_OIDC_URL", ""):
    import single_sign_on
    from flask_appbuilder.const import AUTH_OAUTH

    AUTH_TYPE = AUTH_OAUTH
    OAUTH_PROVIDERS = [
        single_sign_on.provider(
            OIDC_URL, _required("VORONKA_OIDC_CLIENT_ID"), _required("VORONKA_OIDC_CLIENT_SECRET")
        )
    ]
    CUSTOM_SECURITY_MANAGER = single_sign_on.SecurityManager
FAB_PASSWORD_COMPLEXITY_ENABLED = True
FAB_PASSWORD_COMPLEXITY_VALIDATOR = _long_enough
# login_attempts.py does it, for all processes together and for the API too.
RATELIMIT_ENABLED = AUTH_RATE_LIMITED = False
FAB_API_SWAGGER_UI = False
# No page of elsewhere asks this server for anything.
ENABLE_CORS = False
# The largest spreadsheet that is uploaded.
MAX_CONTENT_LENGTH = 20 * 1024 * 1024
# Sessions lie in the metadata (_keep_sessions), so that a logout ends them: a copied cookie opens nothing afterwards.
SESSION_TYPE = "sqlalchemy"
SESSION_SQLALCHEMY_TABLE = "voronka_sessions"
SESSION_CLEANUP_N_REQUESTS = 1000
# Ten hours from the login, however often one comes.
SESSION_REFRESH_EACH_REQUEST = False
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = BEHIND_PROXY
# Two installations on one host (tests beside a demonstration) must not log each other out: cookies ignore the port.
SESSION_COOKIE_NAME = f"voronka_{_derived('cookie')[:8]}"
PERMANENT_SESSION_LIFETIME = timedelta(hours=10)
WTF_CSRF_TIME_LIMIT = 10 * 3600

TALISMAN_ENABLED = True
# Nothing is fetched from anywhere but this server.
TALISMAN_CONFIG = {
    "content_security_policy": {
        "base-uri": ["'self'"],
        "default-src": ["'self'"],
        "img-src": ["'self'", "blob:", "data:"],
        "worker-src": ["'self'", "blob:"],
        "connect-src": ["'self'"],
        "object-src": "'none'",
        "frame-ancestors": ["'self'"],
        "style-src": ["'self'", "'unsafe-inline'"],
        "font-src": ["'self'", "data:"],
        # Handlebars charts compile their templates, which administrators alone can edit, in the browser.
        "script-src": ["'self'", "'strict-dynamic'", "'unsafe-eval'"],
    },
    "content_security_policy_nonce_in": ["script-src"],
    "force_https": False,
    "session_cookie_secure": BEHIND_PROXY,
}
# Tiles are handlebars charts with a style of their own. Scripts and event attributes stay forbidden.
HTML_SANITIZATION = True
HTML_SANITIZATION_SCHEMA_EXTENSIONS = {
    "attributes": {"*": ["style", "className", "title"]},
    "tagNames": ["style"],
}

# --- speed -----------------------------------------------------------------------------------------------------------
EVENT_LOGGER = Journal()
ROW_LIMIT = 10_000
SQL_MAX_ROW = 50_000
SUPERSET_WEBSERVER_TIMEOUT = 60
# Twenty people opening one dashboard at nine ask the warehouse once. Short, because marts are published at any minute.
DATA_CACHE_CONFIG: dict[str, Any] = {
    "CACHE_TYPE": "SupersetMetastoreCache",
    "CACHE_KEY_PREFIX": "voronka_data",
    "CACHE_DEFAULT_TIMEOUT": 120,
}
CACHE_CONFIG: dict[str, Any] = {"CACHE_TYPE": "SimpleCache", "CACHE_DEFAULT_TIMEOUT": 300}

# --- language, numbers, dates ----------------------------------------------------------------------------------------
BABEL_DEFAULT_LOCALE = "ru"
LANGUAGES = {"ru": {"flag": "ru", "name": "Русский"}, "en": {"flag": "us", "name": "English"}}
# `$` in a number format prints this; headings take the currency from the warehouse, this is for amounts in tables.
CURRENCY_SUFFIX = os.environ.get("VORONKA_CURRENCY_SIGN", "₽")
D3_FORMAT = {
    "decimal": ",",
    "thousands": "\u00a0",
    "grouping": [3],
    "currency": ["", f"\u00a0{CURRENCY_SUFFIX}"],
}
D3_TIME_FORMAT = {
    "dateTime": "%d.%m.%Y %H:%M",
    "date": "%d.%m.%Y",
    "time": "%H:%M:%S",
    "periods": ["", ""],
    "days": ["воскресенье", "понедельник", "вторник", "среда", "четверг", "пятница", "суббота"],
    "shortDays": ["вс", "пн", "вт", "ср", "чт", "пт", "сб"],
    "months": [
        "январь", "февраль", "март", "апрель", "май", "июнь",
        "июль", "август", "сентябрь", "октябрь", "ноябрь", "декабрь",
    ],
    "shortMonths": ["янв", "фев", "мар", "апр", "май", "июн", "июл", "авг", "сен", "окт", "ноя", "дек"],
}  # fmt: skip


@cache
def _russian() -> dict[str, Any]:
    """Superset's Russian words for the browser, mended where they are missing or wrong: words_ru.yaml says which."""
    from superset.translations.utils import get_language_pack

    pack = get_language_pack("ru") or {}
    words = yaml.safe_load((Path(__file__).parent / "words_ru.yaml").read_text(encoding="utf-8"))
    texts = {english: [russian] for english, russian in words.items()}
    return {**pack, "locale_data": {"superset": {**pack["locale_data"]["superset"], **texts}}}


def _bear_races_of_the_cache() -> None:
    """Charts (or people) that ask the same at once all store the answer: the later storing fails, and would fail the
    request with it, since it leaves the session of the metadata broken."""
    from sqlalchemy.exc import SQLAlchemyError
    from superset.extensions import db
    from superset.extensions.metastore_cache import SupersetMetastoreCache

    store = SupersetMetastoreCache.set

    def store_or_leave(cache: Any, key: str, value: Any, timeout: int | None = None) -> bool:
        try:
            return bool(store(cache, key, value, timeout))
        except SQLAlchemyError:
            db.session.rollback()
            return False

    SupersetMetastoreCache.set = store_or_leave


def _keep_sessions(app: Any) -> None:
    """By hand, since SESSION_SERVER_SIDE asks for the database before Superset has it."""
    from flask_session import Session

    from superset import db

    app.config["SESSION_SQLALCHEMY"] = db
    Session(app)


def _tell_logins_apart(app: Any) -> None:
    """Superset finds the filters chosen in a browser's tab by the session's identifier, which is made of address and browser
    alone: two people of one office would overwrite each other's, and links (kept_filters.py) read them."""
    from flask import session

    identify = app.login_manager._session_identifier_generator

    def identify_login() -> str:
        if "_user_id" not in session:
            return str(identify())
        login = session.setdefault("voronka_login", secrets.token_urlsafe(16))
        return f"{identify()}-{session['_user_id']}-{login}"

    app.login_manager._session_identifier_generator = identify_login


def FLASK_APP_MUTATOR(app: Any) -> None:
    """Answers of our own before Superset's: passwords that must be changed, requests that hold SQL, words, first pages, links."""
    import first_login
    import first_page
    import kept_filters
    import login_attempts
    import plain_requests
    from flask import jsonify, request
    from jinja2 import ChoiceLoader, FileSystemLoader

    def words() -> Any:
        # Before login too: the words hold nothing secret, and the login page needs them.
        return jsonify(_russian()) if request.path == "/superset/language_pack/ru/" else None

    _keep_sessions(app)
    _tell_logins_apart(app)
    first_login.word_the_form()
    app.before_request(words)
    app.before_request(login_attempts.before)
    app.after_request(login_attempts.after)
    app.before_request(first_login.hook)
    app.before_request(plain_requests.hook)
    app.before_request(first_page.hook)
    app.before_request(kept_filters.hook)
    app.jinja_loader = ChoiceLoader([FileSystemLoader(Path(__file__).parent / "templates"), app.jinja_loader])
    app.context_processor(lambda: {"closed_dashboards": first_page.closed_dashboards})
    _bear_races_of_the_cache()


TIME_GRAIN_DENYLIST = ["PT1S", "PT5S", "PT30S", "PT1M", "PT5M", "PT10M", "PT15M", "PT30M", "PT1H"]

# --- look ------------------------------------------------------------------------------------------------------------
APP_NAME = "Воронка"
# Each person's own first dashboard.
LOGO_TARGET_PATH = "/superset/welcome/"
_LOGO = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="132" height="28" viewBox="0 0 132 28">'
    '<path d="M2 5h24l-9 10v9l-6-3v-6z" fill="#0B66C3"/>'
    '<text x="34" y="20" font-family="Arial,sans-serif" font-size="17" font-weight="600" fill="#1F2A37">Воронка</text></svg>'
)
# Of the pages that Superset still makes on the server (a new password), on black.
APP_ICON = f"data:image/svg+xml,{quote(_LOGO.replace('#1F2A37', '#fff'))}"
# Superset replaces this dictionary whole: without the sizes and weights the logo and the headings lose their shape.
THEME_DEFAULT = {
    "token": {
        "brandAppName": APP_NAME,
        "brandLogoAlt": APP_NAME,
        "brandLogoUrl": f"data:image/svg+xml,{quote(_LOGO)}",
        "brandLogoMargin": "14px 0",
        "brandLogoHref": LOGO_TARGET_PATH,
        "brandLogoHeight": "28px",
        "brandSpinnerUrl": None,
        "brandSpinnerSvg": None,
        "colorPrimary": "#0B66C3",
        "colorLink": "#0B66C3",
        "colorError": "#D32F2F",
        "colorWarning": "#B26A00",
        "colorSuccess": "#1B7F4B",
        "colorInfo": "#0B66C3",
        "fontUrls": [],
        "fontFamily": "Inter, Arial, 'DejaVu Sans', sans-serif",
        "fontFamilyCode": "'Fira Code', 'DejaVu Sans Mono', monospace",
        "transitionTiming": 0.2,
        "brandIconMaxWidth": 132,
        "fontSizeXS": "8",
        "fontSizeXXL": "28",
        "fontWeightNormal": "400",
        "fontWeightLight": "300",
        "fontWeightStrong": "500",
        "fontWeightBold": "700",
        "colorEditorSelection": "#DCEBFA",
        "borderRadius": 6,
        # No «all / inverse» buttons in legends: small charts have no room for them.
        "echartsOptionsOverrides": {"legend": {"selector": False}},
    },
    "algorithm": "default",
}
THEME_DARK = None
# Red marks a missed norm and is therefore no series' colour.
EXTRA_CATEGORICAL_COLOR_SCHEMES = [
    {
        "id": "voronka",
        "label": "Воронка",
        "description": "Спокойная палитра без красного",
        "isDefault": True,
        "colors": [
            "#0B66C3", "#5B9BD5", "#00897B", "#8E7CC3", "#C58B2A", "#607D8B",
            "#3F9E6E", "#9C6B98", "#4C7A9F", "#A1887F", "#7A8F3C", "#B0BEC5",
        ],
    }
]  # fmt: skip
EXTRA_SEQUENTIAL_COLOR_SCHEMES = [
    {
        "id": "voronka_blue",
        "label": "Воронка: синий",
        "description": "От бледного к насыщенному",
        "isDiverging": False,
        "isDefault": True,
        "colors": ["#F3F8FD", "#CFE2F5", "#9CC4EA", "#5B9BD5", "#0B66C3", "#084C91"],
    }
]
