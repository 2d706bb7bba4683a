"""Manifests for senders who cannot write one: of files that lie in a landing folder, or that we fetched."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path

from include.durable_files import write_durably
from include.errors import DeliveryError
from include.landing.contract import Contract, contract_path, contracts_of, load_systems
from include.landing.contract_source import Files
from include.landing.delivery_writer import delivery_folder
from include.landing.manifest import MANIFEST_NAME, Manifest, ManifestFile, read_manifest
from include.settings import Settings
from include.sources.measure import measured


def manifest_of(
    system: str, business_date: date, tables: Mapping[str, Sequence[ManifestFile]], encoding: str, **kind: object
) -> Manifest:
    """The manifest of these files, tables in the order of their contracts. ``kind``: of the delivery, and its dates."""
    listed = [
        {"table": table, "encoding": encoding, "files": tables[table]}
        for table in contracts_of(system)
        if tables.get(table)
    ]
    stated = {"system": system, "business_date": business_date, "tables": listed}
    return Manifest.model_validate({**stated, "kind": "daily", **kind})


def put_manifest(folder: Path, manifest: Manifest) -> Path:
    """Write the manifest beside its files, in one step and safe against a power cut: now the delivery is there."""
    content = json.dumps(manifest.model_dump(mode="json"), ensure_ascii=False, indent=1) + "\n"
    write_durably(folder / MANIFEST_NAME, content.encode())
    return folder / MANIFEST_NAME


def write_manifest_of(
    system: str, business_date: date, settings: Settings, *, encoding: str | None, known_date: date | None
) -> tuple[Path, Manifest]:
    """Write the manifest of the files that lie in a date's landing folder, or in that of its correction.

    Files that the contracts' ``files:`` patterns know are first given the names that landing asks for. Raises
    DeliveryError for files that no table claims, for missing tables, and when another manifest is there already.
    """
    contracts = contracts_of(system)
    kind = "daily" if known_date is None else "correction"
    folder = delivery_folder(settings.landing, system, business_date, kind=kind, known_date=known_date)
    if not folder.is_dir():
        raise DeliveryError(f"there is no folder {folder}", next_command=f"ls -l {settings.landing}")
    source = load_systems()[system].source
    encoding = encoding or (source.encoding if isinstance(source, Files) else "utf-8")
    names = sorted(path.name for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    claimed = claim([name for name in names if name != MANIFEST_NAME], contracts)
    missing = [table for table, contract in contracts.items() if contract.required and table not in claimed]
    if missing and kind == "daily":
        raise DeliveryError(
            f"{folder} holds no file of {', '.join(missing)}. A table without news is a file with its header only",
            next_command=f"ls -l {folder}",
        )
    tables = {
        table: [
            measured(folder / theirs, contracts[table], encoding, name=ours) for theirs, ours in files.items()
        ]
        for table, files in claimed.items()
    }  # fmt: skip
    manifest = manifest_of(system, business_date, tables, encoding, kind=kind, known_date=known_date)
    if MANIFEST_NAME in names and read_manifest(folder / MANIFEST_NAME) != manifest:
        raise DeliveryError(
            f"{folder} has a manifest already, and it does not say what these files hold. Ask the sender; a manifest "
            "that is ours and was never landed may be deleted",
            next_command=f"cat {folder / MANIFEST_NAME}",
        )
    for files in claimed.values():
        for theirs, ours in files.items():
            (folder / theirs).rename(folder / ours)
    return put_manifest(folder, manifest), manifest


def claim(names: Sequence[str], contracts: Mapping[str, Contract]) -> dict[str, dict[str, str]]:
    """Which table each file belongs to: by table, their names and the names that landing asks for.

    Raises DeliveryError for a file that no table or several tables claim.
    """
    claimed: dict[str, dict[str, str]] = {}
    for name in names:
        tables = [table for table, contract in contracts.items() if _is_of(name, table, contract)]
        if len(tables) != 1:
            path = contract_path(next(iter(contracts.values())).system, tables[0] if tables else next(iter(contracts)))
            raise DeliveryError(
                f"{name} is claimed by {' and '.join(tables) or 'no table'}. Files are named <table>.csv, "
                "<table>-0001.csv and so on, or a contract says which are its own: source: {files: 'LOAN_*.csv'}",
                next_command=f"cat {path}",
            )
        claimed.setdefault(tables[0], {})[name] = name
    return {table: _landing_names(table, files) for table, files in claimed.items()}


def _is_of(name: str, table: str, contract: Contract) -> bool:
    if name.startswith((f"{table}.", f"{table}-")):
        return True
    return (
        contract.source is not None and contract.source.files is not None and fnmatchcase(name, contract.source.files)
    )


def _landing_names(table: str, files: Mapping[str, str]) -> dict[str, str]:
    if all(name.startswith((f"{table}.", f"{table}-")) for name in files):
        return dict(files)
    return {name: f"{table}-{number:04d}{ending_of(name)}" for number, name in enumerate(sorted(files), start=1)}


def ending_of(name: str) -> str:
    """``.csv``, ``.csv.gz`` and so on."""
    plain = name.removesuffix(".gz")
    return f".{plain.rpartition('.')[2]}{'.gz' if plain != name else ''}"
