"""How the steps that decide in Python read and write: frames of Python objects in, the run's own rows out."""

from typing import LiteralString

import pandas as pd

from include.warehouse.data_sets import load_data_sets
from include.warehouse.runs import Job


def read_frame(job: Job, query: LiteralString, **parameters: object) -> pd.DataFrame:
    """The rows as Python objects: money stays Decimal, a missing value stays None.

    The query may name ``business_date``, ``run_id`` and ``base_run_id`` of the run, and ``parameters``.
    """
    run = job.run
    known = {"business_date": run.business_date, "run_id": run.run_id, "base_run_id": run.base_run_id}
    cursor = job.connection.execute(query, known | parameters)
    columns = [column.name for column in cursor.description or []]
    return pd.DataFrame(cursor.fetchall(), columns=columns, dtype=object)


def replace_rows(job: Job, table: str, rows: pd.DataFrame) -> None:
    """Write the run's rows of a published table, in place of those that an earlier attempt wrote."""
    run, columns = job.run, load_data_sets()[table].value_columns
    job.connection.execute(
        f"delete from published.{table} where business_date = %s and run_id = %s", (run.business_date, run.run_id)
    )
    names = ", ".join(("business_date", "run_id", *columns))
    # row-level security admits no COPY: the rows take a step over a temporary table
    job.connection.execute(f"create temporary table incoming (like published.{table}) on commit drop")
    with job.connection.cursor() as cursor, cursor.copy(f"copy incoming ({names}) from stdin") as copy:
        for row in rows[columns].itertuples(index=False, name=None):
            copy.write_row((run.business_date, run.run_id, *row))
    job.connection.execute(f"insert into published.{table} ({names}) select {names} from incoming")
    job.connection.execute("drop table incoming")
