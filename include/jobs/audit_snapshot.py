"""The candidate of a run, folded once: what the rules of an audit are asked about.

``audit.<data set>`` holds exactly the rows of ``candidate.<data set>``, taken under the job's lock. A fold sorts all
touched loans of the chain, and nothing tells the planner how many rows come out of it: rules that join two folds take
minutes on 200,000 loans. Of a table it knows the statistics.
"""

import psycopg
from psycopg import sql

from include.warehouse.runs import Run, assert_writer

SCHEMA = "audit"
# by stage: taken anew; still good when the former stage of the same attempt took them
FRESH = {
    "marts": (
        "touched_loan", "touched_borrower", "loan_position", "loan_signal", "borrower_position", "kpi_portfolio_daily"
    ),
    "lists": ("warning_list", "warning_cleared"),
}  # fmt: skip
SHARED = {"marts": (), "lists": ("loan_position", "loan_signal", "kpi_portfolio_daily")}
SORT_MEMORY = "256MB"


def take_snapshot(connection: psycopg.Connection, run: Run, stage: str) -> None:
    """Bring the tables that the rules of ``stage`` read to the candidate of ``run``. Commits."""
    assert_writer(connection, run)
    connection.execute("select set_config('work_mem', %s, true)", (SORT_MEMORY,))
    for table in FRESH[stage]:
        _take(connection, run, table)
    for table in SHARED[stage]:
        if _owner_of(connection, table) != _mark(run):
            _take(connection, run, table)
    connection.commit()


def _take(connection: psycopg.Connection, run: Run, table: str) -> None:
    names = {
        "table": sql.Identifier(SCHEMA, table),
        "candidate": sql.Identifier("candidate", table),
        "mark": sql.Literal(_mark(run)),
    }
    for statement in (
        "drop table if exists {table}",
        "create unlogged table {table} as select * from {candidate}",
        "analyze {table}",
        "comment on table {table} is {mark}",
    ):
        connection.execute(sql.SQL(statement).format(**names))


def _owner_of(connection: psycopg.Connection, table: str) -> str | None:
    (mark,) = connection.execute(
        "select obj_description(to_regclass(%s), 'pg_class')", (f"{SCHEMA}.{table}",)
    ).fetchone()
    return mark


def _mark(run: Run) -> str:
    return f"candidate of run {run.run_id}, attempt {run.attempt}"
