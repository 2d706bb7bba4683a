"""The audit of a run: what it keeps, what it says when it refuses, and what it must never show."""

import logging
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from great_expectations.core import ExpectationSuite
from psycopg import sql

from expectations import catalogue
from expectations.rules import WARNING, ExpectNoRowsFrom, ExpectNoRowsWhere, ExpectOneRowPer, rule
from include.errors import AuditError, PostloanError, SupersededError
from include.jobs.audit import audit
from include.quality import check
from include.settings import Settings
from include.warehouse.connection import connect
from tests.integration import audit_example as example

PHONE, NAME, IDENTITY = "13800138000", "张三丰", "110101199003077715"


@pytest.fixture
def run(settings: Settings) -> Settings:
    """A warehouse in which yesterday is published and today's run stands before its audits."""
    example.build_run(settings)
    return settings


def execute(settings: Settings, statement: str, role: str = "postloan_owner") -> list[tuple]:
    with connect(settings, role=role) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


# published rows are inserted and deleted, never updated
BREAK_BUCKET = f"""
create temporary table one on commit drop as
    select * from published.loan_position where run_id = '{example.RUN}' and loan_id = 'L02';
update one set delinquency_bucket = 'M2';
delete from published.loan_position where run_id = '{example.RUN}' and loan_id = 'L02';
insert into published.loan_position select * from one;
"""


def test_a_sound_run_passes_both_audits_and_the_outcome_of_every_rule_is_kept(run: Settings) -> None:
    for stage in ("marts", "lists"):
        counts = audit(example.RUN, run, stage=stage)
        assert counts["passed"] == counts["rules"] > 0
        assert counts["warnings"] == 0
    kept = execute(run, "select stage, outcome, count(*) from ops.audit_result group by stage, outcome order by stage")
    assert [(stage, outcome) for stage, outcome, _ in kept] == [("lists", "PASS"), ("marts", "PASS")]
    assert execute(run, "select status from ops.run_step order by step") == [("DONE",), ("DONE",)]


def test_auditing_again_replaces_the_outcomes_by_the_same(run: Settings) -> None:
    audit(example.RUN, run, stage="marts")
    kept = execute(run, "select * from ops.audit_result order by table_name, rule")
    assert len(kept) > 40
    audit(example.RUN, run, stage="marts")
    assert execute(run, "select * from ops.audit_result order by table_name, rule") == kept


def test_a_refused_candidate_is_named_with_its_rule_count_and_next_command_and_ends_the_run(run: Settings) -> None:
    execute(run, BREAK_BUCKET)
    with pytest.raises(AuditError) as refused:
        audit(example.RUN, run, stage="marts")
    text = str(refused.value)
    first_line = text.splitlines()[0]
    assert first_line.startswith("audit_marts refused 2026-03-10 (run aaaaaaaaaaaaaaaa): ")
    assert "loan_position.bucket_follows_days_past_due (1 row)" in first_line
    assert "nothing was published, the lists of 2026-03-09 stand" in first_line
    assert "逾期阶段由逾期天数决定。" in text
    assert "postloan run 2026-03-10" in refused.value.next_command
    ((status, failure),) = execute(run, f"select status, failure from ops.run where run_id = '{example.RUN}'")
    assert status == "FAILED"
    assert "bucket_follows_days_past_due" in failure
    kept = execute(run, "select rule, outcome, failing_row_count from ops.audit_result where outcome <> 'PASS'")
    assert ("bucket_follows_days_past_due", "FAIL", 1) in kept


def test_the_query_in_the_message_shows_the_rows_after_the_run_has_ended(run: Settings) -> None:
    execute(run, BREAK_BUCKET)
    with pytest.raises(AuditError) as refused:
        audit(example.RUN, run, stage="marts")
    line = next(
        line
        for line in str(refused.value).splitlines()
        if "to see the rows" in line and "delinquency_bucket is distinct" in line and "candidate.loan_position" in line
    )
    setting, query = line.split(": ", 1)[1].split("; ", 1)
    with connect(run, role="postloan_auditor") as connection:
        connection.execute(setting)
        cursor = connection.execute(query)
        names = [column.name for column in cursor.description]
        assert [row[names.index("loan_id")] for row in cursor.fetchall()] == ["L02"]


def test_the_pages_of_a_refused_run_are_there_for_whoever_looks_into_it(run: Settings) -> None:
    execute(run, BREAK_BUCKET)
    with pytest.raises(AuditError) as refused:
        audit(example.RUN, run, stage="marts")
    index = run.exports / "2026-03-10" / example.RUN / "data_docs" / "index.html"
    assert str(index) in str(refused.value)
    assert "bucket_follows_days_past_due" in index.read_text(encoding="utf-8")


def test_warnings_are_kept_and_do_not_stop_the_day(run: Settings, caplog: pytest.LogCaptureFixture) -> None:
    wide = "update ref.list_band set population_min = 1, soft_max = 0.5 where measure_code = 'listed_share'"
    execute(run, wide, "postloan_transformer")
    with caplog.at_level(logging.WARNING):
        counts = audit(example.RUN, run, stage="lists")
    assert counts["warnings"] == 1
    assert "listed_share_is_inside_the_soft_band" in caplog.text
    kept = execute(run, "select rule, severity from ops.audit_result where outcome = 'FAIL'")
    assert kept == [("listed_share_is_inside_the_soft_band", "warning")]


def test_an_attempt_that_was_superseded_keeps_no_outcome(run: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    import include.jobs.audit as job

    def later_attempt(*_: object, **__: object) -> list:
        execute(run, "update ops.writer set attempt = 2")
        return []

    monkeypatch.setattr("include.quality.check", later_attempt)
    with pytest.raises(SupersededError):
        job.audit(example.RUN, run, stage="marts")
    assert execute(run, "select count(*) from ops.audit_result") == [(0,)]


def only_these(monkeypatch: pytest.MonkeyPatch, *expectations: object) -> None:
    suite = {"loan_position": lambda scope: ExpectationSuite(name="loan_position", expectations=list(expectations))}
    monkeypatch.setitem(catalogue.STAGES, "marts", suite)


def a_rule(rule_id: str, severity: str = WARNING) -> dict:
    return rule(rule_id, "某规则。", "A rule.", why="For the test.", severity=severity)


@pytest.mark.parametrize(
    "broken",
    [
        ExpectNoRowsWhere(where="no_such_column > 0", **a_rule("broken")),
        ExpectNoRowsFrom(query="select 1 from no_such_table", **a_rule("broken")),
        ExpectNoRowsWhere(where="reason_codes >", **a_rule("broken")),
        ExpectNoRowsWhere(where="loan_id::integer > 0", **a_rule("broken")),
    ],
    ids=["missing column", "missing table", "syntax", "cast of a value"],
)
def test_a_rule_that_cannot_be_evaluated_is_an_error_and_stops_the_run_however_mild_it_is(
    run: Settings, monkeypatch: pytest.MonkeyPatch, broken: object
) -> None:
    # they share a statement with the broken one and must not be taken for broken
    sound = [
        ExpectNoRowsWhere(where="days_past_due < 0", **a_rule("sound_1")),
        ExpectNoRowsFrom(query="select 1 where false", **a_rule("sound_2")),
        ExpectOneRowPer(key=["loan_id"], **a_rule("sound_3")),
        ExpectNoRowsWhere(where="days_past_due > 9999", **a_rule("sound_4")),
    ]
    only_these(monkeypatch, *sound, broken)
    outcomes = check(run, "marts", example_scope())
    assert [one.outcome for one in outcomes] == ["PASS"] * 4 + ["ERROR"]
    assert outcomes[-1].is_stop
    with pytest.raises(AuditError, match="cannot be evaluated"):
        audit(example.RUN, run, stage="marts")


def test_a_rule_that_takes_too_long_is_an_error_and_its_statement_stays_out_of_the_log(
    run: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    only_these(monkeypatch, ExpectNoRowsFrom(query="select pg_sleep(3)", **a_rule("slow")))
    impatient = run.model_copy(update={"statement_timeout_seconds": 1})
    (one,) = check(impatient, "marts", example_scope())
    assert [(one.outcome, one.error)] == [("ERROR", "QueryCanceled")]
    assert "pg_sleep" not in caplog.text


def example_scope() -> object:
    from dataclasses import replace

    return replace(example.SCOPE, candidate="candidate", published="published", staging="staging", ref="ref", ops="ops")


def test_a_table_that_is_not_there_is_named_with_what_to_do(run: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    suite = {"no_such_table": catalogue.STAGES["marts"]["loan_position"]}
    monkeypatch.setitem(catalogue.STAGES, "marts", suite)
    with pytest.raises(PostloanError, match=r"candidate\.no_such_table cannot be read: UndefinedTable") as missing:
        check(run, "marts", example_scope())
    assert missing.value.next_command == "postloan migrate"
    assert "postgresql" not in str(missing.value)


def test_an_audit_cannot_change_anything(run: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with connect(run, role="postloan_transformer") as connection:  # even if somebody had given it the right
        connection.execute(
            "create function ref.remove() returns bigint language sql as 'delete from ref.list_band; select 0::bigint';"
            "grant delete on ref.list_band to postloan_validator"
        )
    only_these(monkeypatch, ExpectNoRowsFrom(query="select 1 where ref.remove() = 1", **a_rule("writes")))
    (one,) = check(run, "marts", example_scope())
    assert (one.outcome, one.error) == ("ERROR", "ReadOnlySqlTransaction")
    assert execute(run, "select count(*) > 0 from ref.list_band") == [(True,)]


def test_an_audit_fetches_counts_and_never_rows(run: Settings) -> None:
    """Nothing that reads a candidate brings more than one row: neither a value to show nor a portfolio to move."""
    plant(run)
    fetched: list[tuple[int, str]] = []

    def note(connection: object, cursor: psycopg.Cursor, statement: str, *_: object) -> None:
        if "pg_catalog" not in statement:
            fetched.append((cursor.rowcount, statement))

    sa.event.listen(sa.Engine, "after_cursor_execute", note)
    try:
        for stage in catalogue.STAGES:
            check(run, stage, example_scope())
    finally:
        sa.event.remove(sa.Engine, "after_cursor_execute", note)
    assert len(fetched) > 10
    assert [statement for count, statement in fetched if count > 1] == []


def plant(settings: Settings) -> None:
    """Personal data in every text column of today's rows, so that nearly every rule fails on it."""
    for table in ("loan_position", "loan_signal", "warning_list", "warning_cleared"):
        columns = execute(
            settings,
            "select attname from pg_attribute where atttypid = 'text'::regtype and attnum > 0 and not attisdropped"
            f" and attrelid = 'published.{table}'::regclass and attname not in ('run_id', 'loan_id', 'signal_code')",
        )
        values = sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(f"{NAME} {PHONE} {IDENTITY}"))
            for (name,) in columns
        )
        with connect(settings, role="postloan_owner") as connection:
            of_run = sql.SQL("where run_id = {}").format(sql.Literal(example.RUN))
            stored = sql.Identifier("published", table)
            connection.execute(
                sql.SQL(
                    "create temporary table planted on commit drop as select * from {stored} {of_run};"
                    "update planted set {values}; delete from {stored} {of_run};"
                    "insert into {stored} select * from planted"
                ).format(stored=stored, of_run=of_run, values=values)
            )


@pytest.mark.parametrize("stage", ["marts", "lists"])
def test_personal_data_in_a_column_never_reaches_a_result_a_page_a_message_or_a_log(
    run: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture,
    stage: str,
) -> None:
    plant(run)
    # the server itself repeats a value in this error
    leaky = ExpectNoRowsWhere(where="branch_code::integer > 0", **a_rule("leaky"))
    suite_of = catalogue.STAGES[stage]
    monkeypatch.setitem(
        catalogue.STAGES,
        stage,
        {table: lambda scope, of=of, leak=table in ("loan_position", "warning_list"): _with(of(scope), leaky, leak)
         for table, of in suite_of.items()},
    )  # fmt: skip
    with caplog.at_level(logging.DEBUG), pytest.raises(AuditError) as refused:
        audit(example.RUN, run, stage=stage)
    assert "leaky" in str(refused.value)
    shown = {"message": str(refused.value), "log": caplog.text, "output": "".join(capfd.readouterr())}
    for directory in (run.home, run.exports):
        shown |= {str(path): path.read_text(encoding="utf-8") for path in directory.rglob("*") if path.is_file()}
    shown["kept"] = str(execute(run, "select * from ops.audit_result")) + str(execute(run, "select * from ops.run"))
    assert len(shown) > 5
    for place, text in shown.items():
        for secret in (PHONE, NAME, IDENTITY):
            assert secret not in text, place


def _with(suite: ExpectationSuite, expectation: object, wanted: bool) -> ExpectationSuite:
    if wanted:
        suite.expectations = [*suite.expectations, expectation]
    return suite


def test_a_run_killed_during_its_audit_passes_when_it_is_audited_again(run: Settings) -> None:
    script = (
        "from pathlib import Path; from include.jobs.audit import audit; from include.settings import Settings;"
        f"audit('{example.RUN}', Settings(home=Path({str(run.home)!r})), stage='marts')"
    )
    killed = subprocess.run(
        [sys.executable, "-c", script],
        env={
            "PATH": "/usr/bin:/bin",
            "POSTLOAN_FAIL": "audit_marts:mid",
            "POSTLOAN_WAREHOUSE_URL": run.warehouse_url.get_secret_value(),
        },
        cwd=Path(__file__).parents[2],
        check=False,
        capture_output=True,
    )
    assert killed.returncode == -9, killed.stderr
    assert execute(run, "select count(*) from ops.audit_result") == [(0,)]
    assert audit(example.RUN, run, stage="marts")["warnings"] == 0
