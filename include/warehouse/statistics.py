"""Planner statistics of what a run has just written.

Autovacuum gets to a new partition a minute later, or never on a busy day; until then the planner takes it for empty and
may read it once for every row of another.
"""

from datetime import date

from psycopg import sql

from include.settings import Settings
from include.warehouse.connection import connect
from include.warehouse.data_sets import load_data_sets


def refresh_statistics(settings: Settings, business_date: date) -> None:
    """Analyze the tables, or their partitions of the month, that a run of ``business_date`` writes."""
    with connect(
        settings, role="postloan_owner", application_name="postloan:statistics", autocommit=True
    ) as connection:
        for name, data_set in load_data_sets().items():
            table = f"{name}_{business_date:%Y_%m}" if data_set.is_partitioned else name
            connection.execute(sql.SQL("analyze {}").format(sql.Identifier("published", table)))
