"""Planner statistics of what a run has just written.

Autovacuum gets to a new partition a minute later, or never on a busy day; until then the planner takes it for empty and
may read it once for every row of another.
"""

from datetime import date

from include.settings import Settings
from include.warehouse.connection import connect
from include.warehouse.data_sets import load_data_sets
from include.warehouse.roles import TRANSFORMER


def refresh_statistics(settings: Settings, business_date: date) -> None:
    """Analyze the tables, or their partitions of the month, that a run of ``business_date`` writes."""
    with connect(settings, role=TRANSFORMER, application_name="postloan:statistics", autocommit=True) as connection:
        for name, data_set in load_data_sets().items():
            table = f"{name}_{business_date:%Y_%m}" if data_set.is_partitioned else name
            connection.execute("select ops.analyze_table('published', %s)", (table,))
