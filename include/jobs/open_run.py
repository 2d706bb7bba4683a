"""open_run: takes the warehouse for a date, pins the inputs, names the base, and computes the run_id."""

import json
import logging
import time
from calendar import monthrange
from datetime import date

import psycopg

from include import dbt
from include.errors import PostloanError, RefusedError, WriterBusyError
from include.landing.contract import load_systems
from include.policy import is_same_policy, policy_hash, refuse_changed_past
from include.settings import Settings
from include.warehouse.connection import connect
from include.warehouse.fingerprints import code_hash, run_id_of
from include.warehouse.migrate import ensure_partitions
from include.warehouse.roles import PUBLISHER
from include.warehouse.runs import ENDED, Run, job_lock, load_run

log = logging.getLogger(__name__)
LEAD_DATA_SET = "loan_position"

PINNED = """
    select batch_id, content_hash from ops.load_batch
    where coalesce(from_date, business_date) <= %(business_date)s
      and (case when kind = 'history' then from_date else known_date end) <= %(known_date)s
"""

# a rebuild checks a run: it reads exactly what that run read
SAME_PINS = """
    select batch_id, content_hash from ops.load_batch
    where batch_id in (select batch_id from ops.run_input where run_id = %(run_id)s)
"""


def open_run(business_date: date, settings: Settings, *, known_date: date | None = None, kind: str = "daily") -> str:
    """The run_id under which this date is computed.

    - Published already (``kind`` daily): its run, nothing is opened; what has landed since is logged.
    - Interrupted, code and policy unchanged: the same run with the same pins, one attempt higher; what the former
      attempt left running in the server is ended first.
    - Otherwise a new run: inputs pinned now, base = the latest published date before this one.

    Waits for another date's run to end, at most ``settings.writer_wait_seconds``; then raises WriterBusyError naming
    it. ``kind`` is daily, restate or rebuild (every loan touched, never published: the yardstick of increments).
    """
    known_date = known_date or business_date
    deadline = time.monotonic() + settings.writer_wait_seconds
    while True:
        with job_lock(settings), connect(settings, role=PUBLISHER, application_name="postloan:open_run") as connection:
            published = _published_run(connection, business_date)
            if published is not None and kind == "daily":
                _say_what_landed_since(connection, published)
                return published.run_id
            _refuse_sealed_month(connection, business_date, kind)
            load_policies(settings, connection)
            if kind == "daily":
                refuse_changed_past(connection)
            interrupted = _interrupted_run(connection, business_date, known_date, kind)
            holder = _holder(connection, business_date)
            if holder is None and interrupted is not None:
                return _resume(connection, interrupted)
            if holder is None:
                return _open_new(settings, connection, business_date, known_date, kind, published)
        _wait_for(holder, deadline)  # without the lock: the holder's own next step needs it


def next_known_date(connection: psycopg.Connection, business_date: date) -> date:
    """The latest known date of anything that has landed, at least the business date: what a restate knows."""
    (latest,) = connection.execute("select max(known_date) from ops.load_batch").fetchone()
    return max(business_date, latest or business_date)


def _published_run(connection: psycopg.Connection, business_date: date) -> Run | None:
    row = connection.execute(
        "select run_id from ops.publication where business_date = %s and data_set = %s", (business_date, LEAD_DATA_SET)
    ).fetchone()
    return load_run(connection, row[0]) if row else None


def _say_what_landed_since(connection: psycopg.Connection, run: Run) -> None:
    landed = connection.execute(
        f"select system, table_name, business_date, known_date from ops.load_batch "
        f"join ({PINNED}) as pinnable using (batch_id) "
        "where batch_id not in (select batch_id from ops.run_input where run_id = %(run_id)s) "
        "order by business_date, known_date, system, table_name",
        {"business_date": run.business_date, "known_date": run.known_date, "run_id": run.run_id},
    ).fetchall()
    log.info("%s is published as run %s: nothing to do", run.business_date, run.run_id)
    for system, table, business_date, known_date in landed:
        log.info("  landed since: %s.%s of %s, known %s", system, table, business_date, known_date)


def _refuse_sealed_month(connection: psycopg.Connection, business_date: date, kind: str) -> None:
    row = connection.execute(
        "select reopened_by from ops.month_close where month = date_trunc('month', %s::date)::date", (business_date,)
    ).fetchone()
    if row is not None and row[0] is None and kind != "rebuild":
        raise RefusedError(
            f"the month of {business_date} is closed: its dates do not change",
            next_command=f"postloan restate --from {business_date} --to {business_date} "
            "--reopen --approver NAME --reason TEXT",
        )


def load_policies(settings: Settings, connection: psycopg.Connection) -> None:
    """Bring ``ref`` up to the policy files, where they differ from what was loaded last."""
    wanted = policy_hash()
    row = connection.execute("select policy_hash from ops.policy_loaded").fetchone()
    if row is not None and row[0] == wanted:
        return
    dbt.invoke(settings, ["seed", "--full-refresh"], {})
    connection.execute(
        "insert into ops.policy_loaded (policy_hash) values (%s) "
        "on conflict (is_the_one) do update set policy_hash = excluded.policy_hash",
        (wanted,),
    )
    connection.commit()


def _interrupted_run(connection: psycopg.Connection, business_date: date, known_date: date, kind: str) -> Run | None:
    row = connection.execute(
        "select run_id from ops.run where business_date = %s and known_date = %s and kind = %s and status = 'OPEN' "
        "and policy_hash = %s and code_hash = %s",
        (business_date, known_date, kind, policy_hash(), code_hash()),
    ).fetchone()
    return load_run(connection, row[0]) if row else None


def _holder(connection: psycopg.Connection, business_date: date) -> tuple[str, date] | None:
    """The unfinished run of another date that may write now, with its date."""
    row = connection.execute(
        "select run.run_id, run.business_date, run.status from ops.writer join ops.run using (run_id)"
    ).fetchone()
    return None if row is None or row[2] in ENDED or row[1] == business_date else row[:2]


def _wait_for(holder: tuple[str, date], deadline: float) -> None:
    """A moment's pause before asking again; WriterBusyError once the deadline has passed."""
    run_id, business_date = holder
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise WriterBusyError(
            f"run {run_id} of {business_date} holds the warehouse and has not ended",
            next_command=f"postloan run abandon {run_id}  # when nobody works on it any more",
        )
    log.info("waiting for run %s of %s", run_id, business_date)
    time.sleep(min(5, remaining))


def _resume(connection: psycopg.Connection, run: Run) -> str:
    _end_backends(connection, run)
    connection.execute("update ops.run set attempt = attempt + 1 where run_id = %s", (run.run_id,))
    connection.execute("update ops.writer set run_id = %s, attempt = %s", (run.run_id, run.attempt + 1))
    log.info("run %s of %s was interrupted: attempt %s", run.run_id, run.business_date, run.attempt + 1)
    return run.run_id


def _end_backends(connection: psycopg.Connection, run: Run) -> None:
    """End what a former attempt left in the server: a killed client's statement may still be running."""
    connection.execute("select ops.end_backends(%s)", (run.application_name,))


def _open_new(
    settings: Settings,
    connection: psycopg.Connection,
    business_date: date,
    known_date: date,
    kind: str,
    published: Run | None,
) -> str:
    former = connection.execute(
        "select run_id from ops.run where business_date = %s and status = 'OPEN'", (business_date,)
    ).fetchall()
    for (run_id,) in former:  # other code or policy, or another kind: its pins are not ours
        _end_backends(connection, load_run(connection, run_id))
        connection.execute(
            "update ops.run set status = 'ABANDONED', failure = 'a new run of the date was opened' where run_id = %s",
            (run_id,),
        )
    dates = {"business_date": business_date, "known_date": known_date}
    pinned = connection.execute(
        SAME_PINS if kind == "rebuild" else PINNED,
        {**dates, "run_id": published.run_id if published else None},
    ).fetchall()
    if not pinned:
        raise PostloanError(f"nothing has landed up to {business_date}", next_command=f"postloan land {business_date}")
    base = _base_run(connection, business_date, kind, published)
    run_id = run_id_of(
        business_date,
        known_date,
        kind,
        [content_hash for _, content_hash in pinned],
        base.run_id if base else None,
        policy_hash(),
        code_hash(),
        settings.output_settings(),
    )
    existing = connection.execute("select is_sealed, status from ops.run where run_id = %s", (run_id,)).fetchone()
    if existing is not None and existing[0]:
        if published is not None and published.run_id == run_id:  # a restatement of several dates, run again
            log.info("%s shows run %s already, and nothing has changed since", business_date, run_id)
            return run_id
        raise RefusedError(
            f"nothing has changed since run {run_id} of {business_date} was published and taken back",
            next_command=f"postloan publish {run_id} --reason TEXT  # shows it again",
        )
    keyframe = _is_keyframe(business_date, kind, base)
    if existing is None:
        connection.execute(
            "insert into ops.run (run_id, business_date, known_date, kind, is_keyframe, base_run_id, replaces_run_id, "
            "status, policy_hash, code_hash) values (%s, %s, %s, %s, %s, %s, %s, 'OPEN', %s, %s)",
            (run_id, business_date, known_date, kind, keyframe, base.run_id if base else None,
             published.run_id if published else None, policy_hash(), code_hash()),
        )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.executemany(
                "insert into ops.run_input values (%s, %s)", [(run_id, batch_id) for batch_id, _ in pinned]
            )
        # every staging view begins with it: unanalyzed, the planner takes a run's batches for one
        connection.execute("select ops.analyze_table('ops', 'run_input')")
        _write_chain(connection, run_id, business_date, base, keyframe)
        connection.execute(
            "insert into ops.run_source select %(run_id)s, system, max(business_date), "
            "max(business_date) < %(business_date)s::date "
            "- coalesce((%(fresh_for_days)s::jsonb ->> system)::integer, 0) "
            "from ops.load_batch where batch_id in (select batch_id from ops.run_input where run_id = %(run_id)s) "
            "group by system",
            {"run_id": run_id, "fresh_for_days": json.dumps(_fresh_for_days()), **dates},
        )
    else:
        connection.execute(
            "update ops.run set status = 'OPEN', failure = null, attempt = attempt + 1, replaces_run_id = %s "
            "where run_id = %s",
            (published.run_id if published else None, run_id),
        )
    connection.execute(
        "update ops.writer set (run_id, attempt) = (select run_id, attempt from ops.run where run_id = %s)", (run_id,)
    )
    with connect(settings, role=PUBLISHER, application_name="postloan:partitions", autocommit=True) as owner:
        ensure_partitions(owner, business_date)
    log.info(
        "opened %s run %s of %s%s on base %s, %d batches pinned",
        kind, run_id, business_date, " (keyframe)" if keyframe else "", base.run_id if base else "none", len(pinned),
    )  # fmt: skip
    return run_id


def _fresh_for_days() -> dict[str, int]:
    return {name: system.fresh_for_days for name, system in load_systems().items()}


def _base_run(connection: psycopg.Connection, business_date: date, kind: str, published: Run | None) -> Run | None:
    """The latest published date before this one. A rebuild stands on the base of the run that it checks."""
    if kind == "rebuild" and published is not None:
        return load_run(connection, published.base_run_id) if published.base_run_id else None
    row = connection.execute(
        "select run_id from ops.publication where business_date < %s and data_set = %s "
        "order by business_date desc limit 1",
        (business_date, LEAD_DATA_SET),
    ).fetchone()
    return load_run(connection, row[0]) if row else None


def _is_keyframe(business_date: date, kind: str, base: Run | None) -> bool:
    """Every loan is written on the first day, at each month-end, and whenever code or policy differ from the base's."""
    is_month_end = business_date.day == monthrange(business_date.year, business_date.month)[1]
    return (
        kind == "rebuild"
        or base is None
        or is_month_end
        or base.code_hash != code_hash()
        or base.policy_hash != policy_hash()
        or not is_same_policy(base.business_date, business_date)
    )


def _write_chain(
    connection: psycopg.Connection, run_id: str, business_date: date, base: Run | None, keyframe: bool
) -> None:
    connection.execute("insert into ops.run_chain values (%s, 0, %s, %s)", (run_id, run_id, business_date))
    if base is not None and not keyframe:
        connection.execute(
            "insert into ops.run_chain select %s, depth + 1, ancestor_run_id, ancestor_business_date "
            "from ops.run_chain where run_id = %s",
            (run_id, base.run_id),
        )
