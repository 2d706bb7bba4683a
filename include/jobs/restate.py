"""restate: a person recomputes chosen published dates with what is known now, as new versions beside the old."""

import logging
from collections.abc import Iterable
from datetime import date

from include.errors import RefusedError
from include.jobs.audit import audit
from include.jobs.decide import decide
from include.jobs.deliver import deliver
from include.jobs.open_run import next_known_date, open_run
from include.jobs.publish import publish
from include.jobs.score import score
from include.jobs.transform import transform
from include.settings import Settings
from include.warehouse.compare import Difference, differences
from include.warehouse.connection import connect
from include.warehouse.roles import PUBLISHER
from include.warehouse.runs import job_lock, load_run

log = logging.getLogger(__name__)


def restate(
    dates: Iterable[date], settings: Settings, *, reason: str, approver: str | None = None, reopen: bool = False
) -> dict[str, dict]:
    """Restate the dates in their order, each on the newest version of its base. Dates not chosen keep everything.

    A month that ``month_close`` has sealed needs ``reopen`` and an ``approver``. Returns, by date, the new run_id and
    how many rows of each data set differ from what was shown before.
    """
    if not reason.strip():
        raise RefusedError("a restatement needs a reason: it will be read by an auditor")
    shown: dict[str, dict] = {}
    for business_date in sorted(set(dates)):
        if reopen:
            _reopen_month(settings, business_date, approver)
        with connect(settings, role=PUBLISHER) as connection:
            known_date = next_known_date(connection, business_date)
        run_id = open_run(business_date, settings, known_date=known_date, kind="restate")
        transform(run_id, settings)
        audit(run_id, settings, stage="marts")
        score(run_id, settings)
        decide(run_id, settings)
        audit(run_id, settings, stage="lists")
        with connect(settings, role=PUBLISHER) as connection:
            before = load_run(connection, run_id).replaces_run_id
            found = differences(connection, before, run_id) if before else []
        publish(run_id, settings)
        _note_reason(settings, run_id, reason, approver)
        deliver(run_id, settings)
        shown[business_date.isoformat()] = {"run_id": run_id, **_rows(found)}
        log.info("restated %s as run %s: %s", business_date, run_id, _rows(found) or "nothing differs")
    return shown


def _rows(found: list[Difference]) -> dict[str, int]:
    return {difference.data_set: difference.row_count for difference in found}


def _reopen_month(settings: Settings, business_date: date, approver: str | None) -> None:
    if not approver:
        raise RefusedError(
            f"the month of {business_date} is closed: reopening it needs a named approver",
            next_command=f"postloan restate --from {business_date} --to {business_date} "
            "--reopen --approver NAME --reason TEXT",
        )
    with job_lock(settings), connect(settings, role=PUBLISHER) as connection:
        connection.execute(
            "update ops.month_close set reopened_by = %s where month = date_trunc('month', %s::date)::date",
            (approver, business_date),
        )


def _note_reason(settings: Settings, run_id: str, reason: str, approver: str | None) -> None:
    with connect(settings, role=PUBLISHER) as connection:
        connection.execute(
            "insert into ops.run_reason values (%s, %s, %s) on conflict do nothing", (run_id, reason, approver)
        )
