"""Row-level security of the published tables: jobs see every row, readers the rows of their branches.

Serving views run as ``serving_owner``, whom the policies bind; the person who asks is ``current_user``. Whose branch a
row is, it says itself (``branch_code``), or the position of the same loan in the same run does. What belongs to no one
branch - a borrower's figures over all loans - is for readers of every branch only.
"""

import psycopg
from psycopg import sql

from include.warehouse.data_sets import DataSet
from include.warehouse.roles import AUDITOR, OWNER, PUBLISHER, SCORER, SERVING_OWNER, TRANSFORMER, VALIDATOR

JOBS = (TRANSFORMER, VALIDATOR, SCORER, PUBLISHER, AUDITOR, OWNER)
POSITIONS = "loan_position"
_IS_MINE = "pg_has_role(current_user, scope.role_name, 'member')"
_IS_JOB = " or ".join(f"pg_has_role(current_user, '{role}', 'member')" for role in JOBS)
# asked once a query
SEES_ALL = (
    f"(select {_IS_JOB} or coalesce(bool_or(scope.branch_code is null), false) "
    f"and not coalesce(bool_or(scope.branch_code is not null), false) from ops.reader_scope as scope where {_IS_MINE})"
)
OWN_BRANCHES = f"(select scope.branch_code from ops.reader_scope as scope where {_IS_MINE})"


def policies(data_set: DataSet) -> dict[str, str]:
    """The policies of a published table by name, as they follow ``create policy <name> on <table>``."""
    writer = TRANSFORMER if data_set.is_model else SCORER
    return {
        "owner_sees_all": f"to {OWNER} using (true) with check (true)",
        "writer_writes": f"to {writer} using (true) with check (true)",
        "jobs_see_all": f"for select to {', '.join(JOBS)} using (true)",
        "readers_see": f"for select to {SERVING_OWNER} using ({_seen_by_readers(data_set)})",
    }


def bring_policies_up_to_date(connection: psycopg.Connection, data_set: DataSet) -> None:
    """Replace the policies of a table that are not these. A table whose policies stand is not locked."""
    table = sql.Identifier("published", data_set.name)
    wanted = policies(data_set)
    kept = dict(
        connection.execute(
            "select polname, obj_description(oid, 'pg_policy') from pg_policy where polrelid = to_regclass(%s)",
            (f"published.{data_set.name}",),
        ).fetchall()
    )
    for name in kept.keys() - {name for name, text in wanted.items() if kept.get(name) == text}:
        connection.execute(sql.SQL("drop policy {} on {}").format(sql.Identifier(name), table))
        del kept[name]
    for name, text in wanted.items():
        if name not in kept:
            # the server rewrites what it is told: the comment keeps our words for the next comparison
            connection.execute(
                sql.SQL(
                    "create policy {name} on {table} {text}; comment on policy {name} on {table} is {words}"
                ).format(name=sql.Identifier(name), table=table, text=sql.SQL(text), words=sql.Literal(text))
            )


def _seen_by_readers(data_set: DataSet) -> str:
    if data_set.fold == "none":
        return "true"  # every fold rests on it; readers have no view of it
    if "branch_code" in data_set.column_names:
        return f"{SEES_ALL} or branch_code in {OWN_BRANCHES}"
    if "loan_id" in data_set.key:
        return (
            f"{SEES_ALL} or exists (select from published.{POSITIONS} as position "
            f"where position.business_date = {data_set.name}.business_date "
            f"and position.run_id = {data_set.name}.run_id and position.loan_id = {data_set.name}.loan_id "
            f"and position.branch_code in {OWN_BRANCHES})"
        )
    return SEES_ALL
