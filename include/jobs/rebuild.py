"""rebuild: the same date, base and pinned inputs with every loan touched. Increments must equal it exactly."""

from datetime import date

from include.jobs.decide import decide
from include.jobs.open_run import open_run
from include.jobs.score import score
from include.jobs.transform import transform
from include.settings import Settings
from include.warehouse.compare import Difference, differences
from include.warehouse.connection import connect
from include.warehouse.roles import PUBLISHER
from include.warehouse.runs import end_run, job_lock, load_run


def rebuild(business_date: date, settings: Settings) -> tuple[str, list[Difference]]:
    """Compute a published date again in full and compare what readers would see.

    Returns the run of the rebuild and every difference; an empty list is the proof. Nothing is published.
    """
    with connect(settings, role=PUBLISHER) as connection:
        row = connection.execute(
            "select run_id from ops.publication where business_date = %s limit 1", (business_date,)
        ).fetchone()
    run_id = open_run(business_date, settings, kind="rebuild")
    transform(run_id, settings)
    score(run_id, settings)
    decide(run_id, settings)
    with job_lock(settings), connect(settings, role=PUBLISHER) as connection:
        found = differences(connection, row[0], run_id)
        end_run(connection, load_run(connection, run_id).run_id, "COMPLETE")
    return run_id, found
