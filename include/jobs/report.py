"""report: the daily report of a published date, made again from what its run wrote."""

from datetime import date

from include.errors import PostloanError
from include.jobs.report_facts import report_facts_of
from include.report import report_html
from include.settings import Settings
from include.warehouse.connection import connect
from include.warehouse.runs import load_run


def report(business_date: date, settings: Settings) -> tuple[str, bytes]:
    """(run_id, page) of the run that the date shows, the language of the settings first. Nothing is written.

    Raises PostloanError when the date is not published.
    """
    with connect(settings, application_name="postloan:report") as connection:
        connection.execute("set transaction isolation level repeatable read read only")
        shown = connection.execute(
            "select distinct run_id from ops.publication where business_date = %s", (business_date,)
        ).fetchone()
        if shown is None:
            raise PostloanError(f"{business_date} is not published", next_command=f"postloan run {business_date}")
        run = load_run(connection, shown[0])
        return run.run_id, report_html(report_facts_of(connection, run), settings.language)
