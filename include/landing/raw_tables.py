"""The raw tables, made from the contracts: typed rows, append only, and who superseded whom."""

from collections.abc import Set as AbstractSet

from include.errors import RefusedError
from include.landing.contract import Contract, contract_path


def raw_table_ddl(contract: Contract) -> list[str]:
    """The statements that make the raw table and its supersession table; harmless when they exist already.

    Names come from the contract, which admits only plain lower-case identifiers.
    """
    table = f"raw.{contract.raw_name}"
    superseded = f"{table}__superseded"
    columns = [
        f"{name} {sql_type}{'' if column.nullable else ' not null'}"
        for column in contract.columns
        for name, sql_type in column.stored_as.items()
    ]
    columns += [f"{derived.name} {derived.sql_type} not null" for derived in contract.derived]
    columns += [
        "_business_date date not null",
        "_known_date date not null",
        "_batch_id bigint not null",
        "_line_no integer not null",
        "_row_hash uuid not null",
    ]
    statements = [
        f"create table if not exists {table} ({', '.join(columns)})",
        f"create index if not exists {contract.raw_name}_batch on {table} (_batch_id)",
        f"create table if not exists {superseded} ("
        "_batch_id bigint not null, _line_no integer not null, _superseded_by_batch_id bigint not null, "
        "_superseded_date date not null)",
        f"create index if not exists {contract.raw_name}_superseded_row on {superseded} (_batch_id, _line_no)",
        f"create index if not exists {contract.raw_name}_superseded_by on {superseded} (_superseded_by_batch_id)",
        f"comment on table {table} is 'Append only. From include/contracts/{contract.system}/{contract.table}.yml.'",
    ]
    searched = dict.fromkeys(filter(None, (contract.subject_column, *contract.lookup)))
    statements += [
        f"create index if not exists {contract.raw_name}_{column} on {table} ({column})" for column in searched
    ]
    if contract.unit_or_key[0] not in searched:
        # a later version is found by its key, and a corrected row may even name another loan
        key = ", ".join(contract.unit_or_key)
        statements.append(f"create index if not exists {contract.raw_name}_key on {table} ({key})")
    return statements


def added_columns_ddl(contract: Contract, existing: AbstractSet[str]) -> list[str]:
    """The statements that add what a contract states beyond a raw table that is there already.

    Raises RefusedError for a column that may not be empty: the rows that are there do not have it.
    """
    statements = []
    for column in contract.columns:
        missing = {name: sql_type for name, sql_type in column.stored_as.items() if name not in existing}
        if missing and not column.nullable:
            raise RefusedError(
                f"{contract.system}.{contract.table} has rows that were landed without {column.name}: a column that is "
                "added later may be empty (nullable: true)",
                next_command=f"cat {contract_path(contract.system, contract.table)}",
            )
        statements += [
            f"alter table raw.{contract.raw_name} add column {name} {kind}" for name, kind in missing.items()
        ]
    return statements
