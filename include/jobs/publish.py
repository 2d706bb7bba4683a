"""publish: everything that takes time first, then one short transaction that all readers see at once."""

import logging
import time
from datetime import date

from include.errors import RefusedError
from include.settings import Settings
from include.warehouse.connection import connect
from include.warehouse.publication import flip, point_at, previous_run, write_manifest
from include.warehouse.roles import PUBLISHER
from include.warehouse.runs import job_lock, load_run, run_job

log = logging.getLogger(__name__)
AUDITS = ("audit_marts", "audit_lists")


def publish(run_id: str, settings: Settings) -> dict[str, int]:
    """Show the run to readers. Returns rows by data set; a run that is shown already is a no-op.

    Raises RefusedError when an audit has not passed in this attempt, or when base or date have moved meanwhile.
    """
    with run_job(settings, run_id, "publish") as job:
        if job.is_done_before:
            return {}
        passed = {
            step
            for (step,) in job.connection.execute(
                "select step from ops.run_step where run_id = %s and attempt = %s and status = 'DONE'",
                (run_id, job.run.attempt),
            )
        }
        missing = [step for step in AUDITS if step not in passed]
        if missing:
            raise RefusedError(
                f"run {run_id} of {job.run.business_date} has not passed {', '.join(missing)} in this attempt",
                next_command=f"postloan run {job.run.business_date}",
            )
        job.counts = write_manifest(job.connection, job.run)
        job.connection.commit()
        started = time.monotonic()
        flip(job.connection, job.run, action="RESTATE" if job.run.kind == "restate" else "PUBLISH")
        job.connection.commit()
        log.info(
            "published run %s of %s in %.0f ms", run_id, job.run.business_date, 1000 * (time.monotonic() - started)
        )
        return job.counts


def show_again(run_id: str, settings: Settings, *, reason: str) -> date:
    """Point its date at a run that was published before (``postloan publish RUN_ID``)."""
    with job_lock(settings), connect(settings, role=PUBLISHER, application_name="postloan:publish") as connection:
        run = load_run(connection, run_id)
        point_at(connection, run.business_date, run_id, reason=reason)
        return run.business_date


def rollback(business_date: date, settings: Settings, *, reason: str) -> tuple[str | None, str | None]:
    """Move the date's pointers back to the run shown before, or take them away when there was none.

    Returns (run shown until now, run shown from now on).
    """
    with job_lock(settings), connect(settings, role=PUBLISHER, application_name="postloan:rollback") as connection:
        target = previous_run(connection, business_date)
        shown = point_at(connection, business_date, target, reason=reason)
        return shown, target
