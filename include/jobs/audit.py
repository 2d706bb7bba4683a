"""audit: Great Expectations on the rows that would be published. A critical failure ends the run; yesterday stands."""

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from include.durable_files import replace_directory, write_durably
from include.errors import AuditError
from include.failpoint import failpoint
from include.settings import Settings
from include.warehouse.runs import Job, Run, assert_writer, load_run, run_job

if TYPE_CHECKING:
    from expectations.scope import Scope
    from include.quality import Checked, Outcome

log = logging.getLogger(__name__)
STAGES = ("marts", "lists")


def audit(run_id: str, settings: Settings, *, stage: str) -> dict[str, int]:
    """Check every rule of a stage: ``marts`` after transform, ``lists`` after decide.

    Returns rules, passed and warnings. Outcomes go to ``ops.audit_result`` and, for the Data Docs, to files in home.
    Raises AuditError naming each rule that refuses the candidate (or cannot be evaluated) and how many rows break it.
    """
    with run_job(settings, run_id, f"audit_{stage}") as job:
        if job.is_done_before:
            return {}
        from include.quality import check  # three seconds of import that only the audits pay

        scope = _scope(job.connection, job.run)
        job.connection.commit()  # the rules run on connections of their own, for seconds
        checked = list(check(settings, stage, scope))
        failpoint(f"audit_{stage}:mid")
        outcomes = [one for table in checked for one in table.outcomes]
        write_durably(results_file(settings, run_id, stage), _as_file(checked))
        _keep_outcomes(job, stage, outcomes)
        job.connection.commit()
        _log_warnings(outcomes)
        if stops := [one for one in outcomes if one.is_stop]:
            write_data_docs(settings, job.run.run_id, job.run.business_date.isoformat())
            raise _refusal(settings, job, stage, stops)
        job.counts = {
            "rules": len(outcomes),
            "passed": sum(one.outcome == "PASS" for one in outcomes),
            "warnings": sum(one.is_warning for one in outcomes),
        }
        return job.counts


def results_file(settings: Settings, run_id: str, stage: str) -> Path:
    """Where the outcomes of a stage are kept until deliver makes the Data Docs from them."""
    return settings.home / "audit" / run_id / f"{stage}.json"


def data_docs_directory(settings: Settings, run_id: str, business_date: str) -> Path:
    return settings.exports / business_date / run_id / "data_docs"


def write_data_docs(settings: Settings, run_id: str, business_date: str) -> dict[str, bytes]:
    """Make the Data Docs of a run from the outcomes that were kept. Returns the pages by file name."""
    from include.data_docs import render_data_docs

    stages = {}
    for stage in STAGES:
        path = results_file(settings, run_id, stage)
        if path.is_file():
            stages[stage] = json.loads(path.read_text(encoding="utf-8"))
    pages = render_data_docs(stages, {"run_id": run_id, "business_date": business_date})
    replace_directory(data_docs_directory(settings, run_id, business_date), pages)
    return pages


def keep_results(settings: Settings, connection: psycopg.Connection, run: Run) -> None:
    """Make the outcomes again where their files are gone (another machine, a new home): the rows are sealed."""
    for stage in STAGES:
        path = results_file(settings, run.run_id, stage)
        if not path.is_file():
            from include.quality import check

            write_durably(path, _as_file(list(check(settings, stage, _scope(connection, run)))))


def _as_file(checked: "list[Checked]") -> bytes:
    return json.dumps([table.to_json() for table in checked], ensure_ascii=False, indent=1).encode()


def _scope(connection: psycopg.Connection, run: Run) -> "Scope":
    from expectations.scope import Scope

    base = load_run(connection, run.base_run_id) if run.base_run_id else None
    of_base = {"base_run_id": base.run_id, "base_business_date": base.business_date} if base else {}
    return Scope(run_id=run.run_id, business_date=run.business_date, is_keyframe=run.is_keyframe, **of_base)


def _keep_outcomes(job: Job, stage: str, outcomes: "list[Outcome]") -> None:
    assert_writer(job.connection, job.run)
    job.connection.execute("delete from ops.audit_result where run_id = %s and stage = %s", (job.run.run_id, stage))
    with job.connection.cursor() as cursor:
        cursor.executemany(
            "insert into ops.audit_result (run_id, stage, table_name, rule, severity, outcome, failing_row_count, "
            "error, text_zh, text_en) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (job.run.run_id, stage, one.table, one.rule, one.severity, one.outcome, one.count, one.error, one.zh,
                 one.en)
                for one in outcomes
            ],
        )  # fmt: skip


def _log_warnings(outcomes: "list[Outcome]") -> None:
    for one in outcomes:
        if one.is_warning:
            log.warning("%s.%s: %s. %s", one.table, one.rule, _rows(one), one.en)


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
            f"    {one.zh} {one.en}",
            f"    {one.why}",
            f"    to see the rows: set postloan.run = '{run.run_id}'; {' '.join(one.rows_sql.split())};",
        ]
    page = data_docs_directory(settings, run.run_id, run.business_date.isoformat()) / "index.html"
    lines.append(f"  all rules: {page}")
    return AuditError(
        "\n".join(lines),
        next_command=f"postloan run {run.business_date}  # once the data is corrected, or the rule in expectations/",
    )


def _rows(one: "Outcome") -> str:
    if one.outcome == "ERROR":
        return f"cannot be evaluated: {one.error}"
    return "1 row" if one.count == 1 else f"{one.count:,} rows"
