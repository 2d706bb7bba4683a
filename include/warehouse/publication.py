"""What readers see: pointers that move for all data sets of a date in one short transaction."""

import getpass
import logging
from datetime import date

import psycopg

from include.errors import PostloanError, RefusedError
from include.failpoint import failpoint
from include.policy import remember_rows
from include.warehouse.data_sets import load_data_sets
from include.warehouse.runs import Run, assert_writer, end_run, load_run

log = logging.getLogger(__name__)


def write_manifest(connection: psycopg.Connection, run: Run) -> dict[str, int]:
    """Count and hash the rows of the run, data set by data set. Long on a keyframe day, so done before the flip."""
    connection.execute("delete from ops.run_manifest where run_id = %s", (run.run_id,))
    counts = {}
    for name in load_data_sets():
        row_count, content_hash = manifest_of(connection, name, run)
        connection.execute(
            "insert into ops.run_manifest values (%s, %s, %s, %s)", (run.run_id, name, row_count, content_hash)
        )
        counts[name] = row_count
    return counts


def manifest_of(connection: psycopg.Connection, data_set: str, run: Run) -> tuple[int, int]:
    """(rows, sum of 64-bit hashes) of what the run wrote: the same whatever the order of the rows."""
    return connection.execute(
        f"select count(*), coalesce(sum(hashtextextended(stored::text, 0)::numeric), 0) "
        f"from published.{data_set} as stored where business_date = %s and run_id = %s",
        (run.business_date, run.run_id),
    ).fetchone()


def flip(connection: psycopg.Connection, run: Run, *, action: str, reason: str | None = None) -> None:
    """Point every data set of the date at the run. Compare-and-swap: the base and the date's former pointer must
    still be what they were when the run was opened.

    Raises RefusedError when they are not; nothing has moved then.
    """
    assert_writer(connection, run)
    connection.execute("lock table ops.publication in share row exclusive mode")
    _refuse_moved_base(connection, run)
    connection.execute("delete from ops.publication where business_date = %s", (run.business_date,))
    for name in load_data_sets():
        connection.execute("insert into ops.publication values (%s, %s, %s)", (run.business_date, name, run.run_id))
    failpoint("publish:mid")
    _record_event(connection, run.business_date, action, run.replaces_run_id, run.run_id, reason)
    if run.replaces_run_id is not None and run.replaces_run_id != run.run_id:
        connection.execute("update ops.run set status = 'SUPERSEDED' where run_id = %s", (run.replaces_run_id,))
    connection.execute("update ops.run set is_sealed = true where run_id = %s", (run.run_id,))
    _note_restatements(connection, run)
    remember_rows(connection)
    end_run(connection, run.run_id, "PUBLISHED")


def point_at(connection: psycopg.Connection, business_date: date, run_id: str | None, *, reason: str) -> str | None:
    """Move the date's pointers back to a sealed run, or take them away. Returns the run that was shown before.

    Runs that stand on a withdrawn one stay readable (``ops.run_standing`` marks them).
    """
    connection.execute("lock table ops.publication in share row exclusive mode")
    row = connection.execute(
        "select distinct run_id from ops.publication where business_date = %s", (business_date,)
    ).fetchone()
    shown = row[0] if row else None
    if run_id is not None:
        run = load_run(connection, run_id)
        if not run.is_sealed or run.business_date != business_date:
            raise RefusedError(
                f"run {run_id} of {run.business_date} has never been published for {business_date}",
                next_command="postloan status",
            )
    elif shown is None:
        raise PostloanError(f"{business_date} is not published", next_command="postloan status")
    connection.execute("delete from ops.publication where business_date = %s", (business_date,))
    if run_id is not None:
        for name in load_data_sets():
            connection.execute("insert into ops.publication values (%s, %s, %s)", (business_date, name, run_id))
        connection.execute("update ops.run set status = 'PUBLISHED' where run_id = %s", (run_id,))
    if shown is not None and shown != run_id:
        connection.execute("update ops.run set status = 'ROLLED_BACK' where run_id = %s", (shown,))
    _record_event(connection, business_date, "ROLLBACK" if run_id else "WITHDRAW", shown, run_id, reason)
    return shown


def previous_run(connection: psycopg.Connection, business_date: date) -> str | None:
    """The run that the date showed before the one that it shows now; None when there was none."""
    row = connection.execute(
        "select from_run_id from ops.publication_event where business_date = %s order by event_number desc limit 1",
        (business_date,),
    ).fetchone()
    return row[0] if row else None


def _refuse_moved_base(connection: psycopg.Connection, run: Run) -> None:
    shown = dict(
        connection.execute(
            "select distinct business_date, run_id from ops.publication where business_date <= %s "
            "order by business_date desc limit 2",
            (run.business_date,),
        ).fetchall()
    )
    current = shown.pop(run.business_date, None)
    base = shown[max(shown)] if shown else None
    next_command = f"postloan run {run.business_date}"
    if current not in (run.replaces_run_id, run.run_id):
        raise RefusedError(
            f"{run.business_date} shows run {current or 'none'} now; when run {run.run_id} was opened it showed "
            f"{run.replaces_run_id or 'none'}",
            next_command=next_command,
        )
    if base != run.base_run_id:
        raise RefusedError(
            f"run {run.run_id} of {run.business_date} stands on base {run.base_run_id or 'none'}, "
            f"but the latest published date before it now shows {base or 'none'}",
            next_command=next_command,
        )


def _note_restatements(connection: psycopg.Connection, run: Run) -> None:
    """A correction changes today onward by itself; the published dates before that it concerns wait for a person."""
    if run.kind == "restate":
        connection.execute("delete from ops.restatement_due where business_date = %s", (run.business_date,))
        return
    connection.execute(
        "insert into ops.restatement_due "
        "select published.business_date, batch.batch_id, batch.system, batch.table_name "
        "from ops.load_batch as batch "
        "join (select distinct business_date from ops.publication) as published "
        "  on published.business_date >= batch.business_date and published.business_date < %(business_date)s "
        "where batch.kind = 'correction' and batch.part in ('delivered', 'released') "
        "  and batch.batch_id in (select batch_id from ops.run_input where run_id = %(run_id)s) "
        "  and batch.batch_id not in (select batch_id from ops.run_input where run_id = %(base_run_id)s) "
        "on conflict do nothing",
        {"business_date": run.business_date, "run_id": run.run_id, "base_run_id": run.base_run_id},
    )


def _record_event(
    connection: psycopg.Connection,
    business_date: date,
    action: str,
    from_run_id: str | None,
    to_run_id: str | None,
    reason: str | None,
) -> None:
    connection.execute(
        "insert into ops.publication_event (business_date, action, from_run_id, to_run_id, actor, reason) "
        "values (%s, %s, %s, %s, %s, %s)",
        (business_date, action, from_run_id, to_run_id, getpass.getuser(), reason),
    )
