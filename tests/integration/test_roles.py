"""The role matrix is the catalog: every verb of every role is tried on every table, readers see their branches only."""

import re
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from include.errors import PostloanError
from include.settings import PROJECT_DIR, Settings
from include.warehouse.connection import connect, login_parameters
from include.warehouse.data_sets import load_data_sets
from include.warehouse.migrate import ensure_partitions, migrate
from include.warehouse.roles import (
    OWNER,
    SERVING_OWNER,
    VERB,
    VERBS,
    Relation,
    all_roles,
    full_name,
    load_matrix,
    relations,
    rights_on,
    role_of_step,
)
from tests.conftest import TestServer

DAY, RUN = date(2026, 1, 5), "aaaaaaaaaaaaaaaa"
ROLES = sorted(set(all_roles()) - {OWNER})
PEOPLE = {"risk_010": ["010"], "risk_020": ["020"], "risk_both": ["010", "020"]}


@pytest.fixture(scope="module")
def warehouse(
    server: TestServer, template_warehouse: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    server.create_database("roles", template=template_warehouse)
    yield server.settings_for("roles", tmp_path_factory.mktemp("roles"))
    server.drop_database("roles")


@pytest.fixture(scope="module")
def published(warehouse: Settings) -> Settings:
    """Three loans of two branches, published, with signals, a list and figures."""
    with connect(warehouse, role="postloan_publisher", autocommit=True) as connection:
        ensure_partitions(connection, DAY)
    with connect(warehouse, role=OWNER) as connection:
        connection.execute(
            "insert into ops.run (run_id, business_date, known_date, kind, is_keyframe, status, policy_hash, code_hash)"
            " values (%(run)s, %(day)s, %(day)s, 'daily', true, 'PUBLISHED', 'p', 'c');",
            {"run": RUN, "day": DAY},
        )
        connection.execute("insert into ops.run_chain values (%s, 0, %s, %s)", (RUN, RUN, DAY))
        for loan_id, branch in (("L1", "010"), ("L2", "020"), ("L3", "020")):
            facts = {"loan_id": loan_id, "borrower_id": f"B{loan_id[1]}", "branch_code": branch}
            for name in load_data_sets():
                _insert(connection, name, {**facts, "signal_code": "missed_instalment"})
        for name in load_data_sets():
            connection.execute("insert into ops.publication values (%s, %s, %s)", (DAY, name, RUN))
        for role, branches in PEOPLE.items():
            for branch in branches:
                connection.execute("insert into ops.reader_scope values (%s, %s)", (role, branch))
    with connect(warehouse, role=None) as connection:
        for role in PEOPLE:
            connection.execute(
                sql.SQL("drop role if exists {r}; create role {r} in role reader; grant {r} to current_user").format(
                    r=sql.Identifier(role)
                )
            )
    return warehouse


def _insert(connection: psycopg.Connection, name: str, facts: dict[str, str]) -> None:
    data_set = load_data_sets()[name]
    row = {}
    for column in data_set.columns:
        empty = {"date": DAY, "timestamp with time zone": DAY, "boolean": False, "text[]": []}.get(
            column.data_type, 0 if "text" not in column.data_type else ""
        )
        row[column.name] = facts.get(column.name, empty if column.is_required else None)
    row |= {"business_date": DAY, "run_id": RUN}
    connection.execute(
        sql.SQL("insert into {} values ({}) on conflict do nothing").format(
            sql.Identifier("published", name), sql.SQL(", ").join([sql.Placeholder()] * len(row))
        ),
        list(row.values()),
    )


def _attempts(relation: Relation) -> Iterator[tuple[str, sql.Composed]]:
    """One statement a verb. Rights are checked when a statement starts; explain starts it and ends it there."""
    table, first = sql.Identifier(relation.schema, relation.name), sql.Identifier(relation.columns[0])
    yield (
        "select",
        sql.SQL("explain select {} from {}").format(sql.SQL(", ").join(map(sql.Identifier, relation.columns)), table),
    )
    if relation.is_view:  # the verbs of a view that computes its rows end before rights are looked at
        return
    yield "insert", sql.SQL("explain insert into {} default values").format(table)
    yield "update", sql.SQL("explain update {} set {} = default").format(table, first)
    yield "delete", sql.SQL("explain delete from {}").format(table)


def _may(connection: psycopg.Connection, statement: sql.Composable) -> bool:
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement)
    except psycopg.errors.InsufficientPrivilege:
        return False
    except (psycopg.errors.GeneratedAlways, psycopg.errors.ObjectNotInPrerequisiteState):
        return True  # the right is there; the statement does not go for another reason
    return True


def test_every_verb_of_every_role_on_every_table_is_as_the_matrix_states(
    warehouse: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    tried, wrong = 0, []
    with connect(warehouse, role=None) as connection:
        tables = [relation for relation in relations(connection) if relation.columns]
        for role in ROLES:
            connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
            for relation in tables:
                if _owns(role, relation):
                    continue
                stated = rights_on(relation).get(role, [])
                for verb, statement in _attempts(relation):
                    expected = verb in stated
                    if _may(connection, statement) != expected:
                        wrong.append(f"{role} {verb} {relation.schema}.{relation.name}: stated {expected}")
                    tried += 1
            connection.execute("reset role")
    assert not wrong
    with capsys.disabled():
        sys.stdout.write(f"\nrole matrix: {len(ROLES)} roles, {len(tables)} tables and views, {tried} verbs tried\n")
    assert tried > 1500


def _owns(role: str, relation: Relation) -> bool:
    made_by = load_matrix()["schemas"][relation.schema].get("made_by")
    return (made_by is not None and full_name(made_by) == role) or (
        role == SERVING_OWNER and relation.schema in ("serving", "candidate")
    )


def test_rights_by_column_end_where_the_matrix_says(warehouse: Settings) -> None:
    with connect(warehouse, role=None) as connection:
        for relation in relations(connection):
            for role, verbs in rights_on(relation).items():
                for verb, columns in (VERB.fullmatch(stated).groups() for stated in verbs):
                    if columns is None:
                        continue
                    granted = {
                        name
                        for name in relation.columns
                        if connection.execute(
                            "select has_column_privilege(%s, %s, %s, %s)",
                            (role, f"{relation.schema}.{relation.name}", name, verb),
                        ).fetchone()[0]
                    }
                    if verb not in verbs:
                        assert granted == set(columns.split(", ")), (role, verb, relation)


def test_nobody_but_the_owner_makes_drops_or_empties_anything(warehouse: Settings) -> None:
    schemas = load_matrix()["schemas"]
    with connect(warehouse, role=None) as connection:
        for role in sorted(set(ROLES) - {SERVING_OWNER}):
            connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
            for schema, stated in schemas.items():
                makes = role in [
                    full_name(name) for name in (*stated.get("create", []), stated.get("made_by", "nobody"))
                ]
                created = sql.SQL("create table {} ()").format(sql.Identifier(schema, "tried"))
                assert _may(connection, created) == makes, (role, schema)
            for table in ("ops.publication", "vault.personal_value", "published.loan_position", "ops.reveal_event"):
                name = sql.Identifier(*table.split("."))
                for statement in ("truncate {}", "drop table {}", "alter table {} disable row level security"):
                    assert not _may(connection, sql.SQL(statement).format(name)), (role, statement, table)
            connection.execute("reset role")


def test_public_has_nothing(warehouse: Settings) -> None:
    schemas = list(load_matrix()["schemas"])
    with connect(warehouse, role=None) as connection:
        granted = connection.execute(
            "select 'schema', nspname from pg_namespace, aclexplode(nspacl) as acl "
            "where grantee = 0 and nspname = any(%(schemas)s || '{public}'::text[]) "
            "union all select 'table', oid::regclass::text from pg_class, aclexplode(relacl) as acl "
            "where grantee = 0 and relnamespace::regnamespace::text = any(%(schemas)s) "
            "union all select 'function', pg_proc.oid::regprocedure::text from pg_proc, "
            "aclexplode(coalesce(proacl, acldefault('f', proowner))) as acl "
            "where grantee = 0 and pronamespace::regnamespace::text = any(%(schemas)s) "
            "union all select 'database', datname from pg_database, "
            "aclexplode(coalesce(datacl, acldefault('d', datdba))) as acl "
            "where grantee = 0 and datname = current_database()",
            {"schemas": schemas},
        ).fetchall()
        retired = connection.execute(
            "select count(*) from pg_class, aclexplode(relacl) as acl where acl.grantee = 'postloan_pipeline'::regrole"
        ).fetchone()
    assert granted == []
    assert retired == (0,)


def test_no_role_of_a_job_can_log_in_and_none_is_above_row_level_security(warehouse: Settings) -> None:
    with connect(warehouse, role=None) as connection:
        rows = connection.execute(
            "select rolname from pg_roles where rolname = any(%s) and (rolcanlogin or rolsuper or rolbypassrls or "
            "rolcreaterole or rolcreatedb)",
            (all_roles(),),
        ).fetchall()
        members = connection.execute(
            "select roleid::regrole::text, member::regrole::text from pg_auth_members "
            "where member::regrole::text = any(%s)",
            (all_roles(),),
        ).fetchall()
    assert rows == []
    assert members == []  # no role holds another's rights


def test_a_step_can_say_of_itself_only_that_it_is_done(published: Settings) -> None:
    """publish believes the attempt log: whoever transforms cannot write that an audit has passed."""
    insert = "insert into ops.run_step (run_id, attempt, step, status) values (%s, 1, %s, 'DONE')"
    for step in ("transform", "audit_marts", "decide", "publish"):
        for role in ("postloan_transformer", "postloan_validator", "postloan_scorer", "postloan_publisher"):
            with connect(published, role=role) as connection:
                if role == role_of_step(step):
                    connection.execute(insert, (RUN, step))
                    connection.rollback()
                    continue
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(insert, (RUN, step))


def test_what_a_former_attempt_left_running_is_ended_and_nothing_else(published: Settings) -> None:
    left = connect(published, role="postloan_transformer", application_name=f"postloan:{RUN}:1", autocommit=True)
    other = connect(published, role="postloan_transformer", application_name=f"postloan:{RUN}:2", autocommit=True)
    with connect(published, role="postloan_publisher", autocommit=True) as connection:
        assert connection.execute("select ops.end_backends(%s)", (f"postloan:{RUN}:1",)).fetchone() == (1,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select ops.end_backends('psql')")
    with pytest.raises(psycopg.OperationalError):
        left.execute("select 1")
    assert other.execute("select 1").fetchone() == (1,)
    other.close()


def test_a_reader_of_a_branch_sees_that_branch_and_no_other(published: Settings) -> None:
    seen = {}
    for role in ("reader", *PEOPLE):
        with connect(published, role=role) as connection:
            seen[role] = {
                view: [row[0] for row in connection.execute(f"select distinct loan_id from {view} order by 1")]
                for view in (
                    "serving.loan_position", "serving.loan_signal_history", "serving.warning_list",
                    f"serving.warning_cleared_as_of('{DAY}')",
                )
            }  # fmt: skip
            with connection.cursor().copy("copy (select loan_id from serving.loan_position) to stdout") as copy:
                assert [row[0] for row in copy.rows()] == seen[role]["serving.loan_position"]
            borrowers = connection.execute("select count(*) from serving.borrower_position").fetchone()
            assert (borrowers == (0,)) == (role != "reader")  # a borrower's figures span branches
            for hidden in ("serving.touched_loan", "published.loan_position", "candidate.loan_position"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                    connection.execute(f"select count(*) from {hidden}")
    everything, mine = (
        ["L1", "L2", "L3"],
        {"risk_010": ["L1"], "risk_020": ["L2", "L3"], "risk_both": ["L1", "L2", "L3"]},
    )
    for role, views in seen.items():
        assert set(map(tuple, views.values())) == {tuple(mine.get(role, everything))}, (role, views)


def test_whoever_has_no_scope_sees_nothing(published: Settings) -> None:
    with connect(published, role=OWNER) as connection:
        connection.execute("delete from ops.reader_scope where role_name = 'reader'")
    try:
        with connect(published, role="reader") as connection:
            assert connection.execute("select count(*) from serving.loan_position").fetchone() == (0,)
    finally:
        with connect(published, role=OWNER) as connection:
            connection.execute("insert into ops.reader_scope values ('reader', null)")


def test_a_migration_takes_away_what_the_matrix_does_not_state(published: Settings) -> None:
    with connect(published, role=OWNER) as connection:
        connection.execute(
            "grant select on vault.personal_value to reader; grant usage on schema vault to reader, public;"
            "grant update on published.loan_position to postloan_scorer;"
            "drop policy readers_see on published.warning_list;"
            "create policy readers_see on published.warning_list for select to serving_owner using (true)"
        )
    migrate(published)
    with connect(published, role="reader") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("select token from vault.personal_value")
    with connect(published, role="risk_010") as connection:
        assert connection.execute("select loan_id from serving.warning_list").fetchall() == [("L1",)]
    with connect(published, role=OWNER) as connection:
        may = connection.execute("select has_table_privilege('postloan_scorer', 'published.loan_position', 'update')")
        assert may.fetchone() == (False,)


def test_a_role_may_have_a_login_of_its_own(published: Settings) -> None:
    logins = '{"postloan_loader": {"user": "land_login", "password": "a-long-one"}}'
    own = Settings(**{**published.model_dump(), "warehouse_logins": logins})
    assert login_parameters(own, "postloan_loader")["user"] == "land_login"
    assert login_parameters(own, "postloan_scorer")["user"] == "postloan"
    with connect(published, role=None) as connection:
        connection.execute(
            "drop role if exists land_login; create role land_login login password 'a-long-one' in role postloan_loader"
        )
    try:
        with connect(own, role="postloan_loader") as connection:
            assert connection.execute("select session_user, current_user").fetchone() == (
                "land_login",
                "postloan_loader",
            )
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("set role postloan_publisher")
    finally:
        with connect(published, role=None) as connection:
            connection.execute("drop role land_login")
    with pytest.raises(PostloanError, match="must look like") as refused:
        login_parameters(Settings(**{**published.model_dump(), "warehouse_logins": "a-long-one"}), "postloan_loader")
    assert "a-long-one" not in str(refused.value)


def test_the_server_trusts_nobody(server: TestServer) -> None:
    rules = (Path(server.facts.data_dir) / "pg_hba.conf").read_text(encoding="utf-8")
    methods = [line.split()[-1] for line in rules.splitlines() if line.strip() and not line.startswith("#")]
    assert methods
    assert set(methods) <= {"scram-sha-256", "reject"}
    with psycopg.connect(server.facts.url("postgres", "postgres")) as connection:
        used = {method for (method,) in connection.execute("select distinct auth_method from pg_hba_file_rules")}
        hashed = connection.execute(
            "select rolname from pg_authid where rolcanlogin and rolpassword !~ '^SCRAM-SHA-256'"
        )
        assert hashed.fetchall() == []
    assert used <= {"scram-sha-256", "reject"}
    compose = (PROJECT_DIR / "docker-compose.yml").read_text(encoding="utf-8")
    assert "POSTGRES_INITDB_ARGS: --auth=scram-sha-256" in compose
    assert "trust" not in compose.lower()
    url = re.sub(r":[^:@/]+@", ":wrong@", server.facts.url("postloan", "postgres"))
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url, connect_timeout=5)


def test_every_table_of_ops_and_the_vault_is_named_in_the_matrix_and_every_name_is_a_table(warehouse: Settings) -> None:
    with connect(warehouse, role=None) as connection:
        found = {(relation.schema, relation.name) for relation in relations(connection)}
    stated = {(schema, name) for schema, rights in load_matrix()["schemas"].items() for name in rights.get("only", {})}
    assert not stated - found
    assert not {one for one in found if one[0] == "vault"} - stated - {("vault", "reveal_rule")}
    assert set(VERBS) == {"select", "insert", "update", "delete"}
