"""Loads one delivery in one transaction: rows, supersessions, quarantine and ledger of all its tables, or nothing."""

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg

from include.errors import DeliveryError
from include.failpoint import failpoint
from include.landing.contract import Contract, contracts_of
from include.landing.decode import SourceFile
from include.landing.discover import Delivery, safe_file
from include.landing.files import sha256_of, state_of
from include.landing.inquiry import judges_of
from include.landing.load_table import TableLoad
from include.landing.manifest import ManifestTable, batch_id, content_hash
from include.landing.passes import TableFiles
from include.landing.personal import Guard
from include.settings import Settings
from include.warehouse.ledger import DELIVERED, Balance, Batch, LandedBatch, Version, landed_batch_ids, landed_batches

log = logging.getLogger(__name__)
HISTORY_RANK, DELIVERED_RANK = 0, 1


@dataclass(frozen=True)
class LandedTable:
    """What became of one table of a delivery."""

    batch: Batch
    further_batches: tuple[Batch, ...]
    superseded_rows: int


def load_delivery(connection: psycopg.Connection, delivery: Delivery, settings: Settings) -> list[LandedTable]:
    """Load every table of the delivery and commit. Raises DeliveryError, and then nothing of it is in the warehouse."""
    tables = _sound_tables(delivery, settings.landing, settings.accepted_quarantine_share)
    log.info("landing the %s, %d rows", delivery, sum(table.rows for _, table in tables))
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(hashtext(%s))", (f"land {delivery.manifest.system}",))
        if batch_ids(delivery) <= landed_batch_ids(connection, delivery.manifest.system):
            return []
        with _guarded(connection, tables, settings) as guarded:
            landed = []
            for stated, table in guarded:
                # one table to its end before the next: the temporary tables of a comparison have the same names
                judges = judges_of(connection, table.contract, delivery.manifest.known_on)
                load = _table_load(connection, delivery, stated, replace(table, judges=judges))
                load.send_rows()
                failpoint("land:mid")
                further, superseded = load.record()
                landed.append(LandedTable(load.batch, tuple(further), superseded))
    return landed


@contextmanager
def _guarded(
    connection: psycopg.Connection, tables: list[tuple[ManifestTable, TableFiles]], settings: Settings
) -> Iterator[list[tuple[ManifestTable, TableFiles]]]:
    """The tables with the keys for their personal data; without any, no key is made or asked for."""
    if not any(table.contract.holds_personal_data for _, table in tables):
        yield tables
        return
    with closing(Guard(connection, settings)) as guard:
        yield [(stated, replace(table, guard=guard)) for stated, table in tables]


def batch_ids(delivery: Delivery) -> set[int]:
    """The numbers of the batches that the delivery becomes, known without reading its files."""
    return {batch_id(delivery.manifest, table) for table in delivery.manifest.tables}


def _sound_tables(delivery: Delivery, landing: Path, accepted_share: float) -> list[tuple[ManifestTable, TableFiles]]:
    manifest = delivery.manifest
    contracts = contracts_of(manifest.system)
    unknown = sorted({table.table for table in manifest.tables} - contracts.keys())
    if unknown:
        raise DeliveryError(
            f"{delivery}: no contract states {', '.join(unknown)}; there are {', '.join(contracts)}",
            next_command=f"cat {delivery.folder / 'manifest.json'}",
        )
    missing = [name for name, contract in contracts.items() if contract.required and manifest.table(name) is None]
    if missing and manifest.kind != "correction":
        raise DeliveryError(
            f"{delivery}: the manifest in {delivery.folder} does not list {', '.join(missing)}. "
            "A table without news is delivered as a file with its header only",
            next_command=f"cat {delivery.folder / 'manifest.json'}",
        )
    return [
        (stated, _sound_files(delivery, landing, _accepting(contracts[name], accepted_share), stated))
        for name in contracts
        if (stated := manifest.table(name)) is not None
    ]


def _accepting(contract: Contract, share: float) -> Contract:
    """The contract with the share of bad rows that this installation puts up with, when that is more."""
    return contract.model_copy(update={"max_quarantine_share": max(contract.max_quarantine_share, share)})


def _sound_files(delivery: Delivery, landing: Path, contract: Contract, stated: ManifestTable) -> TableFiles:
    files = []
    line_no = 1
    for file in stated.ordered_files:
        path = safe_file(landing, delivery, file)
        state = state_of(path)
        digest = sha256_of(path)
        if digest != file.sha256:
            raise DeliveryError(
                f"{path} is not the file of its manifest: sha256 {digest}, the manifest says {file.sha256}. "
                "It was changed, cut off or is still being written; nothing of the delivery was loaded",
                next_command=f"sha256sum {path}",
            )
        files.append(SourceFile(path, file.name, file.file_format, file.is_compressed, stated.encoding, line_no, state))
        line_no += file.row_count
    return TableFiles(contract, files, stated.ordered_files)


def _table_load(
    connection: psycopg.Connection, delivery: Delivery, stated: ManifestTable, table: TableFiles
) -> TableLoad:
    manifest = delivery.manifest
    batch = Batch(
        batch_id=batch_id(manifest, stated),
        system=manifest.system,
        table=stated.table,
        kind=manifest.kind,
        part=DELIVERED,
        version=Version(
            manifest.business_date,
            manifest.known_on,
            HISTORY_RANK if manifest.kind == "history" else DELIVERED_RANK,
        ),
        from_date=manifest.from_date,
        replaces=manifest.replaces,
        caused_by_batch_id=None,
        content_hash=content_hash(stated),
        balance=Balance(),
    )
    landed = landed_batches(connection, manifest.system, stated.table)
    _refuse_second_content(delivery, batch, landed)
    return TableLoad(connection, batch, table, landed)


def _refuse_second_content(delivery: Delivery, batch: Batch, landed: list[LandedBatch]) -> None:
    """One content for each date and known date, and no date twice by a history and by something else."""
    day, known, _ = batch.version
    for other in landed:
        if other.part != DELIVERED:
            continue
        if (other.kind, other.version[:2]) == (batch.kind, (day, known)):
            what = f"{batch.table} was landed for {day} (known {known}) with other content"
        elif batch.kind == "history" and other.kind != "correction" and batch.from_date <= other.version[0] <= day:
            what = f"{batch.table} was landed for {other.version[0]}, a date of this history"
        elif batch.kind == "daily" and other.from_date is not None and other.from_date <= day <= other.version[0]:
            what = f"{batch.table} was landed for {day} by the history until {other.version[0]}"
        else:
            continue
        raise DeliveryError(
            f"{delivery} in {delivery.folder}: {what}. Landed rows never change: deliver a correction, in a folder "
            f"named by the later date on which it is first to be used: {delivery.manifest.system}/{day}/<known date>",
            next_command=f"cat {delivery.folder / 'manifest.json'}",
        )
