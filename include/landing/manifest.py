"""The manifest beside a delivery: what was sent, how much, for which date. Without it nothing was sent yet."""

import hashlib
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from include.errors import DeliveryError

MANIFEST_NAME = "manifest.json"
MAX_MANIFEST_BYTES = 4 * 1024 * 1024
# The only names a delivered file may have: no path, no blank, nothing that a shell, SQL or a reader could misread.
FILE_NAME = r"^[a-z][a-z0-9_]{0,62}(-[A-Za-z0-9]{1,32})?\.(csv|jsonl|parquet)(\.gz)?$"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ManifestFile(_Strict):
    """One file: its digest, its rows and the sum of its control column as exact text."""

    name: Annotated[str, StringConstraints(pattern=FILE_NAME)]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    row_count: Annotated[int, Field(ge=0, strict=True)]
    control_total: Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,30}(\.[0-9]{1,2})?$")]

    @property
    def control_total_exact(self) -> Decimal:
        return Decimal(self.control_total)

    @property
    def file_format(self) -> str:
        return self.name.removesuffix(".gz").rsplit(".", 1)[1]

    @property
    def is_compressed(self) -> bool:
        return self.name.endswith(".gz")


class ManifestTable(_Strict):
    """The files of one table, in the order in which their rows are numbered: by name."""

    table: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
    encoding: Literal["utf-8", "gb18030"] = "utf-8"
    files: Annotated[tuple[ManifestFile, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [file.name for file in self.files]
        if len(set(names)) != len(names):
            raise ValueError(f"table {self.table}: a file is listed twice")
        for name in names:
            if not name.startswith((f"{self.table}.", f"{self.table}-")):
                raise ValueError(f"table {self.table}: file {name} must be named {self.table}... ")
        return self

    @property
    def ordered_files(self) -> list[ManifestFile]:
        return sorted(self.files, key=lambda file: file.name)


class Manifest(_Strict):
    """One delivery of one system.

    ``daily`` is known on its business date, a ``correction`` on a later ``known_date``; a ``history`` covers
    ``from_date`` to ``business_date`` and each of its rows is assumed known on the date that the contract names.
    """

    system: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
    business_date: date
    kind: Literal["daily", "correction", "history"]
    known_date: date | None = None
    from_date: date | None = None
    replaces: Literal["delivery", "keys"] = "delivery"
    tables: Annotated[tuple[ManifestTable, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [table.table for table in self.tables]
        if len(set(names)) != len(names):
            raise ValueError("a table is listed twice")
        if self.kind == "correction":
            if self.known_date is None or self.known_date <= self.business_date:
                raise ValueError(
                    "a correction states the known_date on which it is first to be used, after its business_date"
                )
        elif self.known_date not in (None, self.business_date):
            raise ValueError(f"a {self.kind} delivery is known on its business_date; known_date is for corrections")
        if (self.kind == "history") != (self.from_date is not None):
            raise ValueError("a history, and only a history, states its from_date")
        if self.from_date is not None and self.from_date > self.business_date:
            raise ValueError("from_date is after business_date")
        if self.kind != "correction" and self.replaces != "delivery":
            raise ValueError("only a correction may replace keys")
        return self

    @property
    def known_on(self) -> date:
        """The date from which runs may use the delivery."""
        return self.known_date or self.business_date

    def table(self, name: str) -> ManifestTable | None:
        return next((table for table in self.tables if table.table == name), None)


def read_manifest(path: Path) -> Manifest:
    """The manifest at ``path``. Raises DeliveryError naming the file and what is wrong with it."""
    try:
        if path.stat().st_size > MAX_MANIFEST_BYTES:
            raise DeliveryError(f"{path} is larger than {MAX_MANIFEST_BYTES} bytes: not a manifest")
        return Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc']) or 'manifest'}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)
        )
        raise DeliveryError(f"{path} cannot be used: {problems}") from None
    except OSError as error:
        raise DeliveryError(f"{path} cannot be read: {error.strerror}") from error


def batch_id(manifest: Manifest, table: ManifestTable, *suffix: str) -> int:
    """The number of this table's batch: 63 bits of a hash of what was delivered, so the same anywhere, at any time.

    File names do not count: a renamed copy is the same content. ``suffix`` marks a further batch.
    """
    parts = (
        manifest.system,
        table.table,
        manifest.kind,
        manifest.business_date.isoformat(),
        manifest.known_on.isoformat(),
        manifest.from_date.isoformat() if manifest.from_date else "",
        manifest.replaces,
        table.encoding,
        *(file.sha256 for file in table.ordered_files),
        *suffix,
    )
    return int.from_bytes(hashlib.sha256("\x1f".join(parts).encode()).digest()[:8], "big") >> 1


def content_hash(table: ManifestTable) -> str:
    """sha256 over the digests of the table's files in name order."""
    return hashlib.sha256("".join(file.sha256 for file in table.ordered_files).encode()).hexdigest()
