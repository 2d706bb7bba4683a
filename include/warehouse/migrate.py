"""Brings a warehouse to the state that this version of the code needs. Safe to run again at any time.

Numbered SQL files make roles, ``ops``, ``quarantine`` and ``vault``; the landing contracts make ``raw``; the dbt
contracts make ``published`` and the views over it. A new nullable column is added; any other change of a published
table is refused, with the migration that somebody has to write.
"""

import hashlib
import logging
from pathlib import Path

import psycopg
from psycopg import sql

from include.errors import PostloanError
from include.landing.contract import load_contracts
from include.landing.raw_tables import added_columns_ddl, raw_table_ddl
from include.settings import Settings
from include.warehouse.connection import connect
from include.warehouse.contact_view import CONTACT_ELIGIBLE_NOW
from include.warehouse.data_sets import DataSet, load_data_sets
from include.warehouse.fold import CANDIDATE, PUBLISHED, fold_sql
from include.warehouse.roles import apply_matrix
from include.warehouse.row_security import bring_policies_up_to_date

log = logging.getLogger(__name__)
MIGRATIONS_DIR = Path(__file__).parent / "migrations"
ROLES_FILE = "0001_roles_and_schemas.sql"
MIGRATE_LOCK = 7306001


def migrate(settings: Settings) -> dict[str, int]:
    """Apply what is missing. Returns counts: ``migrations`` applied, ``tables`` created, ``columns`` added."""
    counts = {"migrations": 0, "tables": 0, "columns": 0}
    with connect(settings, role=None, application_name="postloan:migrate") as connection:
        connection.execute("select pg_advisory_xact_lock(%s)", (MIGRATE_LOCK,))
        connection.execute((MIGRATIONS_DIR / ROLES_FILE).read_text(encoding="utf-8"))
        connection.execute("set local role postloan_owner")
        counts["migrations"] = _apply_migrations(connection)
        for contract in load_contracts():
            for statement in raw_table_ddl(contract):
                connection.execute(statement)
            added = added_columns_ddl(contract, existing_columns(connection, f"raw.{contract.raw_name}").keys())
            for statement in added:
                connection.execute(statement)
            counts["columns"] += len(added)
        for data_set in load_data_sets().values():
            _bring_table_up_to_date(connection, data_set, counts)
        # a policy may ask another table: all of them are there first
        for data_set in load_data_sets().values():
            bring_policies_up_to_date(connection, data_set)
        connection.execute("set local role serving_owner")
        for data_set in load_data_sets().values():
            _create_views(connection, data_set)
        connection.execute(CONTACT_ELIGIBLE_NOW)
        connection.execute("set local role none")
        apply_matrix(connection)
    return counts


def ensure_partitions(connection: psycopg.Connection, month_of: object) -> None:
    """Create the monthly partitions that hold ``month_of`` (a date).

    Needs the role of the publisher and autocommit: a table at a time, so that no reader ever waits for two of them.
    """
    for data_set in load_data_sets().values():
        if data_set.is_partitioned:
            connection.execute("select ops.ensure_partition(%s, %s)", (data_set.name, month_of))


def _apply_migrations(connection: psycopg.Connection) -> int:
    connection.execute("create table if not exists ops.migration (name text primary key, sha256 text not null)")
    applied = dict(connection.execute("select name, sha256 from ops.migration").fetchall())
    count = 0
    for path in sorted(MIGRATIONS_DIR.glob("*.sql")):
        if path.name == ROLES_FILE:
            continue
        text = path.read_text(encoding="utf-8")
        digest = hashlib.sha256(text.encode()).hexdigest()
        if path.name not in applied:
            connection.execute(text)
            connection.execute("insert into ops.migration values (%s, %s)", (path.name, digest))
            log.info("applied migration %s", path.name)
            count += 1
        elif applied[path.name] != digest:
            raise PostloanError(
                f"migration {path.name} was changed after it had been applied to this warehouse",
                next_command=f"git log -p include/warehouse/migrations/{path.name}  # move the change to a new file",
            )
    return count


def existing_columns(connection: psycopg.Connection, table: str) -> dict[str, str]:
    """The columns of a table with their types; none when there is no such table."""
    return dict(
        connection.execute(
            "select attname, format_type(atttypid, atttypmod) from pg_attribute "
            "where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped",
            (table,),
        ).fetchall()
    )


def _bring_table_up_to_date(connection: psycopg.Connection, data_set: DataSet, counts: dict[str, int]) -> None:
    existing = existing_columns(connection, f"published.{data_set.name}")
    if not existing:
        connection.execute(_table_ddl(data_set))
        counts["tables"] += 1
        return
    for column in data_set.columns:
        if column.name not in existing:
            if column.is_required:
                raise _refused(
                    data_set, f"the new column {column.name} is not null, published rows have no value for it"
                )
            connection.execute(f"alter table published.{data_set.name} add column {column.name} {column.data_type}")
            counts["columns"] += 1
        elif existing[column.name] != column.data_type:
            raise _refused(
                data_set, f"column {column.name} is {existing[column.name]}, the contract says {column.data_type}"
            )
    gone = sorted(set(existing) - set(data_set.column_names))
    if gone:
        raise _refused(data_set, f"the contract no longer has {', '.join(gone)}")


def _refused(data_set: DataSet, why: str) -> PostloanError:
    return PostloanError(
        f"published.{data_set.name}: {why}",
        next_command="postloan migrate  # after a new file in include/warehouse/migrations/ that makes the change",
    )


def _table_ddl(data_set: DataSet) -> str:
    columns = ",\n".join(
        f"    {column.name} {column.data_type}{' not null' if column.is_required else ''}"
        for column in data_set.columns
    )
    name = f"published.{data_set.name}"
    key = ", ".join(("business_date", "run_id", *data_set.key))
    partition = " partition by range (business_date)" if data_set.is_partitioned else ""
    comment = sql.Literal(data_set.description).as_string()
    triggers = "\n".join(
        f"create trigger refuse_sealed_{verb} after {verb} on {name} "
        f"referencing {'old' if verb == 'delete' else 'new'} table as changed_rows "
        f"for each statement execute function ops.refuse_sealed_rows();"
        for verb in ("insert", "delete")
    )
    # one loan's or borrower's row of any date is looked up: the folds join on these two (include/warehouse/fold.py)
    owner_indexes = "\n".join(
        f"create index on {name} ({owner}, business_date);"
        for owner in ("loan_id", "borrower_id")
        if owner in data_set.key
    )
    due_index = f"create index on {name} (changes_on);" if "changes_on" in data_set.column_names else ""
    return f"""
create table {name} (
{columns},
    primary key ({key})
){partition};
comment on table {name} is {comment};
{owner_indexes}
{due_index}
{triggers}
alter table {name} enable row level security;
alter table {name} force row level security;
"""


def _create_views(connection: psycopg.Connection, data_set: DataSet) -> None:
    name = data_set.name
    connection.execute(
        f"create or replace view serving.{name}_history with (security_barrier) as\n{fold_sql(data_set, PUBLISHED)};\n"
        f"create or replace view serving.{name} with (security_barrier) as\n"
        f"select * from serving.{name}_history\n"
        f"where as_of_date = (select max(business_date) from ops.publication where data_set = '{name}');\n"
        f"create or replace function serving.{name}_as_of(wanted_date date) returns setof serving.{name}_history\n"
        f"language sql stable as 'select * from serving.{name}_history where as_of_date = wanted_date';\n"
        f"create or replace view candidate.{name} as\n{fold_sql(data_set, CANDIDATE)}"
    )
