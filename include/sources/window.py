"""Which of a source's changes belong to a business date: told by the date and by what has landed, never by a clock."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg

from include.landing.discover import HISTORY_FOLDER, Delivery, daily_folder
from include.landing.load import batch_ids
from include.landing.manifest import MANIFEST_NAME, read_manifest
from include.warehouse.ledger import landed_batch_ids

LANDED_DATES = """
    select distinct business_date from ops.load_batch
    where system = %s and part = 'delivered' and kind <> 'correction' and business_date <= %s
    order by business_date
"""


@dataclass(frozen=True)
class Window:
    """Everything after the last landed date up to the end of ``business_date``, days in between included.

    ``after``: the last date that has landed before it; None: nothing has. ``overlap``: how much of the time before is
    looked at again, for rows that were committed after their watermark.
    """

    business_date: date
    after: date | None
    zone: ZoneInfo
    overlap: timedelta

    @property
    def end(self) -> datetime:
        """The first moment that no longer belongs to it: midnight in the lender's zone."""
        return self._end_of(self.business_date)

    @property
    def last_end(self) -> datetime | None:
        """Where the window before it ended; None when it is the first."""
        return None if self.after is None else self._end_of(self.after)

    @property
    def overlap_start(self) -> datetime | None:
        return None if self.last_end is None else self.last_end - self.overlap

    @property
    def overlap_dates(self) -> tuple[date, date] | None:
        """The dates whose deliveries may hold rows of the overlap."""
        if self.after is None or self.overlap_start is None:
            return None
        return min(self.overlap_start.astimezone(self.zone).date(), self.after), self.after

    def _end_of(self, day: date) -> datetime:
        return datetime.combine(day + timedelta(days=1), time(0), self.zone)


def landed_dates(connection: psycopg.Connection, system: str, until: date) -> list[date]:
    """The dates up to ``until`` of which a delivery of their own has landed."""
    return [day for (day,) in connection.execute(LANDED_DATES, (system, until)).fetchall()]


def landed_folders(connection: psycopg.Connection, system: str) -> set[tuple[date, str]]:
    """Landed deliveries by their date and the name of their subfolder, which daily ones do not have."""
    rows = connection.execute(
        "select distinct business_date, known_date, kind from ops.load_batch where system = %s and part = 'delivered'",
        (system,),
    ).fetchall()
    names = {"daily": "", "history": HISTORY_FOLDER}
    return {(day, names.get(kind, known.isoformat())) for day, known, kind in rows}


def landed_deliveries(
    connection: psycopg.Connection, system: str, landing: Path, first: date, last: date
) -> list[Path]:
    """The folders, oldest first, of landed deliveries of these dates whose files still lie there."""
    landed = landed_batch_ids(connection, system)
    folders = []
    for number in range((last - first).days + 1):
        day = daily_folder(landing, system, first + timedelta(days=number))
        for folder in (day / HISTORY_FOLDER, day):
            path = folder / MANIFEST_NAME
            if path.is_file() and batch_ids(Delivery(folder, read_manifest(path))) <= landed:
                folders.append(folder)
    return folders
