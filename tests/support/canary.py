"""Made-up people whose data must be nowhere outside of the vault, and the scan that looks for them everywhere."""

import gzip
import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import psycopg
from psycopg import sql

NAME, IDENTITY, PHONE = "欧阳金丝雀", "11010519900307987X", "13800137654"
ADDRESS, ACCOUNT = "上海市浦东新区金丝雀路4711号", "6222020200998877665"
CANARIES = {"name": NAME, "id number": IDENTITY, "phone": PHONE, "address": ADDRESS, "account number": ACCOUNT}
ENCODINGS = ("utf-8", "gb18030", "utf-16-le")


@dataclass
class Scan:
    """What was looked at, and where a canary was found."""

    tables: int = 0
    rows: int = 0
    files: int = 0
    bytes: int = 0
    texts: int = 0
    hits: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{len(CANARIES)} values in {len(ENCODINGS)} encodings, escaped and hashed: "
            f"{self.tables} tables with {self.rows:,} rows, {self.files} files with {self.bytes:,} bytes, "
            f"{self.texts} texts: {len(self.hits)} hits"
        )


def needles() -> dict[str, list[str]]:
    """What to look for as text: the values, as JSON escapes them, and hashes that anybody could guess them from."""
    found = {}
    for name, value in CANARIES.items():
        escaped = json.dumps(value)[1:-1]
        hashes = [hashlib.new(kind, value.encode()).hexdigest() for kind in ("md5", "sha1", "sha256")]
        hashes.append(hashlib.blake2b(value.encode(), digest_size=16).hexdigest())
        found[name] = list(dict.fromkeys([value, escaped, *hashes]))
    return found


def scan_tables(scan: Scan, connection: psycopg.Connection, *, but: Iterable[str] = ()) -> None:
    """Every row of every table of the database, as text; schemas ``but`` are not looked at."""
    tables = connection.execute(
        "select nspname, relname from pg_class join pg_namespace on pg_namespace.oid = relnamespace "
        "where relkind = any('{r,m}') and nspname not in ('pg_catalog', 'information_schema') "
        "and nspname !~ '^pg_(toast|temp)' and nspname <> all(%s) order by 1, 2",
        (list(but),),
    ).fetchall()
    wanted = [(name, text) for name, texts in needles().items() for text in texts]
    for schema, table in tables:
        rows, *counts = connection.execute(
            sql.SQL("select count(*), {} from {} as scanned").format(
                sql.SQL(", ").join(
                    sql.SQL("count(*) filter (where strpos(scanned::text, {}) > 0)").format(sql.Literal(text))
                    for _, text in wanted
                ),
                sql.Identifier(schema, table),
            )
        ).fetchall()[0]
        scan.tables += 1
        scan.rows += rows
        scan.hits += [
            f"table {schema}.{table}: {name}" for (name, _), count in zip(wanted, counts, strict=True) if count
        ]


def scan_files(scan: Scan, root: Path, *, but: Iterable[Path] = ()) -> None:
    """Every file below ``root``, unpacked where it is packed; directories ``but`` are not looked at."""
    for path in _files(root, [one.resolve() for one in but]):
        content = _unpacked(path)
        scan.files += 1
        scan.bytes += len(content)
        scan.hits += [f"file {path}: {name}" for name in _in_bytes(content)]


def _unpacked(path: Path) -> bytes:
    """What a reader of the file sees: of an archive or a workbook its members, of a Parquet file its rows as text."""
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        return gzip.decompress(content)
    if content[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return b"\n".join(archive.read(name) for name in archive.namelist())
    if content[:4] == b"PAR1":
        return pd.read_parquet(io.BytesIO(content)).to_csv(index=False).encode()
    return content


def scan_texts(scan: Scan, texts: Iterable[str], what: str) -> None:
    """Log lines, messages of errors, what was printed."""
    for text in texts:
        scan.texts += 1
        scan.hits += [f"{what}: {name}" for name in _in_bytes(text.encode())]


def plant_refused_rows(manifest: Path) -> None:
    """Add payments to people that are all refused, for different reasons, to a delivery of the core system."""
    rows = [
        f"D1,L1,{IDENTITY},CNY,100.00,BORROWER,{ACCOUNT}",
        f"D2,L1,2026-01-01,CNY,100.00,{NAME},{ACCOUNT}",
        f"D3,L1,2026-01-01,{PHONE},100.00,OTHER,{ACCOUNT}",
        f"{ADDRESS},D4,L1,2026-01-01,CNY,100.00,OTHER,{ACCOUNT}",
    ]
    names = "draw_id,loan_id,value_date,currency,draw_amount,payee_type_code,payee_account_number"
    content = "\n".join([names, *rows, ""]).encode()
    (manifest.parent / "disbursement.csv").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    file = {"name": "disbursement.csv", "sha256": digest, "row_count": len(rows), "control_total": "300.00"}
    document = json.loads(manifest.read_text(encoding="utf-8"))
    document["tables"].append({"table": "disbursement", "encoding": "utf-8", "files": [file]})
    manifest.write_text(json.dumps(document), encoding="utf-8")


def _files(root: Path, but: list[Path]) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        if path.is_file() and not any(path.resolve().is_relative_to(one) for one in but):
            yield path


def _in_bytes(content: bytes) -> Iterator[str]:
    for name, texts in needles().items():
        forms = {text.encode(encoding) for text in texts for encoding in ENCODINGS}
        if any(form in content for form in forms):
            yield name
