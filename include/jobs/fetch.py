"""Fetches a system's deliveries from where they are kept into the landing folder, where they are as any others.

What a fetch gives follows from the business date and from what has landed: again, it gives the same delivery, or, when
a person asks for a landed date and the source says something else by now, a correction beside it. Nothing is mixed.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, timedelta

import psycopg

from include.errors import DeliveryError, PostloanError, RefusedError, SourceError
from include.failpoint import failpoint
from include.landing.contract import contracts_of, load_systems
from include.landing.contract_source import HttpApi, ObjectStorage
from include.landing.discover import Delivery, find_deliveries
from include.landing.load import batch_ids
from include.landing.manifest import MANIFEST_NAME, Manifest, read_manifest
from include.settings import Settings
from include.sources.kinds import Outside, fetched, storage_of
from include.sources.staging import Fetched, contents, is_same, place_of, present, put_in_place, staging
from include.sources.window import landed_dates, landed_folders
from include.warehouse.connection import connect
from include.warehouse.ledger import landed_batch_ids, record_attempt
from include.warehouse.roles import LOADER

log = logging.getLogger(__name__)
FETCH_LOCK = 7306005


@dataclass(frozen=True)
class FetchResult:
    """What a fetch did. ``is_there``: the date's own delivery lies in the landing folder or has landed.

    ``put``: the manifests written now. ``rows``: what they state together.
    """

    system: str
    business_date: str
    is_there: bool
    put: tuple[str, ...] = ()
    rows: int = 0

    def as_dict(self) -> dict[str, object]:
        """Plain values for a log or a task's result."""
        return asdict(self)


def fetch(business_date: date, system: str, settings: Settings, outside: Outside | None = None) -> FetchResult:
    """Bring what is due: the date's own delivery, and earlier ones that never came. A landed date is left alone.

    Raises SourceError when the source fails or contradicts itself, DeliveryError when contract and source do not fit;
    then nothing of that delivery is in the landing folder.
    """
    source = load_systems()[system].source
    with _turn(system, settings) as warehouse:
        landed = landed_dates(warehouse, system, business_date)
        if isinstance(source, ObjectStorage) and source.has_manifest:
            put = _mirror(warehouse, system, business_date, settings, outside or Outside())
            is_there = business_date in landed or present(settings.landing, system, business_date) is not None
        else:
            put, is_there = [], business_date in landed
            for day in _due_dates(system, business_date, landed):
                try:
                    has_come, manifest = _fetch_day(warehouse, system, day, settings, outside or Outside())
                except SourceError as error:
                    if day == business_date:
                        raise
                    log.warning("%s %s is still missing, and will be asked for again: %s", system, day, error.what)
                    break
                put += [manifest] if manifest else []
                is_there = is_there or (has_come and day == business_date)
    failpoint("fetch:after")
    return _result(system, business_date, is_there, put, settings)


def fetch_again(
    business_date: date, system: str, known_date: date, settings: Settings, outside: Outside | None = None
) -> FetchResult:
    """Ask the source once more for a landed date; what it says otherwise by now becomes a correction.

    Raises as ``fetch``; RefusedError for a source that brings its own manifests, which says so itself.
    """
    source = load_systems()[system].source
    if isinstance(source, ObjectStorage) and source.has_manifest:
        raise RefusedError(
            f"{system} delivers with its own manifests: a correction is the sender's, in a subfolder named by its "
            "known date, and is fetched by itself",
            next_command=f"postloan land {known_date} --system {system}",
        )
    if known_date <= business_date:
        raise RefusedError(f"a correction of {business_date} is known later than that, not on {known_date}")
    with _turn(system, settings) as warehouse, staging(settings.landing, system) as folder:
        before = _last_delivered(warehouse, system, business_date, known_date, settings)
        found = fetched(warehouse, system, business_date, settings, outside or Outside(), folder, again=before)
        if found is None:
            raise SourceError(
                f"the source of {system} has nothing of {business_date} any more; what was delivered stands",
                next_command=f"postloan fetch {system} {business_date}",
            )
        stated = {"kind": "correction", "known_date": known_date, "replaces": "delivery"}
        manifest = Manifest.model_validate({**found.manifest.model_dump(), **stated})
        if contents(manifest) == contents(before.manifest):
            return _result(system, business_date, True, [], settings)
        put_in_place(settings.landing, Fetched(folder, manifest))
    return _result(system, business_date, True, [manifest], settings)


def fetch_or_go_on(
    business_date: date, system: str, settings: Settings, outside: Outside | None = None
) -> FetchResult | None:
    """Fetch; a system that a day can do without and that fails is written down and left out: None.

    Systems whose senders bring their files are left alone: None as well.
    """
    stated = load_systems()[system]
    if not stated.is_fetched:
        return None
    try:
        return fetch(business_date, system, settings, outside)
    except SourceError as error:
        if stated.required:
            raise
        note_failure(business_date, system, settings, error)
        log.warning("STALE: %s could not be fetched; the day goes on without: %s", system, error.what)
        return None


def has_landed(business_date: date, system: str, settings: Settings) -> bool:
    """Whether a delivery of the date's own is in the warehouse."""
    contracts_of(system)
    with connect(settings, application_name="postloan:fetch") as warehouse:
        return business_date in landed_dates(warehouse, system, business_date)


def next_use(business_date: date, settings: Settings) -> date:
    """The first date that a correction made now can be used on: the one after the last published."""
    with connect(settings, application_name="postloan:fetch") as warehouse:
        row = warehouse.execute("select max(business_date) from ops.publication").fetchone()
    return max(business_date, row[0] if row and row[0] else business_date) + timedelta(days=1)


def note_failure(business_date: date, system: str, settings: Settings, error: PostloanError) -> None:
    """Write into the ledger of attempts that nothing could be fetched, and why."""
    with connect(settings, role=LOADER, application_name="postloan:fetch") as warehouse:
        record_attempt(warehouse, system, business_date, "REFUSED", str(error))


@contextmanager
def _turn(system: str, settings: Settings) -> Iterator[psycopg.Connection]:
    """One fetch of a system at a time; the lock dies with its process."""
    contracts_of(system)
    if not load_systems()[system].is_fetched:
        raise RefusedError(
            f"nobody fetches from {system}: its files are put into the landing folder by their sender",
            next_command=f"ls -l {settings.landing / system}",
        )
    with connect(settings, role=LOADER, application_name="postloan:fetch", autocommit=True) as warehouse:
        warehouse.execute("select pg_advisory_lock(%s, hashtext(%s))", (FETCH_LOCK, system))
        yield warehouse


def _due_dates(system: str, business_date: date, landed: list[date]) -> list[date]:
    """The date itself, then earlier ones that never came; a database has none, its next window covers what it missed.

    A daily system that nothing has come from begins with the date that is asked for.
    """
    stated = load_systems()[system]
    days = 0
    if isinstance(stated.source, ObjectStorage | HttpApi) and (landed or stated.cadence != "daily"):
        days = stated.source.catch_up_days
    asked = [business_date - timedelta(days=number) for number in range(days + 1)]
    return [day for day in asked if day not in landed]


def _fetch_day(
    warehouse: psycopg.Connection, system: str, day: date, settings: Settings, outside: Outside
) -> tuple[bool, Manifest | None]:
    """Whether a date's delivery lies in the landing folder, and its manifest if it was put there now."""
    there = present(settings.landing, system, day)
    with staging(settings.landing, system) as folder:
        try:
            found = fetched(warehouse, system, day, settings, outside, folder)
        except PostloanError as error:
            if there is None:
                raise
            log.warning("%s %s was fetched before, and that is used: %s", system, day, error.what)
            return True, None
        if found is None or (there is not None and is_same(there, found.manifest)):
            return there is not None, None
        if there is not None and place_of(settings.landing, there) != place_of(settings.landing, found.manifest):
            (place_of(settings.landing, there) / MANIFEST_NAME).unlink()
        put_in_place(settings.landing, found)
        return True, found.manifest


def _mirror(
    warehouse: psycopg.Connection, system: str, until: date, settings: Settings, outside: Outside
) -> list[Manifest]:
    """Every delivery of the sender that has not landed and does not lie in the landing folder.

    Of landed ones the last few dates are looked at again: a sender who changes a delivery has to be told.
    """
    landed, folders = landed_batch_ids(warehouse, system), landed_folders(warehouse, system)
    storage = storage_of(load_systems()[system], outside)
    recent = until - timedelta(days=storage.source.catch_up_days)
    put = []
    for remote, manifest in storage.manifests(until, lambda day, inside: day < recent and (day, inside) in folders):
        target = place_of(settings.landing, manifest)
        if manifest.known_on > until or batch_ids(Delivery(target, manifest)) <= landed:
            continue
        if (manifest.business_date, "" if manifest.kind == "daily" else target.name) in folders:
            raise DeliveryError(
                f"{remote} is no longer what landed for {manifest.business_date}. Landed rows never change: the sender "
                "delivers a correction, in a subfolder named by the later date on which it is first to be used",
                next_command=f"cat {target / MANIFEST_NAME}",
            )
        path = target / MANIFEST_NAME
        if path.is_file() and read_manifest(path) == manifest:
            continue
        with staging(settings.landing, system) as folder:
            put_in_place(settings.landing, storage.copied(remote, manifest, folder))
        put.append(manifest)
    return put


def _last_delivered(
    warehouse: psycopg.Connection, system: str, day: date, known_date: date, settings: Settings
) -> Delivery:
    """What was last landed of a date before ``known_date``: its daily delivery or its latest correction."""
    landed = landed_batch_ids(warehouse, system)
    of_the_day = [
        delivery
        for delivery in find_deliveries(settings.landing, system, known_until=known_date - timedelta(days=1))
        if delivery.manifest.business_date == day and batch_ids(delivery) <= landed
    ]
    if not of_the_day:
        raise RefusedError(
            f"no delivery of {system} for {day} has landed: there is nothing to correct",
            next_command=f"postloan land {day} --system {system}",
        )
    if of_the_day[-1].manifest.kind == "history":
        raise DeliveryError(f"{system} {day} came as a history, which is fetched once: later dates bring what changed")
    return of_the_day[-1]


def _result(system: str, day: date, is_there: bool, put: list[Manifest], settings: Settings) -> FetchResult:
    rows = sum(file.row_count for manifest in put for table in manifest.tables for file in table.files)
    paths = tuple(str(place_of(settings.landing, manifest) / MANIFEST_NAME) for manifest in put)
    return FetchResult(system, day.isoformat(), is_there, paths, rows)
