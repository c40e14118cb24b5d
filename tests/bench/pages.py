"""`make pages`: how long a viewer waits for each dashboard in Chromium, and for each chart's data alone.

A page is complete when its last chart in view is drawn and no answer has come for a while. Charts are asked one at a time,
under their default filters: past the cache, then from it.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from pathlib import Path

import click
import requests
from playwright.sync_api import Browser, sync_playwright

from tests.conftest import ROOT, Stack
from tests.dashboards.bundle_reading import dashboards
from voronka import environments

sys.path.insert(0, str(ROOT / "superset" / "server"))
from verify import body_of, log_in, read_dashboard

CALM = 0.8
PATIENCE = 120


def opened(browser: Browser, stack: Stack, width: int, rounds: int) -> dict[str, list[float]]:
    """Seconds to each complete dashboard, by slug, in the order of opening; all in one window, as people have it."""
    page = browser.new_context(locale="ru-RU", viewport={"width": width, "height": 768}).new_page()
    heard = [0.0]
    page.on("requestfinished", lambda r: "/api/v1/chart/data" in r.url and heard.append(time.monotonic()))
    page.goto(f"{stack.superset_url}/login/")
    name, password = stack.viewer
    page.fill("#username", name)
    page.fill("#password", password)
    page.locator('button[type="submit"]').first.click()
    page.wait_for_url("**/superset/dashboard/**")
    found: dict[str, list[float]] = {}
    for slug in dashboards():
        for _ in range(rounds):
            began = busy = time.monotonic()
            page.goto(f"{stack.superset_url}/superset/dashboard/{slug}/", wait_until="commit")
            page.locator(".tile").first.wait_for(timeout=PATIENCE * 1000)
            while time.monotonic() - max(busy, heard[-1]) < CALM:
                if time.monotonic() - began > PATIENCE:
                    raise click.ClickException(f"{slug} is not complete after {PATIENCE} s")
                page.wait_for_timeout(50)
                if page.locator('[data-test="loading-indicator"]:visible, .loading:visible').count():
                    busy = time.monotonic()
            found.setdefault(slug, []).append(max(busy, heard[-1]) - began)
    return found


def asked(stack: Stack) -> dict[str, list[float]]:
    """Milliseconds of every chart's data: past the cache, and from it."""
    session = log_in(stack.superset_url, *stack.viewer)
    found: dict[str, list[float]] = {"past the cache": [], "from the cache": []}
    for slug in dashboards():
        dashboard = read_dashboard(session, stack.superset_url, slug)
        for chart in dashboard.charts:
            for how, taken in found.items():
                body = body_of(dashboard, chart, dashboard.filters_of(chart), force=how == "past the cache")
                taken.append(_milliseconds(session, stack.superset_url, body))
    return found


def _milliseconds(session: requests.Session, url: str, body: dict[str, object]) -> float:
    began = time.monotonic()
    answer = session.post(f"{url}/api/v1/chart/data", json=body, timeout=PATIENCE)
    if answer.status_code != 200:
        raise click.ClickException(f"a chart answers HTTP {answer.status_code}: {answer.text[:300]}")
    return (time.monotonic() - began) * 1000


@click.command()
@click.option("--rounds", default=3, show_default=True, help="How often each dashboard is opened.")
@click.option("--width", default=1366, show_default=True, help="Pixels of the window.")
def main(rounds: int, width: int) -> None:
    """Open the dashboards of the running installation of the environment (`make env`)."""
    port = os.environ.get("VORONKA_SUPERSET_PORT", "8088")
    stack = Stack(Path(os.environ["VORONKA_HOME"]), {"VORONKA_SUPERSET_PORT": port})
    for how, taken in asked(stack).items():
        quick = sorted(taken)
        click.echo(
            f"{len(quick)} charts {how}: median {statistics.median(quick):.0f} ms,"
            f" p95 {quick[int(len(quick) * 0.95)]:.0f}, longest {quick[-1]:.0f}"
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(environments.browser()), args=["--no-sandbox"]
        )
        pages = opened(browser, stack, width, rounds)
        browser.close()
    for slug, seconds in pages.items():
        click.echo(f"{slug}: {', '.join(f'{second:.1f}' for second in seconds)} s")
    everything = [second for seconds in pages.values() for second in seconds]
    click.echo(f"a complete page: median {statistics.median(everything):.1f} s of {len(everything)}")


if __name__ == "__main__":
    main()
