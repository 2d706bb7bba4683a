"""Stop events: what a borrower or the law says acts at once, without a run.

``ops.contact_stop`` is append-only. What shows who may be contacted now (``serving.contact_eligible_now``) reads it
live; a run reads what its day of knowledge had, so the same run is the same again.
"""

from datetime import UTC, datetime

from include.errors import PostloanError, RefusedError
from include.policy import policy_records
from include.settings import Settings
from include.warehouse.connection import connect
from include.warehouse.roles import LOADER
from scoring.policy_rows import valid_on


def record_stop(
    settings: Settings, borrower_id: str, stop_code: str, *, source: str, happened_at: datetime | None = None
) -> None:
    """Stop contact with a borrower. ``happened_at`` (aware): when it was said, default now.

    Raises PostloanError for a code without a valid policy row, RefusedError for a moment that lies ahead.
    """
    now = datetime.now(UTC)
    rules = {row["stop_code"]: row for row in valid_on(policy_records("contact_stop_rule"), now.date())}
    if stop_code not in rules:
        raise PostloanError(
            f"{stop_code!r} is no stop code; there are {', '.join(sorted(rules))}",
            next_command="less dbt_project/seeds/policy/contact_stop_rule.csv",
        )
    rule = rules[stop_code]
    _append(
        settings, borrower_id, stop_code, "STOP", happened_at or now, source, rule["purpose_codes"], rule["lasts_days"]
    )


def release_stop(settings: Settings, borrower_id: str, stop_code: str, *, source: str) -> None:
    """End a stop that stands. Raises RefusedError when none does."""
    with connect(settings, role=LOADER, application_name="postloan:contact") as connection:
        last = connection.execute(
            "select action from ops.contact_stop where borrower_id = %s and stop_code = %s "
            "order by stop_id desc limit 1",
            (borrower_id, stop_code),
        ).fetchone()
    if last is None or last[0] != "STOP":
        raise RefusedError(
            f"no stop {stop_code} stands for borrower {borrower_id}", next_command="postloan contact list"
        )
    _append(settings, borrower_id, stop_code, "RELEASE", datetime.now(UTC), source, "ANY", "")


def standing_stops(settings: Settings) -> list[tuple[str, str, datetime, str]]:
    """(borrower, code, since, source) of every stop that stands, in the order of borrowers."""
    with connect(settings, role=LOADER, application_name="postloan:contact") as connection:
        return connection.execute(
            "select borrower_id, stop_code, happened_at, source from ("
            "select distinct on (borrower_id, stop_code) * from ops.contact_stop "
            "order by borrower_id, stop_code, stop_id desc) as last "
            "where action = 'STOP' and coalesce(stands_until, 'infinity') > now() order by borrower_id, stop_code"
        ).fetchall()


def _append(
    settings: Settings,
    borrower_id: str,
    stop_code: str,
    action: str,
    happened_at: datetime,
    source: str,
    purposes: str,
    lasts_days: str,
) -> None:
    if happened_at > datetime.now(UTC):
        raise RefusedError(f"a stop cannot have happened in the future: {happened_at.isoformat()}")
    with connect(settings, role=LOADER, application_name="postloan:contact") as connection:
        connection.execute(
            "insert into ops.contact_stop "
            "(borrower_id, stop_code, action, happened_at, source, purpose_codes, stands_until) "
            "values (%(borrower)s, %(code)s, %(action)s, least(%(at)s, clock_timestamp()), %(source)s, %(purposes)s, "
            "%(at)s::timestamptz + make_interval(days => %(days)s))",
            {
                "borrower": borrower_id,
                "code": stop_code,
                "action": action,
                "at": happened_at,
                "source": source,
                "purposes": purposes,
                "days": int(lasts_days) if lasts_days else None,
            },
        )
