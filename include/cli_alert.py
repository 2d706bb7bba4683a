"""``postloan alert``: what people do about a warning. The list of the next business date shows it."""

from datetime import date
from typing import Annotated

import typer

from include.cli_base import Verbs, a_date, say, settings_of_this_process

alert_app = typer.Typer(
    cls=Verbs, no_args_is_help=True, help="Acknowledge, snooze, work, close or overrule the warning of a loan."
)
Loan = Annotated[str, typer.Argument(metavar="LOAN_ID")]
Actor = Annotated[str, typer.Option(help="who does it")]
Note = Annotated[str, typer.Option(help="what was seen or agreed")]
Until = Annotated[date, typer.Option("--until", parser=a_date, metavar="DATE", help="the last day on which it holds")]


@alert_app.command("acknowledge")
def acknowledge(loan_id: Loan, actor: Actor, note: Note) -> None:
    """Somebody has taken it up: it does not escalate."""
    _act(loan_id, "ACKNOWLEDGE", actor, note)


@alert_app.command("work")
def work(loan_id: Loan, actor: Actor, note: Note) -> None:
    """Somebody has done what the treatment says."""
    _act(loan_id, "WORK", actor, note)


@alert_app.command("snooze")
def snooze(loan_id: Loan, actor: Actor, note: Note, until: Until) -> None:
    """Not worked until a date; RED and worse cannot be snoozed."""
    from include.alert_actions import act

    act(settings_of_this_process(), loan_id, "SNOOZE", actor=actor, note=note, until_date=until)
    say(f"{loan_id} is snoozed until {until}")


@alert_app.command("close")
def close(
    loan_id: Loan,
    actor: Actor,
    note: Note,
    disposition: Annotated[
        str, typer.Option(help="CONFIRMED, MITIGATED, FALSE_ALARM, DUPLICATE or NOT_REACHABLE")
    ],
) -> None:  # fmt: skip
    """Nothing more is done about it unless it becomes worse."""
    from include.alert_actions import act

    act(settings_of_this_process(), loan_id, "CLOSE", actor=actor, note=note, disposition_code=disposition)
    say(f"{loan_id} is closed as {disposition}")


@alert_app.command("override")
def override(
    loan_id: Loan,
    field: Annotated[str, typer.Argument(metavar="FIELD", help="SEVERITY or TREATMENT")],
    value: Annotated[str, typer.Argument(metavar="VALUE")],
    reason: Annotated[str, typer.Option(help="why")],
    evidence: Annotated[str, typer.Option(help="where it can be read")],
    until: Until,
    made_by: Annotated[str, typer.Option(help="who overrules")],
    approved_by: Annotated[str | None, typer.Option(help="a second person: needed to lower a severity")] = None,
) -> None:
    """Overrule severity or treatment until a date; what was computed stays beside it."""
    from include.alert_actions import override as overrule

    if field not in ("SEVERITY", "TREATMENT"):
        raise typer.BadParameter(f"{field} is neither SEVERITY nor TREATMENT")
    overrule(
        settings_of_this_process(), loan_id, field, value, reason=reason, evidence=evidence, until_date=until,
        made_by=made_by, approved_by=approved_by,
    )  # fmt: skip
    say(f"{field} of {loan_id} is {value} until {until}")


def _act(loan_id: str, action_code: str, actor: str, note: str) -> None:
    from include.alert_actions import act

    act(settings_of_this_process(), loan_id, action_code, actor=actor, note=note)
    say(f"{action_code.lower()}: {loan_id}, by {actor}")
