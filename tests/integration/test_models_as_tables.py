"""What dbt makes of a model: staging views that every run shares, marts that hold exactly what their contract says."""

from pathlib import Path

import pytest

from include import dbt
from include.settings import Settings
from include.warehouse.connection import DBT_ROLE, connect, run_options
from include.warehouse.data_sets import load_data_sets
from include.warehouse.runs import load_run, run_environment
from tests.conftest import TestServer
from tests.support.days import compute, land_all
from tests.support.small_bank import HISTORY_TO, day, deliver_days

VIEWS = "select oid::integer from pg_class where relnamespace = 'staging'::regnamespace and relkind = 'v' order by oid"


@pytest.fixture(scope="module")
def two_runs(
    server: TestServer, template_warehouse: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Settings, str, str]:
    server.create_database("models_as_tables", template=template_warehouse)
    settings = server.settings_for("models_as_tables", tmp_path_factory.mktemp("models_as_tables"))
    deliver_days(settings.landing, 1, loans=60)
    runs = []
    for business_date in (HISTORY_TO, day(1)):
        land_all(business_date, settings)
        runs.append(compute(business_date, settings, audited=False))
    return settings, *runs


def test_staging_views_show_the_run_that_the_session_names(two_runs: tuple[Settings, str, str]) -> None:
    settings, first, second = two_runs
    with connect(settings, role=DBT_ROLE) as connection:
        seen = {}
        for run_id in (first, second, first):
            run = load_run(connection, run_id)
            for option in run_options(run_id, run.business_date, run.known_date).split("-c ")[1:]:
                name, value = option.strip().split("=")
                connection.execute("select set_config(%s, %s, false)", (name, value))
            rows = connection.execute("select count(*) from staging.stg_payments__repayment_transactions").fetchone()[0]
            assert seen.setdefault(run_id, rows) == rows > 0
    assert seen[second] > seen[first]


def test_without_a_run_staging_shows_nothing(two_runs: tuple[Settings, str, str]) -> None:
    with connect(two_runs[0], role=DBT_ROLE) as connection:
        assert connection.execute("select count(*) from staging.stg_core_banking__loan_contracts").fetchone() == (0,)


def test_a_mart_gives_every_column_of_its_contract_and_no_other(two_runs: tuple[Settings, str, str]) -> None:
    """What a model gives beyond its contract would be dropped without a word."""
    settings, _, second = two_runs
    with connect(settings, role=DBT_ROLE) as connection:
        run = load_run(connection, second)
        records = dbt.invoke(settings, ["compile", "--select", "marts"], run_environment(connection, run))
        marts = [record["model"] for record in records]
        compiled = {
            path.stem: path for path in Path(settings.home / "dbt" / "target" / "compiled").rglob("marts/*.sql")
        }
        assert len(marts) >= 11
        for name in marts:
            given = connection.execute(f"select * from ({compiled[name].read_text()}) as given limit 0").description
            assert sorted(column.name for column in given) == sorted(load_data_sets()[name].column_names), name


def test_staging_views_are_made_again_only_when_their_text_is_new(two_runs: tuple[Settings, str, str]) -> None:
    settings = two_runs[0]
    with connect(settings, role=DBT_ROLE) as connection:
        before = connection.execute(VIEWS).fetchall()
    compute(day(2), settings, audited=False)
    with connect(settings, role=DBT_ROLE) as connection:
        assert connection.execute(VIEWS).fetchall() == before != []
        connection.execute("comment on schema staging is 'made from another text'")
    compute(day(3), settings, audited=False)
    with connect(settings, role=DBT_ROLE) as connection:
        after = connection.execute(VIEWS).fetchall()
    assert len(after) == len(before)
    assert not set(after) & set(before)
