"""``postloan sample``: deliveries to try Postloan with, from a bank that does not exist and from two public books."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from include.cli_base import Verbs, a_date, say, settings_of_this_process

sample_app = typer.Typer(cls=Verbs, no_args_is_help=True)
Source = Annotated[
    Path, typer.Option("--from", exists=True, file_okay=False, metavar="DIR", help="where the public files are")
]


@sample_app.command("bank")
def sample_bank(
    history_to: Annotated[date, typer.Option(parser=a_date, metavar="DATE", help="last date of the history")],
    loans: Annotated[int, typer.Option(min=1, help="loans by the end of the history")] = 2000,
    days: Annotated[int, typer.Option(min=0, help="daily deliveries after the history")] = 3,
    seed: Annotated[int, typer.Option(help="the same seed makes the same bank")] = 1,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="a fault on one of the days, as poisoned_rows or poisoned_rows:customer.borrower; may be repeated",
        ),
    ] = None,
    only_loans: Annotated[
        bool, typer.Option("--only-loans", help="loans, schedules and repayments, as a lender begins with")
    ] = False,
) -> None:
    """A lender that does not exist: a history and daily deliveries of every system in the landing directory.

    The history has everything since the first loan, but accounts of 190 days, contacts of 120 and
    bureau reports of six months only.
    """
    from include.sample_bank.bank import generate
    from include.sample_bank.systems import EVERYTHING, SPINE

    settings = settings_of_this_process()
    systems = SPINE if only_loans else EVERYTHING
    dates = generate(settings.landing, loans, history_to, days, seed, fault, systems=systems)
    say(f"{settings.landing}: history to {history_to}" + (f", then {dates[0]} to {dates[-1]}" if dates else ""))


@sample_app.command("superlender")
def sample_superlender(source: Source) -> None:
    """Superlender's prior_loans.csv (Nigeria, 2016 and 2017) as deliveries."""
    from include.sample_bank import superlender

    settings = settings_of_this_process()
    _say_summary(settings, superlender.write_deliveries(source, settings.landing))


@sample_app.command("kiva")
def sample_kiva(source: Source) -> None:
    """Kiva's public snapshot (2005 to 2008) as deliveries."""
    from include.sample_bank import kiva

    settings = settings_of_this_process()
    _say_summary(settings, kiva.write_deliveries(source, settings.landing))


def _say_summary(settings: Any, summary: Any) -> None:
    history_to, *days = summary.business_dates
    counts = f"{summary.loans:,} loans, {summary.instalments:,} instalments, {summary.transactions:,} repayments"
    say(f"{settings.landing}: {counts}; history to {history_to}, then {len(days)} dates to {days[-1]}")
    for reason, count in summary.unusable.items():
        say(f"  landing will refuse {count:,} rows of {reason}")
    if summary.quarantine_share > settings.accepted_quarantine_share:
        say(f"first: export POSTLOAN_ACCEPTED_QUARANTINE_SHARE={summary.quarantine_share}")
    if (days[-1] - history_to).days == len(days):
        say(f"next: postloan backfill --from {history_to} --to {days[-1]}")
    else:
        say(f"next: for day in {' '.join(map(str, summary.business_dates))}; do postloan run $day || break; done")
