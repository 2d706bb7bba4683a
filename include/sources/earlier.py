"""What earlier deliveries said of a few keys.

Rows of an overlap that were delivered just so are not delivered again. What was delivered for a date and has moved on
in the source since is kept when the date is fetched once more.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from include.landing.contract import Column, Contract
from include.landing.manifest import MANIFEST_NAME, read_manifest

Row = tuple[str, ...]
csv.field_size_limit(16 * 1024**2)


@dataclass(frozen=True)
class EarlierRows:
    """The landed deliveries of the overlap's dates, oldest first, as files that we wrote ourselves."""

    contract: Contract
    folders: Sequence[Path]

    def without_repeated(self, rows: Sequence[Row]) -> list[Row]:
        """The rows whose key was not last delivered with the same values. Memory: the rows given, no more."""
        if not rows or not self.folders:
            return list(rows)
        headers = self.contract.delivered_names
        key = [headers.index(column.delivered_as) for column in self._key if column.is_delivered]
        last: dict[Row, Row | None] = {tuple(row[at] for at in key): None for row in rows}
        for row in self._delivered(headers):
            name = tuple(row[at] for at in key)
            if name in last:
                last[name] = row
        return [row for row in rows if last[tuple(row[at] for at in key)] != row]

    def updated_with(self, rows: Sequence[Row]) -> list[Row]:
        """What was delivered, in its order, with these rows in place of those of the same key, then the other ones.

        A delivered row that is not among them has moved out of the window; the source has not taken it back.
        """
        headers = self.contract.delivered_names
        key = [headers.index(column.delivered_as) for column in self._key if column.is_delivered]
        by_key = {tuple(row[at] for at in key): row for row in rows}
        delivered = [by_key.pop(tuple(row[at] for at in key), row) for row in self._delivered(headers)]
        return [*delivered, *by_key.values()]

    @property
    def _key(self) -> list[Column]:
        return [self.contract.column(name) for name in self.contract.key]

    def _delivered(self, headers: Sequence[str]) -> Iterator[Row]:
        for folder in self.folders:
            table = read_manifest(folder / MANIFEST_NAME).table(self.contract.table)
            for stated in table.ordered_files if table else ():
                if stated.name != f"{self.contract.table}.csv":
                    continue  # not fetched by us: a sender's own file
                with (folder / stated.name).open(encoding="utf-8", newline="") as file:
                    reader = csv.reader(file)
                    if next(reader, None) == list(headers):
                        yield from map(tuple, reader)
