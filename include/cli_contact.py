"""``postloan contact``: stop and release contact with a borrower, at once and without a run."""

from datetime import datetime
from typing import Annotated

import typer

from include.cli_base import Verbs, say, settings_of_this_process
from include.errors import PostloanError

contact_app = typer.Typer(cls=Verbs, no_args_is_help=True, help="Stop contact with a borrower at once, or release it.")
Borrower = Annotated[str, typer.Argument(metavar="BORROWER_ID")]
Code = Annotated[str, typer.Argument(metavar="STOP_CODE", help="such as DO_NOT_CONTACT, DISPUTE, PAID_SINCE_CUTOFF")]
Source = Annotated[str, typer.Option(help="where it was said: a call, a letter, a system")]


@contact_app.command("stop")
def stop(
    borrower_id: Borrower,
    stop_code: Code,
    source: Source,
    at: Annotated[str | None, typer.Option(help="when it was said, with zone; default now")] = None,
) -> None:
    """Stop contact: from now on serving.contact_eligible_now shows the borrower as not eligible."""
    from include.contact_stops import record_stop

    record_stop(settings_of_this_process(), borrower_id, stop_code, source=source, happened_at=_moment(at))
    say(f"contact with {borrower_id} is stopped: {stop_code}")


@contact_app.command("release")
def release(borrower_id: Borrower, stop_code: Code, source: Source) -> None:
    """End a stop. The row of the stop stays; this adds another."""
    from include.contact_stops import release_stop

    release_stop(settings_of_this_process(), borrower_id, stop_code, source=source)
    say(f"{stop_code} of {borrower_id} is released")


@contact_app.command("list")
def list_stops() -> None:
    """Every stop that stands."""
    from include.contact_stops import standing_stops

    rows = standing_stops(settings_of_this_process())
    for borrower_id, stop_code, since, source in rows:
        say(f"{borrower_id}  {stop_code}  since {since.isoformat(timespec='minutes')}  {source}")
    if not rows:
        say("no stop stands")


@contact_app.command("details")
def details(
    borrower_id: Borrower,
    officer: Annotated[str, typer.Option(metavar="OFFICER_ID", help="whose item it is")],
    kind: Annotated[str, typer.Option(help="full_name, mobile_phone or home_address")] = "mobile_phone",
) -> None:
    """Show the name, number or address of the borrower of an own item that may be contacted now; who asked is kept."""
    from include.vault.reveal import reveal_for_work

    say(reveal_for_work(settings_of_this_process(), borrower_id, kind, officer_id=officer))


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise PostloanError(f"{text!r} is not a moment with its zone, such as 2026-01-31T15:00+08:00")
    return moment
