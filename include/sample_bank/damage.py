"""What goes wrong with files after a source has written them: cut short, doubled, wrongly declared."""

import gzip
import hashlib
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from include.landing.delivery_writer import write_manifest

Listed = dict[str, Any]  # one file of the manifest: name, sha256, row_count, control_total


def damage(folder: Path, fault: str, table: str | None) -> None:
    """Give the delivery in ``folder`` this fault, in its manifest or in the first file of ``table``.

    Raises KeyError when the delivery has no such table.
    """
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    tables = {listed["table"]: listed for listed in manifest["tables"]}
    (folder / "manifest.json").unlink()  # nobody lands a half-damaged delivery
    FILE_FAULTS[fault](folder, tables[table or next(iter(tables))])
    write_manifest(folder, manifest)


def _duplicate_file(folder: Path, table: Listed) -> None:
    """The same file twice in one delivery, under another name."""
    original = table["files"][0]
    ending = original["name"].partition(".")[2]
    copy = {**original, "name": f"{table['table']}-copy.{ending}"}
    (folder / copy["name"]).write_bytes((folder / original["name"]).read_bytes())
    table["files"].append(copy)


def _truncated_file(folder: Path, table: Listed) -> None:
    """The transfer broke off: the manifest describes the whole file, the last third is not there."""
    path = folder / table["files"][0]["name"]
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])


def _short_file(folder: Path, table: Listed) -> None:
    """The source itself lost the last rows after counting them: the digest is right, count and total are not."""
    _rewrite(folder, table["files"][0], lambda text: b"".join(text.splitlines(keepends=True)[:-1]))


def _wrong_digest(_: Path, table: Listed) -> None:
    table["files"][0]["sha256"] = hashlib.sha256(b"another file").hexdigest()


def _wrong_row_count(_: Path, table: Listed) -> None:
    table["files"][0]["row_count"] += 1


def _wrong_control_total(_: Path, table: Listed) -> None:
    file = table["files"][0]
    file["control_total"] = str(Decimal(file["control_total"]) + Decimal("0.01"))


def _wrong_encoding(folder: Path, table: Listed) -> None:
    """The file is GB18030, its manifest says UTF-8."""
    _rewrite(folder, table["files"][0], lambda text: text.decode("utf-8").encode("gb18030"))


FILE_FAULTS: dict[str, Callable[[Path, Listed], None]] = {
    "duplicate_file": _duplicate_file,
    "truncated_file": _truncated_file,
    "short_file": _short_file,
    "wrong_digest": _wrong_digest,
    "wrong_row_count": _wrong_row_count,
    "wrong_control_total": _wrong_control_total,
    "wrong_encoding": _wrong_encoding,
}
# faults that need text lines in UTF-8 to begin with
NEEDS_PLAIN_TEXT = frozenset({"short_file", "wrong_encoding"})


def _rewrite(folder: Path, file: Listed, change: Callable[[bytes], bytes]) -> None:
    path = folder / file["name"]
    is_packed = path.suffix == ".gz"
    data = path.read_bytes()
    changed = change(gzip.decompress(data) if is_packed else data)
    path.write_bytes(gzip.compress(changed, mtime=0) if is_packed else changed)
    file["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
