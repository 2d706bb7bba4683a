"""Object storage, or any file system that fsspec knows: a directory a date, the sender's manifest or a marker last.

Works on any path-like that is given: Airflow's ObjectStoragePath in a DAG, a UPath on the command line.
"""

import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeAlias

from include.errors import DeliveryError, PostloanError, SourceError
from include.landing.contract import Contract
from include.landing.contract_source import ObjectStorage
from include.landing.discover import DATE_FOLDER, HISTORY_FOLDER
from include.landing.manifest import MANIFEST_NAME, MAX_MANIFEST_BYTES, Manifest
from include.sources.manifests import claim, manifest_of
from include.sources.measure import measured
from include.sources.staging import Fetched

log = logging.getLogger(__name__)
BLOCK_BYTES = 1024**2
RemotePath: TypeAlias = Any  # a pathlib-like path: joinpath, iterdir, is_dir, exists, open, stat
OpenStorage: TypeAlias = Callable[[ObjectStorage], RemotePath]


@dataclass(frozen=True)
class StorageFetch:
    """One system's deliveries below a root."""

    source: ObjectStorage
    system: str
    root: RemotePath

    def manifests(self, until: date, is_known: Callable[[date, str], bool]) -> Iterator[tuple[RemotePath, Manifest]]:
        """The sender's deliveries of dates up to ``until``: daily ones, corrections, histories, oldest date first.

        ``is_known``: whether one, by its date and the name of its subfolder (empty: none), need not be looked at.
        """
        with self._reading(self.root):
            self._forget_listings()
            found = [*self.root.glob(f"*/{MANIFEST_NAME}"), *self.root.glob(f"*/*/{MANIFEST_NAME}")]
        base = len(self.root.parts)
        for path in sorted(found, key=str):
            day, *inside = path.parent.parts[base:]
            kept = inside[0] if inside else ""
            if not DATE_FOLDER.fullmatch(day) or (inside and not _is_kept(kept)):
                continue
            if date.fromisoformat(day) <= until and not is_known(date.fromisoformat(day), kept):
                yield path.parent, self._manifest(path)

    def copied(self, folder: RemotePath, manifest: Manifest, staged: Path) -> Fetched:
        """The sender's delivery in the staged folder, every file the one of its manifest."""
        for table in manifest.tables:
            for file in table.files:
                digest = self._copy(folder.joinpath(file.name), staged / file.name, manifest.business_date)
                if digest != file.sha256:
                    raise SourceError(
                        f"{folder}/{file.name} is not the file of its manifest: sha256 {digest}, the manifest says "
                        f"{file.sha256}. It is still being written or was changed; nothing of it was landed",
                        next_command=f"postloan fetch {self.system} {manifest.business_date}",
                    )
        return Fetched(staged, manifest)

    def marked(self, business_date: date, contracts: Mapping[str, Contract], staged: Path) -> Fetched | None:
        """The date's files with a manifest of ours; None when the sender's marker is not there."""
        folder = self.root.joinpath(*self.source.folder_of(business_date).split("/"))
        with self._reading(folder):
            self._forget_listings()
            if not folder.joinpath(self.source.marker).exists():
                log.info("%s has no %s yet", folder, self.source.marker)
                return None
            names = sorted(path.name for path in folder.iterdir() if path.name != self.source.marker)
        claimed = claim([name for name in names if not name.startswith((".", "_"))], contracts)
        missing = [table for table, contract in contracts.items() if contract.required and table not in claimed]
        if missing:
            raise DeliveryError(f"{folder} is marked as complete and holds no file of {', '.join(missing)}")
        tables = {}
        for table, files in claimed.items():
            for theirs, ours in files.items():
                self._copy(folder.joinpath(theirs), staged / ours, business_date)
            tables[table] = [measured(staged / ours, contracts[table], self.source.encoding) for ours in files.values()]
        return Fetched(staged, manifest_of(self.system, business_date, tables, self.source.encoding))

    def _manifest(self, path: RemotePath) -> Manifest:
        with self._reading(path):
            content = path.read_bytes() if path.stat().st_size <= MAX_MANIFEST_BYTES else b""
        try:
            manifest = Manifest.model_validate_json(content)
        except ValueError as error:
            raise DeliveryError(f"{path} cannot be used: {error}") from None
        if manifest.system != self.system:
            raise DeliveryError(f"{path} says it is of {manifest.system}, and lies where {self.system} is looked for")
        return manifest

    def _copy(self, remote: RemotePath, local: Path, business_date: date) -> str:
        """Copy in pieces; returns the digest. A file that changes meanwhile is refused."""
        digest = hashlib.sha256()
        with self._reading(remote):
            size = remote.stat().st_size
            with remote.open("rb") as source, local.open("wb") as target:
                while block := source.read(BLOCK_BYTES):
                    digest.update(block)
                    target.write(block)
            if (size, size) != (local.stat().st_size, remote.stat().st_size):
                raise SourceError(
                    f"{remote} changed while it was fetched: it is still being written. Nothing was landed",
                    next_command=f"postloan fetch {self.system} {business_date}",
                )
        return digest.hexdigest()

    def _forget_listings(self) -> None:
        """fsspec remembers what it has listed; what came since would not be seen."""
        self.root.fs.invalidate_cache()

    @contextmanager
    def _reading(self, path: RemotePath) -> Iterator[None]:
        """Whatever a storage raises is a source that failed. Only its kind is told: its text may show addresses."""
        try:
            yield
        except PostloanError:
            raise
        except Exception as error:
            why = getattr(error, "strerror", None) or type(error).__name__
            raise SourceError(
                f"{path} cannot be read: {why}. Nothing was landed",
                next_command=f"postloan contract check  # the source of {self.system}",
            ) from None


def _is_kept(name: str) -> bool:
    return name == HISTORY_FOLDER or DATE_FOLDER.fullmatch(name) is not None
