"""A delivery on its way into the landing folder: complete or not there, and never mixed with another one.

Files are written into a folder whose name begins with a dot, which nobody searches. They move to their place when all
of them are whole, and the manifest follows last. Killed anywhere, the next fetch begins with an empty folder.
"""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from include.failpoint import failpoint
from include.landing.delivery_writer import delivery_folder
from include.landing.manifest import MANIFEST_NAME, Manifest, content_hash, read_manifest
from include.sources.manifests import put_manifest

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fetched:
    """What was fetched for a date: its manifest, and the staged folder in which the files lie."""

    folder: Path
    manifest: Manifest

    @property
    def rows(self) -> int:
        return sum(file.row_count for table in self.manifest.tables for file in table.files)


@contextmanager
def staging(landing: Path, system: str) -> Iterator[Path]:
    """An empty folder beside the deliveries of a system, gone at the end."""
    folder = landing / system / ".fetch"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def place_of(landing: Path, manifest: Manifest) -> Path:
    """The folder in which a delivery belongs."""
    return delivery_folder(
        landing, manifest.system, manifest.business_date, kind=manifest.kind, known_date=manifest.known_date
    )


def present(landing: Path, system: str, business_date: date) -> Manifest | None:
    """The manifest of a date's own delivery, daily or history, that lies in the landing folder."""
    for kind in ("history", "daily"):
        path = delivery_folder(landing, system, business_date, kind=kind) / MANIFEST_NAME
        if path.is_file():
            return read_manifest(path)
    return None


def contents(manifest: Manifest) -> dict[str, str]:
    """The content of each table, however its files are named."""
    return {table.table: content_hash(table) for table in manifest.tables}


def is_same(first: Manifest, second: Manifest) -> bool:
    """Whether two deliveries of a date are one."""
    return (first.kind, first.from_date, contents(first)) == (second.kind, second.from_date, contents(second))


def put_in_place(landing: Path, fetched: Fetched) -> Path:
    """Move a whole delivery to its place, over one that was never landed. Returns the path of its manifest.

    What was fetched may hold personal data: it is its owner's alone, whatever the umask of this process.
    """
    target = place_of(landing, fetched.manifest)
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    (target / MANIFEST_NAME).unlink(missing_ok=True)
    failpoint("fetch:before_files")
    for table in fetched.manifest.tables:
        for file in table.files:
            (fetched.folder / file.name).chmod(0o600)
            (fetched.folder / file.name).replace(target / file.name)
    failpoint("fetch:before_manifest")
    path = put_manifest(target, fetched.manifest)
    log.info("%s: %d rows", path, fetched.rows)
    return path
