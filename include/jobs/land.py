"""Lands a system's deliveries: everything that has come and may be used on a business date, oldest first."""

import logging
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import psycopg

from include.errors import DeliveryError, LateDeliveryError
from include.failpoint import failpoint
from include.landing.contract import contracts_of, load_systems
from include.landing.discover import HISTORY_FOLDER, Delivery, daily_folder, find_deliveries, is_waited_for
from include.landing.load import LandedTable, batch_ids, load_delivery
from include.landing.manifest import MANIFEST_NAME
from include.settings import Settings
from include.warehouse.connection import connect
from include.warehouse.ledger import has_own_delivery, landed_batch_ids, record_attempt
from include.warehouse.roles import LOADER

log = logging.getLogger(__name__)
GROWN_BY = 10  # percent


@dataclass(frozen=True)
class LandedBatchCounts:
    """Where the rows of one batch went: ``rows_in`` is the sum of the four after it."""

    batch_id: int
    system: str
    table: str
    kind: str
    part: str
    business_date: str
    known_date: str
    rows_in: int
    rows_loaded: int
    rows_unchanged: int
    rows_quarantined: int
    rows_duplicate: int
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class LandResult:
    """What landing did. ``is_complete``: the business date's own delivery is in the warehouse.

    ``batches``: what was landed now, none when all of it was there. ``waiting``: corrections whose delivery has not
    come yet; they are landed after it.
    """

    system: str
    business_date: str
    is_complete: bool
    batches: tuple[LandedBatchCounts, ...]
    waiting: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """Plain values for a log, a task's result or JSON."""
        return asdict(self)


def land(business_date: date, system: str, settings: Settings) -> LandResult:
    """Land every delivery of ``system`` that is not landed yet and known by ``business_date``.

    Each delivery is one transaction: killed and run again, it is there once. Raises LateDeliveryError when a required
    system's own delivery of the date has not come, DeliveryError when one cannot be landed; what was landed before
    stays.
    """
    failpoint("land:before")
    contracts_of(system)  # an unknown system is named before anything else
    deliveries = find_deliveries(settings.landing, system, known_until=business_date)
    batches: list[LandedBatchCounts] = []
    with connect(settings, role=LOADER, application_name="postloan:land") as connection:
        waiting = _land_all(connection, deliveries, system, settings, batches)
        _land_what_waited(connection, system, business_date, settings)
    failpoint("land:after")
    is_complete = any(_is_own(delivery, business_date) for delivery in deliveries)
    if not is_complete and load_systems()[system].required:
        raise late(business_date, system, settings)
    if not batches:
        log.info("%s %s: nothing new, everything delivered is in the warehouse", system, business_date)
    return LandResult(system, business_date.isoformat(), is_complete, tuple(batches), tuple(waiting))


def _land_all(
    connection: psycopg.Connection,
    deliveries: list[Delivery],
    system: str,
    settings: Settings,
    batches: list[LandedBatchCounts],
) -> list[str]:
    """Land the deliveries that are not there yet, adding to ``batches``. Returns the folders of those that wait."""
    landed = landed_batch_ids(connection, system)
    connection.commit()
    waiting = []
    for delivery in deliveries:
        numbers = batch_ids(delivery)
        if numbers <= landed:
            continue
        missing = [
            other
            for other in load_systems()[system].after
            if not has_own_delivery(connection, other, delivery.manifest.known_on)
        ]
        connection.commit()
        if missing or not _has_its_base(delivery, deliveries):
            what = f"{', '.join(missing)} of {delivery.manifest.known_on}" if missing else "the delivery it corrects"
            log.warning("%s waits: %s has not come", delivery, what)
            waiting.append(str(delivery.folder))
            continue
        batches += _load(connection, delivery, settings)
        landed |= numbers
    return waiting


def _land_what_waited(connection: psycopg.Connection, system: str, business_date: date, settings: Settings) -> None:
    """Land deliveries of other systems that came first and waited for this one, so that no order loses them.

    What is wrong with them is told by their own system's landing.
    """
    for name, other in load_systems().items():
        if system in other.after:
            try:
                _land_all(connection, find_deliveries(settings.landing, name, known_until=business_date), name,
                          settings, [])  # fmt: skip
            except DeliveryError as error:
                log.warning("%s, which waited for %s, cannot be landed: %s", name, system, error.what)


def manifest_path(business_date: date, system: str, settings: Settings) -> Path:
    """Where the manifest of a date's own delivery is or will be: what a wait looks for.

    The daily one, unless a history that ends on the date is there.
    """
    folder = daily_folder(settings.landing, system, business_date)
    history = folder / HISTORY_FOLDER / MANIFEST_NAME
    return history if history.is_file() else folder / MANIFEST_NAME


def missing_systems(business_date: date, settings: Settings) -> list[str]:
    """The systems, required ones first, that deliver daily and whose own delivery of the date has no manifest yet.

    What we fetch ourselves comes when the date is run.
    """
    systems = sorted(load_systems().values(), key=lambda system: (not system.required, system.system))
    return [
        system.system
        for system in systems
        if is_waited_for(settings.landing, system.system)
        and not system.is_fetched
        and not manifest_path(business_date, system.system, settings).is_file()
    ]


def late(business_date: date, system: str, settings: Settings) -> LateDeliveryError:
    """The error that names what is missing, where it was looked for and when it was due."""
    path = manifest_path(business_date, system, settings)
    deadline = load_systems()[system].deadline
    return LateDeliveryError(
        f"the delivery of {system} for {business_date} has not come: no {path}. "
        f"It was due by {deadline} ({settings.timezone}) on the day after; without it nothing of the date is published",
        next_command=f"ls -l {path.parent}",
    )


def _load(connection: psycopg.Connection, delivery: Delivery, settings: Settings) -> list[LandedBatchCounts]:
    manifest = delivery.manifest
    try:
        tables = load_delivery(connection, delivery, settings)
    except DeliveryError as error:
        record_attempt(connection, manifest.system, manifest.business_date, "REFUSED", str(error))
        connection.commit()
        if error.next_command is not None:
            raise
        raise DeliveryError(error.what, next_command=f"ls -l {delivery.folder}") from error
    record_attempt(connection, manifest.system, manifest.business_date, "LANDED")
    connection.commit()
    _refresh_statistics(connection, tables)
    return [counts for table in tables for counts in _counts(table)]


def _refresh_statistics(connection: psycopg.Connection, tables: list[LandedTable]) -> None:
    """Analyze the tables that this load has made or grown by a tenth.

    Until autovacuum comes, a minute later, the planner takes a new table for a few rows and reads it once for every row
    of another: the first day of 20,000 loans with every source stood still at one statement. It changes no output, so a
    landing killed before it has lost nothing.
    """
    loaded = {
        f"{table.batch.system}__{table.batch.table}": table.batch.balance.loaded.rows
        for table in tables
        if table.batch.balance.loaded.rows
    }
    known = connection.execute(
        "select relname, reltuples from pg_class where relnamespace = 'raw'::regnamespace and relname = any(%s)",
        (list(loaded),),
    ).fetchall()
    for name, rows in known:  # -1: never analyzed
        if rows < 0 or 100 * loaded[name] >= GROWN_BY * rows:
            for table_name in (name, f"{name}__superseded"):
                connection.execute("select ops.analyze_table('raw', %s)", (table_name,))
    connection.commit()


def _counts(table: LandedTable) -> list[LandedBatchCounts]:
    counts = []
    for batch in (table.batch, *table.further_batches):
        balance = batch.balance
        counts.append(
            LandedBatchCounts(
                batch.batch_id,
                batch.system,
                batch.table,
                batch.kind,
                batch.part,
                batch.version.business_date.isoformat(),
                batch.version.known_date.isoformat(),
                balance.incoming.rows,
                balance.loaded.rows,
                balance.unchanged.rows,
                balance.quarantined.rows,
                balance.duplicate.rows,
                batch.warnings,
            )
        )
        log.info(
            "%s.%s %s: %d rows in, %d loaded, %d unchanged, %d quarantined, %d duplicate",
            batch.system,
            batch.table,
            batch.version.business_date,
            balance.incoming.rows,
            balance.loaded.rows,
            balance.unchanged.rows,
            balance.quarantined.rows,
            balance.duplicate.rows,
        )
    return counts


def _has_its_base(delivery: Delivery, deliveries: list[Delivery]) -> bool:
    """A correction that replaces a delivery says what that delivery should have been, so it needs it to be there."""
    manifest = delivery.manifest
    if manifest.kind != "correction" or manifest.replaces == "keys":
        return True
    return any(_covers(other, manifest.business_date) for other in deliveries)


def _covers(delivery: Delivery, business_date: date) -> bool:
    manifest = delivery.manifest
    if manifest.kind == "correction":
        return False
    return (manifest.from_date or manifest.business_date) <= business_date <= manifest.business_date


def _is_own(delivery: Delivery, business_date: date) -> bool:
    return delivery.manifest.kind != "correction" and delivery.manifest.business_date == business_date
