"""Writes a delivery the way a source system would: data files first, ``manifest.json`` last.

The sample bank, the readers of public data and the tests use it; the landing only ever reads. A delivery is

    <landing>/<system>/<business_date>/                 kind daily
    <landing>/<system>/<business_date>/<known_date>/    kind correction
    <landing>/<system>/<business_date>/history/         kind history, from_date..business_date

Same frames, same bytes: no clock, no file name inside gzip, columns in the order given.
"""

import gzip
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import TypeAlias

import pandas as pd
import pyarrow as pa

from include.errors import DeliveryError
from include.landing.delivery_encoding import Frame, control_total, encode_rows, exact_table

Chunks: TypeAlias = Iterable[Frame]

KINDS = ("daily", "correction", "history")
FORMATS = ("csv", "jsonl", "parquet")
ENCODINGS = ("utf-8", "gb18030")


@dataclass(frozen=True)
class DeliveredFile:
    """One line of the manifest: a file, its digest and what it holds."""

    name: str
    sha256: str
    row_count: int
    control_total: str


@dataclass(frozen=True)
class Style:
    """How files are written. Parquet carries its own encoding; ``encoding`` then has no effect."""

    file_format: str = "csv"
    encoding: str = "utf-8"
    compress: bool = False

    def __post_init__(self) -> None:
        _check("file_format", self.file_format, FORMATS)
        _check("encoding", self.encoding, ENCODINGS)

    @property
    def ending(self) -> str:
        return f".{self.file_format}.gz" if self.compress else f".{self.file_format}"


def delivery_folder(
    landing: Path, system: str, business_date: date, *, kind: str = "daily", known_date: date | None = None
) -> Path:
    """The folder in which a delivery lies. Raises DeliveryError for a correction without its known date."""
    day = landing / system / business_date.isoformat()
    if kind == "history":
        return day / "history"
    if kind == "correction":
        if known_date is None:
            raise DeliveryError(f"a correction of {system} {business_date} needs the date from which it is known")
        return day / known_date.isoformat()
    return day


class Delivery:
    """A delivery being written, table by table or chunk by chunk in any order; it is there once it is closed.

    With ``with`` it is closed at the end, and left without a manifest when an error ends the block.
    """

    def __init__(
        self,
        landing: Path,
        system: str,
        business_date: date,
        *,
        kind: str = "daily",
        known_date: date | None = None,
        from_date: date | None = None,
        replaces: str = "delivery",
        style: Style | None = None,
    ) -> None:
        self._style = style or Style()
        _check("kind", kind, KINDS)
        _check("replaces", replaces, ("delivery", "keys"))
        if (kind == "history") != (from_date is not None):
            raise DeliveryError("from_date is for a history, and a history needs one")
        self.folder = delivery_folder(landing, system, business_date, kind=kind, known_date=known_date)
        self.folder.mkdir(parents=True, exist_ok=True)
        remove_delivery(self.folder)
        self._files: dict[str, list[DeliveredFile]] = {}
        self._manifest: dict[str, object] = {
            "system": system,
            "business_date": business_date.isoformat(),
            "kind": kind,
            "known_date": known_date.isoformat() if known_date else None,
            "from_date": from_date.isoformat() if from_date else None,
            "replaces": replaces,
        }

    def __enter__(self) -> "Delivery":
        return self

    def __exit__(self, error_type: type[BaseException] | None, *_: object) -> None:
        if error_type is None:
            self.close()

    def put(self, table: str, frame: Frame) -> None:
        """Write a table whole, as ``<table>.csv``."""
        self._write(table, table, frame)

    def add(self, table: str, frame: Frame) -> None:
        """Write the next chunk of a table, as ``<table>-0001.csv`` and so on."""
        self._write(table, f"{table}-{len(self._files.get(table, [])) + 1:04d}", frame)

    def close(self) -> Path:
        """Write the manifest and return its path."""
        listed = [
            {"table": table, "encoding": self._style.encoding, "files": [asdict(file) for file in files]}
            for table, files in self._files.items()
        ]
        return write_manifest(self.folder, {**self._manifest, "tables": listed})

    def _write(self, table: str, stem: str, frame: Frame) -> None:
        rows = exact_table(frame, table)
        data = encode_rows(rows, self._style.file_format, self._style.encoding)
        if self._style.compress:
            data = gzip.compress(data, compresslevel=6, mtime=0)
        name = stem + self._style.ending
        (self.folder / name).write_bytes(data)
        file = DeliveredFile(name, hashlib.sha256(data).hexdigest(), rows.num_rows, control_total(rows, table))
        self._files.setdefault(table, []).append(file)


def write_delivery(
    landing: Path,
    system: str,
    business_date: date,
    tables: Mapping[str, Frame | Chunks],
    *,
    kind: str = "daily",
    known_date: date | None = None,
    from_date: date | None = None,
    replaces: str = "delivery",
    file_format: str = "csv",
    encoding: str = "utf-8",
    compress: bool = False,
) -> Path:
    """Write one delivery and return the path of its manifest; a delivery already in the folder is replaced.

    ``tables`` maps a table to one frame (file ``<table>.csv``) or to an iterable of frames, written one after the
    other as ``<table>-0001.csv``, ... so that memory holds one chunk. Frames hold text or exact types: amounts are
    written with two decimals, dates as ISO, booleans as true/false, null as nothing (csv) or null (jsonl, parquet).
    Text is written as it stands, wrong or not; what is no exact amount adds nothing to the control total.
    Raises DeliveryError for floats, unknown formats, and a table without a single frame.
    """
    delivery = Delivery(
        landing,
        system,
        business_date,
        kind=kind,
        known_date=known_date,
        from_date=from_date,
        replaces=replaces,
        style=Style(file_format, encoding, compress),
    )
    for table, frames in tables.items():
        if isinstance(frames, pd.DataFrame | pa.Table):
            delivery.put(table, frames)
            continue
        has_chunk = False
        for chunk in frames:
            delivery.add(table, chunk)
            has_chunk = True
        if not has_chunk:
            raise DeliveryError(f"{system} {business_date}: table {table} was given no frame, not even an empty one")
    return delivery.close()


def write_manifest(folder: Path, manifest: Mapping[str, object]) -> Path:
    """Put the manifest beside its files in one step: a delivery without a manifest is not there yet."""
    path = folder / "manifest.json"
    unfinished = folder / ".manifest.json.part"
    unfinished.write_text(json.dumps(manifest, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return unfinished.replace(path)


def remove_delivery(folder: Path) -> None:
    """Take a delivery away, manifest first, and leave the corrections in its subfolders alone."""
    (folder / "manifest.json").unlink(missing_ok=True)
    for path in folder.iterdir():
        if path.is_file():
            path.unlink()


def _check(what: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise DeliveryError(f"{what} {value!r} is none of {', '.join(allowed)}")
