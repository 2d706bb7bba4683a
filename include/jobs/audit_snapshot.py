"""What the rules of an audit are asked about: the candidate of a run, put into tables once.

``audit.loan_position`` holds every loan as readers would see it. It is folded once, because a fold sorts all touched
loans of the chain, and because nothing tells the planner how many rows come out of it: rules that join two folds take
minutes on 200,000 loans. Of a table it knows the statistics.

Of signals and borrowers the snapshot holds what the run wrote. That is all there is to ask: whoever is late or listed
is touched every day, and a carried loan whose signal, bucket or borrower had to change is refused in
``loan_position``. The other data sets are complete in every run.
"""

from collections.abc import Collection
from dataclasses import replace

import psycopg
from psycopg import sql

from include.warehouse.data_sets import DataSet, load_data_sets
from include.warehouse.fold import CANDIDATE, fold_sql
from include.warehouse.runs import Run, assert_writer

SCHEMA = "audit"
FOLDED = ("loan_position",)
SORT_MEMORY = "256MB"


def take_snapshot(connection: psycopg.Connection, run: Run, checked: Collection[str], read: Collection[str]) -> None:
    """Bring tables to the candidate of ``run`` and commit: ``checked`` always, ``read`` unless this attempt did."""
    assert_writer(connection, run)
    connection.execute("select set_config('work_mem', %s, true)", (SORT_MEMORY,))
    for table in sorted({*checked, *read}):
        if table in checked or _mark_of(connection, table) != _mark(run):
            _take(connection, run, table)
    connection.commit()


def _take(connection: psycopg.Connection, run: Run, table: str) -> None:
    target, data_set = sql.Identifier(SCHEMA, table), load_data_sets()[table]
    rows = f"select * from candidate.{table}" if table in FOLDED else _rows_of_run(data_set)
    connection.execute(sql.SQL("drop table if exists {}").format(target))
    connection.execute(sql.SQL("create unlogged table {} as ").format(target) + sql.SQL(rows))
    connection.execute(sql.SQL("analyze {}").format(target))
    connection.execute(sql.SQL("comment on table {} is {}").format(target, sql.Literal(_mark(run))))


def _rows_of_run(data_set: DataSet) -> str:
    """The rows that the run under way wrote, in the form of the candidate view."""
    return fold_sql(replace(data_set, fold="complete"), CANDIDATE)


def _mark_of(connection: psycopg.Connection, table: str) -> str | None:
    (mark,) = connection.execute(
        "select obj_description(to_regclass(%s), 'pg_class')", (f"{SCHEMA}.{table}",)
    ).fetchone()
    return mark


def _mark(run: Run) -> str:
    return f"candidate of run {run.run_id}, attempt {run.attempt}"
