"""The command ``postloan``: the same job functions that the DAGs call, with plain errors and the next command."""

from datetime import date
from typing import Annotated

import typer

from include.cli_alert import alert_app
from include.cli_base import (
    BusinessDate,
    From,
    Reason,
    RunVerbs,
    To,
    Verbs,
    Yes,
    a_date,
    console,
    say,
    settings_of_this_process,
)
from include.cli_contact import contact_app
from include.cli_model import add_to as add_model_verbs
from include.cli_model import model_app
from include.cli_quarantine import quarantine_app
from include.cli_report import add_to as add_report_verb
from include.cli_sample import sample_app
from include.cli_source import add_to as add_source_verbs
from include.cli_vault import vault_app
from include.errors import PostloanError

app = typer.Typer(
    cls=Verbs,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help=__doc__,
    pretty_exceptions_enable=False,
)
run_app = typer.Typer(cls=RunVerbs, no_args_is_help=True)
app.add_typer(
    run_app, name="run", help="Run one business date in this process, without Airflow: postloan run 2026-01-31."
)
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(vault_app, name="vault")
app.add_typer(contact_app, name="contact")
app.add_typer(alert_app, name="alert")
app.add_typer(model_app, name="model")
app.add_typer(sample_app, name="sample", help="Write deliveries to try Postloan with.")
add_source_verbs(app)
add_model_verbs(app)
add_report_verb(app)

# ---------------------------------------------------------------- the installation


@app.command()
def up() -> None:
    """Start PostgreSQL and Airflow's four components; what runs already is left alone."""
    from include import services

    settings = settings_of_this_process()
    started = services.up(settings, say)
    user, password = services.login(settings)
    say(f"{'started' if started else 'already running'}: Airflow at {services.address(settings)}")
    say(f"log in as {user} with password {password}")


@app.command()
def down() -> None:
    """Stop everything that `up` or `make run` started. Data stays."""
    from include import services
    from include.warehouse import embedded

    settings = settings_of_this_process()
    stopped = [f"Airflow's {name}" for name in services.down(settings)]
    if embedded.stop(settings):
        stopped.append("PostgreSQL")
    say(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")


@app.command()
def status() -> None:
    """What runs where, what is published, and which run holds the warehouse."""
    from include.cli_status import print_status

    print_status(console(), settings_of_this_process())


@app.command()
def doctor() -> None:
    """Check this installation; each problem comes with what to do. Exit code 1 when there is one."""
    from include.cli_status import print_diagnosis

    if not print_diagnosis(console(), settings_of_this_process()):
        raise typer.Exit(1)


@app.command()
def migrate() -> None:
    """Bring the warehouse to what this version needs. Safe to run again."""
    from include.daily import counts_of
    from include.warehouse.migrate import migrate as migrate_warehouse

    say(f"migrated: {counts_of(migrate_warehouse(settings_of_this_process()))}")


# ---------------------------------------------------------------- one date


@app.command()
def land(
    business_date: BusinessDate,
    system: Annotated[str | None, typer.Option(help="only this source system")] = None,
) -> None:
    """Load the deliveries of a business date, and every earlier one that is not loaded yet."""
    from include.daily import counts_of
    from include.jobs.fetch import fetch_or_go_on
    from include.jobs.land import land as land_system
    from include.landing.contract import contracts_of
    from include.landing.discover import connected_systems

    settings = settings_of_this_process()
    if system is not None:
        contracts_of(system)
    for name in [system] if system else connected_systems(settings.landing):
        fetched = fetch_or_go_on(business_date, name, settings)
        if fetched is not None:
            say(f"fetch {name}: {counts_of(fetched)}")
        say(f"land {name}: {counts_of(land_system(business_date, name, settings))}")


@run_app.command("date")
def run_one_date(
    business_date: Annotated[date | None, typer.Argument(parser=a_date, metavar="DATE")] = None,
    option: Annotated[date | None, typer.Option("--date", parser=a_date, metavar="DATE")] = None,
) -> None:
    """Land, compute, audit, publish and deliver one business date; a published one is left as it is."""
    from include.daily import run_date

    chosen = business_date or option
    if chosen is None or (business_date and option):
        raise typer.BadParameter("give one date, like: postloan run 2026-01-31")
    run_id = run_date(chosen, settings_of_this_process(), say)
    say(f"{chosen}: run {run_id}. Its lists: postloan lists --date {chosen}")


@run_app.command("abandon")
def abandon(run_id: Annotated[str, typer.Argument(metavar="RUN_ID")]) -> None:
    """End an open run that nobody works on any more, so that another date can run."""
    from include.jobs.abandon import abandon as abandon_run

    abandon_run(run_id, settings_of_this_process())
    say(f"run {run_id} is abandoned; nothing of it was shown")


@app.command()
def backfill(first: From, last: To, yes: Yes = False) -> None:
    """Run a range of business dates in order; shows the plan first and stops at the first failure."""
    from include import dbt
    from include.cli_tables import print_plan
    from include.daily import plan, run_date

    _refuse_reversed(first, last)
    settings, out = settings_of_this_process(), console()
    dates = plan(first, last, settings)
    print_plan(out, dates)
    to_run = [planned.business_date for planned in dates if planned.run_id is None]
    if not to_run:
        say("nothing to do")
        return
    if not yes:
        typer.confirm(f"run {len(to_run)} dates?", abort=True)
    dbt.keep_manifest(settings)
    for number, business_date in enumerate(to_run, start=1):
        say(f"{business_date} ({number} of {len(to_run)})")
        run_date(business_date, settings, lambda line: say(f"  {line}"))


@app.command()
def restate(
    first: From,
    last: To,
    reason: Reason,
    approver: Annotated[str | None, typer.Option(help="who approved it; needed for a closed month")] = None,
    reopen: Annotated[bool, typer.Option("--reopen", help="open a closed month for this")] = False,
) -> None:
    """Compute published dates again with what is known now, as new versions, and show what differs."""
    from datetime import timedelta

    from include.daily import counts_of
    from include.jobs.restate import restate as restate_dates

    _refuse_reversed(first, last)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    restated = restate_dates(days, settings_of_this_process(), reason=reason, approver=approver, reopen=reopen)
    for day, counts in restated.items():
        say(f"{day}: {counts_of(counts)}")


# ---------------------------------------------------------------- what readers see


@app.command()
def publish(run_id: Annotated[str, typer.Argument(metavar="RUN_ID")], reason: Reason) -> None:
    """Show a run again that was published before."""
    from include.jobs.publish import show_again

    say(f"{show_again(run_id, settings_of_this_process(), reason=reason)} shows run {run_id} again")


@app.command()
def rollback(business_date: BusinessDate, reason: Reason) -> None:
    """Show the version before the present one for a date, or nothing when there was none."""
    from include.jobs.publish import rollback as roll_back

    before, after = roll_back(business_date, settings_of_this_process(), reason=reason)
    say(f"{business_date} showed run {before}, now {f'run {after}' if after else 'nothing'}")


@app.command()
def deliver(run_id: Annotated[str, typer.Argument(metavar="RUN_ID")]) -> None:
    """Write a published run's files and digest again."""
    from include.daily import counts_of
    from include.jobs.deliver import deliver as deliver_run

    say(f"delivered: {counts_of(deliver_run(run_id, settings_of_this_process()))}")


@app.command()
def verify(
    business_date: BusinessDate,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="also compute every loan again and compare")] = False,
) -> None:
    """Check that a date still shows what its manifest says, and with --rebuild that a full rebuild shows the same."""
    from include.cli_tables import print_differences
    from include.daily import counts_of, published_runs
    from include.jobs.verify import verify as verify_date

    settings = settings_of_this_process()
    say(f"{business_date} matches its manifest: {counts_of(verify_date(business_date, settings))}")
    if rebuild:
        from include.jobs.rebuild import rebuild as rebuild_date

        run_id, found = rebuild_date(business_date, settings)
        print_differences(console(), published_runs(settings)[business_date], run_id, found)
        if found:
            raise PostloanError(f"the rebuild of {business_date} differs from what is published")


@app.command()
def diff(
    what: Annotated[str, typer.Argument(metavar="DATE|RUN_ID", help="a date means the run that it shows")],
    against: Annotated[str | None, typer.Argument(metavar="[RUN_ID]", help="default: the version before")] = None,
) -> None:
    """What readers would see differently: a date's version against the one before it, or two runs."""
    from include.cli_tables import print_differences
    from include.daily import two_versions
    from include.warehouse.compare import differences
    from include.warehouse.connection import connect

    settings = settings_of_this_process()
    left, right = two_versions(what, against, settings)
    with connect(settings, application_name="postloan:diff") as connection:
        print_differences(console(), left, right, differences(connection, left, right))


@app.command()
def lists(
    business_date: Annotated[date | None, typer.Option("--date", parser=a_date, metavar="DATE")] = None,
    limit: Annotated[int, typer.Option(help="rows shown of each list")] = 20,
) -> None:
    """Print the warning list, the cleared warnings and the portfolio figures; default: the latest date."""
    from include.cli_tables import print_lists

    print_lists(console(), settings_of_this_process(), business_date, limit=limit)


@app.command()
def explain(
    loan_id: Annotated[str | None, typer.Argument(metavar="LOAN_ID")] = None,
    borrower: Annotated[str | None, typer.Option(metavar="BORROWER_ID", help="a borrower instead of a loan")] = None,
    assignment: Annotated[
        bool, typer.Option("--assignment", help="of a borrower: who works it, when, by which rows of policy")
    ] = False,
    business_date: Annotated[date | None, typer.Option("--date", parser=a_date, metavar="DATE")] = None,
    days: Annotated[int, typer.Option(min=1, max=400, help="a line for each of so many published dates")] = 10,
    language: Annotated[str | None, typer.Option(help="zh or en; default: as the settings say")] = None,
) -> None:
    """Why a loan, a borrower or an assignment stands where it stands on a date; default: the latest."""
    from include.cli_explain import print_assignment, print_explained
    from include.explain import explain_borrower, explain_loan
    from include.explain_assignment import explain_assignment

    if assignment and borrower is None:
        raise typer.BadParameter("an assignment is a borrower's, like: postloan explain --borrower C1 --assignment")
    if (loan_id is None) == (borrower is None):
        raise typer.BadParameter("give a loan, or --borrower, like: postloan explain 0000000888")
    settings = settings_of_this_process()
    if language is not None:
        settings = settings.model_copy(update={"language": language})
    if assignment:
        print_assignment(console(), explain_assignment(str(borrower), settings, day=business_date), settings.language)
        return
    if loan_id is not None:
        told = explain_loan(loan_id, settings, day=business_date, days=days)
    else:
        told = explain_borrower(str(borrower), settings, day=business_date)
    print_explained(console(), told, settings.language)


@app.command()
def demo() -> None:
    """What `make run` does: the sample bank's last dates through the real Airflow, then the lists."""
    from include.demo import run_demo

    run_demo(settings_of_this_process(), console())


def _refuse_reversed(first: date, last: date) -> None:
    if last < first:
        raise typer.BadParameter(f"--to {last} is before --from {first}")


if __name__ == "__main__":
    app(prog_name="postloan")
