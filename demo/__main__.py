"""``python -m demo``: serve the demonstration portal, or print what it holds."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from datetime import date, datetime
from typing import Any
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
from demo.rest.faults import Faults, parse_order
from demo.rest.limits import COUNT_MS_PER_1000_ROWS, Costs
from demo.rest.service import ALL_SCOPES, Service, Settings
from demo.rest.wire import Wire
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


def _faults(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> list[dict[str, Any]]:
    try:
        orders = [parse_order(value) for value in values]
        for order in orders:
            Faults().order(**order)
    except (TypeError, ValueError) as error:
        raise click.BadParameter(str(error)) from error
    return orders


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
                help="How much happens: 1 is some 22 000 cards in two years.",
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
@click.option("--also-port", type=int, help="A second port, for a portal that REDIRECT renames.")
@click.option("--token", envvar="VORONKA_DEMO_TOKEN", show_envvar=True, required=True, help="Webhook code.")
@click.option("--no-limits", is_flag=True, help="No leaky bucket and no operating budget.")
@click.option("--rate", default=2.0, show_default=True, help="Requests a second that the bucket drains.")
@click.option("--burst", default=50, show_default=True, help="Requests that the bucket holds.")
@click.option("--operating-limit", default=480.0, show_default=True, help="Seconds of work per method …")
@click.option("--operating-window", default=600.0, show_default=True, help="… in so many seconds.")
@click.option(
    "--operating",
    type=click.Choice(["method", "batch"]),
    default="method",
    show_default=True,
    help="Whom a batch's work is charged to: each command's method, or `batch` as a whole.",
)
@click.option("--command-ms", type=float, help="Milliseconds each command takes, really passing.")
@click.option(
    "--count-ms-per-1000-rows",
    "count_ms",
    type=float,
    help=f"What COUNT and offsets cost; given, it really passes [default: {COUNT_MS_PER_1000_ROWS}, only charged].",
)
@click.option(
    "--wall-seconds", default=60.0, show_default=True, help="A request that takes longer gets a 504."
)
@click.option(
    "--clock-per-request", default=0, show_default=True, help="Seconds the clock moves on with a request."
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    callback=_faults,
    metavar="KIND[,key=value…]",
    help="Order a fault or quirk from the start, e.g. TEXT_HISTORY_IDS or HTML_502,probability=0.05,seed=7.",
)
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
    also_port: int | None,
    token: str,
    no_limits: bool,
    rate: float,
    burst: int,
    operating_limit: float,
    operating_window: float,
    operating: str,
    command_ms: float | None,
    count_ms: float | None,
    wall_seconds: float,
    clock_per_request: int,
    faults: list[dict[str, Any]],
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
        drain=rate,
        burst=burst,
        operating_limit=operating_limit,
        operating_window=operating_window,
        bill_batch=operating == "batch",
        costs=Costs(command_ms, count_ms),
        wall_seconds=wall_seconds,
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
    app = make_app(service)
    for order in faults:
        app.state.portal.faults.order(**order)
    if clock_per_request:
        app.state.portal.changes.order(after=1, times=None, advance=clock_per_request)
    config = uvicorn.Config(
        Wire(app),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        # As nginx before a portal: with the default of 5 s a busy portal hangs up on clients that wait their turn.
        timeout_keep_alive=75,
        # A portal that is told to stop does not wait out the faults it is playing.
        timeout_graceful_shutdown=2,
    )
    config.load()
    if authority is not None:
        # The official SDK speaks https only: so it can be tried against this portal unmodified.
        issuer = trustme.CA()
        config.ssl = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issuer.issue_cert(host, "localhost").configure_cert(config.ssl)
        issuer.cert_pem.write_to_path(authority)
    ports = [config.bind_socket()]
    if also_port is not None:
        ports.append(socket.create_server((host, also_port), backlog=config.backlog))
    uvicorn.Server(config).run(sockets=ports)


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
