"""audit: Great Expectations on the rows that would be published. A critical failure ends the run; yesterday stands."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from include.durable_files import replace_directory
from include.errors import AuditError
from include.failpoint import failpoint
from include.jobs.audit_snapshot import SCHEMA, take_snapshot
from include.settings import Settings
from include.warehouse.runs import Job, Run, assert_writer, load_run, run_job

if TYPE_CHECKING:
    from expectations.scope import Scope
    from include.quality import Outcome

log = logging.getLogger(__name__)


def audit(run_id: str, settings: Settings, *, stage: str) -> dict[str, int]:
    """Check every rule of a stage: ``marts`` after transform, ``lists`` after decide.

    Returns rules, passed and warnings. Outcomes go to ``ops.audit_result``; deliver makes the Data Docs from them.
    Raises AuditError naming each rule that refuses the candidate (or cannot be evaluated) and how many rows break it.
    """
    with run_job(settings, run_id, f"audit_{stage}") as job:
        if job.is_done_before:
            return {}
        from expectations.catalogue import STAGES, tables_read  # Great Expectations: seconds of import
        from include.quality import check

        shown = _scope(job.connection, job.run)
        scope = replace(shown, candidate=SCHEMA)
        take_snapshot(job.connection, job.run, STAGES[stage], tables_read(stage, scope))
        outcomes = check(settings, stage, scope, shown=shown)
        failpoint(f"audit_{stage}:mid")
        _keep_outcomes(job, stage, outcomes)
        job.connection.commit()
        _log_warnings(outcomes)
        if stops := [one for one in outcomes if one.is_stop]:
            write_data_docs(settings, job.connection, job.run)
            raise _refusal(settings, job, stage, stops)
        job.counts = {
            "rules": len(outcomes),
            "passed": sum(one.outcome == "PASS" for one in outcomes),
            "warnings": sum(one.is_warning for one in outcomes),
        }
        return job.counts


def data_docs_directory(settings: Settings, run: Run) -> Path:
    return settings.exports / run.business_date.isoformat() / run.run_id / "data_docs"


def write_data_docs(settings: Settings, connection: psycopg.Connection, run: Run) -> dict[str, bytes]:
    """Make the Data Docs of a run from the outcomes that were kept. Returns the pages by file name."""
    from include.data_docs import render_data_docs

    with connection.cursor(row_factory=dict_row) as cursor:
        kept = cursor.execute(
            "select * from ops.audit_result where run_id = %s order by stage desc, table_name, rule_number",
            (run.run_id,),
        ).fetchall()
    pages = render_data_docs(kept, {"run_id": run.run_id, "business_date": run.business_date.isoformat()})
    replace_directory(data_docs_directory(settings, run), pages)
    return pages


def _scope(connection: psycopg.Connection, run: Run) -> "Scope":
    from expectations.scope import Scope

    base = load_run(connection, run.base_run_id) if run.base_run_id else None
    of_base: dict[str, Any] = {"base_run_id": base.run_id, "base_business_date": base.business_date} if base else {}
    dates = {"business_date": run.business_date, "known_date": run.known_date}
    return Scope(run_id=run.run_id, is_keyframe=run.is_keyframe, **dates, **of_base)


def _keep_outcomes(job: Job, stage: str, outcomes: "list[Outcome]") -> None:
    assert_writer(job.connection, job.run)
    job.connection.execute("delete from ops.audit_result where run_id = %s and stage = %s", (job.run.run_id, stage))
    with job.connection.cursor() as cursor:
        cursor.executemany(
            "insert into ops.audit_result (run_id, stage, table_name, rule_number, rule, severity, outcome, "
            "failing_row_count, error, text_zh, text_en, why, rows_sql, expectation, details) "
            "values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (job.run.run_id, stage, one.table, one.number, one.rule, one.severity, one.outcome, one.count,
                 one.error, one.zh, one.en, one.why, one.rows_sql, Jsonb(one.expectation), Jsonb(one.details))
                for one in outcomes
            ],
        )  # fmt: skip


def _log_warnings(outcomes: "list[Outcome]") -> None:
    for one in outcomes:
        if one.is_warning:
            log.warning("%s.%s does not hold (%s): %s", one.table, one.rule, _rows(one), one.en)


def _refusal(settings: Settings, job: Job, stage: str, stops: "list[Outcome]") -> AuditError:
    run = job.run
    stands = "nothing has been published before"
    if run.base_run_id is not None:
        stands = f"the lists of {load_run(job.connection, run.base_run_id).business_date} stand"
    broken = ", ".join(f"{one.table}.{one.rule} ({_rows(one)})" for one in stops)
    lines = [f"audit_{stage} refused {run.business_date} (run {run.run_id}): {broken}; nothing was published, {stands}"]
    for one in stops:
        lines += [
            f"  {one.table}.{one.rule}: {_rows(one)}",
            f"    what should hold: {one.zh} {one.en}",
            f"    why: {one.why}",
            f"    to see the rows: set postloan.run = '{run.run_id}'; {' '.join(one.rows_sql.split())};",
        ]
    page = data_docs_directory(settings, run) / "index.html"
    lines.append(f"  all rules: {page}")
    return AuditError(
        "\n".join(lines),
        next_command=f"postloan run {run.business_date}  # once the data is corrected, or the rule in expectations/",
    )


def _rows(one: "Outcome") -> str:
    if one.outcome == "ERROR":
        return f"cannot be evaluated: {one.error}"
    return "1 row" if one.count == 1 else f"{one.count:,} rows"
