"""A feature of a past date uses what had happened and was known then, and nothing that came later.

T1 events after the date, T1b one day after it, T2 old events that arrive late, T3 everything unknown taken away, T4 a
later version of a row, T5 asked again on a later date, T6 the opposite: a past, known event must change something.
Leaks are planted into the SQL to see that these tests see them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest

from include.dbt import _environment, _surroundings
from include.jobs.land import land
from include.jobs.open_run import open_run
from include.settings import DBT_PROJECT_DIR, Settings
from include.warehouse.connection import connect
from include.warehouse.runs import load_run, run_environment
from tests.support.feature_story import FIRST, SECOND, SYSTEMS, TODAY, write_deliveries

Rows = list[tuple[Any, ...]]


@dataclass
class Asked:
    """A database with a run of TODAY, and the features' SQL as that run would ask it."""

    settings: Settings
    run_id: str
    statement: str
    later_statement: str
    honest: Rows


@pytest.fixture(scope="module")
def asked(server, template_warehouse, tmp_path_factory) -> Iterator[Asked]:
    server.create_database("features", template=template_warehouse)
    settings = server.settings_for("features", tmp_path_factory.mktemp("features"))
    write_deliveries(settings.landing)
    for day in (FIRST, SECOND, TODAY):
        for system in SYSTEMS:
            land(day, system, settings)
    run_id = open_run(TODAY, settings)
    with connect(settings, role="postloan_owner") as connection:
        connection.execute("create table intermediate.feature_spine (loan_id text, business_date date, known_date date)")
        connection.execute(
            "insert into intermediate.feature_spine select loan_id, day, day from raw.core_banking__loan_contract "
            "cross join unnest(%s::date[]) as day",
            ([FIRST, SECOND],),
        )
    made = Asked(settings, run_id, "", "", [])
    made.statement = compiled(settings, run_id, TODAY)
    made.later_statement = compiled(settings, run_id, TODAY + timedelta(days=200))
    with changed(made) as connection:
        made.honest = features(connection, made.statement)
    yield made
    server.drop_database("features")
