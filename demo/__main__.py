"""``python -m demo``: serve the demonstration portal, or print what it holds."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from datetime import date, datetime
from zoneinfo import ZoneInfo

import click
import orjson
import trustme
import uvicorn

from demo.bulk.lists import Bulk, Wanted
from demo.bulk.schema import SHAPES
from demo.bulk.table import Pace
from demo.company.calendar import WorkCalendar
from demo.company.chronicle import Chronicle
from demo.company.world import Story, parse_moment
from demo.rest.app import make_app
from demo.rest.service import ALL_SCOPES, Service, Settings
from demo.truth import truth as portal_truth


def default_start(moment: int, zone: str) -> date:
    """The first day of the month 24 months before the clock."""
    today = datetime.fromtimestamp(moment, ZoneInfo(zone)).date()
    return date(today.year - 2, today.month, 1)


def the_story(seed: int, start: datetime | None, scale: float, zone: str, moment: int) -> Story:
    first = start.date() if start else default_start(moment, zone)
    return Story(seed, first, scale, zone)


def _clock(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    try:
        return parse_moment(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _bulk(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> list[Wanted]:
    try:
        return [Wanted.parse(one) for value in values for one in value.split(",")]
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def story_options(command: Callable[..., None]) -> Callable[..., None]:
    """Options that say which company it is and at what moment."""
    for option in reversed(
        (
            click.option("--seed", default=20, show_default=True, help="Which company is invented."),
            click.option(
                "--start",
                type=click.DateTime(["%Y-%m-%d"]),
                help="First day of its story (default: first of the month, 24 months before the clock).",
            ),
            click.option(
                "--scale",
                default=1.0,
                show_default=True,
                help="How much happens: 1 is some 20 000 cards in two years.",
            ),
            click.option(
                "--timezone", "zone", default="Europe/Moscow", show_default=True, help="The portal's zone."
            ),
            click.option(
                "--clock",
                callback=_clock,
                help="Freeze the clock, e.g. 2026-11-23T12:00:00+03:00 (default: real time).",
            ),
        )
    ):
        command = option(command)
    return command


@click.group()
def main() -> None:
    """The demonstration portal: Bitrix24 REST over an invented company."""


@main.command()
@story_options
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=18024, show_default=True)
@click.option("--token", envvar="VORONKA_DEMO_TOKEN", show_envvar=True, required=True, help="Webhook code.")
@click.option("--no-limits", is_flag=True, help="No leaky bucket and no operating budget.")
@click.option("--scopes", default=",".join(ALL_SCOPES), show_default=True, help="Scopes of the webhook.")
@click.option(
    "--not-admin", is_flag=True, help="The webhook's owner is no administrator and sees fewer rows."
)
@click.option(
    "--old-history",
    is_flag=True,
    help="Stage history only of a deal's present pipeline, as on older portals.",
)
@click.option(
    "--bulk",
    multiple=True,
    callback=_bulk,
    metavar="TABLE=ROWS[:FIELDS],…",
    help=f"Tables of any size instead of the company's: {', '.join(SHAPES)}.",
)
@click.option("--bulk-gaps", default=0.0, show_default=True, help="Share of ids that are missing.")
@click.option(
    "--bulk-pace",
    nargs=3,
    type=float,
    default=(0.0, 0.0, 0.0),
    metavar="MODIFY ADD DELETE",
    help="Shares of the rows modified, added and deleted in a day of the clock, e.g. 0.01 0.002 0.001.",
)
@click.option(
    "--bulk-at",
    callback=_clock,
    help="The moment at which the tables have that many rows (default: the clock at the start).",
)
@click.option(
    "--https",
    "authority",
    type=click.Path(dir_okay=False, writable=True),
    help="Serve https with a certificate made on the spot; its authority is written to this file.",
)
def serve(
    seed: int,
    start: datetime | None,
    scale: float,
    zone: str,
    clock: int | None,
    host: str,
    port: int,
    token: str,
    no_limits: bool,
    scopes: str,
    not_admin: bool,
    old_history: bool,
    bulk: list[Wanted],
    bulk_gaps: float,
    bulk_pace: tuple[float, float, float],
    bulk_at: int | None,
    authority: str | None,
) -> None:
    """Serve the portal at http://HOST:PORT/rest/1/TOKEN/."""
    began = time.perf_counter()
    if bulk and not_admin:
        raise click.UsageError("--bulk rows are everybody's: it does not go with --not-admin")
    now = clock or int(time.time())
    story = the_story(seed, start, scale, zone, now)
    settings = Settings(
        token=token,
        frozen=clock,
        scopes=tuple(name.strip() for name in scopes.split(",") if name.strip()),
        admin=not not_admin,
        limits=not no_limits,
        old_history=old_history,
    )
    since = WorkCalendar(zone).midnight(story.start.toordinal())
    tables = Bulk(bulk, seed, since, bulk_at or now, bulk_gaps, Pace(*bulk_pace)) if bulk else None
    service = Service(story, settings, tables)
    click.echo(
        f"Demonstration portal ready in {time.perf_counter() - began:.1f} s: from {story.start} to "
        f"{service.encoder.moment(int(service.now()))}, "
        f"{sum(map(len, service.portal.cards.values()))} cards, {len(service.portal.calls)} calls"
        + "".join(f", {count} {name} in bulk" for name, count in (tables.counts() if tables else {}).items())
    )
    config = uvicorn.Config(make_app(service), host=host, port=port, log_level="warning", access_log=False)
    config.load()
    if authority is not None:
        # The official SDK speaks https only: so it can be tried against this portal unmodified.
        issuer = trustme.CA()
        config.ssl = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issuer.issue_cert(host, "localhost").configure_cert(config.ssl)
        issuer.cert_pem.write_to_path(authority)
    uvicorn.Server(config).run()


@main.command()
@story_options
def truth(seed: int, start: datetime | None, scale: float, zone: str, clock: int | None) -> None:
    """Print the counts of the portal's own state at the clock, as JSON."""
    moment = clock if clock is not None else int(time.time())
    chronicle = Chronicle(the_story(seed, start, scale, zone, moment))
    chronicle.tell(moment)
    click.echo(orjson.dumps(portal_truth(chronicle, moment), option=orjson.OPT_INDENT_2).decode())


if __name__ == "__main__":
    main()
