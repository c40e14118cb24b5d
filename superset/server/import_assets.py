"""Import the bundle into Superset: all of it or nothing, counted afterwards; safe to repeat.

The bundle is the truth: what it holds is overwritten, and what an earlier import made and it holds no longer is
removed. What people made in the browser under other names stays.
"""

from __future__ import annotations

import os
import secrets
import sys
import time
from typing import Any

import yaml
from bundle import BUNDLE, BundleError, application, assets, chart_uuids, common_css

# Owner of what is imported; nobody can log in as it.
IMPORTER = "voronka-import"
KINDS = {"databases": "database", "datasets": "dataset", "charts": "chart", "dashboards": "dashboard"}


# The second connection: it writes spreadsheets into the schema uploads and reads nothing else.
UPLOADS = "databases/voronka_uploads.yaml"


def warehouse_uri(role: str = "BI") -> str:
    """The SQLAlchemy URI that dashboards read the warehouse with; `UPLOAD` is the one that uploads write with.

    Raises:
        BundleError: neither WAREHOUSE_BI_URI nor the WAREHOUSE_* variables are set.
    """
    if given := os.environ.get(f"WAREHOUSE_{role}_URI"):
        return given
    from sqlalchemy.engine import URL

    names = (
        "WAREHOUSE_HOST",
        "WAREHOUSE_PORT",
        "WAREHOUSE_DBNAME",
        f"WAREHOUSE_{role}_USER",
        f"WAREHOUSE_{role}_PASSWORD",
    )
    if missing := [name for name in names if not os.environ.get(name)]:
        raise BundleError(
            f'not set: {", ".join(missing)} (eval "$(make -s env)" sets them), nor WAREHOUSE_{role}_URI'
        )
    host, port, dbname, user, password = (os.environ[name] for name in names)
    return URL.create("postgresql+psycopg2", user, password, host, int(port), dbname).render_as_string(False)


def takes_uploads() -> bool:
    """Whether there is an account to upload with: a warehouse of one's own may have none."""
    return any(os.environ.get(name) for name in ("WAREHOUSE_UPLOAD_URI", "WAREHOUSE_UPLOAD_USER"))


def wanted_assets() -> dict[str, dict[str, Any]]:
    """What of the bundle is to be in Superset."""
    return {name: asset for name, asset in assets().items() if name != UPLOADS or takes_uploads()}


def contents() -> dict[str, str]:
    """The bundle as the importer takes it: text by path, the warehouse's real address and the common styles put in."""
    texts = {"metadata.yaml": (BUNDLE / "metadata.yaml").read_text(encoding="utf-8")}
    for name, asset in wanted_assets().items():
        if name.startswith("databases/"):
            asset["sqlalchemy_uri"] = warehouse_uri("UPLOAD" if name == UPLOADS else "BI")
        if name.startswith("dashboards/"):
            asset["css"] = common_css(asset["slug"]) + (asset["css"] or "")
        texts[name] = yaml.safe_dump(asset, allow_unicode=True, sort_keys=False)
    return texts


def _importer(sm: Any) -> Any:
    user = sm.find_user(IMPORTER)
    if not user:
        password = secrets.token_urlsafe(32)
        user = sm.add_user(
            IMPORTER, "Импорт", "из git", f"{IMPORTER}@localhost", sm.find_role("Admin"), password
        )
        if not user:
            raise BundleError(f"the account {IMPORTER} could not be made: run `superset init` first")
    if user.is_active:
        user.active = False
        sm.update_user(user)
    return user


def _remove_stale(wanted: dict[str, dict[str, Any]], importer: Any) -> int:
    """Delete dashboards and charts that an earlier import made and the bundle holds no longer."""
    from superset.models.dashboard import Dashboard
    from superset.models.slice import Slice

    from superset import db

    uuids = {asset["uuid"] for asset in wanted.values()}
    stale = [
        item
        for model in (Dashboard, Slice)
        for item in db.session.query(model).filter(model.created_by_fk == importer.id)
        if str(item.uuid) not in uuids
    ]
    for item in stale:
        if isinstance(item, Slice):
            item.dashboards = []
        db.session.delete(item)
    db.session.commit()
    return len(stale)


def _count(wanted: dict[str, dict[str, Any]]) -> dict[str, int]:
    """How many of each kind Superset holds now.

    Raises:
        BundleError: an asset, or a chart's place on its dashboard, is missing.
    """
    from superset.connectors.sqla.models import SqlaTable
    from superset.models.core import Database
    from superset.models.dashboard import Dashboard
    from superset.models.slice import Slice

    from superset import db

    models = {"databases": Database, "datasets": SqlaTable, "charts": Slice, "dashboards": Dashboard}
    counts = dict.fromkeys(models, 0)
    for name, asset in wanted.items():
        folder = name.split("/", 1)[0]
        found = db.session.query(models[folder]).filter_by(uuid=asset["uuid"]).one_or_none()
        if found is None:
            raise BundleError(
                f"superset/{name} did not arrive in Superset, though the import reported no error"
            )
        counts[folder] += 1
        if folder == "dashboards":
            placed, linked = set(chart_uuids(asset["position"])), {str(chart.uuid) for chart in found.slices}
            if placed != linked:
                raise BundleError(
                    f"superset/{name}: charts not linked after the import: {sorted(placed ^ linked)}"
                )
    return counts


def run() -> str:
    """Import and count; one line that says what was imported.

    Raises:
        BundleError: nothing was imported, or not all of it.
    """
    began = time.monotonic()
    wanted, texts = wanted_assets(), contents()
    app = application()
    with app.app_context():
        from superset.commands.exceptions import CommandInvalidError
        from superset.commands.importers.v1.assets import ImportAssetsCommand
        from superset.utils.core import override_user

        from superset import security_manager as sm

        importer = _importer(sm)
        with override_user(importer):
            try:
                ImportAssetsCommand(texts).run()
            except CommandInvalidError as error:
                problems = [f"superset/{file}: {what}" for file, what in error.normalized_messages().items()]
                raise BundleError("nothing was imported:\n" + "\n".join(problems)) from None
            except Exception as error:
                cause = error.__cause__ or error
                raise BundleError(f"nothing was imported: {type(cause).__name__}: {cause}") from error
            removed = _remove_stale(wanted, importer)
        counts = _count(wanted)
    said = ", ".join(f"{number} {KINDS[kind]}{'' if number == 1 else 's'}" for kind, number in counts.items())
    return f"imported {said}; {removed} stale removed; {time.monotonic() - began:.1f} s"


if __name__ == "__main__":
    try:
        print(run())
    except BundleError as error:
        sys.exit(f"error: {error}")
