"""transform: dbt computes the touched loans of a run from its pinned inputs and writes them as the run's own rows."""

from include import dbt
from include.failpoint import failpoint
from include.jobs.staging_views import bring_staging_views_up_to_date
from include.settings import Settings
from include.warehouse.keyframe import compare_with_base
from include.warehouse.runs import Job, run_environment, run_job
from include.warehouse.statistics import refresh_statistics

# An ephemeral model is compiled where it is read; selected, it would also be a node of the run that does nothing.
MODELS = ["run", "--select", "intermediate", "marts", "--exclude", "config.materialized:ephemeral"]


def transform(run_id: str, settings: Settings) -> dict[str, int]:
    """Intermediate and marts in one dbt invocation, over the staging views. Returns rows written by published table."""
    with run_job(settings, run_id, "transform") as job:
        if job.is_done_before:
            return {}
        environment = run_environment(job.connection, job.run)
        bring_staging_views_up_to_date(job, settings)
        records = dbt.invoke(settings, MODELS, environment)
        _log_models(job, records)
        refresh_statistics(settings, job.run.business_date)
        failpoint("transform:mid")
        job.counts = _rows_written(job)
        if effect := compare_with_base(job):
            job.counts["changed_by_new_rules"] = sum(effect.values())
        return job.counts


def _log_models(job: Job, records: list[dict]) -> None:
    with job.connection.cursor() as cursor:
        cursor.executemany(
            "insert into ops.run_model values (%s, %s, 'transform', %s, %s, %s, %s, %s) on conflict do nothing",
            [
                (
                    job.run.run_id,
                    job.run.attempt,
                    r["model"],
                    r["status"],
                    r["rows_written"],
                    r["seconds"],
                    r["message"],
                )
                for r in records
            ],
        )


def _rows_written(job: Job) -> dict[str, int]:
    counts = {}
    for name in ("touched_loan", "loan_position", "loan_signal", "borrower_position", "kpi_portfolio_daily"):
        (counts[name],) = job.connection.execute(
            f"select count(*) from published.{name} where business_date = %s and run_id = %s",
            (job.run.business_date, job.run.run_id),
        ).fetchone()
    return counts
