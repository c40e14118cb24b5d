"""The commands behind `make`. Each is safe to repeat, to interrupt and to run after a crash."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import click
import fasteners
import psycopg

from voronka import (
    alerts,
    backups,
    dashboards,
    environments,
    forgetting,
    paths,
    postgres,
    progress,
    questions,
    supervision,
    uploads,
)
from voronka import refresh as refreshing
from voronka import schedule as scheduling
from voronka.failure import Failure
from voronka.progress import Steps
from voronka.settings import GENERATED, Settings
from voronka.supervision import Program


class Command(click.Group):
    """Turns a Failure into one red message and exit code 1; Ctrl-C into exit code 130."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except Failure as failure:
            click.secho(f"\nvoronka: {failure}", fg="red", err=True)
            sys.exit(1)


@click.group(cls=Command)
def main() -> None:
    """Run Voronka on this machine."""
    os.umask(0o022)
    # `make` and terminals end us with TERM or HUP as well as with Ctrl-C: clean up alike.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))


@contextmanager
def _alone() -> Iterator[None]:
    """Hold the installation's lock: two refreshes at once would publish each other's halves.

    The lock is the kernel's: it is gone with its process, however that ended.
    """
    paths.HOME.mkdir(parents=True, exist_ok=True)
    lock = fasteners.InterProcessLock(paths.HOME / "lock")
    if not lock.acquire(blocking=False):
        raise Failure(
            f"Another voronka command is at work in {paths.HOME}. Wait for it, or stop it with Ctrl-C, and run this again."
        )
    try:
        if left := progress.end_left_behind():
            click.echo(f"      ended what a killed command had left at work: {', '.join(sorted(set(left)))}")
        yield
    finally:
        lock.release()


@contextmanager
def _leaving_nothing(settings: Settings) -> Iterator[None]:
    """Ctrl-C ends what runs; a Failure leaves the services up for a look."""
    try:
        yield
    except KeyboardInterrupt:
        click.secho("\nInterrupted: ending everything that was started …", fg="yellow", err=True)
        supervision.stop(settings)
        click.secho("Nothing is left running. `make demo` goes on from here.", fg="yellow", err=True)
        sys.exit(130)


def _programs(settings: Settings) -> dict[str, Program]:
    demo = settings.demo
    portal = [str(paths.executable("demo", "python")), "-m", "demo", "serve"]
    portal += ["--port", str(settings.port("VORONKA_PORTAL_PORT")), "--timezone", settings.timezone]
    portal += ["--seed", demo["seed"], "--start", demo["start"], "--scale", demo["scale"]]
    programs = {
        "portal": Program("portal", portal, settings.port("VORONKA_PORTAL_PORT"), "VORONKA_PORTAL_PORT"),
        "superset": Program(
            "superset", dashboards.command(), settings.port("VORONKA_SUPERSET_PORT"), "VORONKA_SUPERSET_PORT"
        ),
    }
    if not settings.server.embedded:
        return programs
    database = Program(
        "postgres",
        postgres.command(settings),
        settings.port("VORONKA_PG_PORT"),
        "VORONKA_PG_PORT",
        postgres.system_user(),
        "INT",
    )
    return {"postgres": database, **programs}


def _provision(settings: Settings) -> None:
    postgres.provision(settings)
    uploads.provision(settings)


def _prepare_server(settings: Settings) -> None:
    """A server of one's own answers, and has our databases and roles."""
    postgres.wait(settings)
    _provision(settings)


def _start_database(settings: Settings) -> None:
    """The database up and provisioned. A server that is known by its address only, its administrator has provisioned."""
    if settings.server.embedded:
        _start_services(settings)
    elif settings.server.admin:
        _prepare_server(settings)


def _start_services(settings: Settings) -> dict[str, Program]:
    """supervisord with our programs, the database up and provisioned, and what ran before running again."""
    if settings.server.embedded:
        postgres.initialise(settings)
    else:
        _start_database(settings)
    env = settings.environment(demo=True)
    env = {**dashboards.environment(settings, env), "VORONKA_DEMO_TOKEN": settings.secrets["DEMO_TOKEN"]}
    for name in ("HOME", "LANG", "USER"):
        if name in os.environ:
            env[name] = os.environ[name]
    # The webhook of a real portal is no business of the services.
    env.pop("BITRIX24_WEBHOOK_URL")
    programs = _programs(settings)
    before = supervision.ensure_supervisor(list(programs.values()), settings, env)
    if "postgres" in programs:
        supervision.start(programs["postgres"], settings)
        supervision.wait_until(lambda: postgres.is_ready(settings), "postgres", 60, settings)
        _provision(settings)
    for name in before - {"postgres"}:
        supervision.start(programs[name], settings)
    return programs


def _start_portal(settings: Settings, programs: dict[str, Program]) -> None:
    supervision.start(programs["portal"], settings)
    supervision.wait_until(lambda: supervision.listens(programs["portal"].port), "portal", 120, settings)


def _process_environment(settings: Settings, *, demo: bool) -> dict[str, str]:
    inherited = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith(("DBT_", "MELTANO_", "TAP_", "TARGET_", "SUPERSET_"))
        # Programs get the passwords they work with under their own names, and no others.
        and k.removeprefix("VORONKA_") not in GENERATED
    }
    return {**inherited, **settings.environment(demo=demo)}


def _say_logins(settings: Settings) -> None:
    for login, secret, purpose in dashboards.logins(settings).values():
        click.echo(f"  {login:10} {secret:24} {purpose}")
    issued = dashboards.issued_passwords()
    if issued.exists():
        click.echo(f"  логины сотрудников портала, пароли до первого входа: {issued}")


@main.command()
def demo() -> None:
    """Everything on this machine: invented company, warehouse, dashboards; again to repair and refresh."""
    settings = Settings()
    with _alone(), _leaving_nothing(settings):
        steps = Steps(7)
        env = _process_environment(settings, demo=True)
        with steps.step("Environments from requirements/"):
            made = [environments.prepare(name) for name in environments.RUNTIME]
            made.append(environments.prepare_plugins(env))
            if not any(made):
                click.echo("      all as pinned")
        with steps.step("PostgreSQL 18, embedded" if settings.server.embedded else "Databases and roles"):
            programs = _start_services(settings)
        with steps.step("Demonstration portal"):
            _start_portal(settings, programs)
        # Superset's metadata does not wait for the data: two cores, two things at once.
        with ThreadPoolExecutor(1) as aside:
            migrated = aside.submit(dashboards.migrate, settings, env)
            try:
                with steps.step("Refresh: extract, build, test, publish (meltano run nightly)"):
                    refreshing.refresh(settings, demo=True)
            except KeyboardInterrupt:
                progress.end_running()
                raise
            migrated.result()
        with steps.step("Dashboards: import, roles, logins"):
            dashboards.import_assets(settings, env)
        with steps.step("Superset"):
            supervision.start(programs["superset"], settings)
            supervision.wait_until(lambda: dashboards.is_healthy(settings), "superset", 120, settings)
        with steps.step("Check: every chart of every dashboard returns rows"):
            dashboards.verify(settings, env)
    click.echo("\n" + steps.summary())
    click.secho(
        f"\nДашборд:  {dashboards.url(settings)}/superset/dashboard/{dashboards.FIRST_DASHBOARD}/",
        fg="green",
        bold=True,
    )
    _say_logins(settings)
    click.echo("make status · make stop · make help")


@main.command()
@click.option(
    "--job", default="nightly", type=click.Choice(["nightly", "refresh"]), help="The job of meltano.yml."
)
def refresh(job: str) -> None:
    """Load the portal in .env (or the demonstration), build, test, publish."""
    settings = Settings()
    demo = not settings.portal_webhook
    with _alone(), _leaving_nothing(settings):
        steps = Steps(4)
        env = _process_environment(settings, demo=demo)
        with steps.step("Environments from requirements/"):
            for name in environments.RUNTIME if demo else environments.PRODUCTION:
                environments.prepare(name)
            environments.prepare_plugins(env)
        with steps.step("Services"):
            if demo:
                _start_portal(settings, _start_services(settings))
            else:
                _start_database(settings)
        title = f"Refresh: extract, build, test, publish (meltano run {job})"
        with steps.step(title), forgetting.retaining(settings, job):
            refreshing.refresh(settings, demo=demo, job=job)
        with steps.step("Logins: who came, who left"):
            if dashboards.is_imported(settings):
                dashboards.provision(settings, env)
            else:
                click.echo("      no dashboards yet")
    click.echo("\n" + steps.summary())
    if settings.server.admin and not dashboards.is_healthy(settings):
        click.echo("\nThe numbers are published. `make serve` starts the dashboards.")


@main.command()
@click.option(
    "--foreground", is_flag=True, help="Become the web server: for containers, whose engine watches over it."
)
def serve(foreground: bool) -> None:
    """Start the services and the dashboards without loading anything."""
    settings = Settings()
    if foreground:
        _serve_in_foreground(settings)
    with _alone(), _leaving_nothing(settings):
        steps = Steps(3)
        env = _process_environment(settings, demo=not settings.portal_webhook)
        with steps.step("Services"):
            environments.prepare("superset")
            environments.prepare("demo")
            programs = _start_services(settings)
        with steps.step("Dashboards: import, roles, logins"):
            dashboards.migrate(settings, env)
            dashboards.import_assets(settings, env)
        with steps.step("Superset"):
            supervision.start(programs["superset"], settings)
            supervision.wait_until(lambda: dashboards.is_healthy(settings), "superset", 120, settings)
    click.secho(f"\n{dashboards.url(settings)}", fg="green", bold=True)
    _say_logins(settings)


def _serve_in_foreground(settings: Settings) -> NoReturn:
    """Migrate, import, and give this process to the web server, so that signals and the exit code are its own.

    Beside a refresh too, which is another container's: the metadata have a turn of their own.
    """
    if settings.server.embedded:
        raise Failure("serve --foreground is for a server of one's own: set VORONKA_POSTGRES_URL")
    env = _process_environment(settings, demo=False)
    dashboards.migrate(settings, env)
    dashboards.import_assets(settings, env)
    command = dashboards.command()
    os.chdir(paths.HOME)
    os.execve(command[0], command, dashboards.environment(settings, env))


@main.command()
def provision() -> None:
    """Make databases, roles and rights, in the embedded server or in that of VORONKA_POSTGRES_URL; safe to repeat."""
    settings = Settings()
    if settings.server.embedded:
        with _alone(), _leaving_nothing(settings):
            _start_services(settings)
    else:
        # Beside a refresh too: an upgrade does not wait for one, and takes nothing away from it.
        _prepare_server(settings)
    click.echo("Databases, roles and rights are there.")


@main.command()
@click.argument("what", type=click.Choice(["superset", "schedule"]))
def alive(what: str) -> None:
    """Whether the dashboards answer, or the schedule keeps time: exit code 0 or 1, for a container's health check."""
    settings = Settings()
    if not (dashboards.is_healthy(settings) if what == "superset" else scheduling.is_alive()):
        raise Failure(f"{what} does not answer")


@main.command()
def schedule() -> None:
    """Refresh by the clock, as meltano.yml's schedules say, and tell people where something is wrong; runs until stopped."""
    scheduling.run(Settings())


@main.command("alerts")
def tell_alerts() -> None:
    """What people have to know of now; sent where it is new and VORONKA_ALERTS names somebody."""
    settings = Settings()
    sent = alerts.tell(settings)
    for line in alerts.problems(settings):
        click.echo(f"• {line}")
    whom = "sent" if settings.get("VORONKA_ALERTS") else "VORONKA_ALERTS names nobody to send to"
    click.echo(f"{len(sent)} new: {whom}")


@main.command()
@click.argument("login")
def password(login: str) -> None:
    """A new password for a person's LOGIN, to be changed at the first login; it is written to a private file."""
    settings = Settings()
    if not dashboards.is_imported(settings):
        raise Failure("There are no dashboards and no logins yet: `make demo` or `make serve` makes them.")
    if settings.get("VORONKA_OIDC_URL"):
        raise Failure(
            "People log in by VORONKA_OIDC_URL, without passwords of ours: the provider issues them."
        )
    with _alone():
        env = _process_environment(settings, demo=not settings.portal_webhook)
        dashboards.provision(settings, env, reissue=login)


@main.command()
def export() -> None:
    """Write dashboards that were changed in the browser back into superset/, as a small diff."""
    settings = Settings()
    if not dashboards.is_healthy(settings):
        raise Failure("The dashboards do not run: start them with `make serve`.")
    with _alone():
        env = _process_environment(settings, demo=not settings.portal_webhook)
        dashboards.export_assets(settings, env)


@main.command()
@click.option(
    "--to", "where", type=click.Path(path_type=Path), help="Folder of backups; .voronka/backups without it."
)
@click.option("--keep", default=14, type=click.IntRange(1), help="How many backups that folder keeps.")
def backup(where: Path | None, keep: int) -> None:
    """Save what cannot be built again: raw rows, uploads, Meltano's state, Superset's metadata, the secrets."""
    settings = Settings()
    with _alone(), _leaving_nothing(settings):
        steps = Steps(2)
        with steps.step("Services"):
            _start_database(settings)
        with steps.step("Backup"):
            saved = backups.save(settings, (where or backups.folder()).resolve(), keep)
    click.echo(f"{saved}\nIt holds the secrets: keep it where others do not read.")


@main.command()
@click.argument("saved", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--only", multiple=True, type=click.Choice(backups.DATABASES), help="This database alone.")
def restore(saved: Path, only: tuple[str, ...]) -> None:
    """Put a backup in the place of what is there; `make refresh` then builds the numbers, `make serve` shows them."""
    saved = saved.resolve()
    backups.check(saved)
    backups.restore_files(saved)
    settings = Settings()
    with _alone(), _leaving_nothing(settings):
        steps = Steps(2)
        with steps.step("Services"):
            _start_database(settings)
            supervision.halt("superset", settings)
        with steps.step(f"Restore {saved.name}"):
            backups.restore(settings, saved, only)
            forgetting.again(saved, settings)
    click.echo("Restored. `make refresh` builds the numbers anew; `make serve` starts the dashboards.")


@main.command()
@click.option(
    "--contact", multiple=True, type=click.IntRange(1), help="Id of a contact; several of one person."
)
@click.option("--lead", multiple=True, type=click.IntRange(1), help="Id of a lead.")
@click.option("--company", multiple=True, type=click.IntRange(1), help="Id of a sole trader's company.")
@click.option("--phone", default="", help="A number; calls alone have it where the person has no card.")
@click.option("--email", default="", help="An address on a card.")
@click.option("--employee", type=click.IntRange(1), help="Id of a dismissed employee.")
@click.option("--yes", is_flag=True, help="Really; without it only what would be erased is shown.")
def forget(
    contact: tuple[int, ...],
    lead: tuple[int, ...],
    company: tuple[int, ...],
    phone: str,
    email: str,
    employee: int | None,
    yes: bool,
) -> None:
    """Erase one person from everything Voronka keeps; numbers stay (docs/personal-data.md)."""
    cards = [
        *(f"contacts:{id_}" for id_ in contact),
        *(f"leads:{id_}" for id_ in lead),
        *(f"companies:{id_}" for id_ in company),
    ]
    if bool(cards or phone or email) == (employee is not None):
        raise Failure("Say whom: --contact 12, --lead 7, --phone …, --email …; or --employee 5 alone.")
    settings = Settings()
    with _alone(), _leaving_nothing(settings):
        steps = Steps(4 if yes else 2)
        env = _process_environment(settings, demo=not settings.portal_webhook)
        with steps.step("Services"):
            _start_database(settings)
        with steps.step("Who it is"):
            found = forgetting.look_up(settings, cards, phone, email, employee)
            forgetting.show(found)
        if not yes:
            click.echo("Nothing was changed. Add --yes to erase this; it cannot be undone.")
            return
        with steps.step("Erase: rows of the portal, then all that was built from them"):
            forgetting.forget(settings, found, env, employee)
            if employee is not None and dashboards.is_imported(settings):
                dashboards.provision(settings, env)
        with steps.step("Search everything for the person"):
            forgetting.check(settings, found)
    click.echo("Erased. Backups made before keep the person until they age out: docs/personal-data.md.")


@main.command()
@click.option("--yes", is_flag=True, help="Really; without it only how many would be erased is shown.")
def retention(yes: bool) -> None:
    """Erase people whose business ended longer ago than VORONKA_RETENTION_MONTHS; part of the nightly refresh."""
    settings = Settings()
    with _alone(), _leaving_nothing(settings):
        steps = Steps(2)
        env = _process_environment(settings, demo=not settings.portal_webhook)
        with steps.step("Services"):
            _start_database(settings)
        with steps.step("Retention"):
            if forgetting.retain(settings, really=yes) and yes:
                forgetting.rebuild(settings, env)
    if not yes:
        click.echo("Nothing was changed. Add --yes to erase; it cannot be undone.")


@main.command()
def status() -> None:
    """What runs, where, and how fresh the numbers are."""
    settings = Settings()
    states = supervision.statuses(settings)
    for name, program in _programs(settings).items():
        state, words = states.get(name, ("STOPPED", ""))
        colour = {"RUNNING": "green", "STARTING": "yellow"}.get(state, "red" if state == "FATAL" else None)
        click.echo(f"{name:10} {click.style(f'{state.lower():9}', fg=colour)} port {program.port:<6} {words}")
    try:
        with psycopg.connect(settings.warehouse.url("bi"), connect_timeout=3) as warehouse:
            row = warehouse.execute(
                "select data_as_of_label, status, message from marts.mart_health__freshness"
            ).fetchone()
            click.echo(f"{row[0]} ({row[1]}). {row[2]}" if row else "No refresh has been recorded yet.")
    except psycopg.OperationalError:
        click.echo("The warehouse does not answer.")
    except psycopg.Error:
        click.echo("Nothing has been published yet: `make demo` or `make refresh`.")
    if states.get("superset", ("",))[0] == "RUNNING":
        click.echo(f"{dashboards.url(settings)}/superset/dashboard/{dashboards.FIRST_DASHBOARD}/")
        _say_logins(settings)


@main.command("questions")
@click.option("--write", is_flag=True, help="Put the answers into docs/questions.md.")
def ask_questions(write: bool) -> None:
    """Ask the published marts every question of docs/questions.md."""
    settings = Settings()
    try:
        with psycopg.connect(settings.warehouse.url("bi"), connect_timeout=3, autocommit=True) as warehouse:
            answers = list(questions.ask(warehouse))
    except psycopg.OperationalError:
        raise Failure("The warehouse does not answer. Start it with `make demo` or `make serve`.") from None
    for answer in answers:
        click.secho(f"\n{answer.question}", bold=True)
        click.echo(answer.table, nl=False)
    if write:
        questions.write(answers)


@main.command()
def stop() -> None:
    """End everything that was started."""
    ended = supervision.stop(Settings())
    click.echo(f"{ended} processes ended." if ended else "Nothing was running.")


@main.command()
@click.option("--everything", is_flag=True, help="The installed environments too.")
def clean(everything: bool) -> None:
    """Stop, and remove the data, the secrets and the logs; backups stay."""
    settings = Settings()
    with _alone():
        supervision.stop(settings)
        for entry in paths.HOME.iterdir():
            if entry in (paths.ENVIRONMENTS, paths.HOME / "lock", backups.folder()):
                continue
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        if everything:
            shutil.rmtree(paths.MELTANO_HOME, ignore_errors=True)
    click.echo("Data, secrets and logs are removed." + (" Environments too." if everything else ""))
    if everything:
        # Last: this very program lives there.
        shutil.rmtree(paths.ENVIRONMENTS, ignore_errors=True)


@main.command()
def environment() -> None:
    """Shell lines with every variable, for `meltano` and `dbt` by hand."""
    settings = Settings()
    for name, value in settings.environment(demo=not settings.portal_webhook).items():
        click.echo(f"export {name}={shlex.quote(value)}")


@main.command()
def prepare() -> None:
    """The environments that production needs: what an image is built with."""
    settings = Settings()
    with _alone():
        for name in environments.PRODUCTION:
            environments.prepare(name)
        environments.prepare_plugins(_process_environment(settings, demo=True))


@main.command("prepare-tests")
def prepare_tests() -> None:
    """Everything that `pytest` needs and does not make itself."""
    settings = Settings()
    with _alone():
        steps = Steps(2)
        with steps.step("Environments from requirements/"):
            for name in environments.RUNTIME:
                environments.prepare(name)
            environments.prepare_plugins(_process_environment(settings, demo=True))
            environments.prepare_development()
        with steps.step("Browser"):
            environments.prepare_browser()
            click.echo(f"      {environments.browser() or 'none'}")


@main.command("prepare-lint")
def prepare_lint() -> None:
    """The environment of the linters."""
    with _alone():
        environments.prepare_development()


@main.command("prepare-viewers")
def prepare_viewers() -> None:
    """The environment of the people that `make viewers` plays."""
    with _alone():
        environments.prepare("viewers")
