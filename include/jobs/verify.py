"""verify: what a date shows is still what its manifest says."""

from datetime import date

from include.errors import PostloanError
from include.settings import Settings
from include.warehouse.connection import connect
from include.warehouse.publication import manifest_of
from include.warehouse.runs import load_run


def verify(business_date: date, settings: Settings) -> dict[str, int]:
    """Count and hash the rows of the date's run again. Returns rows by data set.

    Raises PostloanError naming the first data set that differs from the manifest.
    """
    with connect(settings, application_name="postloan:verify") as connection:
        row = connection.execute(
            "select run_id from ops.publication where business_date = %s limit 1", (business_date,)
        ).fetchone()
        if row is None:
            raise PostloanError(f"{business_date} is not published", next_command=f"postloan run {business_date}")
        run = load_run(connection, row[0])
        manifest = connection.execute(
            "select data_set, row_count, content_hash from ops.run_manifest where run_id = %s order by data_set",
            (run.run_id,),
        ).fetchall()
        for data_set, row_count, content_hash in manifest:
            found = manifest_of(connection, data_set, run)
            if found != (row_count, content_hash):
                raise PostloanError(
                    f"published.{data_set} of {business_date}, run {run.run_id}: {found[0]} rows with hash {found[1]}, "
                    f"the manifest says {row_count} with {content_hash}",
                    next_command=f"postloan rollback {business_date} --reason TEXT",
                )
        return {data_set: row_count for data_set, row_count, _ in manifest}
