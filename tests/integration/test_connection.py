"""Every way into the warehouse: the same session everywhere, and an error that names the next command."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
import sqlalchemy
from psycopg import sql
from pydantic import SecretStr

from include.errors import PostloanError
from include.settings import PROJECT_DIR, Settings
from include.warehouse import connection as warehouse
from include.warehouse import embedded, embedded_files
from include.warehouse.connection import connect, dbt_environment, warehouse_url

SECRET = "s3cret-of-a-person"


def own_server(url: str) -> Settings:
    return Settings(warehouse_url=SecretStr(url))


def test_a_session_runs_in_utc_and_ends_with_its_client(bare_settings):
    with connect(bare_settings, role=None, application_name="test") as connection:
        shown = [
            connection.execute(f"show {name}").fetchone()[0]
            for name in ("timezone", "client_connection_check_interval", "application_name", "statement_timeout")
        ]
    assert shown == ["UTC", "1s", "postloan:test", "30min"]


def test_a_job_acts_as_its_role_and_not_as_the_login(settings):
    with connect(settings, role="reader") as connection:
        assert connection.execute("select session_user, current_user").fetchone() == ("postloan", "reader")


def test_a_library_gets_the_same_session_by_url(settings):
    engine = sqlalchemy.create_engine(warehouse_url(settings, role="reader"))
    with engine.connect() as connection:
        user, zone = connection.execute(sqlalchemy.text("select current_user, current_setting('timezone')")).one()
    engine.dispose()
    assert (user, zone) == ("reader", "UTC")


def test_dbt_gets_the_password_under_the_prefix_that_it_masks(bare_settings, server):
    environment = dbt_environment(bare_settings)
    assert environment["DBT_ENV_SECRET_POSTLOAN_PASSWORD"] == server.facts.postloan_password
    assert [name for name, value in environment.items() if value == server.facts.postloan_password] == [
        "DBT_ENV_SECRET_POSTLOAN_PASSWORD"
    ]
    assert environment["POSTLOAN_DBT_PORT"] == str(server.facts.port)


def test_a_warehouse_that_was_never_started_names_the_command_that_starts_it(tmp_path):
    with pytest.raises(PostloanError, match="never started") as refused:
        connect(Settings(home=tmp_path / "home"))
    assert refused.value.next_command == "postloan up"


def test_a_stopped_warehouse_names_the_command_that_starts_it(server, tmp_path):
    stopped = Settings(home=tmp_path / "home")
    (stopped.home / "pg18").mkdir(parents=True)
    facts = embedded.read(server.settings)
    embedded_files.write(stopped, embedded.Server(**vars(facts) | {"port": 1, "data_dir": str(tmp_path / "none")}))
    with pytest.raises(PostloanError, match="not running") as refused:
        connect(stopped)
    assert refused.value.next_command == "postloan up"


def test_a_warehouse_that_was_not_migrated_names_the_command_that_does_it(bare_settings):
    with pytest.raises(PostloanError, match="not migrated") as refused:
        connect(bare_settings, role="postloan_unheard_of")
    assert refused.value.next_command == "postloan migrate"


def test_an_own_server_that_cannot_be_reached_is_named_without_its_password():
    with pytest.raises(PostloanError) as refused:
        connect(own_server(f"postgresql://risk:{SECRET}@127.0.0.1:1/warehouse"))
    assert "127.0.0.1:1/warehouse as risk" in str(refused.value)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        pytest.param(f"mysql://risk:{SECRET}@db/warehouse", "another scheme", id="another database"),
        pytest.param(f"postgresql://risk:{SECRET}@db", "it lacks: dbname", id="no database"),
        pytest.param(f"postgresql:///warehouse?password={SECRET}", "it lacks: user, host", id="no user and no host"),
        pytest.param(f"postgresql://risk:{SECRET}@db:port/warehouse?what=1", "percent-encoded", id="not a URL"),
    ],
)
def test_a_malformed_url_says_what_is_wrong_and_keeps_the_password_to_itself(url, complaint):
    with pytest.raises(PostloanError, match=complaint) as refused:
        dbt_environment(own_server(url))
    assert SECRET not in str(refused.value)


def test_a_url_with_a_driver_and_an_encoded_password_is_understood():
    environment = dbt_environment(own_server("postgresql+psycopg2://risk:p%40ss%2Fword@db/warehouse?sslmode=require"))
    # dbt's sessions have the settings that all of ours have
    options = environment.pop("PGOPTIONS")
    assert "client_connection_check_interval=1s" in options
    assert "role=postloan_transformer" in options
    assert environment == {
        "POSTLOAN_DBT_HOST": "db",
        "POSTLOAN_DBT_PORT": "5432",
        "POSTLOAN_DBT_USER": "risk",
        "DBT_ENV_SECRET_POSTLOAN_PASSWORD": "p@ss/word",
        "POSTLOAN_DBT_DBNAME": "warehouse",
        "PGSSLMODE": "require",
    }


def test_a_database_that_is_not_utf8_is_refused(server, tmp_path):
    encoding = "encoding 'SQL_ASCII' locale 'C' locale_provider libc"
    server.execute(sql.SQL(f"create database ascii owner postloan template template0 {encoding}"))
    try:
        with pytest.raises(PostloanError, match="encoded in SQL_ASCII"):
            connect(server.settings_for("ascii", tmp_path), role=None)
    finally:
        server.drop_database("ascii")


def test_a_server_that_is_too_old_is_refused():
    old = SimpleNamespace(info=SimpleNamespace(server_version=140011, parameter_status=lambda name: "UTF8"))
    with pytest.raises(PostloanError, match="PostgreSQL 14; Postloan needs 15"):
        warehouse._check_server(old)


def test_reaching_the_warehouse_does_not_load_sqlalchemy():
    loaded = "import sys, include.warehouse.connection; print('sqlalchemy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", loaded], cwd=PROJECT_DIR, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
