"""A reader that never stops asking, as BI tools do, while runs are published."""

import threading
from datetime import date

import psycopg

from include.settings import Settings
from include.warehouse.connection import connect

THREE_DATA_SETS = """
    select
        (select array_agg(distinct as_of_date) from serving.loan_position),
        (select array_agg(distinct as_of_date) from serving.kpi_portfolio_daily),
        (select array_agg(distinct as_of_date) from serving.borrower_position),
        (select count(*) from serving.loan_position where is_live),
        (select sum(loan_count) from serving.kpi_portfolio_daily),
        (select sum(live_loan_count) from serving.borrower_position)
"""


class Reader(threading.Thread):
    """Asks three data sets of the latest date in one repeatable-read transaction, over and over.

    ``complaints``: what a person would have seen wrong. ``dates``: every latest date it met. ``reads``: how often.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(daemon=True)
        self.settings = settings
        self.stopped = threading.Event()
        self.complaints: list[str] = []
        self.dates: set[date] = set()
        self.reads = 0

    def run(self) -> None:
        with connect(self.settings, role="reader", application_name="postloan:test-reader") as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            try:
                while not self.stopped.wait(0.25):
                    self._read(connection)
            except psycopg.Error as error:
                self.complaints.append(f"after {self.reads} reads: {error}")

    def stop(self) -> None:
        self.stopped.set()
        self.join(timeout=30)

    def _read(self, connection: psycopg.Connection) -> None:
        *dates, loans, in_cells, of_borrowers = connection.execute(THREE_DATA_SETS).fetchone()
        connection.rollback()
        self.reads += 1
        if dates[0] is None and self.dates:
            self.complaints.append(f"empty after {max(self.dates)}")
        elif dates[0] is not None:
            self.dates.add(dates[0][0])
            if not dates[0] == dates[1] == dates[2] or len(dates[0]) != 1:
                self.complaints.append(f"mixed dates: {dates}")
            if not loans == in_cells == of_borrowers:
                self.complaints.append(
                    f"{dates[0][0]}: {loans} loans, {in_cells} in cells, {of_borrowers} of borrowers"
                )
