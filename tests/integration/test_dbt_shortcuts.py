"""What we do shorter than dbt comes to the same: docs/adr/0015."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
import sqlparse
from dbt import compilation
from dbt.adapters.base.connections import BaseConnectionManager
from dbt.cli.main import dbtRunner
from dbt_common.behavior_flags import Behavior, BehaviorFlagRendered

from include.dbt_shortcuts import inject, shortcuts
from include.errors import PostloanError
from include.jobs.open_run import open_run
from include.jobs.transform import transform
from include.settings import DBT_PROJECT_DIR, Settings
from include.warehouse.connection import dbt_environment
from tests.support.days import land_all
from tests.support.small_bank import HISTORY_TO, deliver_days

dbts_source = BehaviorFlagRendered._default_source
dbts_injection = compilation.inject_ctes_into_sql


def compiled(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    for name, value in dbt_environment(settings).items():
        monkeypatch.setenv(name, value)
    outcome: Any = dbtRunner().invoke(
        ["compile", "--project-dir", str(DBT_PROJECT_DIR), "--profiles-dir", str(DBT_PROJECT_DIR), "--target-path",
         str(settings.home / "target"), "--log-path", str(settings.home / "logs"), "--log-level", "none",
         "--select", "staging", "intermediate", "marts"]
    )  # fmt: skip
    assert outcome.exception is None
    return {result.node.name: result.node.compiled_code for result in outcome.result.results}


def words(sql: str) -> list[str]:
    """The tokens of a statement, without spaces and comments."""
    statement = sqlparse.format(sql, strip_comments=True)
    return [token.value for token in sqlparse.parse(statement)[0].flatten() if not token.is_whitespace]


def test_every_model_compiles_to_the_same_statement_as_with_dbts_own_way(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    dbts_own = compiled(settings, monkeypatch)
    with shortcuts():
        assert compilation.inject_ctes_into_sql is not dbts_injection
        ours = compiled(settings, monkeypatch)
    assert len(ours) > 40
    with_ctes = [name for name in ours if "__dbt__cte__" in ours[name]]
    assert len(with_ctes) >= 8
    assert {name for name in with_ctes if words(ours[name]) != words(dbts_own[name])} == set()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select 1", "with a as (x) select 1"),
        ("-- with care\n\nwith b as (y) select 1", "-- with care\n\nwith a as (x), b as (y) select 1"),
        ("/* select */ WITH RECURSIVE b as (y) select 1", "/* select */ with RECURSIVE a as (x), b as (y) select 1"),
        ("values (1)", None),
        ("withdrawals", None),
    ],
)
def test_expressions_go_before_the_models_own(text: str, expected: str | None) -> None:
    assert inject(text, [SimpleNamespace(sql="a as (x)")]) == expected


def test_a_model_without_ephemeral_ones_is_left_alone() -> None:
    assert inject("values (1)", []) == "values (1)"


def test_afterwards_dbt_works_as_it_always_does() -> None:
    release = BaseConnectionManager.release
    with pytest.raises(RuntimeError), shortcuts():
        assert BaseConnectionManager.release is not release
        raise RuntimeError
    assert BaseConnectionManager.release is release
    assert compilation.inject_ctes_into_sql is dbts_injection
    assert BehaviorFlagRendered._default_source is dbts_source


def test_a_statement_that_fails_is_on_file_where_the_error_says(settings: Settings) -> None:
    with psycopg.connect(settings.warehouse_url.get_secret_value(), autocommit=True) as connection:
        connection.execute("drop table ref.signal cascade")
    deliver_days(settings.landing, 0, loans=5)
    land_all(HISTORY_TO, settings)
    run_id = open_run(HISTORY_TO, settings)
    with pytest.raises(PostloanError, match=r"compiled code at (\S+\.sql)") as failed:
        transform(run_id, settings)
    (path,) = re.findall(r"compiled code at (\S+\.sql)", str(failed.value))
    assert "signal" in Path(path).read_text(encoding="utf-8")


def test_a_behaviour_flag_names_the_module_that_asked_for_it_as_with_dbts_own_way() -> None:
    flag = {"name": "some_flag", "default": False, "description": "of a test"}
    dbts_own = Behavior([flag], {}).some_flag
    with shortcuts():
        assert BehaviorFlagRendered._default_source is not dbts_source
        ours = Behavior([flag], {}).some_flag
    assert ours._behavior_change_event.flag_source == __name__
    assert ours._behavior_change_event.to_dict() == dbts_own._behavior_change_event.to_dict()


class Opened:
    """A thread's connection manager with one connection, as dbt's is between two models."""

    def __init__(self, *, fails: bool = False) -> None:
        self.did: list[str] = []
        self.fails = fails
        self.connection = SimpleNamespace(state="open", handle=SimpleNamespace(rollback=self._rollback))

    def _rollback(self) -> None:
        self.did.append("handle rolled back")
        if self.fails:
            raise RuntimeError("the server went away")

    def get_if_exists(self) -> SimpleNamespace:
        return self.connection

    def rollback_if_open(self) -> None:
        self.did.append("transaction ended")

    def close(self, connection: SimpleNamespace) -> None:
        self.did.append("closed")

    def clear_thread_connection(self) -> None:
        self.did.append("forgotten")


def test_between_two_models_the_connection_stays_and_nothing_on_it_does() -> None:
    manager = Opened()
    with shortcuts():
        BaseConnectionManager.release(manager)
    assert manager.did == ["transaction ended", "handle rolled back"]


def test_a_connection_that_cannot_be_rolled_back_is_closed() -> None:
    manager = Opened(fails=True)
    with shortcuts(), pytest.raises(RuntimeError, match="went away"):
        BaseConnectionManager.release(manager)
    assert manager.did[-2:] == ["closed", "forgotten"]
