"""One embedded server for each pytest worker, one migrated template, a fresh database for each test that asks."""

import gc
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr
from xdist.scheduler import LoadScopeScheduling

from include.settings import Settings
from include.warehouse import embedded
from include.warehouse.roles import database_statements

# The tests never touch the warehouse or the files of the person who runs them.
for name in [name for name in os.environ if name.startswith("POSTLOAN_") and name != "POSTLOAN_REAL_DATA"]:
    del os.environ[name]
# The working agreement of every child process: bytecode is kept, otherwise each costs seconds.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A test kills processes, never the machine: the server need not wait for the disk. And every core has its test already.
FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "128MB",
    "max_parallel_workers_per_gather": "0",
}
# A worker keeps the dbt project and hundreds of modules: the usual thresholds look through all of them too often.
gc.set_threshold(100_000, 50, 100)
_number = itertools.count(1)


class ByFile(LoadScopeScheduling):
    """A file's tests stay with one worker, whose fixtures they share; two Airflows at once would starve each other."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return "tests/e2e" if file.startswith("tests/e2e/") else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFile:
    """By file, in the order of collection: the long files come first and the short ones fill the gaps."""
    config.option.loadscopereorder = False
    return ByFile(config, log)


@dataclass(frozen=True)
class TestServer:
    """The embedded server of this pytest worker."""

    __test__ = False
    settings: Settings
    facts: embedded.Server

    def execute(self, statement: sql.Composable) -> None:
        with psycopg.connect(self.facts.url("postgres", "postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def create_database(self, name: str, *, template: str = "template1") -> None:
        database = sql.Identifier(name)
        create = sql.SQL("create database {} owner postloan template {}")
        self.execute(create.format(database, sql.Identifier(template)))
        self.execute(sql.SQL("revoke all on database {} from public").format(database))
        if template != "template1":  # a clone does not inherit the rights that migrate gave on its own database
            for statement in database_statements(name):
                self.execute(statement)

    def drop_database(self, name: str) -> None:
        self.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))

    def settings_for(self, database: str, home: Path) -> Settings:
        """Settings for one database of this server, with landing, exports and logs below ``home``."""
        # the keys are the server's: two of its warehouses give the same value the same token, and can be compared
        return Settings(
            home=home,
            warehouse_url=SecretStr(self.facts.url("postloan", database)),
            keys_dir=self.settings.home / "keys",
        )


@pytest.fixture(scope="session")
def server() -> Iterator[TestServer]:
    """An embedded PostgreSQL of this pytest worker alone."""
    home = Path(tempfile.mkdtemp(prefix="postloan-test-"))
    home.chmod(0o711)  # so that the server's user may enter when the tests run as root
    settings = Settings(home=home)
    try:
        yield TestServer(settings, embedded.start(settings, options=FAST))
    finally:
        embedded.stop(settings)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def template_warehouse(server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database that was migrated and given the policies once; tests clone it in tenths of a second."""
    from include.jobs.open_run import load_policies
    from include.warehouse.connection import connect
    from include.warehouse.migrate import migrate
    from include.warehouse.roles import PUBLISHER

    name = "template_warehouse"
    server.create_database(name)
    settings = server.settings_for(name, tmp_path_factory.mktemp("template"))
    migrate(settings)
    with connect(settings, role=PUBLISHER) as connection:
        load_policies(settings, connection)
    return name


@pytest.fixture
def settings(server: TestServer, template_warehouse: str, tmp_path: Path) -> Iterator[Settings]:
    """Settings of a fresh, migrated warehouse and an empty home."""
    name = f"test_{next(_number)}"
    server.create_database(name, template=template_warehouse)
    yield server.settings_for(name, tmp_path / "home")
    server.drop_database(name)


@pytest.fixture
def bare_settings(server: TestServer, tmp_path: Path) -> Iterator[Settings]:
    """Settings of an empty database that was not migrated."""
    name = f"bare_{next(_number)}"
    server.create_database(name)
    yield server.settings_for(name, tmp_path / "home")
    server.drop_database(name)
