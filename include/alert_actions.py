"""What people do about warnings, as it is taken in: ``ops.alert_action`` and ``ops.warning_override``, append-only.

A run reads what its day of knowledge had, so the same run is the same again; the list of the next date shows it.
"""

from datetime import UTC, date, datetime
from typing import LiteralString

from include.errors import PostloanError, RefusedError
from include.policy import policy_records
from include.settings import Settings
from include.warehouse.connection import connect
from include.warehouse.roles import LOADER
from scoring.alerts import is_lowering, may_be_snoozed
from scoring.policy_rows import valid_on
from scoring.severity import SEVERITIES

DISPOSITIONS = ("CONFIRMED", "MITIGATED", "FALSE_ALARM", "DUPLICATE", "NOT_REACHABLE")
LISTED: LiteralString = "select severity, lane_code, as_of_date from serving.warning_list where loan_id = %s"


def act(
    settings: Settings,
    loan_id: str,
    action_code: str,
    *,
    actor: str,
    note: str,
    until_date: date | None = None,
    disposition_code: str | None = None,
    happened_at: datetime | None = None,
) -> None:
    """Take up, snooze, work or close the warning of a loan that stands on the latest list.

    Raises RefusedError for a loan that is not listed, for a snooze of RED or worse or without an end, and for a closing
    without one of DISPOSITIONS.
    """
    severity, _ = _listed(settings, loan_id)
    if action_code == "SNOOZE" and not may_be_snoozed(severity):
        raise RefusedError(
            f"{loan_id} is {severity}: RED and worse cannot be snoozed",
            next_command=f"postloan alert acknowledge {loan_id} --actor NAME --note TEXT",
        )
    if action_code == "CLOSE" and disposition_code not in DISPOSITIONS:
        raise RefusedError(f"a warning is closed as one of {', '.join(DISPOSITIONS)}, not {disposition_code}")
    _insert(
        settings,
        "insert into ops.alert_action (loan_id, action_code, disposition_code, until_date, note, actor, happened_at) "
        "values (%s, %s, %s, %s, %s, %s, %s)",
        (loan_id, action_code, disposition_code, until_date, note, actor, _moment(happened_at)),
    )


def override(
    settings: Settings,
    loan_id: str,
    field_code: str,
    value: str,
    *,
    reason: str,
    evidence: str,
    until_date: date,
    made_by: str,
    approved_by: str | None = None,
    happened_at: datetime | None = None,
) -> None:
    """Overrule the severity or the treatment of a listed loan until a date; the computed severity stays beside it.

    Raises RefusedError for a value that policy does not know, and for lowering a severity without a second person.
    """
    severity, day = _listed(settings, loan_id)
    known = set(SEVERITIES)
    if field_code == "TREATMENT":
        known = {row["treatment_code"] for row in valid_on(policy_records("treatment"), day)}
    if value not in known:
        raise RefusedError(f"{value!r} is no {field_code.lower()}; there are {', '.join(sorted(known))}")
    if field_code == "SEVERITY" and is_lowering(severity, value) and approved_by in (None, made_by):
        raise RefusedError(f"lowering {loan_id} from {severity} to {value} needs the approval of a second person")
    _insert(
        settings,
        "insert into ops.warning_override "
        "(loan_id, field_code, value, reason, evidence, until_date, made_by, approved_by, happened_at) "
        "values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (loan_id, field_code, value, reason, evidence, until_date, made_by, approved_by, _moment(happened_at)),
    )


def _listed(settings: Settings, loan_id: str) -> tuple[str, date]:
    with connect(settings, role="reader", application_name="postloan:alert") as connection:
        row = connection.execute(LISTED, (loan_id,)).fetchone()
    if row is None:
        raise RefusedError(f"{loan_id} is not on the latest warning list", next_command="postloan lists")
    return row[0], row[2]


def _moment(happened_at: datetime | None) -> datetime:
    now = datetime.now(UTC)
    if happened_at is not None and happened_at > now:
        raise PostloanError(f"nothing can have happened in the future: {happened_at.isoformat()}")
    return happened_at or now


def _insert(settings: Settings, statement: LiteralString, values: tuple[object, ...]) -> None:
    with connect(settings, role=LOADER, application_name="postloan:alert") as connection:
        connection.execute(statement, values)
