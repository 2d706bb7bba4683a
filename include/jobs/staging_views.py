"""The staging views: the same text for every run, so they are made when their text changes and not by each run."""

import hashlib
import logging

from psycopg import sql

from include import dbt
from include.settings import DBT_PROJECT_DIR, Settings
from include.warehouse.runs import Job, run_environment

TEXTS = ("models/staging/*", "macros/*.sql", "dbt_project.yml")
log = logging.getLogger(__name__)


def bring_staging_views_up_to_date(job: Job, settings: Settings) -> None:
    """Make the staging views anew, all of them, where the schema's comment names another text than this project's.

    Cut short, the next run makes them again: the comment comes last. Raises PostloanError naming the view that failed.
    """
    wanted = f"made from {_text_hash()}"
    (found,) = job.connection.execute("select obj_description('staging'::regnamespace, 'pg_namespace')").fetchone()
    if found == wanted:
        return
    made = dbt.invoke(settings, ["run", "--select", "staging"], run_environment(job.connection, job.run))
    job.connection.execute(sql.SQL("comment on schema staging is {}").format(sql.Literal(wanted)))
    job.connection.commit()
    log.info("%d staging views made: their text is new here", len(made))


def _text_hash() -> str:
    digest = hashlib.sha256()
    for path in sorted(path for pattern in TEXTS for path in DBT_PROJECT_DIR.glob(pattern)):
        digest.update(path.relative_to(DBT_PROJECT_DIR).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
