"""month_close: seals a month whose every date is published; its dates then change only by a reopened restate."""

import logging
from calendar import monthrange
from datetime import date, timedelta

from include.errors import RefusedError
from include.jobs.verify import verify
from include.settings import Settings
from include.warehouse.connection import connect
from include.warehouse.roles import PUBLISHER
from include.warehouse.runs import job_lock

log = logging.getLogger(__name__)


def month_close(month: date, settings: Settings) -> dict[str, object]:
    """Seal the month that holds ``month``. Closing a closed month again is a no-op.

    Raises RefusedError naming the dates of the month that are not published, PostloanError naming rows that no longer
    match their manifest.
    """
    first = month.replace(day=1)
    days = [first + timedelta(days=number) for number in range(monthrange(first.year, first.month)[1])]
    with job_lock(settings), connect(settings, role=PUBLISHER, application_name="postloan:month_close") as connection:
        closed = connection.execute(
            "select last_run_id, content_hash, reopened_by from ops.month_close where month = %s", (first,)
        ).fetchone()
        if closed is not None and closed[2] is None:
            log.info("%s is closed already", first.strftime("%Y-%m"))
            return {"month": first.strftime("%Y-%m"), "dates": len(days), "run_id": closed[0], "is_new": False}
        shown = dict(
            connection.execute(
                "select distinct business_date, run_id from ops.publication where business_date between %s and %s",
                (days[0], days[-1]),
            ).fetchall()
        )
        missing = [day.isoformat() for day in days if day not in shown]
        if missing:
            raise RefusedError(
                f"{first.strftime('%Y-%m')} cannot be closed: {len(missing)} dates are not published, "
                f"first {missing[0]}, last {missing[-1]}",
                next_command=f"postloan backfill --from {missing[0]} --to {missing[-1]}",
            )
        for day in days:
            verify(day, settings)
        (content_hash,) = connection.execute(
            "select sum(content_hash) from ops.run_manifest where run_id = any(%s)", (list(shown.values()),)
        ).fetchone()
        connection.execute(
            "insert into ops.month_close values (%s, %s, %s, null) on conflict (month) do update set "
            "last_run_id = excluded.last_run_id, content_hash = excluded.content_hash, reopened_by = null",
            (first, shown[days[-1]], content_hash),
        )
    log.info("closed %s: %d dates", first.strftime("%Y-%m"), len(days))
    return {"month": first.strftime("%Y-%m"), "dates": len(days), "run_id": shown[days[-1]], "is_new": True}
