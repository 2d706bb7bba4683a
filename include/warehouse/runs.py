"""One run: what it is, who may write for it, and how every job of it begins and ends."""

import contextlib
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

import psycopg
from psycopg.rows import class_row

from include.errors import PostloanError, RefusedError, SupersededError, WriterBusyError
from include.failpoint import failpoint
from include.settings import Settings
from include.warehouse.connection import connect, run_options
from include.warehouse.roles import PUBLISHER, role_of_step

log = logging.getLogger(__name__)
JOB_LOCK = 7306002  # one warehouse-wide advisory lock: one job at a time
ENDED = ("PUBLISHED", "COMPLETE", "FAILED", "ABANDONED", "ROLLED_BACK", "SUPERSEDED")


@dataclass(frozen=True)
class Run:
    run_id: str
    business_date: date
    known_date: date
    kind: str
    is_keyframe: bool
    base_run_id: str | None
    replaces_run_id: str | None
    status: str
    attempt: int
    is_sealed: bool
    policy_hash: str
    code_hash: str
    failure: str | None

    @property
    def application_name(self) -> str:
        """Names this attempt's backends in the server, so that the next attempt can end them."""
        return f"postloan:{self.run_id}:{self.attempt}"


@dataclass
class Job:
    """One step under way: its run, its connection, and what it counted."""

    run: Run
    connection: psycopg.Connection
    is_done_before: bool
    counts: dict = field(default_factory=dict)


def load_run(connection: psycopg.Connection, run_id: str) -> Run:
    """The run of this id; PostloanError when there is none."""
    with connection.cursor(row_factory=class_row(Run)) as cursor:
        run = cursor.execute("select * from ops.run where run_id = %s", (run_id,)).fetchone()
    if run is None:
        raise PostloanError(f"there is no run {run_id}", next_command="postloan status")
    return run


@contextlib.contextmanager
def job_lock(settings: Settings, *, role: str = PUBLISHER, wait_seconds: int | None = None) -> Iterator[None]:
    """The warehouse-wide lock, on a connection of its own, for as long as a job lasts.

    A job that died leaves no lock behind: the server drops it with the connection. Raises WriterBusyError when
    another job does not end within ``wait_seconds``.
    """
    wait = settings.writer_wait_seconds if wait_seconds is None else wait_seconds
    with connect(settings, role=role, application_name="postloan:lock", autocommit=True) as connection:
        connection.execute("select set_config('lock_timeout', %s, false)", (f"{max(wait, 1)}s",))
        # the lock outlives any single statement and any pause between two
        connection.execute("set statement_timeout = 0")
        connection.execute("set idle_session_timeout = 0")
        try:
            connection.execute("select pg_advisory_lock(%s)", (JOB_LOCK,))
        except psycopg.errors.LockNotAvailable as error:
            raise WriterBusyError(
                f"another job has held the warehouse for more than {wait} seconds", next_command="postloan status"
            ) from error
        yield


@contextlib.contextmanager
def run_job(settings: Settings, run_id: str, step: str) -> Iterator[Job]:
    """Everything that a step of a run has in common: lock, fencing, the attempt log, and what a failure leaves behind.

    ``job.connection`` is a plain psycopg connection whose every transaction must begin with :func:`assert_writer`;
    the first one is already open and checked. When the run is published already, ``job.is_done_before`` is true and
    the job writes nothing.
    """
    role = role_of_step(step)
    with job_lock(settings, role=role), connect(settings, role=role, application_name="postloan:run") as reader:
        run = load_run(reader, run_id)
        reader.rollback()
        if run.is_sealed:
            log.info("run %s of %s is sealed: %s has nothing to do", run_id, run.business_date, step)
            yield Job(run, reader, is_done_before=True)
            return
        if run.status != "OPEN":
            raise RefusedError(
                f"run {run_id} of {run.business_date} has ended as {run.status}: {run.failure or 'no reason kept'}",
                next_command=f"postloan run {run.business_date}",
            )
        failpoint(f"{step}:before")
        _log_step(settings, run, step)
        try:
            with connect(settings, role=role, application_name=run.application_name) as connection:
                assert_writer(connection, run)
                job = Job(run, connection, is_done_before=False)
                yield job
                connection.commit()
        except BaseException as error:
            _log_step_end(settings, run, step, "FAILED", {}, error)
            raise
        failpoint(f"{step}:after")
        _log_step_end(settings, run, step, "DONE", job.counts)


def assert_writer(connection: psycopg.Connection, run: Run) -> None:
    """Begin a writing transaction: wait for a later owner, or raise SupersededError when there already is one."""
    try:
        connection.execute("select ops.assert_writer(%s, %s)", (run.run_id, run.attempt))
    except psycopg.errors.RaiseException as error:
        raise SupersededError(str(error).splitlines()[0]) from error
    except psycopg.Error as error:
        if error.sqlstate == "PL001":
            raise SupersededError(str(error).splitlines()[0], next_command="postloan status") from error
        raise


def end_run(connection: psycopg.Connection, run_id: str, status: str, failure: str | None = None) -> None:
    """Give a run its final status and let go of the warehouse."""
    connection.execute("update ops.run set status = %s, failure = %s where run_id = %s", (status, failure, run_id))
    connection.execute("update ops.writer set run_id = null, attempt = null where run_id = %s", (run_id,))


def run_environment(connection: psycopg.Connection, run: Run) -> dict[str, str]:
    """What the dbt macros of ``macros/run_context.sql`` read, and what the sessions tell the staging views."""
    environment = {
        "POSTLOAN_RUN_ID": run.run_id,
        "POSTLOAN_RUN_ATTEMPT": str(run.attempt),
        "PGAPPNAME": run.application_name,
        "POSTLOAN_BUSINESS_DATE": run.business_date.isoformat(),
        "POSTLOAN_BASE_RUN_ID": run.base_run_id or "",
        "POSTLOAN_BASE_BUSINESS_DATE": "0001-01-01",
        "POSTLOAN_BASE_KNOWN_DATE": "0001-01-01",
        "POSTLOAN_ALL_LOANS": str(run.is_keyframe).lower(),
        "POSTLOAN_IS_REBUILD": str(run.kind == "rebuild").lower(),
        "PGOPTIONS": run_options(run.run_id, run.business_date, run.known_date),
    }
    if run.base_run_id is not None:
        base = load_run(connection, run.base_run_id)
        environment["POSTLOAN_BASE_BUSINESS_DATE"] = base.business_date.isoformat()
        environment["POSTLOAN_BASE_KNOWN_DATE"] = base.known_date.isoformat()
    return environment


def _log_step(settings: Settings, run: Run, step: str) -> None:
    with connect(settings, role=role_of_step(step), application_name="postloan:log") as connection:
        connection.execute(
            "insert into ops.run_step (run_id, attempt, step, status) values (%s, %s, %s, 'RUNNING') "
            "on conflict (run_id, attempt, step) do update set status = 'RUNNING', started_at = clock_timestamp(), "
            "ended_at = null, counts = null",
            (run.run_id, run.attempt, step),
        )


def _log_step_end(
    settings: Settings, run: Run, step: str, status: str, counts: dict, error: BaseException | None = None
) -> None:
    from include.errors import AuditError, DeliveryError

    with connect(settings, role=role_of_step(step), application_name="postloan:log") as connection:
        connection.execute(
            "update ops.run_step set status = %s, ended_at = clock_timestamp(), counts = %s "
            "where run_id = %s and attempt = %s and step = %s",
            (status, json.dumps(counts), run.run_id, run.attempt, step),
        )
        # a refused candidate or a broken contract ends the run; anything else may be tried again with the same pins
        if isinstance(error, AuditError | DeliveryError):
            connection.execute("select ops.fail_run(%s, %s, %s)", (run.run_id, run.attempt, str(error).splitlines()[0]))
