"""From a system's source and a date to whole files in a staged folder, whatever the kind of source is."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg

from include.errors import SourceError
from include.failpoint import failpoint
from include.landing.contract import Contract, contracts_of, load_systems
from include.landing.contract_source import Database, HttpApi, ObjectStorage
from include.landing.contract_table import System
from include.landing.discover import Delivery
from include.settings import Settings
from include.sources import storage_path
from include.sources.connection import Resolve, from_environment
from include.sources.earlier import EarlierRows
from include.sources.manifests import manifest_of
from include.sources.measure import measured
from include.sources.object_storage import OpenStorage, StorageFetch
from include.sources.staging import Fetched
from include.sources.window import Window, landed_dates, landed_deliveries


@dataclass(frozen=True)
class Outside:
    """How the world outside is reached: Airflow's connections in a DAG, the environment on the command line."""

    resolve: Resolve = from_environment
    open_storage: OpenStorage | None = None


def fetched(
    warehouse: psycopg.Connection,
    system: str,
    day: date,
    settings: Settings,
    outside: Outside,
    folder: Path,
    again: Delivery | None = None,
) -> Fetched | None:
    """The date's delivery in the staged folder; None when the source does not have it yet."""
    stated, contracts = load_systems()[system], contracts_of(system)
    if isinstance(stated.source, ObjectStorage):
        return storage_of(stated, outside).marked(day, contracts, folder)
    if isinstance(stated.source, HttpApi):
        files = _from_api(stated, contracts, day, outside, folder)
        kind: dict[str, object] = {}
    else:
        files, kind = _from_database(warehouse, stated, contracts, day, settings, outside, folder, again)
    failpoint("fetch:mid")
    if files is None:
        return None
    tables = {table: [measured(path, contracts[table], "utf-8")] for table, path in files.items()}
    return Fetched(folder, manifest_of(system, day, tables, "utf-8", **kind))


def _from_api(
    stated: System, contracts: dict[str, Contract], day: date, outside: Outside, folder: Path
) -> dict[str, Path] | None:
    from include.sources.http_api import HttpFetch

    source = stated.source
    if not isinstance(source, HttpApi):
        raise TypeError(f"{stated.system} has no HTTP API")
    files, absent = {}, []
    with HttpFetch(source, stated.system, outside.resolve(source.connection), day.isoformat()) as api:
        for contract in contracts.values():
            path = folder / f"{contract.table}.jsonl"
            if api.fetch(contract, path):
                files[contract.table] = path
            else:
                absent.append(contract)
    if files and (missing := [contract.table for contract in absent if contract.required]):
        raise SourceError(
            f"the source {source.connection} has {', '.join(files)} of {day} and no {', '.join(missing)}. Nothing of "
            "the date was landed",
            next_command=f"postloan fetch {stated.system} {day}",
        )
    return files or None


def _from_database(
    warehouse: psycopg.Connection,
    stated: System,
    contracts: dict[str, Contract],
    day: date,
    settings: Settings,
    outside: Outside,
    folder: Path,
    again: Delivery | None,
) -> tuple[dict[str, Path] | None, dict[str, object]]:
    from include.sources.database import fetch_tables, rewrite_with

    source = stated.source
    if not isinstance(source, Database):
        raise TypeError(f"{stated.system} has no database")
    landed = landed_dates(warehouse, stated.system, day - timedelta(days=1))
    overlap = timedelta(minutes=source.overlap_minutes)
    window = Window(day, landed[-1] if landed else None, ZoneInfo(settings.timezone), overlap)
    folders: list[Path] = []
    if window.overlap_dates is not None and overlap:
        folders = landed_deliveries(warehouse, stated.system, settings.landing, *window.overlap_dates)
    files = fetch_tables(
        source,
        contracts.values(),
        outside.resolve(source.connection),
        window,
        folder,
        lambda contract: EarlierRows(contract, folders),
    )
    if files is not None and again is not None:
        for table, path in files.items():
            part = contracts[table].source
            if part is not None and part.watermark is not None:
                rewrite_with(path, EarlierRows(contracts[table], [again.folder]))
    is_history = window.after is None and source.history_from is not None and again is None
    return files, {"kind": "history", "from_date": source.history_from} if is_history else {}


def storage_of(stated: System, outside: Outside) -> StorageFetch:
    source = stated.source
    if not isinstance(source, ObjectStorage):
        raise TypeError(f"{stated.system} has no object storage")
    opened = outside.open_storage or storage_path.opened_with(outside.resolve)
    return StorageFetch(source, stated.system, opened(source))
