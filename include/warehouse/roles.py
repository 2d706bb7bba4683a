"""The roles of the warehouse and what each may do: ``role_matrix.yml`` read, and made so.

Migrations make tables; who may touch them stands in the matrix alone. Every ``postloan migrate`` takes away what it
does not state and grants what it states, in one transaction.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import psycopg
import yaml
from psycopg import sql

from include.errors import PostloanError
from include.warehouse.data_sets import load_data_sets

MATRIX_FILE = Path(__file__).parent / "role_matrix.yml"
LOADER, TRANSFORMER, VALIDATOR, SCORER, PUBLISHER, AUDITOR, PRIVACY, OWNER = (
    f"postloan_{name}"
    for name in ("loader", "transformer", "validator", "scorer", "publisher", "auditor", "privacy", "owner")
)
READER, SERVING_OWNER, RETIRED = "reader", "serving_owner", "postloan_pipeline"
VERBS = ("select", "insert", "update", "delete")
VERB = re.compile(r"(select|insert|update|delete)(?:\(([a-z_, ]+)\))?")
STEPS = {"transform": TRANSFORMER, "score": SCORER, "decide": SCORER}
Rights = dict[str, list[str]]


@dataclass(frozen=True)
class Relation:
    """A table or view, with its columns, as the catalog has it."""

    schema: str
    name: str
    columns: tuple[str, ...]
    is_view: bool


def role_of_step(step: str) -> str:
    """The role that a step of a run acts as."""
    if step.startswith("audit_"):
        return VALIDATOR
    return STEPS.get(step, PUBLISHER)


def full_name(role: str) -> str:
    """The role's name in the server."""
    return role if role in (READER, SERVING_OWNER) else f"postloan_{role}"


@lru_cache
def load_matrix() -> dict[str, Any]:
    """The matrix as it is written, its names and verbs checked."""
    matrix = yaml.safe_load(MATRIX_FILE.read_text(encoding="utf-8"))
    for schema, stated in matrix["schemas"].items():
        groups = [stated.get(kind, {}) for kind in ("tables", "marts", "lists", "masked_columns")]
        for rights in (*groups, *stated.get("only", {}).values()):
            for role, verbs in rights.items():
                if role not in matrix["roles"] or not all(VERB.fullmatch(verb) for verb in verbs):
                    raise PostloanError(f"{MATRIX_FILE.name}: {schema} grants {verbs} to {role}")
    return matrix


def all_roles() -> list[str]:
    """Every role that the matrix speaks of, by its name in the server."""
    return [full_name(role) for role in load_matrix()["roles"]]


def rights_on(relation: Relation) -> Rights:
    """What the matrix states for a relation: verbs by role, as they are written after GRANT."""
    stated = load_matrix()["schemas"][relation.schema]
    if relation.name in stated.get("only", {}):
        rights = dict(stated["only"][relation.name])
    elif relation.schema == "published":
        data_set = load_data_sets().get(relation.name)
        rights = dict(stated["lists" if data_set is not None and not data_set.is_model else "marts"])
    else:
        rights = dict(stated["tables"])
    masked = ", ".join(name for name in relation.columns if name.endswith("_masked"))
    if masked:
        for role, verbs in stated.get("masked_columns", {}).items():
            rights[role] = [*rights.get(role, []), *(f"{verb}({masked})" for verb in verbs)]
    return {full_name(role): verbs for role, verbs in rights.items()}


def relations(connection: psycopg.Connection) -> list[Relation]:
    """Every table and view of the schemas of the matrix; a partition is reached through its table only."""
    rows = connection.execute(
        "select nspname, relname, coalesce(array_agg(attname::text order by attnum) "
        "filter (where attnum > 0 and not attisdropped), '{}'), relkind = 'v' "
        "from pg_class join pg_namespace on pg_namespace.oid = relnamespace "
        "left join pg_attribute on attrelid = pg_class.oid "
        "where nspname = any(%s) and relkind = any('{r,p,v,m,f}') and not relispartition "
        "group by 1, 2, relkind order by 1, 2",
        (list(load_matrix()["schemas"]),),
    ).fetchall()
    return [Relation(schema, name, tuple(columns), is_view) for schema, name, columns, is_view in rows]


def apply_matrix(connection: psycopg.Connection) -> None:
    """Make the rights in this database those of the matrix. Needs the login that owns every owning role."""
    statements = [
        *_schema_statements(),
        *(statement for relation in relations(connection) for statement in grant_statements(relation)),
        *_function_statements(connection),
        *database_statements(connection.info.dbname),
    ]
    connection.execute(sql.SQL(";\n").join(statements))  # many, and one round trip


def _schema_statements() -> Iterator[sql.Composed]:
    """Takes everything away in each schema, from all but its makers, and says who may enter and make."""
    for name, stated in load_matrix()["schemas"].items():
        schema, made_by = sql.Identifier(name), stated.get("made_by")
        makers = {full_name(made_by)} if made_by else {OWNER}
        if name in ("serving", "candidate"):
            makers.add(SERVING_OWNER)  # its own views stay its own
        losers = [sql.Identifier(role) for role in (*all_roles(), RETIRED) if role not in makers]
        for what in ("schema", "all tables in schema", "all sequences in schema", "all functions in schema"):
            yield sql.SQL(f"revoke all on {what} {{}} from {{}}").format(
                schema, sql.SQL(", ").join([sql.SQL("public"), *losers])
            )
        creators = stated.get("create", [])
        for right, roles in (("usage", [*stated["usage"], *creators]), ("create", creators)):
            for role in roles:
                yield sql.SQL(f"grant {right} on schema {{}} to {{}}").format(schema, sql.Identifier(full_name(role)))
        if made_by:  # dbt makes these tables anew in every run: what is granted on them has to be granted ahead
            for role, verbs in stated["tables"].items():
                yield sql.SQL("alter default privileges for role {} in schema {} grant {} on tables to {}").format(
                    sql.Identifier(full_name(made_by)),
                    schema,
                    sql.SQL(", ").join(map(sql.SQL, verbs)),
                    sql.Identifier(full_name(role)),
                )


def grant_statements(relation: Relation) -> Iterator[sql.Composed]:
    """The grants that the matrix states for a relation."""
    for role, verbs in rights_on(relation).items():
        yield sql.SQL("grant {} on {} to {}").format(
            sql.SQL(", ").join(map(sql.SQL, verbs)),
            sql.Identifier(relation.schema, relation.name),
            sql.Identifier(role),
        )


def database_statements(database: str) -> Iterator[sql.Composed]:
    """What the matrix states for the database itself."""
    everybody = sql.SQL(", ").join(map(sql.Identifier, (*all_roles(), RETIRED)))
    yield sql.SQL("revoke all on database {} from public, {}").format(sql.Identifier(database), everybody)
    for right, roles in load_matrix()["database"].items():
        yield sql.SQL(f"grant {right} on database {{}} to {{}}").format(
            sql.Identifier(database), sql.SQL(", ").join(sql.Identifier(full_name(role)) for role in roles)
        )


def _function_statements(connection: psycopg.Connection) -> Iterator[sql.Composed]:
    stated = load_matrix()["functions"]
    found = connection.execute(
        "select nspname, proname, pg_proc.oid::regprocedure::text from pg_proc "
        "join pg_namespace on pg_namespace.oid = pronamespace where nspname = any(%s) order by 1, 2, 3",
        (list(load_matrix()["schemas"]),),
    ).fetchall()
    for schema, name, signature in found:
        for role in stated.get(f"{schema}.{name}", stated.get(f"{schema}.*", [])):
            yield sql.SQL("grant execute on function {} to {}").format(
                sql.SQL(signature), sql.Identifier(full_name(role))
            )
